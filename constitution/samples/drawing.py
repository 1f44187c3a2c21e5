"""Which items are drawn: those with the smallest hashes of each stratum.

The journal is read once to divide it, and only the drawn lines a second time; in between, the memory holds a hash and a
place in the file for at most as many items of each stratum as are asked for, and no text.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from constitution.counts import Counts
from constitution.digests import derive_seed
from constitution.errors import ConfigError, ExportError, RunError, command
from constitution.journal import has_records, parse, read_line, read_lines
from constitution.manifest import COMPARE, REVISE, Stage, has_stage, load_manifest
from constitution.records import Comparison, Record, Transcript
from constitution.samples.allocation import allocate
from constitution.samples.fields import DEFAULTS, Of, Source, check_columns, check_fields, values
from constitution.store import count
from constitution.words import same_text

STAGES: dict[Of, Stage] = {"comparisons": COMPARE, "transcripts": REVISE}


class Stratum(Record):
    """Items of which the same is said.

    Attributes:
        values: What is said, by field.
        size: How many there are in the run.
        drawn: How many of them are in the sample.
    """

    values: dict[str, str]
    size: int
    drawn: int

    @property
    def weight(self) -> float:
        """How many items of the run each drawn one stands for; 0 if none is drawn."""
        return self.size / self.drawn if self.drawn else 0.0


class Drawn(NamedTuple):
    """An item of the sample, before it is read.

    Attributes:
        order: A hash that tells its place in the sample.
        offset: The byte at which its line begins.
        stratum: Which one it is of, by its place among them.
    """

    order: int
    offset: int
    stratum: int


class _Candidate(NamedTuple):
    """An item that may be drawn.

    Attributes:
        rank: Its hash with a minus: of the kept ones, the first of a heap is the one to go.
        order: As in `Drawn`.
        offset: As in `Drawn`.
    """

    rank: int
    order: int
    offset: int


@dataclass
class _Layer:
    """A stratum while the journal is read."""

    size: int = 0
    kept: list[_Candidate] = field(default_factory=list)


class _Divided(NamedTuple):
    """A journal that was read.

    Attributes:
        layers: By what the fields say.
        identical: As in `Sample`.
    """

    layers: dict[tuple[str, ...], _Layer]
    identical: int


@dataclass(frozen=True)
class Sample:
    """A drawn sample.

    Attributes:
        run: The run's folder.
        of: What was drawn.
        by: The fields that it is divided by.
        seed: What the draw depends on, beside the items' ids.
        strata: All of them, the largest first.
        drawn: The items in an order of their own, so that who stops reading early has read a random part.
        identical: Comparisons of one text with itself: none is drawn, as nobody was asked about them.
        counts: Where the rows of the stage were.
    """

    run: Path
    of: Of
    by: tuple[str, ...]
    seed: int
    strata: tuple[Stratum, ...]
    drawn: tuple[Drawn, ...]
    identical: int
    counts: Counts

    @property
    def population(self) -> int:
        """How many items the run has that may be drawn."""
        return sum(stratum.size for stratum in self.strata)

    def records(self) -> Iterator[tuple[Source, Stratum]]:
        """The drawn records, each with its stratum."""
        path = self.run / STAGES[self.of].outcomes
        for one in self.drawn:
            yield read_line(path, one.offset, _record(self.of)), self.strata[one.stratum]


def draw(
    run: Path,
    number: int = 50,
    *,
    of: Literal["auto", "comparisons", "transcripts"] = "auto",
    by: Sequence[str] = (),
    seed: int = 0,
    equal: bool = False,
) -> Sample:
    """Draw a stratified random sample of a run's comparisons or transcripts, without replacement.

    The same run and seed give the same sample; a larger one holds every smaller one. Within a stratum each item is as
    probable as any other.

    Args:
        run: A run's folder.
        number: How many items; all, if there are not as many.
        of: What to draw; `auto`: comparisons if the run has any, else transcripts.
        by: Fields that divide it, see `fields.py`; none: `fields.DEFAULTS`.
        seed: Changes what is drawn.
        equal: As many of each stratum as of any other, not in proportion to their sizes.

    Raises:
        ConfigError: A number below 1; an unknown field.
        ExportError: The run has nothing of the kind to draw yet.
        RunError: The folder is not a run, has no such stage, or its journal is damaged.
    """
    if number < 1:
        raise ConfigError(f"-n {number}: a sample has at least one item", "For example: -n 50")
    kind = _kind(run, of)
    stage = STAGES[kind]
    if kind == "transcripts" and not has_stage(run, REVISE) and has_stage(run, COMPARE):
        again = command("sample", run, "--of", "comparisons")
        raise RunError(f"{run}: holds comparisons only, no transcripts", f"Draw from these: {again}")
    load_manifest(run, stage)
    fields = tuple(by) or DEFAULTS[kind]
    check_fields(kind, fields)
    counts = count(run, stage)
    layers, identical = _divide(run / stage.outcomes, kind, fields, seed, number)
    if not layers and identical:
        raise ExportError(
            f"{run}: its comparisons ({identical}) are all of one text with itself: there is nothing to choose",
            f"Read them: {command('view', run)}",
        )
    if not layers:
        raise ExportError(
            f"{run}: no {kind} yet ({counts.equation})", f"See where the run is with: {command('status', run)}"
        )
    # Between strata of one size, their names decide: never the order in which rows were finished.
    ordered = sorted(layers.items(), key=lambda item: (-item[1].size, item[0]))
    numbers = allocate([layer.size for _, layer in ordered], number, equal)
    drawn = [
        Drawn(one.order, one.offset, place)
        for place, ((_, layer), share) in enumerate(zip(ordered, numbers, strict=True))
        for one in heapq.nlargest(share, layer.kept)
    ]
    strata = [
        Stratum(values=dict(zip(fields, said, strict=True)), size=layer.size, drawn=share)
        for (said, layer), share in zip(ordered, numbers, strict=True)
    ]
    return Sample(
        run=run,
        of=kind,
        by=fields,
        seed=seed,
        strata=tuple(strata),
        drawn=tuple(sorted(drawn)),
        identical=identical,
        counts=counts,
    )


def _kind(run: Path, of: Literal["auto", "comparisons", "transcripts"]) -> Of:
    if of != "auto":
        return of
    # A run of a file of pairs has no transcripts to turn to.
    compared = has_stage(run, COMPARE) and (has_records(run / COMPARE.outcomes) or not has_stage(run, REVISE))
    return "comparisons" if compared else "transcripts"


def _record(of: Of) -> type[Source]:
    return Comparison if of == "comparisons" else Transcript


def _divide(path: Path, of: Of, by: Sequence[str], seed: int, most: int) -> _Divided:
    identical = 0
    layers: dict[tuple[str, ...], _Layer] = {}
    columns: set[str] = set()
    for line in read_lines(path):
        item = parse(path, line, _record(of))
        columns.update(item.metadata)
        if isinstance(item, Comparison) and same_text(item.first.text, item.second.text):
            identical += 1
            continue
        layer = layers.setdefault(values(item, by), _Layer())
        layer.size += 1
        rank, order = -derive_seed("sample", seed, item.id), derive_seed("sample order", seed, item.id)
        one = _Candidate(rank, order, line.offset)
        if len(layer.kept) < most:
            heapq.heappush(layer.kept, one)
        else:
            heapq.heappushpop(layer.kept, one)
    if layers:
        check_columns(by, columns)
    return _Divided(layers, identical)
