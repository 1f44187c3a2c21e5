"""A principles file as lint sees it: whatever of it can be read, with its lines, right or wrong."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from constitution.records import Record
from constitution.yamlfile import line_of

LISTS: dict[str, Literal["principle", "rule"]] = {"principles": "principle", "rules": "rule"}
TEXTS = {
    "principle": ("critique_request", "revision_request", "comparison"),
    "rule": ("proposition",),
}


class Passage(Record):
    """One text of a file.

    Attributes:
        field: The key that it stands under.
        text: Without outer white space; never empty.
        line: Of the key, from 1.
    """

    field: str
    text: str
    line: int


class Entry(Record):
    """One principle or rule.

    Attributes:
        noun: Which of the two.
        name: Its id in quotes, else its place in the list.
        line: Where it begins, from 1.
        keys: Those that are there.
        passages: Its texts.
        weight: None if it is not a number that counts.
        tags: Each with its line.
    """

    noun: Literal["principle", "rule"]
    name: str
    line: int
    keys: frozenset[str]
    passages: tuple[Passage, ...]
    weight: float | None
    tags: tuple[Passage, ...]

    @property
    def text(self) -> str:
        """All its texts."""
        return "\n".join(passage.text for passage in self.passages)

    def passage(self, field: str) -> Passage | None:
        """The text under a key."""
        return next((passage for passage in self.passages if passage.field == field), None)


class Document(Record):
    """A file.

    Attributes:
        text: All of it.
        head: Name, version and description.
        entries: Principles, then rules.
    """

    text: str
    head: tuple[Passage, ...]
    entries: tuple[Entry, ...]

    def of(self, noun: Literal["principle", "rule"]) -> list[Entry]:
        """The entries of one list."""
        return [entry for entry in self.entries if entry.noun == noun]

    def line_of(self, passage: Passage, found: str) -> int:
        """The line on which words of a passage stand; that of its key where they are spread over two."""
        begins = sorted(p.line for holder in (self.head, *(e.passages for e in self.entries)) for p in holder)
        end = next((line for line in begins if line > passage.line), None)
        lines = self.text.split("\n")[passage.line - 1 : end and end - 1]
        return passage.line + next((number for number, line in enumerate(lines) if found in line), 0)


def document(text: str, data: Any) -> Document:
    """What can be read of a file.

    Args:
        text: All of it.
        data: What the YAML parser made of that, of any shape.
    """
    return Document(
        text=text,
        head=tuple(_passages(data, (), ("name", "version", "description"))) if isinstance(data, dict) else (),
        entries=tuple(entry for key in LISTS for entry in _entries(data, key)),
    )


def _entries(data: Any, key: str) -> Iterator[Entry]:
    listed = data.get(key) if isinstance(data, dict) else None
    for position, item in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(item, dict):
            continue
        place = (key, position)
        name, weight, tags = item.get("id"), item.get("weight", 1.0), item.get("tags")
        yield Entry(
            noun=LISTS[key],
            name=repr(str(name)) if isinstance(name, str) else f"number {position + 1}",
            line=line_of(data, place),
            keys=frozenset(item),
            passages=tuple(_passages(data, place, TEXTS[LISTS[key]])),
            weight=float(weight) if _counts(weight) else None,
            tags=tuple(_passages(data, (*place, "tags"), range(len(tags)))) if isinstance(tags, list) else (),
        )


def _passages(data: Any, place: tuple[str | int, ...], keys: Sequence[Any]) -> Iterator[Passage]:
    """The texts under some keys of what stands at `place`."""
    holder = data
    for part in place:
        holder = holder[part]
    if not isinstance(holder, dict | list):
        return
    for key in keys:
        value = holder.get(key) if isinstance(holder, dict) else holder[key]
        if isinstance(value, str) and value.strip():
            yield Passage(field=str(key), text=str(value).strip(), line=line_of(data, (*place, key)))


def _counts(weight: object) -> bool:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        return False
    return abs(weight) < 1e300 and math.isfinite(weight) and weight != 0
