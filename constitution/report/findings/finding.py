"""A run's folder → what a report tells of it, from stored records only."""

from collections import Counter
from pathlib import Path

from constitution.errors import RunError, command
from constitution.gates.boilerplate import Frequencies
from constitution.gates.flags import gate_run
from constitution.gates.gating import Gating, see_row
from constitution.gates.sets import DEFAULT
from constitution.journal import read_records
from constitution.manifest import COMPARE, REVISE, SCORE, Manifest, Stage, has_stage, load_manifest
from constitution.records import Filtered
from constitution.report.agreeing import agree
from constitution.report.audit import Auditing
from constitution.report.change import changes
from constitution.report.coverage import Covering
from constitution.report.findings import Findings, StageName, StageNumbers
from constitution.report.findings.by_revision import ByRevision
from constitution.report.findings.cautions import judge_cautions, people_cautions, revision_cautions, stage_cautions
from constitution.report.findings.examples import Examples
from constitution.report.findings.failure_groups import failure_groups
from constitution.report.findings.steps import Steps
from constitution.report.scores import bounds, summarise_scores
from constitution.report.summary import standing
from constitution.row_states import read_states
from constitution.store import comparisons, scores, transcripts

STAGES = (REVISE, COMPARE, SCORE)


def find(run: Path) -> Findings:
    """Read a run's folder; it may be written at the same time.

    Numbers are held, sixteen bytes each, and the texts of a few examples; rows are looked at one after the other.

    Args:
        run: Of any stages: made from prompts, or of a file of pairs; finished or not.

    Raises:
        RunError: It is not a run, no row of it is finished, or one of its files is damaged (with file and line).
    """
    manifests = {stage: load_manifest(run, stage) for stage in STAGES if has_stage(run, stage)}
    if not manifests:
        # It says what is wrong.
        load_manifest(run)
    steps = Steps()
    stages = {stage: _stage(run, stage, manifest, steps) for stage, manifest in manifests.items()}
    if not any(one.counts.done or one.counts.failed or one.counts.filtered for one in stages.values()):
        raise RunError(f"{run}: no row is finished yet", f"See where the run is with: {command('status', run)}")
    by_revision, examples, judged = _by_revision(manifests), Examples(), Auditing()
    revising, judging = (manifests[stage].principles if stage in manifests else None for stage in (REVISE, COMPARE))
    covering = Covering(revising, judging)
    frequencies = Frequencies()
    for row in transcripts(run):
        changed = changes(row)
        by_revision.see(row, changed)
        covering.see(row, changed)
        examples.see(row, changed)
        see_row(frequencies, row)
    for pair in comparisons(run) if COMPARE in manifests else ():
        by_revision.see_pair(pair)
        covering.see_pair(pair)
        examples.see_pair(pair)
        judged.see(pair)
    coverage = covering.told()
    audit = judged.told() if judged.number else None
    for scored in scores(run) if SCORE in manifests else ():
        by_revision.see_scores(scored)
        examples.see_scores(scored)
    revisions = by_revision.numbers()
    failed = [
        group
        for stage, numbers in stages.items()
        if numbers.counts.failed
        for group in failure_groups(numbers.name, stage, standing(run, stage))
    ]
    people = agree(run)
    return Findings(
        run=run.absolute().name,
        stages=tuple(stages.values()),
        revisions=revisions,
        picked=by_revision.picked(),
        coverage=coverage if coverage.rows or coverage.comparisons else None,
        audit=audit,
        agreement=people,
        scores=summarise_scores(run) if SCORE in manifests else None,
        steps=steps.numbers(),
        seconds=steps.seconds(),
        failures=tuple(sorted(failed, key=lambda group: -group.count)),
        examples=examples.choose(run),
        gates=gate_run(run, Gating(DEFAULT, frequencies), finals=True) if frequencies.rows else None,
        warnings=(
            *(
                caution
                for stage, numbers in stages.items()
                for caution in stage_cautions(
                    run, stage, manifests[stage], numbers, steps.control_strings[numbers.name]
                )
            ),
            *revision_cautions(run, manifests, revisions),
            *judge_cautions(coverage, audit, manifests),
            *people_cautions(people),
        ),
    )


def _stage(run: Path, stage: Stage, manifest: Manifest, steps: Steps) -> StageNumbers:
    name = _name(stage, manifest)
    steps.read(run, stage, name)
    return StageNumbers(
        name=name,
        model=manifest.model,
        counts=read_states(run, stage).counts(manifest.input),
        filtered=dict(Counter(one.reason for one in read_records(run / stage.filtered, Filtered)).most_common()),
        calls=steps.calls[name],
        version=manifest.version,
        created=manifest.created,
        determinism=manifest.determinism,
    )


def _name(stage: Stage, manifest: Manifest) -> StageName:
    if stage is REVISE:
        return "SL stage"
    # Without rules, it is the judge itself that gives rewards.
    return "RL stage" if stage is COMPARE else "rules" if manifest.principles else "rewards"


def _by_revision(manifests: dict[Stage, Manifest]) -> ByRevision:
    most = manifests[REVISE].settings.get("max_tokens") if REVISE in manifests else None
    return ByRevision(
        most if isinstance(most, int) else 0, bounds(manifests[SCORE].principles if SCORE in manifests else None)
    )
