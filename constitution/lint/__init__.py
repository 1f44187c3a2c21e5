"""`constitution principles lint`: what is wrong with a principles file, or may be, before a run is paid for.

`rules.py` names what is looked for; each other file looks for one kind of it. Nothing here needs a model, and a
tokenizer only where a text is so long that it might not fit.
"""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from constitution.errors import PrinciplesError
from constitution.lint.balance import balance_findings
from constitution.lint.findings import Finding, Found
from constitution.lint.lengths import Allowance, length_findings
from constitution.lint.pairs import pair_findings
from constitution.lint.reading import Document, document
from constitution.lint.rules import RULES, LintRule, Severity
from constitution.lint.schema_faults import schema_faults
from constitution.lint.switches import switch_findings, switches
from constitution.lint.wording import english_lines, wording_findings
from constitution.yamlfile import line_of, parse_yaml

__all__ = ["RULES", "Allowance", "Finding", "LintRule", "Severity", "lint", "not_read"]

Counter = Callable[[str], Callable[[str], int]]


def lint(text: str, file: str, allowance: Allowance, counter: Counter, off: Collection[str] = ()) -> list[Finding]:
    """Everything that is found in a principles file, in the order of its lines.

    Args:
        text: All of it.
        file: What findings call it.
        allowance: How long texts may be.
        counter: Opens a tokenizer by name, for texts that may be too long: tokens of a text.
        off: Rules that are not looked at.

    Raises:
        ModelError: The tokenizer is needed, and cannot be opened.
    """
    try:
        data = parse_yaml(text, Path(file), PrinciplesError)
    except PrinciplesError as bad:
        return [_unreadable(bad, file)]
    found = document(text, data)
    switched = switches(found)
    told = [
        *schema_faults(data),
        *switch_findings(switched),
        *_missing_comparisons(found, data),
        *pair_findings(found, english_lines(found)),
        *wording_findings(found),
        *balance_findings(found),
        *(length_findings(found, allowance, counter) if "too-long" not in off else ()),
    ]
    kept = [
        one
        for one in told
        if RULES[one.rule].fixed or not (one.rule in off or any(switch.covers(one) for switch in switched))
    ]
    return [one.in_file(file) for one in sorted(kept, key=lambda one: (one.line, one.rule))]


def not_read(bad: PrinciplesError, file: str) -> Finding:
    """A file that is not there, or is no text, as a finding.

    Args:
        bad: Why.
        file: What findings call it.
    """
    why = bad.message.removeprefix(f"{Path(file)}: ")
    return Found(line=1, rule="yaml", why=why, todo=bad.hint or "check the path").in_file(file)


def _unreadable(bad: PrinciplesError, file: str) -> Finding:
    line, _, why = bad.message.removeprefix(f"{Path(file)}:").partition(": ")
    found = Found(line=int(line), rule="yaml", why=why, todo=bad.hint or "correct the line")
    return found.in_file(file)


def _missing_comparisons(found: Document, data: Any) -> Iterator[Found]:
    """One finding for each principle that lacks it; one for the file if all of them do."""
    principles = found.of("principle")
    without = [entry for entry in principles if entry.passage("comparison") is None]
    todo = "add `comparison:`, a question to a judge that sees two responses"
    if len(without) == len(principles) > 1:
        yield Found(
            line=line_of(data, ("principles",)),
            rule="missing-comparison",
            why="no principle has a comparison, so the RL stage (constitution compare) cannot use the file",
            todo=f"{todo}, to each; or switch this rule off, if the file is for the SL stage",
        )
        return
    for entry in without:
        yield Found(
            line=entry.line,
            rule="missing-comparison",
            why=f"{entry.name} has no comparison, so the RL stage (constitution compare) refuses the file",
            todo=todo,
        )
