"""A run's folder → what a report tells of it, from stored records only."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from constitution.errors import RunError, command
from constitution.journal import read_records
from constitution.manifest import COMPARE, REVISE, SCORE, Manifest, Stage, has_stage, load_manifest
from constitution.records import Filtered, Transcript
from constitution.report.agreeing import agree
from constitution.report.audit import Auditing
from constitution.report.coverage import cover
from constitution.report.findings import Findings, StageName, StageNumbers
from constitution.report.findings.by_revision import ByRevision
from constitution.report.findings.cautions import judge_cautions, revision_cautions, stage_cautions
from constitution.report.findings.examples import Examples
from constitution.report.findings.failure_groups import failure_groups
from constitution.report.findings.steps import Steps
from constitution.report.scores import summarise_scores
from constitution.report.summary import standing
from constitution.row_states import read_states
from constitution.store import comparisons, scores, transcripts

NAMES: dict[Stage, StageName] = {REVISE: "SL stage", COMPARE: "RL stage", SCORE: "rules"}

AnyItem = TypeVar("AnyItem")


def find(run: Path) -> Findings:
    """Read a run's folder; it may be written at the same time.

    Numbers are held, sixteen bytes each, and the texts of a few examples; rows are looked at one after the other.

    Args:
        run: Of any stages: made from prompts, or of a file of pairs; finished or not.

    Raises:
        RunError: It is not a run, no row of it is finished, or one of its files is damaged (with file and line).
    """
    manifests = {stage: load_manifest(run, stage) for stage in NAMES if has_stage(run, stage)}
    if not manifests:
        # It says what is wrong.
        load_manifest(run)
    steps = Steps()
    stages = {stage: _stage(run, stage, manifest, steps) for stage, manifest in manifests.items()}
    if not any(one.counts.done or one.counts.failed or one.counts.filtered for one in stages.values()):
        raise RunError(f"{run}: no row is finished yet", f"See where the run is with: {command('status', run)}")
    by_revision, examples, judged = _by_revision(manifests), Examples(), Auditing()

    def see(row: Transcript) -> None:
        examples.see(row, by_revision.see(row))

    coverage = cover(
        _seen(transcripts(run), see),
        _seen(comparisons(run), by_revision.see_pair, examples.see_pair, judged.see) if COMPARE in manifests else (),
        manifests[REVISE].principles if REVISE in manifests else None,
        manifests[COMPARE].principles if COMPARE in manifests else None,
    )
    audit = judged.told() if judged.number else None
    for row in scores(run) if SCORE in manifests else ():
        by_revision.see_scores(row)
        examples.see_scores(row)
    revisions = by_revision.numbers()
    failed = [
        group
        for stage, name in NAMES.items()
        if stage in stages and stages[stage].counts.failed
        for group in failure_groups(name, stage, standing(run, stage))
    ]
    return Findings(
        run=run.absolute().name,
        stages=tuple(stages.values()),
        revisions=revisions,
        coverage=coverage if coverage.rows or coverage.comparisons else None,
        audit=audit,
        agreement=agree(run),
        scores=summarise_scores(run) if SCORE in manifests else None,
        steps=steps.numbers(),
        seconds=steps.seconds(),
        failures=tuple(sorted(failed, key=lambda group: -group.count)),
        examples=examples.choose(run),
        warnings=(
            *(
                caution
                for stage, numbers in stages.items()
                for caution in stage_cautions(
                    run, stage, manifests[stage], numbers, steps.control_strings[NAMES[stage]]
                )
            ),
            *revision_cautions(run, manifests, revisions),
            *judge_cautions(coverage, audit),
        ),
    )


def _stage(run: Path, stage: Stage, manifest: Manifest, steps: Steps) -> StageNumbers:
    steps.read(run, stage, NAMES[stage])
    return StageNumbers(
        name=NAMES[stage],
        model=manifest.model,
        counts=read_states(run, stage).counts(manifest.input),
        filtered=dict(Counter(one.reason for one in read_records(run / stage.filtered, Filtered)).most_common()),
        calls=steps.calls[NAMES[stage]],
        version=manifest.version,
        created=manifest.created,
        determinism=manifest.determinism,
    )


def _by_revision(manifests: dict[Stage, Manifest]) -> ByRevision:
    most = manifests[REVISE].settings.get("max_tokens") if REVISE in manifests else None
    asked = manifests[SCORE].principles if SCORE in manifests else None
    weights = [rule.weight for rule in asked.rules] if asked else []
    return ByRevision(
        most_tokens=most if isinstance(most, int) else 0,
        least_reward=sum(weight for weight in weights if weight < 0),
        most_reward=sum(weight for weight in weights if weight > 0),
    )


def _seen(items: Iterable[AnyItem], *observers: Callable[[AnyItem], None]) -> Iterator[AnyItem]:
    """The same, each shown to some first: a journal is read once for all of them."""
    for item in items:
        for see in observers:
            see(item)
        yield item
