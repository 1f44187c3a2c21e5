"""Rows of files and datasets, each with its place, one at a time."""

import csv
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import jsonlines

from constitution.config import Settings
from constitution.errors import SourceError, first_line
from constitution.files import DAMAGED, MOST_LINE, is_gzip, open_bytes, text_lines
from constitution.input_files import File, ending, files_named
from constitution.remote.addresses import is_url, masked
from constitution.remote.reading import RemoteFile

# Rows of a Parquet file that are held at once.
PARQUET_ROWS = 1024

Row = dict[str, Any]


def rows_of(settings: Settings) -> Iterator[tuple[str, Row]]:
    """Every row of the input with its place, e.g. `my.jsonl:12`."""
    name = settings.prompts
    if shards := files_of(settings):
        return chain.from_iterable(READERS[ending(shard.name)](shard) for shard in shards)
    path = Path(name).expanduser()
    suffix = ending(path.name)
    if path.is_dir():
        return _dataset(settings, path)
    # A Hub dataset without an owner has no dot in its name: this is a file that is not there.
    if not path.exists() and path.suffix and "/" not in name:
        raise SourceError(f"{path}: no such file", "Check the path.")
    if not path.exists() and suffix not in READERS:
        return _dataset(settings, None)
    if suffix not in READERS:
        raise SourceError(
            f"{path}: no reader for {suffix or 'a file with no ending'}; known: {', '.join(READERS)}, each also .gz",
            f"A JSON array becomes JSONL with: jq -c '.[]' {path.name} > prompts.jsonl" if suffix == ".json" else "",
        )
    return READERS[suffix](path)


def files_of(settings: Settings) -> list[File]:
    """The files that hold the rows, if the input is a URL, a pattern or a folder of shards.

    Raises:
        SourceError: No file fits, their formats differ, or the URL cannot be reached or has no such split.
    """
    # A split is a dataset's: shards have none.
    shards = (settings.split, settings.subset) == ("train", None)
    if is_url(settings.prompts) and not shards:
        raise SourceError(
            f"{masked(settings.prompts)}: --split and --subset choose from datasets, and a URL is read as plain files",
            "Leave them out, and name the files of the split: 'URL/train*.jsonl'",
        )
    return files_named(settings.prompts) if shards else []


def _jsonl(path: File) -> Iterator[tuple[str, Row]]:
    number = 0

    def lines() -> Iterator[str]:
        nonlocal number
        for number, line in enumerate(text_lines(path), 1):  # noqa: B007 (read below, as the reader goes)
            yield line

    try:
        # By the standard library, always: the faster ones that jsonlines prefers do not tell the column of an error.
        for row in jsonlines.Reader(lines(), loads=json.loads).iter(type=dict, skip_empty=True):
            yield f"{path}:{number}", row
    except jsonlines.InvalidLineError as bad:
        cause = bad.__cause__
        reason = "another value"
        if isinstance(cause, json.JSONDecodeError):
            # The line's own end is no place to look: what breaks there breaks after the last character.
            reason = f"{cause.msg} at column {min(cause.pos, len(cause.doc.rstrip())) + 1}"
        raise SourceError(f"{path}:{number}: not a JSON object: {reason}", "Each line is one object.") from None
    except RecursionError:
        raise SourceError(f"{path}:{number}: not a JSON object that can be read: nested too deeply") from None


def _table(path: File) -> Iterator[tuple[str, Row]]:
    # The csv module refuses cells over 128 KiB unless told otherwise; prompts with documents in them are longer.
    csv.field_size_limit(MOST_LINE)
    tabbed = path.name.lower().removesuffix(".gz").endswith(".tsv")
    reader = csv.DictReader(text_lines(path), dialect="excel-tab" if tabbed else "excel", strict=True)
    try:
        header = Counter(reader.fieldnames or [])
        if twice := [name for name, times in header.items() if times > 1]:
            raise SourceError(f"{path}:1: two columns are called {twice[0]!r}", "Give each column a name of its own.")
        for row in reader:
            if None in row or None in row.values():
                raise SourceError(f"{path}:{reader.line_num}: the row does not have the header's {len(header)} cells")
            yield f"{path}:{reader.line_num}", row
    except csv.Error as bad:
        # The outer reader's own count lags behind the line that broke.
        raise SourceError(f"{path}:{reader.reader.line_num}: {bad}") from None


def _text(path: File) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(text_lines(path), 1):
        yield f"{path}:{number}", {"prompt": line.rstrip("\r\n")}


def _parquet(path: File) -> Iterator[tuple[str, Row]]:
    # Parquet's own reader comes with datasets, which is built on it.
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with tempfile.TemporaryDirectory() as folder:
        if isinstance(path, RemoteFile) or is_gzip(path):
            # Parquet is read from its end, which a gzip stream cannot do, nor some web servers.
            plain = Path(folder) / "rows.parquet"
            try:
                with open_bytes(path) as packed, plain.open("wb") as file:
                    shutil.copyfileobj(packed, file)
            except DAMAGED as bad:
                raise SourceError(f"{path}: broken: {bad}") from None
        else:
            plain = path
        number = 0
        try:
            rows = ParquetFile(plain)
            for group in range(rows.num_row_groups):
                told = rows.metadata.row_group(group)
                # By what the file says of itself; where it lies, memory may still run out, and that is told.
                size = max(1, told.total_byte_size // max(1, told.num_rows))
                held = max(1, min(PARQUET_ROWS, MOST_LINE // size))
                for batch in rows.iter_batches(batch_size=held, row_groups=[group]):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"{path}: row {number}", row
        except MemoryError:
            raise SourceError(f"{path}: row {number + 1} or the next ones do not fit into memory") from None
        except (OSError, ValueError, ArrowException) as bad:
            raise SourceError(f"{path}: not a Parquet file: {first_line(bad)}") from None


def _dataset(settings: Settings, folder: Path | None) -> Iterator[tuple[str, Row]]:
    """A Hugging Face dataset, by Hub name or from a folder; memory-mapped, so not held."""
    import datasets

    datasets.disable_progress_bars()
    try:
        if folder and any((folder / name).exists() for name in ("state.json", "dataset_dict.json")):
            loaded = datasets.load_from_disk(str(folder))
            if isinstance(loaded, datasets.DatasetDict):
                if settings.split not in loaded:
                    raise ValueError(f"Unknown split {settings.split!r}; it has {', '.join(loaded)}")
                loaded = loaded[settings.split]
        else:
            loaded = datasets.load_dataset(str(folder or settings.prompts), settings.subset, split=settings.split)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, datasets.exceptions.DatasetsError) as bad:
        # What broke in a file of the folder is the cause of what `datasets` says.
        reason = first_line(bad.__cause__ or bad)
        if folder:
            raise SourceError(
                f"{folder}: cannot be read as a dataset: {reason}", "Check --split and --subset."
            ) from None
        raise SourceError(
            f"{settings.prompts}: no such file, and no dataset: {reason}",
            "Give a file that exists, a dataset folder, or a Hub dataset such as owner/name (needs the network).",
        ) from None
    for number, row in enumerate(loaded, 1):
        yield f"{settings.prompts}: row {number}", row


READERS = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _table,
    ".tsv": _table,
    ".txt": _text,
    ".parquet": _parquet,
}
