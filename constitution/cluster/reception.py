"""Workers until they have their models open: whether they belong to the run, and whether all have the same models."""

import asyncio
import secrets
import time

from constitution.cluster.frames import Kind, Line, LineBroken
from constitution.cluster.messages import RELEASE, Fault, Hello, error_of
from constitution.crew import Known
from constitution.errors import ConfigError, ModelError

PROOF_SECONDS = 20.0
# If workers are lost so many times while they open their models, and none has them open, it is the models' fault.
MOST_LOST = 5
# Workers of one node go together.
TOGETHER_SECONDS = 2.0
# So many workers that say that they cannot open the models are believed; of fewer that are expected, all.
MOST_FAULTS = 3


class Reception:
    """The door of one pool after the other.

    Attributes:
        token: What the pool's workers know; empty: nobody is let in.
        replicas: How many workers are expected.
        unfit: What the last worker said that could not open the models, while others could.
        arrivals: Workers that had their models open, since somebody set it to 0.
    """

    def __init__(self) -> None:
        self.token = b""
        self.replicas = 1
        self.unfit = ""
        self.arrivals = 0
        self._known: list[Known] = []
        self._known_from = ""
        self._first: asyncio.Future[list[Known]] | None = None
        self._lost = self._faults = 0
        self._last_lost = 0.0

    def expect(self, replicas: int) -> "asyncio.Future[list[Known]]":
        """Wait for the workers of a new pool; those of an older one are sent away, as they have another token.

        Returns:
            What the models are, as soon as the first worker has them open.
        """
        self.token, self.replicas = secrets.token_bytes(32), replicas
        self._known, self.unfit = [], ""
        self._lost = self._faults = 0
        self._first = asyncio.get_running_loop().create_future()
        return self._first

    def fail(self, error: BaseException) -> bool:
        """End the waiting for the first worker with an error; False if nobody waits."""
        if not self._first or self._first.done():
            return False
        self._first.set_exception(error)
        return True

    async def receive(self, line: Line, others: bool) -> bool:
        """See whether a worker belongs here, and wait until its models are open.

        Args:
            line: To the worker.
            others: Whether workers are there that have them open.

        Returns:
            Whether it may work.

        Raises:
            LineBroken: It does not belong here, or is gone.
            ConstitutionError: What the run cannot go on from.
        """
        token = self.token
        await asyncio.wait_for(line.prove(token or secrets.token_bytes(32), first=True), PROOF_SECONDS)
        line.send(Kind.WELCOME)
        # Loading a model takes as long as it takes.
        try:
            kind, body = await line.read()
        except LineBroken:
            if token == self.token and not others:
                self._lose()
            raise
        if token != self.token:
            # Its pool was over before its models were open: they may be others than those of the pool of now.
            line.send(Kind.LEAVE)
            return False
        if kind is Kind.FAULT:
            self._hear(Fault.model_validate_json(body), line, others)
            return False
        self._compare(Hello.model_validate_json(body))
        self.arrivals += 1
        self._lost = self._faults = 0
        return True

    def _lose(self) -> None:
        now = time.monotonic()
        if now - self._last_lost > TOGETHER_SECONDS:
            self._lost += 1
        self._last_lost = now
        if self._lost >= MOST_LOST:
            raise ModelError(
                f"workers were lost {self._lost} times while they opened their models, and none has them open",
                "They may lack memory: see Ray's logs on their nodes, in /tmp/ray/session_latest/logs; "
                "or try the model without --ray.",
            )

    def _hear(self, fault: Fault, line: Line, others: bool) -> None:
        """One sick node is no reason to send the others home."""
        self._faults += 1
        if not others and self._faults >= min(self.replicas, MOST_FAULTS):
            raise error_of(fault)
        self.unfit = f"a worker at {line.peer} cannot open its models and tries again later: {fault.message}"

    def _compare(self, hello: Hello) -> None:
        known, where = list(hello.models), f"{hello.host} (process {hello.process})"
        if hello.release != RELEASE:
            raise ConfigError(
                f"--ray: {where} has constitution {hello.release}, and this process {RELEASE}",
                "They would make different rows. Install the same release, and the same sources, on every node.",
            )
        if not self._known:
            self._known, self._known_from = known, where
            if self._first and not self._first.done():
                self._first.set_result(known)
        elif known != self._known:
            theirs, ours = ([one.identity.model_dump() for one in models] for models in (known, self._known))
            raise ModelError(
                f"workers have different models: {theirs} on {where}, {ours} on {self._known_from}",
                "Give all nodes the same files and packages, then run the same command again.",
            )
