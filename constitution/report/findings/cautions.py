"""What a reader of a run's numbers must know first, each with what to type where something can be done."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from constitution.errors import RunError, command
from constitution.manifest import COMPARE, REVISE, Manifest, Stage
from constitution.report.agreement import Agreement, agreement_warnings, nameless
from constitution.report.audit import Audit
from constitution.report.coverage import Coverage
from constitution.report.findings import Caution, RevisionNumbers, StageNumbers
from constitution.report.findings.going_on import going_on, judge_revisions

# Beyond this share of cut answers, many training texts end in mid-sentence.
MANY_CUT = 0.1


def stage_cautions(
    run: Path, stage: Stage, manifest: Manifest, numbers: StageNumbers, control_strings: int
) -> Iterator[Caution]:
    """Of one stage: rows that are owed, rows that failed, control strings."""
    counts, name = numbers.counts, numbers.name
    if counts.pending:
        yield _going_on(f"{name}: not finished, {counts.equation}; go on with", run, stage, manifest)
    if counts.failed:
        failed = f"{name}: {counts.failed} of {counts.input} rows failed; run them again with"
        yield _going_on(failed, run, stage, manifest, "--retry-failed")
    if control_strings:
        yield Caution(
            text=f"{name}: {control_strings} control strings in texts for a server; this tells of them",
            command=command("status", run),
        )


def _going_on(text: str, run: Path, stage: Stage, manifest: Manifest, *more: str) -> Caution:
    try:
        return Caution(text=text, command=going_on(run, stage, manifest, *more))
    except RunError:
        # Another version's settings hide no number.
        return Caution(text=" ".join([f"{text} the command that began it", *more]))


def revision_cautions(
    run: Path, manifests: Mapping[Stage, Manifest], revisions: Sequence[RevisionNumbers]
) -> Iterator[Caution]:
    """Of the responses: no judge, cut answers, evasions."""
    if not revisions:
        return
    rounds = len(revisions) - 1
    if rounds and not any(one.beats for one in revisions):
        judge = judge_revisions(run, rounds, COMPARE in manifests)
        if COMPARE not in manifests:
            text = "no judge has compared revisions with initial responses yet; that makes"
            yield Caution(text=text, command=judge)
        else:
            text = (
                "no comparison is of a revision and its initial response; this makes such ones in the place of those "
                "that are there, which it sets aside"
            )
            yield Caution(text=text, command=judge)
    if cut := [one for one in revisions if one.cut and one.cut.value > MANY_CUT]:
        worst = max(cut, key=lambda one: one.cut.value if one.cut else 0)
        assert worst.cut
        what = f"revision {worst.number}" if worst.number else "the initial responses"
        most = manifests[REVISE].settings.get("max_tokens")
        cut_off = f"{worst.cut.value:.0%} of {what} end in mid-sentence, at --max-tokens {most}"
        yield Caution(text=f"{cut_off}: give more in another run")
    first, last = revisions[0].evasions, revisions[-1].evasions
    if rounds and first and last and last.low > first.high:
        evasive = f"revising makes responses evasive: {first.value:.1%} at first, {last.value:.1%} in the end"
        yield Caution(text=evasive)


def judge_cautions(
    coverage: Coverage | None, audit: Audit | None, manifests: Mapping[Stage, Manifest]
) -> Iterator[Caution]:
    """What audit and coverage warn of, and a judge of its own responses."""
    if REVISE in manifests and COMPARE in manifests and manifests[REVISE].model == manifests[COMPARE].model:
        yield Caution(text="judge: it is the model that wrote the responses, and may favour its own")
    if audit:
        yield from (Caution(text=f"judge: {warning}") for warning in audit.warnings)
    if coverage:
        yield from (Caution(text=f"principles: {warning}") for warning in coverage.warnings)


def people_cautions(people: Agreement | None) -> Iterator[Caution]:
    """What agreement warns of; reviewers have numbers, as what is told here is handed on."""
    if people:
        yield from (Caution(text=f"people: {warning}") for warning in agreement_warnings(nameless(people)))
