"""Leave out rows that say what an earlier row says."""

import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from constitution.errors import ConfigError
from constitution.fingerprints import fingerprint
from constitution.printable import on_one_line
from constitution.prompt_sets.clusters import Duplicates, Watch, find_duplicates
from constitution.prompt_sets.kept import check_output, write_kept, written
from constitution.prompt_sets.reading import Item, Reading, items
from constitution.prompt_sets.same_ids import SameIds
from constitution.prompt_sets.shingles import plain, shingles
from constitution.prompt_sets.signatures import BandFiles, bands_for
from constitution.prompt_sets.spool import Spool
from constitution.records import Record

# About one word of eleven exchanged; see docs/prompts.md for what other values mean.
THRESHOLD = 0.75
# Rows whose signatures are made at once.
BATCH = 1024


class Deduplicated(Record):
    """What was found in a set.

    Attributes:
        rows: All of them.
        empty: Those without text, which are kept.
        kept: Those that were written.
        exact: Left out, as they are an earlier row's text but for case, signs and white space.
        near: Left out, as they are at least so like a row that is kept.
        threshold: How like.
        compared: Pairs of rows that were compared.
        bands: Of the signatures.
        band_rows: Values of each.
        same_ids: Kept rows whose id an earlier kept row has.
        same_id: The first such id; None: there is none.
    """

    rows: int
    empty: int
    kept: int
    exact: int
    near: int
    threshold: float
    compared: int
    bands: int
    band_rows: int
    same_ids: int = 0
    same_id: str | None = None


@dataclass(frozen=True)
class Found:
    """The duplicates of a set, while its texts are at hand.

    Attributes:
        duplicates: By row.
        names: Of each row its place and its id, if it has one, after a NUL, which no path holds.
        empty: Rows without text.
        summary: All of it in numbers.
    """

    duplicates: Duplicates
    names: Spool
    summary: Deduplicated

    def name(self, row: int) -> tuple[str, str | None]:
        """Where a row stands, and its id."""
        where, has_id, id = self.names[row].partition("\0")
        return where, id if has_id else None

    def kept(self, row: int) -> bool:
        """Whether a row is no duplicate."""
        return bool(self.duplicates.of[row] < 0)


def dedup(
    files: Sequence[str],
    to: Path,
    reading: Reading | None = None,
    threshold: float = THRESHOLD,
    watch: Watch = lambda step, done, of: None,
    overwrite: bool = False,
) -> Deduplicated:
    """Write the rows of some files without near-duplicates, and beside them which were left out and why.

    Args:
        files: Read in this order; the first of several rows that say the same is kept.
        to: The file that is written, in the rows' own format or as JSONL; and `TO.dropped.jsonl`.
        reading: What of a row is compared.
        threshold: Least Jaccard similarity of character n-grams (`shingles.py`).
        watch: For progress.
        overwrite: Whether files that are there may be replaced.

    Raises:
        ConstitutionError: A row cannot be read, there is none, or a file cannot be written.
    """
    reading = reading or Reading()
    check_output(files, to, reading, overwrite)
    with find(items(files, reading), threshold, watch) as found:
        rows = found.summary.rows
        watch("rows written", 0, rows)
        with written(to) as (out, told):
            write_kept(files, to, out, reading, lambda row: found.name(row)[0], rows, found.kept)
            for line in left_out(found):
                told.write(f"{line}\n".encode())
        watch("rows written", rows, rows)
        same = SameIds()
        for row in range(rows):
            if found.kept(row):
                same.see(found.name(row)[1])
        return found.summary.model_copy(update={"same_ids": same.rows, "same_id": same.first})


@contextmanager
def find(
    items: Iterable[Item], threshold: float = THRESHOLD, watch: Watch = lambda step, done, of: None, fixed: int = 0
) -> Iterator[Found]:
    """The near-duplicates of a set; what was found is at hand as long as the context lasts.

    Args:
        items: The rows; pulled once.
        threshold: Least Jaccard similarity.
        watch: For progress.
        fixed: So many of the first rows are kept, whatever they are like.

    Raises:
        ConfigError: The threshold is none.
        SourceError: A row cannot be read.
    """
    if not 0.3 <= threshold <= 1:
        raise ConfigError(f"--threshold {threshold:g}: not from 0.3 to 1", "0.75 is the default; 1 is the same text.")
    with tempfile.TemporaryDirectory(prefix="constitution-") as folder:
        texts, names = Spool(Path(folder) / "texts"), Spool(Path(folder) / "names")
        try:
            bands = BandFiles(Path(folder), bands_for(threshold))
            with bands:
                hashes = _read(items, texts, names, bands, watch)
            duplicates = find_duplicates(texts, hashes, bands, threshold, watch, fixed)
            left_out = int((duplicates.of >= 0).sum())
            yield Found(
                duplicates=duplicates,
                names=names,
                summary=Deduplicated(
                    rows=len(hashes),
                    empty=int((hashes == 0).sum()),
                    kept=len(hashes) - left_out,
                    exact=duplicates.exact,
                    near=left_out - duplicates.exact,
                    threshold=threshold,
                    compared=duplicates.compared,
                    bands=bands.bands.number,
                    band_rows=bands.bands.rows,
                ),
            )
        finally:
            texts.close()
            names.close()


def left_out(found: Found) -> Iterator[str]:
    """A line of JSON for each row that is left out, in their order."""
    duplicates = found.duplicates
    for row in np.flatnonzero(duplicates.of >= 0).tolist():
        where, id = found.name(row)
        kept_where, kept_id = found.name(int(duplicates.of[row]))
        yield on_one_line(
            {
                "where": where,
                "id": id,
                "duplicate_of": kept_where,
                "duplicate_of_id": kept_id,
                "similarity": round(float(duplicates.similarity[row]), 4),
            }
        )


def _read(rows: Iterable[Item], texts: Spool, names: Spool, bands: BandFiles, watch: Watch) -> NDArray[np.uint64]:
    """Spool all rows, write their keys, and tell a hash of each plain text; 0 of an empty one."""
    hashes, waiting = array("Q"), list[set[str]]()
    for item in rows:
        text = plain(item.text)
        texts.add(text)
        names.add(item.where if item.id is None else f"{item.where}\0{item.id}")
        hashes.append(_hash(text))
        waiting.append(shingles(text) or {""})
        if len(waiting) == BATCH:
            bands.add(waiting)
            waiting.clear()
            watch("rows read", len(hashes), 0)
    if waiting:
        bands.add(waiting)
    watch("rows read", len(hashes), len(hashes))
    return np.frombuffer(hashes, np.uint64)


def _hash(text: str) -> int:
    """64 bits of a text, never 0 unless it is empty."""
    return fingerprint(text) or 1 if text else 0
