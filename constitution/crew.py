"""Who runs a stage's rows: this process, or the workers of a cluster. The stages know neither.

A stage opens its models, hears what they are, and gives a job and its rows away; records come back to the one process
that writes the run. The chain is the same wherever it runs: a job says how to build it, and nothing of where.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Protocol, Self

from constitution.calls import Caller
from constitution.caps import Spending
from constitution.engines.base import Determinism, Engine, Identity
from constitution.engines.pool import Engines
from constitution.model_settings import Addresses, ModelSettings
from constitution.records import Record
from constitution.run import Outcome, Run
from constitution.runner import AnyRow, Chain, Stop, Tally, Watch, run_rows


@dataclass(frozen=True)
class Model:
    """A model that a stage needs.

    Attributes:
        settings: What is opened.
        chat_template: Jinja source that replaces the model's own, or None.
    """

    settings: ModelSettings
    chat_template: str | None = None


class Known(Record):
    """What is known of a model that is open.

    Attributes:
        identity: For the manifest.
        determinism: What its engine promises.
        chooses: Whether it can tell log-probabilities of given answers: whether it can judge by questions.
    """

    identity: Identity
    determinism: Determinism
    chooses: bool

    @classmethod
    def of(cls, engine: Engine) -> "Known":
        """What an open engine says of itself."""
        chooses = callable(getattr(engine, "choose", None))
        return cls(identity=engine.identity, determinism=engine.determinism, chooses=chooses)


@dataclass(frozen=True)
class Job(Generic[AnyRow]):
    """How rows are run. It can be pickled: on a cluster it travels to the workers.

    Attributes:
        build: Makes the chain from one caller a model, in the order in which the models were opened.
        seed: The stage's.
        attempts: How often a call that says nothing is asked again.
        concurrency: Rows in flight in each process that runs rows.
    """

    build: Callable[[Sequence[Caller]], Chain[AnyRow]]
    seed: int
    attempts: int
    concurrency: int


# Told of each row's records once they are journalled; may end the stage by raising.
Seen = Callable[[Sequence[Outcome]], None]


class Crew(Protocol):
    """Runs rows. Opened and closed by whoever made it."""

    async def open(self, models: Sequence[Model]) -> list[Known]:
        """Have these models ready, and no others: two may be more than memory holds.

        Raises:
            ConfigError: No such engine.
            ModelError: A model cannot be found or loaded.
        """

    async def work(
        self,
        rows: Iterator[AnyRow],
        job: Job[AnyRow],
        run: Run,
        tally: Tally,
        watch: Watch | None,
        stop: Stop,
        seen: Seen | None = None,
        spending: Spending | None = None,
    ) -> None:
        """Run every row that has no outcome yet, with the models that are open; see `runner.run_rows`.

        Raises:
            ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
            Stopped: The run was asked to end before its rows did.
        """

    def whole(self, given: Addresses | None) -> Addresses | None:
        """Servers' addresses as they were given, where one that is open has it and here it is masked (`masking.py`)."""


class LocalCrew:
    """This process. Use it as an async context manager.

    Args:
        engines: Engines that are open already; closed by whoever opened them. None: its own.
    """

    def __init__(self, engines: Engines | None = None) -> None:
        self._engines = engines or Engines()
        self._lent = engines is not None
        self._models: list[Model] = []

    async def __aenter__(self) -> Self:
        """Nothing is open yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close the engines."""
        if not self._lent:
            await self._engines.close()

    async def open(self, models: Sequence[Model]) -> list[Known]:
        """See `Crew.open`."""
        await self._engines.close(but=[(model.settings, model.chat_template) for model in models])
        self._models = list(models)
        opened = [await self._engines.open(model.settings, model.chat_template) for model in models]
        return [Known.of(one) for one in opened]

    async def work(
        self,
        rows: Iterator[AnyRow],
        job: Job[AnyRow],
        run: Run,
        tally: Tally,
        watch: Watch | None,
        stop: Stop,
        seen: Seen | None = None,
        spending: Spending | None = None,
    ) -> None:
        """See `Crew.work`."""
        opened = [await self._engines.open(model.settings, model.chat_template) for model in self._models]
        chain = job.build([Caller(engine, run, job.seed, job.attempts, tally, stop, spending) for engine in opened])
        await run_rows(rows, chain, run, tally, self._engines.usage, job.concurrency, watch, stop, seen)

    def whole(self, given: Addresses | None) -> Addresses | None:
        """See `Crew.whole`."""
        return self._engines.whole(given)
