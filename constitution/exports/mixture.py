"""Rows of other files among our own: data that keeps a model helpful while it learns to be harmless.

Bai et al. 2022 train on both (sections 3.2 and 4.2). Which rows of a file are taken, and where they go, is drawn by
hashes of the seed, the file's name and the row's place: the same whatever the machine, and without holding rows.
Filters and soft labels are for what a judge said of our own rows: they do not touch these.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from constitution.digests import derive_uniform
from constitution.errors import ExportError
from constitution.exports.examples import Question
from constitution.exports.foreign import examples_in, rows_in, types_of, wrong_columns
from constitution.exports.options import Mixture
from constitution.exports.picks import Example, prompt_key
from constitution.exports.soft_labels import number

Item = TypeVar("Item")


def parse_mix(word: str) -> Mixture:
    """A value of `--mix`.

    Raises:
        ExportError: Not a file, a colon and a positive number.
    """
    file, colon, text = word.rpartition(":")
    weight = number(text)
    if not file or not colon or weight is None or weight <= 0:
        what = f"the weight {text!r} is not a number above 0" if file else "no weight"
        raise ExportError(
            f"--mix {word}: {what}", "Give --mix FILE:WEIGHT; helpful.jsonl:1 mixes in as many rows as the run gives."
        )
    return Mixture(file=file, weight=weight)


def check_mix(mixtures: Sequence[Mixture], kinds: Iterable[type]) -> None:
    """Look at each file's first row, before anything is written.

    Raises:
        ExportError: No such file, no rows, or columns that feed none of these types of example.
        SourceError: The first row is broken.
    """
    for mixture in mixtures:
        path = Path(mixture.file).expanduser()
        where, row = next(rows_in(path), ("", None))
        if row is None:
            raise ExportError(f"--mix {path}: no rows", "Give a file with at least one row.")
        if not types_of(row) & set(kinds):
            raise wrong_columns(where, row)


@dataclass(frozen=True)
class Share:
    """What one file gives to one type of example.

    Attributes:
        wanted: Its weight times our own rows, rounded.
        chosen: Places of the examples that are taken among those of use; as many as wanted, if there are.
    """

    mixture: Mixture
    kind: type
    wanted: int
    chosen: frozenset[int]

    def read(self, taken: frozenset[str]) -> Iterator[Example]:
        """The examples, in the order of the file."""
        for place, example in enumerate(_of_use(self.mixture, self.kind, taken)):
            if place in self.chosen:
                yield example


def share(mixture: Mixture, kind: type, own: int, taken: frozenset[str], seed: int) -> Share | None:
    """Draw which examples of a file are taken; None if the file has no columns for this type.

    Args:
        mixture: The file and its weight.
        kind: The type of example.
        own: Rows that the run gives.
        taken: Keys of prompts that a `Question` must not repeat.
        seed: Of the draw.

    Raises:
        ExportError: A row without the columns of the first, or that cannot be read as a conversation.
    """
    path = Path(mixture.file).expanduser()
    if kind not in types_of(next(row for _, row in rows_in(path))):
        return None
    wanted = int(mixture.weight * own + 0.5)
    places = range(sum(1 for _ in _of_use(mixture, kind, taken)))
    chosen = heapq.nsmallest(wanted, places, key=lambda place: derive_uniform("mix", seed, path.name, place))
    return Share(mixture, kind, wanted, frozenset(chosen))


@dataclass(frozen=True)
class Stream(Generic[Item]):
    """Items to come, and how many."""

    length: int
    items: Iterator[Item]


def riffle(streams: Sequence[Stream[Item]], *parts: object) -> Iterator[Item]:
    """Interleave streams, each in its own order, every interleaving equally likely.

    The next item comes from a stream with a chance in proportion to what it has left.

    Args:
        streams: What to interleave.
        *parts: What the draws are hashed from.
    """
    left = [stream.length for stream in streams]
    for step in range(sum(left)):
        mark = derive_uniform("place", *parts, step) * sum(left)
        for place, stream in enumerate(streams):
            mark -= left[place]
            if mark < 0:
                left[place] -= 1
                yield next(stream.items)
                break


def _of_use(mixture: Mixture, kind: type, taken: frozenset[str]) -> Iterator[Example]:
    seen = set(taken)
    for example in examples_in(Path(mixture.file).expanduser(), kind):
        if example is None:
            continue
        if isinstance(example, Question):
            key = prompt_key(example.prompt)
            if key in seen:
                continue
            seen.add(key)
        yield example
