"""What differs between two principles files: entries added, removed, renamed, moved, and texts word by word."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from constitution.principle_files.writing import in_brackets, number_text, told
from constitution.principles import Principle, PrincipleSet, Rule
from constitution.records import Record
from constitution.similarity import similarities
from constitution.words import Piece, pieces

# Two entries of different ids are one that was renamed if their texts are so much alike.
RENAMED = 0.5

Entry = Principle | Rule
Noun = Literal["principle", "rule"]
_HEAD = ("name", "version", "description")


class FieldChange(Record):
    """A field that differs.

    Attributes:
        field: Its key.
        before: Its value as text; None if it was not there.
        after: Likewise.
        pieces: Both texts, word by word.
    """

    field: str
    before: str | None
    after: str | None
    pieces: tuple[Piece, ...]


class EntryChange(Record):
    """A principle or rule that differs.

    Attributes:
        noun: Which of the two.
        before: Its id in the first file; None if it was added.
        after: Its id in the second; None if it was removed.
        moved: Whether it changed places with others that both files have.
        score: How alike its texts are, from 0 to 1, where it was renamed: what it was recognised by.
        fields: What differs; of an entry that was added or removed, all it says.
    """

    noun: Noun
    before: str | None
    after: str | None
    moved: bool = False
    score: float | None = None
    fields: tuple[FieldChange, ...] = ()

    @property
    def renamed(self) -> bool:
        """Whether it has another id."""
        return self.before is not None and self.after is not None and self.before != self.after


class PrincipleDiff(Record):
    """Everything that differs.

    Attributes:
        first: What the first file was called.
        second: Likewise the second.
        head: Name, version and description.
        entries: In the order of the second file, removed ones where they were.
        same: How many entries are the same in both.
    """

    first: str
    second: str
    head: tuple[FieldChange, ...]
    entries: tuple[EntryChange, ...]
    same: int

    @property
    def empty(self) -> bool:
        """Whether both say the same."""
        return not self.head and not self.entries


def compare_sets(first: PrincipleSet, second: PrincipleSet, names: tuple[str, str]) -> PrincipleDiff:
    """What differs between two files.

    Args:
        first: The file before.
        second: The file after.
        names: What they are called.
    """
    entries: list[EntryChange] = []
    same = 0
    pairs: tuple[tuple[Noun, Sequence[Entry], Sequence[Entry]], ...] = (
        ("principle", first.principles, second.principles),
        ("rule", first.rules, second.rules),
    )
    for noun, before, after in pairs:
        changes = list(_changes(noun, before, after))
        entries += changes
        same += len(after) - sum(change.after is not None for change in changes)
    head = tuple(_field(key, getattr(first, key), getattr(second, key)) for key in _HEAD)
    return PrincipleDiff(
        first=names[0],
        second=names[1],
        head=tuple(change for change in head if change.before != change.after),
        entries=tuple(entries),
        same=same,
    )


def _changes(noun: Noun, before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[EntryChange]:
    matches = {match.before: match for match in _matches(before, after)}
    # By the ids of the second file, in the order of the first; no id begins with a dash.
    old = {(matches[entry.id].after if entry.id in matches else f"-{entry.id}"): entry for entry in before}
    names = list(old)
    places = {name: place for place, name in enumerate(names)}
    scores = {match.after: match.score for match in matches.values()}
    stayed = _stayed([places[entry.id] for entry in after if entry.id in places])
    kept = {entry.id for entry in after}
    told_until = 0
    for entry in after:
        if entry.id not in old:
            yield EntryChange(noun=noun, before=None, after=entry.id, fields=_fields({}, told(entry)))
            continue
        place = places[entry.id]
        if place in stayed:
            # What was removed is told where it was, among those that kept their order.
            yield from _removed(noun, [old[name] for name in names[told_until:place] if name not in kept])
            told_until = place
        was, moved = old[entry.id], place not in stayed
        fields = _fields(dict(was), dict(entry))
        if fields or moved or was.id != entry.id:
            score = scores[entry.id]
            yield EntryChange(noun=noun, before=was.id, after=entry.id, moved=moved, score=score, fields=fields)
    yield from _removed(noun, [old[name] for name in names[told_until:] if name not in kept])


def _removed(noun: Noun, entries: Sequence[Entry]) -> Iterator[EntryChange]:
    for entry in entries:
        yield EntryChange(noun=noun, before=entry.id, after=None, fields=_fields(told(entry), {}))


class _Match(Record):
    """An entry of the first file, and what it is in the second: if it has another id, how alike their texts are."""

    before: str
    after: str
    score: float | None = None


def _matches(before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[_Match]:
    """Which entry is which: of the same text first, as numbers move when one is put in; of the same id; alike."""
    gone, come = {entry.id: entry for entry in before}, {entry.id: entry for entry in after}
    for one in before:
        if one.id in come and _text(one) == _text(come[one.id]):
            yield _Match(before=one.id, after=one.id)
            del gone[one.id], come[one.id]
    texts: dict[str, list[str]] = {}
    for entry in come.values():
        texts.setdefault(_text(entry), []).append(entry.id)
    for entry in list(gone.values()):
        if others := texts.get(_text(entry)):
            yield _Match(before=entry.id, after=others[0], score=1.0)
            del gone[entry.id], come[others.pop(0)]
    for id in list(gone):
        if id in come:
            yield _Match(before=id, after=id)
            del gone[id], come[id]
    yield from _alike(list(gone.values()), list(come.values()), (*before, *after))


def _alike(gone: Sequence[Entry], come: Sequence[Entry], everything: Sequence[Entry]) -> Iterator[_Match]:
    """The likest pairs, first to last."""
    if not gone or not come:
        return
    there = {id(entry) for entry in (*gone, *come)}
    # How rare an n-gram is, is counted in all texts of both files.
    rest = [entry for entry in everything if id(entry) not in there]
    alike = similarities([_text(entry) for entry in (*gone, *come, *rest)])
    table = alike[: len(gone), len(gone) : len(gone) + len(come)]
    places = [(int(old), int(new)) for old, new in np.argwhere(table >= RENAMED)]
    taken: set[tuple[str, int]] = set()
    for old, new in sorted(places, key=lambda place: -table[place]):
        if not {("gone", old), ("come", new)} & taken:
            taken |= {("gone", old), ("come", new)}
            yield _Match(before=gone[old].id, after=come[new].id, score=round(float(table[old, new]), 2))


def _text(entry: Entry) -> str:
    return "\n".join(str(value) for name, value in told(entry).items() if name not in ("id", "weight", "tags"))


def _stayed(places: Sequence[int]) -> set[int]:
    """Places of the most entries that kept their order among each other: the longest increasing subsequence."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        before[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    stayed: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        stayed.add(last)
        last = before[last]
    return stayed


def _fields(before: dict[str, object], after: dict[str, object]) -> tuple[FieldChange, ...]:
    keys = [key for key in before | after if key != "id" and before.get(key) != after.get(key)]
    return tuple(_field(key, before.get(key), after.get(key)) for key in keys)


def _field(key: str, before: object, after: object) -> FieldChange:
    old, new = (None if value is None else _value(value) for value in (before, after))
    return FieldChange(field=key, before=old, after=new, pieces=pieces(old or "", new or ""))


def _value(value: object) -> str:
    match value:
        case float():
            return number_text(value)
        case tuple():
            return ", ".join(in_brackets(str(item)) for item in value)
        case _:
            return str(value)
