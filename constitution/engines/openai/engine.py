"""One server that speaks OpenAI's API, as an engine (see the package)."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from constitution.digests import derive_seed
from constitution.engines.base import Determinism, Identity, Usage
from constitution.engines.openai.answers import Answer, read_answer, read_listed
from constitution.engines.openai.callers import Callers
from constitution.engines.openai.chat_template import ChatTemplate
from constitution.engines.openai.choosing import Listed, from_listed, from_votes
from constitution.engines.openai.client import below
from constitution.engines.openai.control_strings import count, treat
from constitution.engines.openai.pacing import Pace
from constitution.engines.openai.refusals import Refused, Reply, parse
from constitution.engines.openai.retrying import Retrying
from constitution.engines.openai.servers import Server, lives, meaning
from constitution.errors import CallError
from constitution.records import Choice, Completion, Message, Sampling
from constitution.tasks import together

# Servers that take `top_k` and `min_p`, and that fill in values of their own where they are not told.
OPEN_SERVERS = frozenset({"vllm", "llamacpp", "sglang"})
# How many first tokens are asked for; some servers list no more than five.
LISTED = (20, 5)
VOTE_TOKENS = 4
# Some servers keep a seed in 32 bits, signed.
SEEDS = 2**31

Read = TypeVar("Read")


class OpenAIEngine:
    """See the package's docstring.

    Determinism is best effort: the seed is sent, and what a server makes of it is its own affair.

    Args:
        server: Where to ask, and for which model.
        template: Writes conversations as text, for `--api completions`.
        open_server: Whether the server is one of `OPEN_SERVERS`.
        alone: Whether no other server may answer; else calls also raise `Fault` (see `Retrying`).

    Attributes:
        server: As given.
        retrying: Sends the requests.
    """

    determinism: Determinism = "best effort"

    def __init__(
        self,
        server: Server,
        template: ChatTemplate | None = None,
        open_server: bool = False,
        alone: bool = True,
    ) -> None:
        settings = server.settings
        asked = f"{settings.api}, control tokens {settings.control_tokens}, {settings.votes} votes"
        self.votes = settings.votes
        self.identity = Identity(
            engine="openai", model=settings.model, revision="", detail=asked, endpoint=str(server.address)
        )
        self._settings = settings
        self.server = server
        self._template = template
        self._open_server = open_server
        self._url = below(server.address, "chat/completions" if template is None else "completions")
        pace = Pace(settings.concurrency)
        self.retrying = Retrying(pace, settings.timeout, lives=lambda: lives(server), alone=alone)
        self._limit_field = "max_tokens"
        # Which of LISTED the server takes; one beyond the last, it tells no log-probabilities.
        self._lists = 0
        self._prompt_tokens = self._reused_tokens = self._completion_tokens = 0
        self._callers = Callers()

    @property
    def usage(self) -> Usage:
        """Tokens, as the server counts them, and what keeps it from answering."""
        return Usage(
            prompt_tokens=self._prompt_tokens,
            reused_tokens=self._reused_tokens,
            completion_tokens=self._completion_tokens,
            waiting=(waiting,) if (waiting := self.retrying.waiting) else (),
        )

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """As `Engine.generate`. What a server tells apart as reasoning is no part of the text.

        Raises:
            CallError: The server refused this request, or was at fault every time.
            ContextOverflow: The messages and their answer do not fit.
            ModelError: No request would succeed.
        """
        with self._callers.one():
            asked, found = self._write(messages)
            fields = self._sampling(sampling, seed)
            try:
                answer = await self._send(
                    asked | fields, sampling.max_tokens, lambda got: read_answer(got, sampling.stop)
                )
            except Refused as bad:
                raise await meaning(self.server, bad) from None
        self._add_up(answer)
        return Completion(
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            control_strings=found,
            reused_tokens=answer.reused_tokens,
        )

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """As `Engine.choose`; of an option of several tokens, only the first is seen (see `choosing`).

        Raises:
            As `generate`.
        """
        with self._callers.one():
            asked, found = self._write(messages)
            try:
                looked, listed = await self._first_tokens(asked)
                answers = [] if listed else await self._sampled(asked, options, seed)
            except Refused as bad:
                raise await meaning(self.server, bad) from None
        paid = [*looked, *answers]
        return Choice(
            logprobs=from_listed(listed, options) if listed else from_votes([one.text for one in answers], options),
            sampled=len(answers) or None,
            control_strings=found,
            prompt_tokens=sum(one.prompt_tokens for one in paid),
            completion_tokens=sum(one.completion_tokens for one in paid),
            reused_tokens=sum(one.reused_tokens for one in paid),
        )

    def drain(self) -> None:
        """Send nothing that was not sent yet, nor anything again: such calls raise `Held`."""
        self.retrying.drain()

    async def aclose(self) -> None:
        """Cancel the calls that are in flight, and close the connections."""
        self._callers.cancel()
        await self.server.transport.aclose()

    async def _first_tokens(self, asked: dict[str, Any]) -> tuple[list[Answer], list[Listed]]:
        """The answer that was looked at, if any, and its most probable first tokens; none if none are ever told."""

        def read(got: dict[str, Any]) -> tuple[Answer, list[Listed]]:
            return read_answer(got), read_listed(got)

        while (tried := self._lists) < len(LISTED):
            number = LISTED[tried]
            # Some servers tell probabilities as temperature and nucleus leave them: at 1, these leave all as it is.
            fields: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0}
            fields |= {"logprobs": True, "top_logprobs": number} if self._template is None else {"logprobs": number}
            try:
                answer, listed = await self._send(asked | fields, 1, read)
            except Refused as bad:
                if "logprob" not in bad.about and "top_n_tokens" not in bad.about:
                    raise
                # Others may have had the same answer in the meantime.
                self._lists = max(self._lists, tried + 1)
                continue
            self._add_up(answer)
            # A model that ends its turn at once leaves no token to tell of.
            if not listed and (answer.text or answer.finish_reason == "length"):
                self._lists = len(LISTED)
            return [answer], listed
        return [], []

    async def _sampled(self, asked: dict[str, Any], options: Sequence[str], seed: int) -> list[Answer]:
        """The beginnings of as many sampled answers as there are to be votes."""
        # No token is shorter than a character.
        limit = max(VOTE_TOKENS, *map(len, options))

        async def vote(number: int) -> Answer:
            sampling = Sampling(max_tokens=limit)
            fields = self._sampling(sampling, derive_seed("vote", seed, number))
            answer = await self._send(asked | fields, limit, read_answer)
            self._add_up(answer)
            return answer

        return await together([vote(number) for number in range(self._settings.votes)])

    async def _send(self, body: dict[str, Any], limit: int, read: Callable[[dict[str, Any]], Read]) -> Read:
        while True:
            field = self._limit_field
            payload = json.dumps({"model": self._settings.model, **body, field: limit}).encode()

            async def attempt(payload: bytes = payload) -> Reply:
                return await self.server.transport.send("POST", self._url, payload)

            try:
                return await self.retrying.send(attempt, lambda reply: read(parse(reply)))
            except Refused as bad:
                # What the vendor's reasoning models call it.
                if field == "max_completion_tokens" or "max_completion_tokens" not in bad.about:
                    raise
                self._limit_field = "max_completion_tokens"

    def _write(self, messages: Sequence[Message]) -> tuple[dict[str, Any], int]:
        """The conversation as a request's field, and how many control strings it holds."""
        found = sum(count(message.content) for message in messages)
        try:
            turns = [
                {"role": message.role, "content": treat(message.content, self._settings.control_tokens)}
                for message in messages
            ]
        except CallError as bad:
            bad.control_strings = found
            raise
        if self._template is None:
            return {"messages": turns}, found
        return {"prompt": self._template.render(turns)}, found

    def _sampling(self, sampling: Sampling, seed: int) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed % SEEDS,
        }
        if sampling.stop:
            fields["stop"] = sampling.stop
        if sampling.top_k or self._open_server:
            # All three of them read -1 as "all".
            fields["top_k"] = sampling.top_k or -1
        if sampling.min_p or self._open_server:
            fields["min_p"] = sampling.min_p
        return fields

    def _add_up(self, answer: Answer) -> None:
        self._prompt_tokens += answer.prompt_tokens
        self._reused_tokens += answer.reused_tokens
        self._completion_tokens += answer.completion_tokens
