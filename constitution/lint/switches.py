"""Comments that switch rules off: `# lint: off RULE[, RULE]`.

In an entry, or on the lines above it, for that entry; above the lists, for the whole file. A finding about a pair is
off when either of the two switches it off.
"""

import re
from collections.abc import Iterator, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.events import ScalarEvent

from constitution.lint.findings import Found
from constitution.lint.reading import Document
from constitution.lint.rules import RULES, SWITCHABLE
from constitution.records import Record
from constitution.yamlfile import nearest

_SWITCH = re.compile(r"(?:^|\s)#\s*lint:\s*off\b[ \t:]*([^#\n]*)")


class Switch(Record):
    """A comment that switches rules off.

    Attributes:
        line: Where it stands, from 1.
        names: What it switches off, as written.
        first: The first line that it holds for.
        last: The last one.
    """

    line: int
    names: tuple[str, ...]
    first: int
    last: int

    def covers(self, found: Found) -> bool:
        """Whether it switches a finding off."""
        return found.rule in self.names and any(self.first <= line <= self.last for line in found.lines)


def switches(found: Document) -> tuple[Switch, ...]:
    """The comments of a file that switch rules off."""
    lines = found.text.split("\n")
    written = [
        (number, match) for number, line in enumerate(lines, 1) if "lint:" in line for match in _SWITCH.finditer(line)
    ]
    if not written:
        return ()
    values = _values(found.text)
    begins = _begins(found, lines)
    made = []
    for number, match in written:
        place = (number, match[0].index("#") + match.start())
        if any(first <= place < last for first, last in values):
            # A text may say anything.
            continue
        names = tuple(name for name in re.split(r"[,\s]+", match[1].strip()) if name)
        first = max((begin for begin in begins if begin <= number), default=1)
        last = min((begin - 1 for begin in begins if begin > number), default=len(lines))
        whole = not begins or number < begins[0]
        made.append(Switch(line=number, names=names, first=1 if whole else first, last=len(lines) if whole else last))
    return tuple(made)


def switch_findings(made: Sequence[Switch]) -> Iterator[Found]:
    """Comments that name no rule, or one that cannot be switched off."""
    for switch in made:
        for name in switch.names or ("",):
            if name in SWITCHABLE:
                continue
            if not name:
                why = "a comment switches off, and does not say what"
            elif name in RULES:
                why = f"the rule {name} cannot be switched off: no command takes a file that breaks it"
            else:
                why = f"a comment switches off {name!r}, which is no rule; {nearest(name, SWITCHABLE)}"
            yield Found(
                line=switch.line,
                rule="unknown-rule",
                why=why,
                todo="write # lint: off RULE, with one of constitution principles lint --rules",
            )


def _begins(found: Document, lines: Sequence[str]) -> list[int]:
    """The first line of each entry, the comments above it counted to it."""
    begins = []
    for entry in found.entries:
        line = entry.line
        while line > 1 and (not lines[line - 2].strip() or lines[line - 2].lstrip().startswith("#")):
            line -= 1
        begins.append(line)
    return sorted(set(begins))


def _values(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each text of the file begins and ends: line from 1, column from 0."""
    return [
        ((event.start_mark.line + 1, event.start_mark.column), (event.end_mark.line + 1, event.end_mark.column))
        for event in YAML(typ="rt").parse(text)
        if isinstance(event, ScalarEvent)
    ]
