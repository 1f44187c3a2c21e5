"""Principles as plain text, for people.

Either paragraphs whose lines begin with a label, as `write` makes them; or questions to a judge, as a list with marks
(`-`, `1.`), one a line, or one a paragraph if blank lines are between them. A line that begins with `#` ends what is
above it, and is left out.

    id: calm
    critique: Say where your last response is needlessly agitated.
    revision: Rewrite it calmly.
    comparison: Which response is calmer?
    weight: 2
    tags: tone

A line that begins with a space goes on with the text after a line break, ` .` is an empty line of it; any other line
goes on with the text after a space.
"""

import re
from dataclasses import dataclass

from constitution.principle_formats.asking import QUESTION, asked, asks, changed
from constitution.principle_formats.contents import Contents, Misfit, Written, check_number, counted
from constitution.principle_formats.drafts import Draft, finish, joined_tags
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import Source
from constitution.principles import Principle, PrincipleSet

LABELS = {
    "id": "id",
    "critique": "critique_request",
    "critique_request": "critique_request",
    "critique request": "critique_request",
    "revision": "revision_request",
    "revision_request": "revision_request",
    "revision request": "revision_request",
    "comparison": "comparison",
    "weight": "weight",
    "tags": "tags",
}
HEADS = "lines that begin with #"
_LABEL = re.compile(r"([A-Za-z_]+(?: request)?):(?: |\Z)")
_MARK = re.compile(r"\A(?:[-*•]|\d{1,4}[.)])\s+(?=\S)")


@dataclass(frozen=True)
class _Entries:
    """The principles of a text without labels.

    Attributes:
        texts: Each on one line.
        joined: How many lines of a list were put to the text above them.
    """

    texts: list[str]
    joined: int = 0


def read(source: Source) -> Contents:
    """Whatever the text says, statements too.

    Raises:
        Misfit: It says nothing, or a paragraph is no principle.
    """
    lines = _lines(source)
    if any(_label(line) for line in lines):
        return _labelled(lines)
    entries, names = _entries(lines), Names()
    stating = changed(entries.texts)
    notes = [f'{stating} ask nothing, and were put into a question: "{QUESTION}…"'] if stating else []
    if entries.joined:
        notes.append(f"{entries.joined} of its lines have no mark of the list, and go on with the text above.")
    return Contents(
        shape="plain text",
        principles=tuple(Principle(id=names.of_text(text), comparison=asked(text)) for text in entries.texts),
        dropped=counted({HEADS: sum(_head(line) for line in lines)}),
        notes=tuple(notes),
    )


def read_strictly(source: Source) -> Contents:
    """As `read`, of texts that nobody said are principles: they must be labelled, or all be questions to a judge.

    Raises:
        Misfit: Otherwise.
    """
    lines = _lines(source)
    if not any(_label(line) for line in lines):
        for text in _entries(lines).texts:
            if not asks(text):
                why = "has no label and asks a judge for nothing (--from text takes it as a statement)"
                raise Misfit(f"{text[:30]!r}… {why}")
    return read(source)


def write(principles: PrincipleSet) -> Written:
    """Labelled paragraphs.

    Raises:
        Misfit: There is no principle.
    """
    if not principles.principles:
        raise Misfit("the file has no principles")
    returns = 0
    paragraphs = []
    for one in principles.principles:
        said = {"id": one.id, "critique": one.critique_request, "revision": one.revision_request}
        said |= {"comparison": one.comparison, "weight": None if one.weight == 1 else repr(one.weight)}
        said |= {"tags": joined_tags(one.tags)}
        texts = {label: text for label, text in said.items() if text}
        returns += any("\r\n" in text for text in texts.values())
        paragraphs.append("".join(_field(label, text.replace("\r\n", "\n")) for label, text in texts.items()))
    return Written(text="\n".join(paragraphs), entries=len(paragraphs), dropped=counted({"carriage returns": returns}))


def _field(label: str, text: str) -> str:
    first, *rest = text.split("\n")
    return f"{label}: {first}\n" + "".join(f" {_dotted(line)}\n" for line in rest)


def _dotted(line: str) -> str:
    # So that no line of a text is empty, and all can be told from those that were.
    return f"{line}." if _only_dots(line) else line


def _undotted(line: str) -> str:
    return line.removesuffix(".") if _only_dots(line) else line


def _only_dots(line: str) -> bool:
    return all(character == "." or character.isspace() for character in line)


def _label(line: str) -> str | None:
    found = _LABEL.match(line)
    return LABELS.get(found[1].lower()) if found else None


def _labelled(lines: list[str]) -> Contents:
    drafts = list[Draft]()
    now: dict[str, str] = {}
    last = ""
    for number, line in enumerate(lines, 1):
        name = _label(line)
        if not line.strip():
            now, last = {}, ""
        elif name:
            if name in now:
                raise Misfit(f"line {number}: a second {name} in one paragraph: put a blank line between principles")
            if not now:
                drafts.append(Draft(number, now))
            now[name], last = line.partition(":")[2].removeprefix(" "), name
        elif _head(line):
            last = ""
        elif last:
            now[last] += f"\n{_undotted(line[1:])}" if line.startswith(" ") else f" {line}"
        else:
            raise Misfit(f"line {number}: no label (critique, revision, comparison, id, weight, tags) before it")
    return Contents(
        shape="labelled paragraphs",
        principles=finish(drafts),
        dropped=counted({HEADS: sum(map(_head, lines))}),
    )


def _lines(source: Source) -> list[str]:
    return source.text.replace("\r\n", "\n").split("\n")


def _entries(lines: list[str]) -> _Entries:
    """The principles of a text without labels, without the marks of a list."""
    found = _listed(lines) if any(_MARK.match(line.strip()) for line in lines) else _unlisted(lines)
    check_number(len(found.texts))
    if not found.texts:
        raise Misfit("empty, but for lines that begin with #" if any(line.strip() for line in lines) else "empty")
    return found


def _listed(lines: list[str]) -> _Entries:
    """A text of each mark; lines without one, and all below it that are indented more, go on with it.

    After a blank line or a heading, a line that is not indented is a text by itself.
    """
    texts = list[str]()
    column = min(_margin(line) for line in lines if _MARK.match(line.strip()))
    apart, joined = True, 0
    for line in lines:
        text = line.strip()
        if not text or _head(line):
            apart = True
            continue
        deeper = bool(texts) and _margin(line) > column
        if not deeper and (apart or _MARK.match(text)):
            texts.append(_MARK.sub("", text, count=1))
        else:
            texts[-1] += f" {text}"
            joined += 1
        apart = False
    return _Entries(texts, joined)


def _unlisted(lines: list[str]) -> _Entries:
    """A text a line; if blank lines are between blocks of which one has several lines, a text a block."""
    blocks = _blocks([line for line in lines if not _head(line)])
    if len(blocks) > 1 and any(len(block) > 1 for block in blocks):
        return _Entries([" ".join(block) for block in _blocks(["" if _head(line) else line for line in lines])])
    return _Entries([line for block in blocks for line in block])


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            blocks[-1].append(line.strip())
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _head(line: str) -> bool:
    return line.startswith("#")


def _margin(line: str) -> int:
    line = line.expandtabs(8)
    return len(line) - len(line.lstrip())
