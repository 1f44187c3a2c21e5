"""The third stage of a run's folder: a judge says which rules are true of each response."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from constitution import __version__
from constitution.calls import Caller
from constitution.counts import Counts
from constitution.crew import Crew, Job, LocalCrew, Model
from constitution.errors import ConfigError, ModelError
from constitution.journal import has_records
from constitution.manifest import SCORE, has_stage, load_manifest, new_manifest
from constitution.patience import Patience
from constitution.principles import PrincipleSet
from constitution.run import Outcome, Run
from constitution.runner import Chain, Stop, Tally, Watch
from constitution.score import Scorer, score, score_by_reward
from constitution.score_records import Scores
from constitution.score_settings import ScoreSettings
from constitution.scoring_plan import Plan, base_of, nothing_to_score, plan_scoring
from constitution.scoring_rows import ScoreRow, rows_to_score
from constitution.store import count, scores


async def score_run(
    folder: Path,
    settings: ScoreSettings,
    watch: Watch | None = None,
    replace: bool = False,
    retry_failed: bool = False,
    principles: PrincipleSet | None = None,
    stop: Stop | None = None,
    crew: Crew | None = None,
) -> Counts:
    """Score the responses of a run by rules, or by a judge that rewards, and add the scores to the run's folder.

    Stopped in any way, it goes on where it was. Everything a person can have got wrong is checked before the judge is
    loaded.

    Args:
        folder: A run's folder.
        settings: What is scored, and who judges.
        watch: For progress.
        replace: Set scores that were made by other settings aside, into the folder's `replaced`; their calls are
            reused where they still match, so that other weights cost no call.
        retry_failed: Run the rows that failed, and no others; with the settings that they failed with.
        principles: Where the rules are from; None is the settings' file, or the run's as they were when it began.
        stop: Ends the scoring early, with what is under way finished and journalled.
        crew: Who runs the rows; closed by whoever opened it. None: this process.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
        Stopped: `stop` was asked for.
    """
    stop = stop or Stop()
    if crew is None:
        async with LocalCrew() as own:
            return await score_run(folder, settings, watch, replace, retry_failed, principles, stop, own)
    if retry_failed:
        load_manifest(folder, SCORE)
        if replace:
            raise ConfigError(
                "--retry-failed with --replace: rows that failed are run again with the settings that they failed with",
                "Leave one of the two out; --replace scores all rows anew.",
            )
    base = base_of(folder)
    base = base.model_copy(update={"base_url": crew.whole(base.base_url)})
    plan = plan_scoring(folder, base, settings, principles)
    numbers = [len(row.responses) for row in rows_to_score(folder, settings, base.skip)]
    if not numbers:
        raise nothing_to_score(folder, settings.on)
    rows = len(numbers)
    if has_stage(folder, SCORE):
        # What was scored under a higher --limit still counts.
        rows = max(rows, load_manifest(folder, SCORE).input)
    affecting = plan.affecting()
    with Run(folder, SCORE) as run:
        # Where nothing was scored yet, there is nothing that other settings could spoil.
        replace = not retry_failed and (replace or not has_records(folder / SCORE.outcomes))
        if not replace:
            run.check(affecting)
        if retry_failed and not count(folder, SCORE).failed:
            return count(folder, SCORE)
        (judge,) = await crew.open([Model(plan.judge, plan.templates.chat_template if plan.templates else None)])
        if plan.templates and not judge.chooses:
            raise ModelError(
                f"the engine {plan.judge.engine} cannot judge: it has no method `choose`",
                "Name another judge: --judge ENGINE:NAME; constitution engines lists them.",
            )
        affecting |= {"model (identity)": judge.identity.model_dump()}
        if replace and run.changes(affecting):
            run.set_aside()
        stored = settings.model_dump(mode="json")
        kept = plan.principles.model_copy(update={"rules": plan.rules}) if plan.principles else None
        run.begin(new_manifest(__version__, judge.determinism, rows, stored, affecting, kept), retry_failed)
        run.grow(rows)
        tally = Tally(rows, max(numbers) * (len(plan.rules) or 1), retrying=retry_failed)
        patience = _patience(plan.judge.model, folder, rows)
        # No call of `choose` is asked again with another seed.
        job = Job(partial(_chain, plan), settings.seed, 1, plan.judge.concurrency)

        def seen(outcomes: Sequence[Outcome]) -> None:
            for one in outcomes:
                if isinstance(one, Scores):
                    _see(patience, one)
            patience.look()

        pulled = rows_to_score(folder, settings, base.skip)
        await crew.work(pulled, job, run, tally, watch, stop, seen)
        patience.end()
        return run.counts(rows)


def _chain(plan: Plan, callers: Sequence[Caller]) -> Chain[ScoreRow]:
    """One row's way to its scores."""
    (caller,) = callers

    async def chain(row: ScoreRow) -> Sequence[Outcome]:
        if plan.templates is None:
            scored = await score_by_reward(row.prompt, row.responses, caller.rate(row))
        else:
            scorer = Scorer(caller.weigh(row), plan.rules, plan.templates, plan.settings.seed, plan.settings.min_mass)
            scored = await score(row.id, row.prompt, row.responses, scorer)
        return [Scores(id=row.id, index=row.index, prompt=row.prompt, metadata=row.metadata, responses=tuple(scored))]

    return chain


def _patience(judge: str, folder: Path, rows: int) -> Patience:
    """With what was scored in earlier starts."""
    hint = "Try --few-shots 4, another --judge, or --templates transcript for a base model, with --replace; "
    patience = Patience(judge, "answer", rows, f"{hint}no call is lost.")
    for row in scores(folder):
        _see(patience, row)
        if patience.settled:
            break
    return patience


def _see(patience: Patience, row: Scores) -> None:
    answers = [rule for response in row.responses for rule in response.rules]
    if not answers:
        # A reward can always be read.
        return
    if any(rule.p is not None for rule in answers):
        patience.count(row.id, None)
        return
    mass = answers[-1].mass
    none = "it told no log-probabilities of its answers"
    low = f"yes and no together have probability {mass or 0:.2g}, below --min-mass"
    patience.count(row.id, none if mass is None else low)
