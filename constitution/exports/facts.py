"""What there is to know of an export once its rows are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from constitution.counts import Counts
from constitution.exports.examples import Kind, Written
from constitution.exports.options import Options
from constitution.manifest import COMPARE, Manifest, load_manifest
from constitution.store import comparisons


@dataclass(frozen=True)
class Judge:
    """What made a run's comparisons.

    Attributes:
        manifest: Of the RL stage.
        sampled: Comparisons by how many sampled answers each vote is the share of; none of log-probabilities.
        audit: What the audit of the judge says, line by line.
    """

    manifest: Manifest
    sampled: Mapping[int, int]
    audit: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What a card tells.

    Attributes:
        family: Name of the family of formats.
        stacks: What reads them.
        kinds: The kinds that have rows.
        written: Their rows by split.
        suffixes: The ending of each kind's files.
        extra: Paths of further files.
        options: What was asked for.
        revise: Manifest of the SL stage, if the run has one.
        judge: What is to know of the judge, if pairs come from the RL stage.
        scored: Manifest of the scores, if the run has any.
        counts: Where the rows of each stage were.
        dropped: What was left out, by reason.
        mixed: What was mixed in, line by line.
        cut: Exported prompts with a response that ends at `max_tokens`.
        labelled: Exported examples by what they are and whose judgement they bear.
        agreement: How far people agree, line by line and without names; empty if only the AI's judgement counts.
    """

    family: str
    stacks: str
    kinds: Mapping[str, Kind]
    written: Written
    suffixes: Mapping[str, str]
    extra: tuple[str, ...]
    options: Options
    revise: Manifest | None
    judge: Judge | None
    scored: Manifest | None
    counts: Mapping[str, Counts]
    dropped: Mapping[str, int]
    mixed: tuple[str, ...]
    cut: int
    labelled: Mapping[str, Mapping[str, int]]
    agreement: tuple[str, ...]


def look_at_judge(run: Path) -> Judge:
    """What a card tells of a run's comparisons, read from its folder."""
    # Its numbers come with numpy, which nothing else of an export needs.
    from constitution.report.audit import audit
    from constitution.report.audit_lines import audit_lines

    found = audit(comparisons(run))
    return Judge(load_manifest(run, COMPARE), found.sampled, tuple(audit_lines(found)))


def look_at_people(run: Path) -> tuple[str, ...]:
    """What a card tells of a run's reviews; nothing if there are none."""
    from constitution.report.agreeing import agree
    from constitution.report.agreement import agreement_lines, nameless

    found = agree(run)
    return tuple(agreement_lines(nameless(found))) if found else ()
