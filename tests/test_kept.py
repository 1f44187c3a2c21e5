"""Files of rows that are kept: nothing that is read is replaced, and a failed try leaves nothing behind."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from principle_cli import Ran

from constitution.errors import ExportError, SourceError
from constitution.prompt_sets.decontaminate import decontaminate
from constitution.prompt_sets.dedup import dedup

A, B = "How do I boil an egg for breakfast?", "Why is the sky blue?"


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_what_is_read_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    read = write_rows(tmp_path / "in" / "1.jsonl", {"prompt": A}, {"prompt": A})
    # Where the rows that are left out would be told.
    told_of = write_rows(tmp_path / "in" / "x.jsonl.dropped.jsonl", {"prompt": B})
    (tmp_path / "link.jsonl").symlink_to(read)
    before = (read.read_text(), told_of.read_text())

    def fault(file: str, to: str) -> str:
        with pytest.raises(ExportError) as told:
            dedup([str(tmp_path / file)], tmp_path / to, overwrite=True)
        assert told.value.hint == "Name another file with --to."
        return told.value.message.replace(f"{tmp_path}/", "")

    for pattern in ("in", "in/*.jsonl", "in/1.jsonl"):
        assert fault(pattern, "in/1.jsonl") == "in/1.jsonl: is read and cannot be written at once"
    assert fault("in/1.jsonl", "link.jsonl") == "link.jsonl: is read and cannot be written at once"
    assert fault("in/*", "in/x.jsonl") == "in/x.jsonl.dropped.jsonl: is read and cannot be written at once"
    assert fault("in", "in/new.jsonl") == "in/new.jsonl: in the folder in, which is read"
    assert (read.read_text(), told_of.read_text()) == before
    dedup([str(tmp_path / "in" / "*.jsonl")], tmp_path / "new.jsonl", overwrite=True)


def test_tables_of_other_columns_are_not_joined(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("prompt,n\nWho?,1\n")
    (tmp_path / "2.csv").write_text('"prompt",n\r\nWho then?,1\n')
    (tmp_path / "3.csv").write_text("prompt,m\nWhy?,1\n")
    pq.write_table(pa.table({"prompt": [A]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"prompt": [A], "n": [1]}), tmp_path / "2.parquet")
    (tmp_path / "3.parquet").write_text("nothing of the kind")

    def fault(first: str, second: str, to: str) -> str:
        with pytest.raises(SourceError) as told:
            dedup([str(tmp_path / first), str(tmp_path / second)], tmp_path / to)
        return told.value.message.replace(f"{tmp_path}/", "")

    before = sorted(tmp_path.iterdir())
    assert fault("1.csv", "3.csv", "kept.csv") == "3.csv: other columns than 1.csv"
    assert fault("1.parquet", "2.parquet", "kept.parquet") == "2.parquet: other columns than 1.parquet"
    assert fault("1.parquet", "3.parquet", "kept.parquet").startswith("3.parquet: not a Parquet file: ")
    assert sorted(tmp_path.iterdir()) == before
    # Spelt in another way, they are the same columns.
    dedup([str(tmp_path / "1.csv"), str(tmp_path / "2.csv")], tmp_path / "kept.csv")
    assert (tmp_path / "kept.csv").read_bytes() == b"prompt,n\nWho?,1\nWho then?,1\n"


def test_both_files_are_there_or_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_rows(tmp_path / "rows.jsonl", {"prompt": A}, {"prompt": A})

    def full(found: Any) -> Any:
        yield "{}"
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("constitution.prompt_sets.dedup.left_out", full)
        with pytest.raises(ExportError, match=r"kept\.jsonl: cannot be written: No space left on device"):
            dedup([str(path)], tmp_path / "kept.jsonl")
    assert list(tmp_path.iterdir()) == [path]
    assert dedup([str(path)], tmp_path / "kept.jsonl").kept == 1


def test_kept_rows_of_the_same_id_are_told(tmp_path: Path, here: Callable[..., Ran]) -> None:
    rows = [{"id": 1, "prompt": A}, {"id": 2, "prompt": A}, {"id": 1, "prompt": B}, {"id": 3, "prompt": "Who am I?"}]
    path = write_rows(tmp_path / "rows.jsonl", *rows, {"id": "1 ", "prompt": "Where is the sea?"}, {"prompt": "Who?"})
    other = write_rows(tmp_path / "other.jsonl", {"prompt": "Nothing of the kind is asked anywhere."})
    for words in (("dedup", path), ("decontaminate", path, "--against", other)):
        told = here("prompts", *words, "--to", tmp_path / f"{words[0]}.jsonl").out
        assert "  2 kept rows have the id of an earlier one, first '1': generate refuses them" in told
        assert "--id-column none" in told
    # The id of a row that is left out is free.
    write_rows(path, {"id": 1, "prompt": A}, {"id": 2, "prompt": A}, {"id": 2, "prompt": B})
    assert dedup([str(path)], tmp_path / "kept.jsonl").same_id is None


def test_a_file_that_is_named_twice_is_told_before_it_is_read(tmp_path: Path) -> None:
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    a.write_text("no JSON")
    write_rows(b, {"prompt": B})
    pattern = f"{tmp_path}/*.jsonl"
    for names, message in (
        ((a, a), f"{a}: named twice"),
        ((b, a, f"{tmp_path}/../{tmp_path.name}/b.jsonl"), "named twice, by "),
        ((a, pattern), f"{a}: named twice, by {a} and {pattern}"),
    ):
        files = list(map(str, names))
        for refused in (
            lambda files=files: dedup(files, tmp_path / "kept.jsonl"),
            lambda files=files: decontaminate(files, [str(b)], tmp_path / "kept.jsonl"),
        ):
            with pytest.raises(SourceError) as told:
                refused()
            assert message in told.value.message
            assert told.value.hint.startswith("Name each ")
    # An evaluation may be one of the inputs: then its own rows are left out.
    assert decontaminate([str(b)], [str(b)], tmp_path / "kept.jsonl").kept == 0
