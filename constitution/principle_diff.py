"""What differs between two principles files: entries added, removed, renamed, moved, and texts word by word."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from constitution.principle_files.writing import told
from constitution.principles import Principle, PrincipleSet, Rule
from constitution.records import Record
from constitution.similarity import UNSPACED, similarities

# Two entries of different ids are one that was renamed if their texts are so much alike.
RENAMED = 0.5
# Longer texts are told as a whole: comparing them word by word would take long.
MOST_WORDS = 5000

Entry = Principle | Rule
Noun = Literal["principle", "rule"]
_HEAD = ("name", "version", "description")


class Piece(Record):
    """A run of words of a changed text, white space between them included."""

    kind: Literal["same", "removed", "added"]
    text: str


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


def words(text: str) -> list[str]:
    """A text cut into words and the white space between them; where words are not set apart, into characters."""
    found = []
    for part in UNSPACED.split(text):
        found += list(part) if UNSPACED.match(part) else re.findall(r"\s+|\w+(?:['’-]\w+)*|.", part)
    return found


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts as one, word by word: what both have, what was removed, what was added."""
    old, new = words(before), words(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return (Piece(kind="removed", text=before), Piece(kind="added", text=after))
    made: list[Piece] = []
    for kind, start, end, begin, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            made.append(Piece(kind="same", text="".join(old[start:end])))
            continue
        if end > start:
            made.append(Piece(kind="removed", text="".join(old[start:end])))
        if stop > begin:
            made.append(Piece(kind="added", text="".join(new[begin:stop])))
    return tuple(_joined(made))


def _joined(made: Sequence[Piece]) -> Iterator[Piece]:
    """As they are, but a single space between two changes counts to both, so that a changed phrase reads as one."""
    removed, added = "", ""
    for number, piece in enumerate(made):
        between = piece.kind == "same" and not piece.text.strip() and 0 < number < len(made) - 1
        if piece.kind == "removed" or between:
            removed += piece.text
        if piece.kind == "added" or between:
            added += piece.text
        if piece.kind == "same" and not between:
            yield from _told(removed, added)
            removed, added = "", ""
            yield piece
    yield from _told(removed, added)


def _told(removed: str, added: str) -> Iterator[Piece]:
    if removed:
        yield Piece(kind="removed", text=removed)
    if added:
        yield Piece(kind="added", text=added)


def _changes(noun: Noun, before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[EntryChange]:
    renamed, scores = _renamed(before, after)
    old = {renamed.get(entry.id, entry.id): entry for entry in before}
    places = {name: place for place, name in enumerate(old)}
    stayed = _stayed([places[entry.id] for entry in after if entry.id in places])
    told_until = 0
    kept = {entry.id for entry in after}
    for entry in after:
        if entry.id not in old:
            yield EntryChange(noun=noun, before=None, after=entry.id, fields=_fields(None, entry))
            continue
        place = places[entry.id]
        if place in stayed:
            # What was removed is told where it was, among those that kept their order.
            yield from _removed(noun, list(old.items())[told_until:place], kept)
            told_until = place
        was = old[entry.id]
        fields, moved = _fields(was, entry), place not in stayed
        if fields or moved or was.id != entry.id:
            score = scores.get(entry.id)
            yield EntryChange(noun=noun, before=was.id, after=entry.id, moved=moved, score=score, fields=fields)
    yield from _removed(noun, list(old.items())[told_until:], kept)


def _removed(noun: Noun, entries: Sequence[tuple[str, Entry]], kept: set[str]) -> Iterator[EntryChange]:
    for name, entry in entries:
        if name not in kept:
            yield EntryChange(noun=noun, before=entry.id, after=None, fields=_fields(entry, None))


def _renamed(before: Sequence[Entry], after: Sequence[Entry]) -> tuple[dict[str, str], dict[str, float]]:
    """New ids by old ones, and how alike the two are by new ids: the likest pairs of those that are in one file only."""
    ids, new_ids = {entry.id for entry in before}, {entry.id for entry in after}
    gone = [entry for entry in before if entry.id not in new_ids]
    come = [entry for entry in after if entry.id not in ids]
    if not gone or not come:
        return {}, {}
    # All texts of both files: what all of them say is told from what one says.
    rest = [entry for entry in (*before, *after) if entry not in gone and entry not in come]
    alike = similarities([_text(entry) for entry in (*gone, *come, *rest)])
    ranked = sorted(
        (
            (float(alike[old, len(gone) + new]), old, new)
            for old in range(min(len(gone), len(alike)))
            for new in range(max(0, min(len(come), len(alike) - len(gone))))
            if alike[old, len(gone) + new] >= RENAMED
        ),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    renamed: dict[str, str] = {}
    scores: dict[str, float] = {}
    for score, old, new in ranked:
        if gone[old].id not in renamed and come[new].id not in scores:
            renamed[gone[old].id] = come[new].id
            scores[come[new].id] = round(score, 2)
    return renamed, scores


def _text(entry: Entry) -> str:
    return "\n".join(str(value) for name, value in told(entry).items() if name not in ("id", "weight", "tags"))


def _stayed(places: Sequence[int]) -> set[int]:
    """Places of the most entries that kept their order among each other: the longest increasing subsequence."""
    ends: list[int] = []
    chains: list[list[int]] = []
    for place in places:
        at = bisect_left(ends, place)
        chain = [*(chains[at - 1] if at else []), place]
        ends[at : at + 1] = [place]
        chains[at : at + 1] = [chain]
    return set(chains[-1]) if chains else set()


def _fields(before: Entry | None, after: Entry | None) -> tuple[FieldChange, ...]:
    old, new = (told(entry) if entry else {} for entry in (before, after))
    keys = [key for key in type(before or after).model_fields if key != "id" and old.get(key) != new.get(key)]
    return tuple(_field(key, old.get(key), new.get(key)) for key in keys)


def _field(key: str, before: object, after: object) -> FieldChange:
    old, new = (None if value is None else _value(value) for value in (before, after))
    return FieldChange(field=key, before=old, after=new, pieces=pieces(old or "", new or ""))


def _value(value: object) -> str:
    match value:
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
