"""Rows that failed alike."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from constitution.manifest import Stage
from constitution.records import Failure
from constitution.report.findings import FailureGroup, StageName
from constitution.report.findings.steps import step_group

# Rows that are named of each group, and characters of what it said.
MOST_ROWS, LONGEST = 5, 300
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|‘[^’]*’|「[^」]*」|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
# Numbers, and names and hashes that hold one: what tells one row, request or place from another. Not the status of an
# answer over HTTP, as in `(401)` or `401:`, which tells one error from another.
_STATUS = r"(?<=\()[1-5]\d\d(?=\))|(?<![\w.:-])[1-5]\d\d(?=:(?:\s|$))"
_NUMBERED = re.compile(rf"({_STATUS})|[\w.-]*\d[\w.:-]*")


class _Key(NamedTuple):
    """What failures of a group have in common."""

    kind: str
    step: str
    message: str


def failure_groups(name: StageName, stage: Stage, failures: Iterable[Failure]) -> list[FailureGroup]:
    """Group a stage's failed rows by kind, step and message, the most frequent first.

    Args:
        name: The stage's.
        stage: Where they failed.
        failures: The last one of each row, as `summary.standing` gives them.
    """
    groups: dict[_Key, list[Failure]] = {}
    for failure in failures:
        step = re.sub(r"-\d+$", "", step_group(stage, failure.step))
        groups.setdefault(_Key(failure.kind, step, alike(failure)), []).append(failure)
    found = [
        FailureGroup(
            stage=name,
            kind=key.kind,
            step=key.step,
            message=_first_line(alike_ones[0].message),
            count=len(alike_ones),
            rows=tuple(one.id for one in sorted(alike_ones, key=lambda one: one.index)[:MOST_ROWS]),
        )
        for key, alike_ones in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.count, group.kind, group.step, group.message))


def alike(failure: Failure) -> str:
    """What a failure said, without what differs from row to row: its id, quoted texts, hashes, numbers but a status."""
    said = _first_line(failure.message)
    if failure.id in said:
        # As a word: a row may be called `e`.
        said = re.sub(rf"(?<!\w){re.escape(failure.id)}(?!\w)", "#", said)
    return _NUMBERED.sub(lambda found: found[1] or "#", _QUOTED.sub("…", said))


def _first_line(message: str) -> str:
    line = (message.strip().splitlines() or [""])[0]
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
