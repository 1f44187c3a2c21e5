"""An export's folder: what it may replace, and what never."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import files, many, refusal, rows, stored, written

from constitution import export
from constitution.errors import ExportError


def test_a_folder_that_is_not_empty_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(3))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("mine")
    bad = refusal(run, tmp_path / "data")
    assert "not empty, and not an export" in bad.message
    assert (tmp_path / "data" / "README.md").read_text() == "mine"


def test_an_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(3))
    export(run, tmp_path / "data")
    assert "--overwrite" in refusal(run, tmp_path / "data").hint
    before = list(files(tmp_path / "data"))
    export(run, tmp_path / "data", overwrite=True)
    assert list(files(tmp_path / "data")) == before


@pytest.mark.parametrize(
    "first",
    [{"family": "trl"}, {"family": "trl", "parquet": True}, {"family": "llama-factory"}, {"family": "verl"}],
)
def test_every_familys_export_can_be_replaced_by_any_other(tmp_path: Path, first: dict[str, Any]) -> None:
    run = stored(tmp_path / "run", many(5))
    export(run, tmp_path / "data", test_fraction=0, **first)
    export(run, tmp_path / "data", family="openai", test_fraction=0, overwrite=True)
    export(run, tmp_path / "alone", family="openai", test_fraction=0)
    assert list(files(tmp_path / "data")) == list(files(tmp_path / "alone"))


@pytest.mark.parametrize("name", ["recipes/mine.yaml", "sft/checkpoint.bin", "notes.txt", "sft/validation.jsonl"])
def test_an_export_with_something_of_your_own_in_it_is_not_replaced(tmp_path: Path, name: str) -> None:
    run = stored(tmp_path / "run", many(5))
    export(run, tmp_path / "data")
    (tmp_path / "data" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "data" / name).write_text("mine")
    assert "not an export" in refusal(run, tmp_path / "data", overwrite=True).message
    assert (tmp_path / "data" / name).read_text() == "mine"


def test_an_export_of_an_older_version_is_replaced(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(5))
    (tmp_path / "data" / "sft").mkdir(parents=True)
    (tmp_path / "data" / "sft" / "train.jsonl").write_text("{}\n")
    (tmp_path / "data" / "README.md").write_text(
        "---\nconfigs:\n- config_name: sft\n  data_files:\n  - split: train\n    path: sft/train.jsonl\n---\n\n"
        "Made with `constitution` by the supervised stage of Constitutional AI.\n"
    )
    export(run, tmp_path / "data", test_fraction=0, overwrite=True)
    assert len(rows(tmp_path / "data", "sft")) == 5


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    export(stored(tmp_path / "run", many(3)), tmp_path / "data", test_fraction=0)
    assert (tmp_path / "data" / "sft" / "train.jsonl").stat().st_size


def test_overwrite_replaces_an_export_whole(tmp_path: Path) -> None:
    export(stored(tmp_path / "old", many(40)), tmp_path / "data", test_fraction=0.5)
    assert (tmp_path / "data" / "sft" / "test.jsonl").exists()
    exported = export(stored(tmp_path / "new", many(5)), tmp_path / "data", test_fraction=0, overwrite=True)
    assert exported.rows["sft"] == {"train": 5}
    assert not list((tmp_path / "data").rglob("test*"))


def test_overwrite_by_an_export_of_nothing_keeps_the_old_one(tmp_path: Path) -> None:
    export(stored(tmp_path / "old", many(4)), tmp_path / "data", test_fraction=0)
    refusal(stored(tmp_path / "new", [], input=3), tmp_path / "data", overwrite=True)
    assert len(rows(tmp_path / "data", "sft")) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [("notes.txt", "mine"), ("README.md", "# My own project\n"), ("README.md", "---\nconfigs: 3\n---\n")],
)
def test_overwrite_replaces_nothing_but_an_export(tmp_path: Path, name: str, text: str) -> None:
    run = stored(tmp_path / "run", many(3))
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ExportError):
        export(run, tmp_path / "data", overwrite=True)
    assert path.read_text() == text


def test_overwrite_never_replaces_a_run_or_what_holds_it(tmp_path: Path) -> None:
    run = stored(tmp_path / "runs" / "first", many(3))
    other = stored(tmp_path / "other", many(2))
    for to in (run, tmp_path / "runs", other):
        assert re.search("holds the run|not an export", refusal(run, to, overwrite=True).message)
    assert len(written(run / "transcripts.jsonl")) == 3
    assert len(written(other / "transcripts.jsonl")) == 2


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    export(stored(tmp_path / "run", many(3)), tmp_path / "data", test_fraction=0)
    assert (tmp_path / "data").is_symlink()
    assert len(rows(tmp_path / "disk", "sft")) == 3


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert "a file, not a folder" in refusal(stored(tmp_path / "run", many(3)), tmp_path / "data").message


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refusal(stored(tmp_path / "run", many(3)), tmp_path / "file" / "data").message


# --- beside an export


def test_what_lies_beside_an_export_is_left_alone(tmp_path: Path, generated: Callable[..., Path]) -> None:
    kept = [tmp_path / name for name in (".data-99999999-notes", ".data-backup", ".data-4194399-abc-replaced")]
    for folder in kept:
        folder.mkdir()
        (folder / "file").write_text("mine")
    export(generated(), tmp_path / "data")
    assert [(folder / "file").read_text() for folder in kept] == ["mine"] * 3


def test_an_export_of_another_machine_is_not_cleared_away_and_one_that_was_killed_here_is(
    tmp_path: Path, generated: Callable[..., Path]
) -> None:
    for name, host in (("elsewhere", "elsewhere"), ("here", socket.gethostname())):
        (tmp_path / f".data-{name}").mkdir()
        mark = {"pid": 2**30, "host": host}
        (tmp_path / f".data-{name}" / ".constitution-export").write_text(json.dumps(mark))
    export(generated(), tmp_path / "data")
    assert [path.name for path in tmp_path.glob(".data*")] == [".data-elsewhere"]


@pytest.mark.parametrize("at", [1, 2])
def test_an_export_that_is_interrupted_between_its_renames_leaves_the_old_one(
    tmp_path: Path, generated: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    run, data = generated(), tmp_path / "data"
    export(run, data)
    before = (data / "sft" / "train.jsonl").read_bytes()
    rename, calls = Path.rename, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == at:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(run, data, overwrite=True, revisions="all")
    assert (data / "sft" / "train.jsonl").read_bytes() == before
    assert not list(tmp_path.glob(".data*"))
