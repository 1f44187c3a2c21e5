"""The RL stage: sample responses, or take those that are there, and have a judge label them in pairs."""

from collections.abc import Container, Mapping, Sequence
from functools import partial
from math import comb
from pathlib import Path

from constitution import __version__
from constitution.candidates import rows_to_compare, scan_rows, span
from constitution.caps import Spending, begin_spending
from constitution.config import CompareSettings
from constitution.counts import Counts
from constitution.crew import Crew, Job, LocalCrew, Model
from constitution.engines import check_role
from constitution.engines.base import Identity
from constitution.errors import ConfigError, ConstitutionError, RunError, command
from constitution.journal import has_records
from constitution.judging import CONTENT_FREE
from constitution.labelling_job import judging_chain, sampling_chain
from constitution.labelling_plan import base_settings, plan_labelling, rewarding
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest, new_manifest
from constitution.patience import Patience, unreadable
from constitution.principles import PrincipleSet
from constitution.records import Comparison
from constitution.run import Outcome, Run
from constitution.runner import Stop, Tally, Watch
from constitution.store import comparisons, count


async def label_pairs(
    folder: Path,
    settings: CompareSettings,
    watch: Watch | None = None,
    replace: bool = False,
    reuse: Path | None = None,
    retry_failed: bool = False,
    principles: PrincipleSet | None = None,
    stop: Stop | None = None,
    crew: Crew | None = None,
    only: Container[int] | None = None,
    spending: Spending | None = None,
) -> Counts:
    """Compare the responses of a run, or the pairs of a file, and add the comparisons to the run's folder.

    Stopped in any way, it goes on where it was. Everything a person can have got wrong is checked before a model is
    loaded.

    Args:
        folder: A run's folder; with pairs from a file it may be a new one.
        settings: What is compared, and who judges.
        watch: For progress.
        replace: Set comparisons that were made by other settings aside, into the folder's `replaced`; their calls are
            reused where they still match.
        reuse: Another run's folder whose finished calls may be reused.
        retry_failed: Run the rows that failed, and no others; with the settings that they failed with.
        principles: What the judge is asked if the settings name no file; None is the run's, as they were when it began.
        stop: Ends the comparison early, with what is under way finished and journalled.
        crew: Who runs the rows; closed by whoever opened it. None: this process.
        only: Positions of the rows that are run; the others are left as they are. None: all that are owed.
        spending: Holds the caps of a command that has run other stages; None: those of `settings`.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
        CapReached: What may be spent is spent.
        Stopped: `stop` was asked for.
    """
    stop = stop or Stop()
    if crew is None:
        async with LocalCrew() as own:
            return await label_pairs(
                folder, settings, watch, replace, reuse, retry_failed, principles, stop, own, only, spending
            )
    base = base_settings(folder, settings)
    base = base.model_copy(update={"base_url": crew.whole(base.base_url)})
    if principles is None and has_stage(folder, REVISE):
        principles = load_manifest(folder).principles
    plan = plan_labelling(base, settings, principles)
    if settings.pairs != "file" and not count(folder).done:
        raise RunError(
            f"{folder}: holds no transcript yet, so there is nothing to compare",
            f"See where the run is with: {command('status', folder)}",
        )
    spending = spending or begin_spending(folder, settings, [turn.settings for turn in plan.turns])
    rows, content = scan_rows(folder, settings, base)
    if has_stage(folder, COMPARE):
        # What was compared under a higher --limit still counts.
        rows = max(rows, load_manifest(folder, COMPARE).input)
    affecting = plan.affecting() | {"pairs (content)": content}
    if reuse:
        load_manifest(reuse, COMPARE if has_stage(reuse, COMPARE) else REVISE)
    if retry_failed:
        load_manifest(folder, COMPARE)
        if replace:
            raise ConfigError(
                "--retry-failed with --replace: rows that failed are run again with the settings that they failed with",
                "Leave one of the two out; --replace compares all rows anew.",
            )
    with Run(folder, COMPARE) as run:
        # Where nothing was compared yet, there is nothing that other settings could spoil.
        replace = not retry_failed and (replace or not has_records(folder / COMPARE.outcomes))
        if not replace:
            run.check(affecting, plan.principles)
        if retry_failed and not count(folder, COMPARE).failed:
            return count(folder, COMPARE)
        if len(plan.turns) > 1:
            # The judge comes last: a slip in its name must not cost a night of sampling.
            await check_role(plan.model(plan.judge), "judge")
        tally = Tally(rows, _calls_per_row(settings, base.rounds), retrying=retry_failed)
        sampled: dict[str, Identity] = {}
        identities: dict[str, object] = {}
        aside: Path | None = None
        for turn in plan.turns:
            try:
                (model,) = await crew.open([Model(turn.settings, turn.chat_template)])
            except ConstitutionError:
                # A slip in the name of a later model: what an earlier one's turn replaced comes back.
                if aside:
                    run.put_back(aside)
                raise
            names = [f"sampling model {name} (identity)" for name in turn.samples]
            known_as = "model (identity)" if turn.judges else names[0]
            first, identities[known_as] = not identities, model.identity.model_dump()
            replacing = replace and _changed(run, affecting, identities)
            if first or replacing:
                # What failed in an earlier turn of this start has no samples to judge.
                lost = [] if first else list(run.lost)
                if replacing:
                    aside = run.set_aside()
                stored = settings.model_dump(mode="json")
                run.begin(
                    new_manifest(__version__, model.determinism, rows, stored, affecting, plan.principles),
                    retry_failed,
                )
                run.grow(rows)
                for failure in lost:
                    run.keep(failure)
                if reuse and has_stage(reuse, COMPARE):
                    run.reuse(reuse)
            for name, identity in identities.items():
                run.settle(name, identity)
            in_flight = settings.concurrency or base.concurrency
            patience = _patience(turn.settings.model, run.folder, rows) if turn.judges else None
            if patience:
                # A row has two questions in flight, one in each order: so many rows keep the whole batch busy.
                in_flight = max(1, in_flight // 2)
                job = Job(
                    partial(judging_chain, plan, turn.samples, sampled), settings.seed, settings.attempts, in_flight
                )
            else:
                job = Job(partial(sampling_chain, plan, turn.samples), settings.seed, settings.attempts, in_flight)
            pulled = (row for row in rows_to_compare(folder, settings, base) if only is None or row.index in only)
            seen = partial(_see_all, patience) if patience else None
            await crew.work(pulled, job, run, tally, watch, stop, seen, spending)
            sampled |= dict.fromkeys(turn.samples, model.identity)
            if patience:
                patience.end()
        return run.counts(rows)


def _changed(run: Run, affecting: Mapping[str, object], identities: Mapping[str, object]) -> bool:
    """Whether the comparisons that are there were made by something else; a model that had no turn yet is no change."""
    if not has_stage(run.folder, COMPARE):
        return False
    known = load_manifest(run.folder, COMPARE).affecting
    return bool(run.changes({**affecting, **{name: one for name, one in identities.items() if name in known}}))


def _patience(judge: str, folder: Path, rows: int) -> Patience:
    """With what was judged in earlier starts."""
    hint = "Try --few-shots 2, another --judge, or --templates transcript for a base model, with --replace; "
    patience = Patience(judge, "verdict", rows, f"{hint}no call is lost.")
    for one in comparisons(folder):
        _see(patience, one)
        if patience.settled:
            break
    return patience


def _see_all(patience: Patience, outcomes: Sequence[Outcome]) -> None:
    """Take note of a row's comparisons, and give up on a judge that cannot be read."""
    for one in outcomes:
        if isinstance(one, Comparison):
            _see(patience, one)
    patience.look()


def _see(patience: Patience, one: Comparison) -> None:
    # A reward can always be read.
    if one.votes:
        patience.count(one.row, unreadable(one.votes[-1]) if one.p is None else None)


def _calls_per_row(settings: CompareSettings, rounds: int) -> int:
    """Model calls of a row; an estimate if only the best and the worst are wanted."""
    number = {"samples": settings.samples, "file": 2}.get(settings.pairs) or len(span(settings.between, rounds))
    pairs = comb(number, 2) if settings.match == "all" else min(comb(number, 2), 3 * number // 2)
    sampled = settings.samples if settings.pairs == "samples" else 0
    if rewarding(settings):
        return sampled + number
    calls_per_vote = settings.cot_samples * (2 if settings.cot_verdict == "choose" else 1) if settings.cot else 1
    # Both orders, and each content-free text once.
    per_principle = 2 * calls_per_vote + (len(CONTENT_FREE) if settings.calibrate == "contextual" else 0)
    return sampled + pairs * settings.principles_per_pair * per_principle
