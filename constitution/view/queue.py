"""What people are asked about, and in which order."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from constitution.digests import digest
from constitution.errors import ConfigError, RunError, command
from constitution.journal import Line, read_line
from constitution.records import Comparison, Record, Transcript
from constitution.reviews import revision_id, shown_of_comparison, shown_of_revision
from constitution.view.following import Following
from constitution.words import same_text

AnyRecord = TypeVar("AnyRecord", bound=Record)
# Places in a sample, by the ids that it names.
Sample = dict[str, int]


@dataclass(frozen=True)
class Kind(Generic[AnyRecord]):
    """One kind of thing that people review.

    Attributes:
        record: What a line of its journal holds.
        id_of: What it is called in reviews; None if nobody need be asked about it. Takes a line's plain JSON.
        shown_of: Hash of the texts that are shown of it.
    """

    record: type[AnyRecord]
    id_of: Callable[[dict[str, Any]], str | None]
    shown_of: Callable[[AnyRecord], str]


def _comparison_id(line: dict[str, Any]) -> str | None:
    return None if same_text(line["first"]["text"], line["second"]["text"]) else str(line["id"])


def _revision_id(line: dict[str, Any]) -> str | None:
    return revision_id(line["id"], len(line["rounds"])) if line["rounds"] else None


COMPARISONS = Kind(Comparison, _comparison_id, shown_of_comparison)
REVISIONS = Kind(Transcript, _revision_id, lambda transcript: shown_of_revision(transcript, len(transcript.rounds)))


class Queue(Generic[AnyRecord]):
    """The items of one kind, in one order for all reviewers, so that they judge the same ones and can be compared.

    Addresses name an item by a hash of its id, as the id tells where the two responses come from. Hashes, and where
    lines begin, are all that is held: some 250 bytes an item.

    Args:
        path: The journal of the items; it may grow.
        kind: What they are.
        sample: Only these, in this order; None: all, in the order of the hashes of their ids.

    Attributes:
        reading: Whether there is more to be read.
        fault: Why what follows cannot be read: what stands before that is asked about all the same.
    """

    def __init__(self, path: Path, kind: Kind[AnyRecord], sample: Sample | None) -> None:
        self._kind = kind
        self._sample = sample
        self.reading = False
        self.fault: RunError | None = None
        self._journal = Following(path, self._forget)
        self._offsets: dict[str, int] = {}
        self._ranks: dict[str, int] = {}
        self._order: list[str] = []
        self._places: dict[str, int] = {}
        self._shown: dict[str, str] = {}

    @property
    def sampled(self) -> set[int]:
        """Which places of the sample are here."""
        return set(self._ranks.values())

    def refresh(self, seconds: float = math.inf) -> None:
        """Take in what was added to the run, for so many seconds."""
        self.reading, self.fault = False, None
        try:
            self.reading = self._journal.look(self._take, seconds)
        except RunError as bad:
            self.fault = bad

    def __len__(self) -> int:
        """How many there are."""
        return len(self._offsets)

    def __contains__(self, key: str) -> bool:
        """Whether there is such an item."""
        return key in self._offsets

    def place(self, key: str) -> int:
        """Which one it is, from 1."""
        self._sort()
        return self._places[key] + 1

    def read(self, key: str) -> AnyRecord:
        """The record of an item.

        Raises:
            RunError: The journal is damaged.
        """
        return read_line(self._journal.path, self._offsets[key], self._kind.record)

    def shown(self, key: str) -> str:
        """Hash of the texts that are shown of an item."""
        if key not in self._shown:
            self._shown[key] = self._kind.shown_of(self.read(key))
        return self._shown[key]

    def first(self, wanted: Callable[[str], bool]) -> str | None:
        """The first wanted item; None if none is wanted."""
        self._sort()
        return next(filter(wanted, self._order), None)

    def _take(self, line: Line) -> None:
        row = from_json(line.text)
        name = self._kind.id_of(row)
        if name is None:
            return
        key = key_of(name)
        if self._sample is not None:
            rank = self._sample.get(name, self._sample.get(row["id"]))
            if rank is None:
                return
            self._ranks[key] = rank
        self._offsets[key] = line.offset

    def _sort(self) -> None:
        """Only where the order is asked for: a large run is read in many steps."""
        if len(self._order) == len(self._offsets):
            return
        self._order = sorted(self._offsets)
        if self._sample is not None:
            self._order.sort(key=self._ranks.__getitem__)
        self._places = {key: place for place, key in enumerate(self._order)}

    def _forget(self) -> None:
        for held in (self._offsets, self._ranks, self._places, self._shown):
            held.clear()
        self._order = []


def key_of(name: str) -> str:
    """What stands for an item's id in addresses and pages: it tells nothing."""
    return digest(["review", name])


def read_sample(path: Path, run: Path) -> Sample:
    """The ids of a file of `constitution sample`, JSONL, by their order.

    Raises:
        ConfigError: It cannot be read, a line has no id, or it is a blind sample.
    """
    hint = f"Make one with: {command('sample', run, '--to', 'sample.jsonl')}"
    sample: Sample = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"--sample {path}: cannot be read: {bad}", hint) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and "blind_id" in row and "id" not in row:
            raise ConfigError(
                f"--sample {path}: a blind sample, which names no items of the run",
                "Give the same sample made without --blind: the view hides all that a reviewer should not see.",
            )
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise ConfigError(f"{path}:{number}: not a line of a sample: a JSON object with an id", hint)
        sample.setdefault(row["id"], len(sample))
    if not sample:
        raise ConfigError(f"--sample {path}: there is no row in it", hint)
    return sample
