"""Run the SL chain over all rows: workers pull rows, one boundary catches what fails, every call is journalled."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from constitution import __version__
from constitution.config import Settings
from constitution.digests import derive_seed, digest
from constitution.engines import open_engine
from constitution.engines.base import Engine, Usage
from constitution.errors import CallError, ContextOverflow, EmptyCompletion, PrinciplesError
from constitution.principles import PrincipleSet, load_principles
from constitution.records import (
    Call,
    Completion,
    Counts,
    Failure,
    Filtered,
    Message,
    Prompt,
    Record,
    Sampling,
    Transcript,
)
from constitution.report.summary import write_summary
from constitution.revise import Ask, revise
from constitution.sources import Scan, read, scan
from constitution.store import Run, load_manifest, new_manifest
from constitution.templating import TemplateSet, load_templates


class State(Record):
    """How far a run is.

    Attributes:
        counts: Rows.
        rounds: Rounds that are behind it; a settled row counts with all its rounds.
        rounds_expected: Rounds of all rows.
        calls: Model calls that are behind it; a settled row counts with all its calls.
        calls_expected: Model calls of all rows.
        calls_made: Calls that this start made, not those that it found in the journal.
        usage: The engine's counters.
    """

    counts: Counts
    rounds: int
    rounds_expected: int
    calls: int
    calls_expected: int
    calls_made: int
    usage: Usage


# Told how far the run is: once a second, and when a row is finished.
Watch = Callable[[State], None]
WATCH_SECONDS = 1.0


async def generate(settings: Settings, watch: Watch | None = None, fork: Path | None = None) -> Counts:
    """Run the SL stage, or go on with a run that was stopped.

    Everything a person can have got wrong is checked before the model is loaded, and everything before the first
    model call. Rows that failed before are tried again.

    Args:
        settings: The run.
        watch: For progress.
        fork: Another run's folder whose finished calls may be reused.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
    """
    principles = load_principles(settings.principles)
    if not settings.replacement and settings.rounds > len(principles.principles):
        raise PrinciplesError(
            f"{settings.rounds} rounds without replacement need as many principles; "
            f"{principles.name} has {len(principles.principles)}",
            "Lower --rounds, or draw with --replacement.",
        )
    if fork:
        load_manifest(fork)
    templates = load_templates(settings.templates, settings.few_shots, settings.system_prompt)
    scanned = scan(settings)
    with Run(Path(settings.out)) as run:
        affecting = _affecting(settings, principles, templates, scanned)
        run.check(affecting)
        engine = open_engine(settings, templates.chat_template)
        try:
            affecting |= {"model (identity)": engine.identity.model_dump()}
            all_settings = settings.model_dump(mode="json")
            run.begin(new_manifest(__version__, engine.determinism, scanned.rows, all_settings, affecting))
            if fork:
                run.fork(fork)
            counts = await _run_rows(settings, principles, templates, engine, run, scanned.rows, watch)
        finally:
            await engine.aclose()
    write_summary(Path(settings.out))
    return counts


def _affecting(
    settings: Settings, principles: PrincipleSet, templates: TemplateSet, scanned: Scan
) -> dict[str, object]:
    """Everything but the model that changes rows, by name: settings, and digests of the texts that they point to."""
    return settings.affecting() | {
        "prompts (content)": scanned.digest,
        "principles (content)": principles.digest,
        "templates (content)": templates.digest,
    }


async def _run_rows(
    settings: Settings,
    principles: PrincipleSet,
    templates: TemplateSet,
    engine: Engine,
    run: Run,
    rows: int,
    watch: Watch | None,
) -> Counts:
    # Rows that failed in an earlier start are pending again, until this start has an outcome for them.
    run.failed.clear()
    calls_per_row = 1 + settings.rounds * (2 if settings.critique else 1)
    calls_under_way: Counter[str] = Counter()
    rounds_under_way: Counter[str] = Counter()

    def tell() -> None:
        if watch:
            counts = Counts(input=rows, done=len(run.done), failed=len(run.failed), filtered=len(run.filtered))
            settled = counts.input - counts.pending
            watch(
                State(
                    counts=counts,
                    rounds=settled * settings.rounds + rounds_under_way.total(),
                    rounds_expected=rows * settings.rounds,
                    calls=settled * calls_per_row + calls_under_way.total(),
                    calls_expected=rows * calls_per_row,
                    calls_made=run.calls_made,
                    usage=engine.usage,
                )
            )

    async def work(prompts: Iterator[Prompt]) -> None:
        for prompt in prompts:
            if prompt.id in run.done or prompt.id in run.filtered:
                continue
            ask = journalled(prompt, settings, templates, engine, run)

            async def counted(
                step: str, messages: Sequence[Message], ask: Ask = ask, id: str = prompt.id
            ) -> Completion:
                completion = await ask(step, messages)
                calls_under_way[id] += 1
                rounds_under_way[id] += step.startswith("revise")
                return completion

            outcome = await _run_row(prompt, counted, settings, principles, templates)
            # From here on the row counts as settled, with all its calls.
            calls_under_way.pop(prompt.id, None)
            rounds_under_way.pop(prompt.id, None)
            run.keep(outcome)
            tell()

    async def heartbeat() -> None:
        while True:
            tell()
            # Here and not on a thread of its own: it could outlive the run and meet a closed file.
            run.sync()
            await asyncio.sleep(WATCH_SECONDS)

    prompts = read(settings)
    beating = asyncio.create_task(heartbeat())
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(settings.concurrency, rows)):
                group.create_task(work(prompts))
    except BaseExceptionGroup as errors:
        # The first error stops the run; the rest are its echo in the other workers.
        raise errors.exceptions[0] from None
    finally:
        beating.cancel()
    return Counts(input=rows, done=len(run.done), failed=len(run.failed), filtered=len(run.filtered))


async def _run_row(
    prompt: Prompt, ask: Ask, settings: Settings, principles: PrincipleSet, templates: TemplateSet
) -> Transcript | Failure | Filtered:
    """Run one row to its outcome. The one place that catches `CallError`."""
    if not prompt.messages:
        return Filtered(id=prompt.id, index=prompt.index, reason="empty prompt", message="no user turn with text")
    step = ""

    async def noted(name: str, messages: Sequence[Message]) -> Completion:
        nonlocal step
        step = name
        return await ask(name, messages)

    try:
        return await revise(
            prompt,
            noted,
            principles,
            templates,
            rounds=settings.rounds,
            seed=settings.seed,
            critique=settings.critique,
            replacement=settings.replacement,
        )
    except ContextOverflow as bad:
        message = f"{step}: {bad.message}"
        return Filtered(id=prompt.id, index=prompt.index, reason="context overflow", message=message)
    except CallError as bad:
        kind = type(bad).__name__
        return Failure(id=prompt.id, index=prompt.index, step=step, kind=kind, message=bad.message)


def journalled(prompt: Prompt, settings: Settings, templates: TemplateSet, engine: Engine, run: Run) -> Ask:
    """One row's way to the model: looked up in the journal first, written to it before the answer is used.

    A call that comes back empty is asked again with another seed, `settings.attempts` times; a row that failed on an
    earlier start gets as many again.
    """
    sampling = Sampling(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        stop=templates.stop,
    )

    attempts = settings.attempts * (1 + run.failures[prompt.id])

    async def ask(step: str, messages: Sequence[Message]) -> Completion:
        for attempt in range(attempts):
            seed = derive_seed("call", settings.seed, prompt.id, step, attempt)
            key = digest(
                [
                    engine.identity.model_dump(),
                    [m.model_dump() for m in messages],
                    sampling.model_dump(),
                    seed,
                ]
            )
            completion = run.answer(prompt.id, step, key)
            if completion is None:
                completion = await engine.generate(messages, sampling, seed)
                run.keep(Call(row=prompt.id, step=step, digest=key, completion=completion))
            if completion.text:
                return completion
        raise EmptyCompletion(f"the model said nothing, {attempts} times")

    return ask
