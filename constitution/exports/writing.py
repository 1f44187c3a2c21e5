"""An export's folder: written aside, put in place whole, and replaced only if it is an export."""

import glob
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import jsonlines
import psutil

from constitution.durable import sync
from constitution.errors import ExportError
from constitution.exports.card import files_of
from constitution.exports.examples import Kind, Split
from constitution.printable import on_one_line

# Rows of a Parquet file that are held before they are written.
PARQUET_ROWS = 1024
ELSEWHERE = "Choose another folder with --to."
# What lies in the folder that an export works in, beside its target: who works, the new export, the old one.
MARK, NEW, OLD = ".constitution-export", "new", "old"


class Sink(Protocol):
    """A file that takes rows."""

    def write(self, row: dict[str, Any]) -> object:
        """Add a row."""


class Files:
    """The files of an export, `KIND/SPLIT.jsonl` or `.parquet`, each opened at its first row. A context manager.

    Args:
        folder: Where.
        kinds: What may be written, by name.
        parquet: Whether all files are Parquet, and not only those of kinds that are always.

    Attributes:
        written: Rows by kind and split.
    """

    def __init__(self, folder: Path, kinds: Mapping[str, Kind], parquet: bool) -> None:
        self.written: dict[str, dict[Split, int]] = {}
        self._folder = folder
        self._kinds = kinds
        self._columns = {name: {column["name"] for column in kind.columns} for name, kind in kinds.items()}
        # One kind that is always Parquet makes them all so: `datasets` reads a folder's files by one reader.
        self._parquet = parquet or any(kind.parquet for kind in kinds.values())
        self._sinks: dict[str, Sink] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Files":
        """Nothing is opened yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """Write what is held, close."""
        self._stack.close()

    def suffix(self, name: str) -> str:
        """The ending of a kind's files."""
        return ".parquet" if self._parquet or self._kinds[name].parquet else ".jsonl"

    def write(self, name: str, split: Split, row: dict[str, Any]) -> None:
        """Add a row to a kind's split.

        Raises:
            ExportError: The row's columns are not those that the kind declares.
        """
        if row.keys() != self._columns[name]:
            raise ExportError(
                f"{name}: a row with the columns {', '.join(row)}, declared are {', '.join(self._columns[name])}"
            )
        path = self._folder / name / f"{split}{self.suffix(name)}"
        if str(path) not in self._sinks:
            path.parent.mkdir(exist_ok=True)
            opened = _parquet(path, self._kinds[name].columns) if path.suffix == ".parquet" else _jsonl(path)
            self._sinks[str(path)] = self._stack.enter_context(opened)
        self._sinks[str(path)].write(row)
        splits = self.written.setdefault(name, {})
        splits[split] = splits.get(split, 0) + 1


@contextmanager
def aside(to: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `to` when nothing went wrong: it is there whole or not at all.

    Raises:
        ExportError: It cannot be written.
    """
    # A link to a folder stays a link: what it points to is replaced.
    target = to.resolve()
    work = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        mark = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        (work / MARK).write_text(mark, encoding="utf-8")
        folder = work / NEW
        folder.mkdir()
        yield folder
        for path in (*folder.rglob("*"), folder):
            sync(path)
        if target.exists():
            target.rename(work / OLD)
        folder.rename(target)
        sync(target.parent)
    except OSError as bad:
        raise ExportError(f"{to}: cannot be written: {bad.strerror or bad}", ELSEWHERE) from None
    finally:
        if work:
            _clear(work, target)


def _clear(work: Path, target: Path) -> None:
    """Take away what an export worked in; the old one, if the new one did not take its place, goes back first."""
    if (work / OLD).exists() and not target.exists():
        (work / OLD).rename(target)
    shutil.rmtree(work, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Clear up after exports to this folder that were killed; what bears no mark of such a one is left alone."""
    for work in target.parent.glob(f".{glob.escape(target.name)}-*"):
        try:
            mark = json.loads((work / MARK).read_text(encoding="utf-8"))
            ours = mark["host"] == socket.gethostname() and not psutil.pid_exists(int(mark["pid"]))
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if ours:
            _clear(work, target)


def check_target(run: Path, to: Path, overwrite: bool) -> None:
    """Refuse a folder that holds something, unless it is an export and may be replaced.

    Raises:
        ExportError: With what is in the way.
    """
    if to.exists() and not to.is_dir():
        raise ExportError(f"{to}: a file, not a folder", ELSEWHERE)
    if not to.is_dir() or not any(to.iterdir()):
        return
    if run.resolve().is_relative_to(to.resolve()):
        raise ExportError(f"{to}: holds the run, which an export must not replace", ELSEWHERE)
    if not _is_export(to):
        raise ExportError(f"{to}: not empty, and not an export", ELSEWHERE)
    if not overwrite:
        raise ExportError(
            f"{to}: not empty", "Choose another folder with --to, or replace the export in it with --overwrite."
        )


def _is_export(folder: Path) -> bool:
    """Whether the folder holds what an export wrote, and nothing besides."""
    card = folder / "README.md"
    if not card.is_file():
        return False
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}
    ours = files_of(card.read_text(encoding="utf-8", errors="replace"))
    return bool(ours) and there <= {"README.md", *ours}


def _jsonl(path: Path) -> AbstractContextManager[Sink]:
    return jsonlines.open(path, "w", dumps=on_one_line)


@contextmanager
def _parquet(path: Path, columns: Sequence[dict[str, Any]]) -> Iterator[Sink]:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = pyarrow.schema([(column["name"], _arrow_type(column)) for column in columns])
    with ParquetWriter(path, schema) as file:
        rows = _Held(lambda held: file.write_table(pyarrow.Table.from_pylist(held, schema)))
        yield rows
        rows.flush()


class _Held:
    """Rows in memory, handed on many at a time."""

    def __init__(self, hand_on: Any) -> None:
        self._rows: list[dict[str, Any]] = []
        self._hand_on = hand_on

    def write(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == PARQUET_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._hand_on(self._rows)
            self._rows = []


def _arrow_type(column: Mapping[str, Any]) -> Any:
    """The type of a column that is declared as in `dataset_info.features` of a dataset card."""
    import pyarrow

    if "dtype" in column:
        return pyarrow.type_for_alias(column["dtype"])
    if "struct" in column:
        return pyarrow.struct([(field["name"], _arrow_type(field)) for field in column["struct"]])
    inner = column["list"]
    if isinstance(inner, list):
        return pyarrow.list_(_arrow_type({"struct": inner}))
    return pyarrow.list_(_arrow_type({"dtype": inner} if isinstance(inner, str) else inner))
