"""Findings as they are printed: lines, JSON, annotations of GitHub Actions."""

import json
from collections import Counter
from collections.abc import Sequence

from constitution.lint.findings import Finding
from constitution.lint.rules import RULES, Severity

# What GitHub calls them: https://docs.github.com/actions, "workflow commands".
_COMMANDS = {Severity.error: "error", Severity.warning: "warning", Severity.hint: "notice"}


def as_lines(findings: Sequence[Finding]) -> str:
    """A line each, as compilers print them, so that editors find the place."""
    return "\n".join(
        f"{found.file}:{found.line}: {found.rule} ({found.severity}): {found.why}; {_lower(found.todo)}"
        for found in findings
    )


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects."""
    return json.dumps([found.model_dump(mode="json") for found in findings], indent=2)


def as_annotations(findings: Sequence[Finding]) -> str:
    """What GitHub shows beside the lines of a pull request when a workflow prints it."""
    return "\n".join(
        f"::{_COMMANDS[found.severity]} file={_property(found.file)},line={found.line},title={_property(found.rule)}"
        f"::{_data(f'{found.why}; {_lower(found.todo)}')}"
        for found in findings
    )


def in_numbers(findings: Sequence[Finding], files: int) -> str:
    """How many files there were, and how much was found."""
    by = Counter(found.severity for found in findings)
    told = [f"{by[one]} {one}{'' if by[one] == 1 else 's'}" for one in Severity if by[one]]
    return f"{files} file{'' if files == 1 else 's'}: {', '.join(told) or 'nothing found'}"


def rules_as_lines() -> str:
    """The table of rules."""
    lines = []
    for rule in RULES.values():
        notes = [note for note, holds in (("English texts", rule.english), ("always on", rule.fixed)) if holds]
        lines.append(f"{rule.id} ({', '.join([rule.severity, *notes])})\n  {rule.means}")
    return "\n".join(lines)


def rules_as_json() -> str:
    """The table of rules, as a list of objects."""
    return json.dumps([rule.model_dump(mode="json") for rule in RULES.values()], indent=2)


def _lower(text: str) -> str:
    """A sentence as it goes on after a semicolon."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
