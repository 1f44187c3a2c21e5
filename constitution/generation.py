"""The SL stage: run the chain of critiques and revisions over all prompts (Bai et al. 2022, section 3)."""

from collections.abc import Sequence
from pathlib import Path

from constitution import __version__
from constitution.calls import Caller
from constitution.config import Settings
from constitution.engines import open_engine
from constitution.engines.base import Engine
from constitution.errors import PrinciplesError
from constitution.labelling import label_pairs
from constitution.labelling_plan import plan_labelling
from constitution.manifest import load_manifest, new_manifest
from constitution.pair_files import scan_pairs
from constitution.principles import PrincipleSet, load_principles
from constitution.records import Counts, Filtered, Prompt, Sampling, Transcript
from constitution.report.summary import write_summary
from constitution.revise import revise
from constitution.runner import Tally, Watch, run_rows
from constitution.sources import Scan, read, scan
from constitution.store import Run
from constitution.templating import TemplateSet, load_templates


async def generate(settings: Settings, watch: Watch | None = None, fork: Path | None = None) -> Counts:
    """Run the SL stage, or go on with a run that was stopped; then the RL stage, if `settings.compare` asks for it.

    Everything a person can have got wrong is checked before the model is loaded, and everything before the first
    model call. Rows that failed before are tried again.

    Args:
        settings: The run.
        watch: For progress of the SL stage, and of the RL stage after it.
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
    if settings.compare:
        # What the second stage lacks is told before the first one takes a night.
        plan_labelling(settings, settings.compare)
        if settings.compare.file is not None:
            scan_pairs(settings.compare.file, settings.compare.limit)
    scanned = scan(settings)
    with Run(Path(settings.out)) as run:
        affecting = _affecting(settings, principles, templates, scanned)
        run.check(affecting)
        engine = open_engine(settings, templates.chat_template)
        try:
            affecting |= {"model (identity)": engine.identity.model_dump()}
            all_settings = settings.model_dump(mode="json")
            run.begin(new_manifest(__version__, engine.determinism, scanned.rows, all_settings, affecting, principles))
            if fork:
                run.fork(fork)
            await _run_chains(settings, principles, templates, engine, run, scanned.rows, watch)
            counts = run.counts(scanned.rows)
        finally:
            await engine.aclose()
    write_summary(Path(settings.out))
    if settings.compare and counts.done:
        await label_pairs(Path(settings.out), settings.compare, watch, fork=fork)
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


async def _run_chains(
    settings: Settings,
    principles: PrincipleSet,
    templates: TemplateSet,
    engine: Engine,
    run: Run,
    rows: int,
    watch: Watch | None,
) -> None:
    # Rows that failed in an earlier start are pending again, until this start has an outcome for them.
    run.failed.clear()
    tally = Tally(rows, 1 + settings.rounds * (2 if settings.critique else 1), settings.rounds)
    caller = Caller(engine, run, settings.seed, settings.attempts, tally)
    sampling = Sampling(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        stop=templates.stop,
    )

    async def chain(prompt: Prompt) -> Sequence[Transcript | Filtered]:
        if not prompt.messages:
            message = "no user turn with text"
            return [Filtered(id=prompt.id, index=prompt.index, reason="empty prompt", message=message)]
        transcript = await revise(
            prompt,
            caller.ask(prompt.id, sampling),
            principles,
            templates,
            rounds=settings.rounds,
            seed=settings.seed,
            critique=settings.critique,
            replacement=settings.replacement,
        )
        return [transcript]

    await run_rows(read(settings), chain, run, tally, engine, settings.concurrency, watch)
