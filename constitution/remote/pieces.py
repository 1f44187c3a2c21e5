"""Pieces of journals as files: lines as they are, or a Parquet table that gives the same lines back."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from constitution.errors import RunError, first_line
from constitution.manifest import COMPARE, REVISE, SCORE
from constitution.remote.folder import Piece, RemoteFolder, content_digest

# Bytes of a piece, and of memory that one takes; a longer line makes a longer piece.
PIECE_BYTES = 16 * 1024**2
# The journals that people read as tables; the others are this program's own.
TABLES = frozenset({REVISE.outcomes, COMPARE.outcomes, SCORE.outcomes})


def form_of(journal: str, wanted: str) -> str:
    """How the pieces of a journal are stored."""
    return wanted if Path(journal).name in TABLES else "jsonl"


def whole_lines(path: Path, start: int) -> Iterator[bytes]:
    """The whole lines of a journal from a byte on, a piece's worth at a time.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        file.seek(start)
        while content := file.read(PIECE_BYTES):
            end = content.rfind(b"\n") + 1
            if not end:
                content += file.readline()
                end = len(content) if content.endswith(b"\n") else 0
            if not end:
                return
            yield content[:end]
            start += end
            file.seek(start)


def piece_of(start: int, content: bytes, form: str) -> Piece:
    """The piece that holds these bytes of a journal."""
    return Piece(start, start + len(content), content_digest(content), form)


def put(folder: RemoteFolder, journal: str, piece: Piece, content: bytes) -> None:
    """Store a piece.

    Raises:
        Unreachable: It cannot be written.
        RunError: A line is damaged, so no table can be made of it.
    """
    stored = _table(journal, piece.start, content) if piece.form == "parquet" else content
    folder.write(f"{journal}.d/{piece.name}", stored)


def fetch(folder: RemoteFolder, journal: str, piece: Piece) -> bytes:
    """The bytes of a journal that a piece holds.

    Raises:
        Unreachable: It cannot be read.
        RunError: It does not hold what its name says.
    """
    name = f"{journal}.d/{piece.name}"
    stored = folder.read(name)
    content = b"" if stored is None else stored
    why = "gone" if stored is None else "damaged: its bytes have another hash than its name says"
    if stored and piece.form == "parquet":
        try:
            content = _lines(stored)
        except (OSError, ValueError, KeyError) as bad:
            why = f"damaged: not the table that it was: {first_line(bad)}"
            content = b""
    if content_digest(content) != piece.digest:
        raise RunError(f"{folder}/{name}: {why}", "Bring the file back from a copy, or choose another URL.")
    return content


def _table(journal: str, start: int, content: bytes) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    try:
        rows = [_row(line) for line in content.decode("utf-8").split("\n")[:-1]]
        parquet.write_table(pa.Table.from_pylist(rows), file)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, pa.ArrowException) as bad:
        # Whatever else than this program's own lines somebody put there.
        raise RunError(
            f"{journal}: no table can be made of its lines after byte {start:,}: {first_line(bad)}",
            "Mend the line; or take --piece-format jsonl, which stores lines as they are.",
        ) from None
    return file.getvalue()


def _row(line: str) -> dict[str, Any]:
    """A line, and of a transcript what people look for first."""
    record = json.loads(line)
    row: dict[str, Any] = {"id": record.get("id"), "index": record.get("index"), "line": line}
    if "rounds" in record:
        responses = [record["response"], *(one["revision"] for one in record["rounds"])]
        row |= {"prompt": record["prompt"][-1]["content"] if record["prompt"] else ""}
        row |= {"response": responses[0]["text"], "revision": responses[-1]["text"]}
    return row


def _lines(table: bytes) -> bytes:
    from pyarrow import parquet

    lines = parquet.read_table(io.BytesIO(table), columns=["line"])["line"].to_pylist()
    return "".join(f"{line}\n" for line in lines).encode()
