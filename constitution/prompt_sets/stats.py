"""What is in a set of prompts, in numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence

from constitution.prompt_sets.clusters import Watch
from constitution.prompt_sets.dedup import THRESHOLD, Deduplicated, find
from constitution.prompt_sets.grams import tokens_of
from constitution.prompt_sets.reading import Item, Reading, items, metadata_of, plain_value
from constitution.records import Record
from constitution.scripts import script_of

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Of a column: more values than these are names of rows, and no groups.
MOST_VALUES = 1000
SHOWN_VALUES = 20
# In characters: a column with a longer value holds texts, and no groups.
LONGEST_VALUE = 80
OPENING_WORDS = 3
SHOWN_OPENINGS = 10
# Openings that are counted at once; where there are more, the rarest are forgotten.
MOST_OPENINGS = 100_000


class Lengths(Record):
    """How long texts are; of those that are not empty.

    Attributes:
        least: Of the shortest.
        quantiles: By share of the rows that are no longer: 0.05, 0.25, 0.5, 0.75, 0.95.
        most: Of the longest.
        mean: On average.
    """

    least: int
    quantiles: dict[float, int]
    most: int
    mean: float


class ColumnStats(Record):
    """The values of a column.

    Attributes:
        rows: That have one.
        values: How many there are; None: nobody counted them, as they are over 1,000, or texts.
        most: The most frequent ones with their rows; none of them, where nobody counted.
    """

    rows: int
    values: int | None
    most: dict[str, int]


class Stats(Record):
    """A set of prompts in numbers.

    Attributes:
        rows: All of them.
        empty: Those without text.
        words: Lengths in words; of scripts without spaces, in characters.
        characters: Lengths in characters.
        scripts: Rows by the script of most of their letters, as Unicode calls it.
        duplicates: What `dedup` would leave out.
        columns: The others, by name.
        openings: The most frequent first three words, with their rows.
    """

    rows: int
    empty: int
    words: Lengths | None
    characters: Lengths | None
    scripts: dict[str, int]
    duplicates: Deduplicated
    columns: dict[str, ColumnStats]
    openings: dict[str, int]


def stats_of(
    files: Sequence[str],
    reading: Reading | None = None,
    threshold: float = THRESHOLD,
    watch: Watch = lambda step, done, of: None,
) -> Stats:
    """Count.

    Args:
        files: Read in this order.
        reading: What of a row is its text.
        threshold: Of near-duplicates.
        watch: For progress.

    Raises:
        ConstitutionError: A row cannot be read, or there is none.
    """
    counts = _Counts(reading or Reading())
    with find(counts.seen(items(files, counts.reading)), threshold, watch) as found:
        return Stats(
            rows=found.summary.rows,
            empty=found.summary.empty,
            words=_lengths(counts.words),
            characters=_lengths(counts.characters),
            scripts=_ordered(counts.scripts),
            duplicates=found.summary,
            columns={name: counts.column(name) for name in counts.rows},
            openings=_ordered(counts.openings, SHOWN_OPENINGS),
        )


class _Counts:
    """What is counted row by row; bounded, however many rows there are."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.words: Counter[int] = Counter()
        self.characters: Counter[int] = Counter()
        self.scripts: Counter[str] = Counter()
        self.openings: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self._values: dict[str, Counter[str] | None] = {}

    def seen(self, rows: Iterator[Item]) -> Iterator[Item]:
        """The rows, each counted as it passes."""
        for item in rows:
            self.see(item)
            yield item

    def see(self, item: Item) -> None:
        """Count a row."""
        for name, value in metadata_of(item.row, self.reading).items():
            if (shown := plain_value(value)) not in (None, ""):
                self.rows[name] += 1
                self._see_value(name, str(shown))
        if not (text := item.text.strip()):
            return
        tokens = tokens_of(text)
        self.words[len(tokens)] += 1
        self.characters[len(text)] += 1
        self.scripts[script_of([text]) or "none"] += 1
        self.openings[" ".join(tokens[:OPENING_WORDS])] += 1
        if len(self.openings) > MOST_OPENINGS:
            self.openings = Counter(dict(self.openings.most_common(MOST_OPENINGS // 2)))

    def column(self, name: str) -> ColumnStats:
        """What was seen of a column."""
        values = self._values[name]
        return ColumnStats(
            rows=self.rows[name],
            values=None if values is None else len(values),
            most={} if values is None else _ordered(values, SHOWN_VALUES),
        )

    def _see_value(self, name: str, value: str) -> None:
        values = self._values.setdefault(name, Counter())
        if values is not None:
            values[value] += 1
            if len(values) > MOST_VALUES or len(value) > LONGEST_VALUE:
                self._values[name] = None


def _ordered(counts: Counter[str], most: int | None = None) -> dict[str, int]:
    """The most frequent first; of equally frequent ones, in the order of the alphabet."""
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most])


def _lengths(counts: Counter[int]) -> Lengths | None:
    rows = counts.total()
    if not rows:
        return None
    quantiles, below = {}, 0
    wanted = list(QUANTILES)
    for length in sorted(counts):
        below += counts[length]
        while wanted and below >= wanted[0] * rows:
            quantiles[wanted.pop(0)] = length
    mean = sum(length * count for length, count in counts.items()) / rows
    return Lengths(least=min(counts), quantiles=quantiles, most=max(counts), mean=round(mean, 1))
