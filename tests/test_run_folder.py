"""Names of runs, and runs' folders that were made to have this program read or write elsewhere, or wait for ever."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from exporting import compared, judged, many, stored

from constitution import export
from constitution.errors import RunError
from constitution.gold import judge_gold
from constitution.journal import Journal, seal
from constitution.labelling_plan import settings_of
from constitution.records import Call, Choice
from constitution.report.labels import summarise_labels
from constitution.report.summary import summarise
from constitution.report.terminal import find_comparisons, find_row
from constitution.run import Run
from constitution.run_folder import check_entries, check_folder, check_name
from constitution.store import comparisons, count, transcripts

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def refusal(check: Callable[[Path], None], folder: Path) -> RunError:
    with pytest.raises(RunError) as caught:
        check(folder)
    return caught.value


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = judged(stored(tmp_path / "run", many(3)), compared(3))
    (folder / "summary.json").write_text("{}", encoding="utf-8")
    (folder / "replaced" / "1").mkdir(parents=True)
    (folder / "replaced" / "1" / "comparisons.jsonl").touch()
    judged(folder / "gold" / "people.jsonl", compared(3))
    return folder


# --- names


@pytest.mark.parametrize(
    "name", ["..", "a b", "a:b", "ü", "a\n", "\x1b[2J", "-" * 65, "a\\b", "run*", "a\u202eb", "~", "$HOME", "a'b"]
)
def test_a_name_that_does_not_fit_is_refused_with_the_rule_and_one_that_fits(tmp_path: Path, name: str) -> None:
    error = refusal(check_folder, tmp_path / name)
    assert f"a run cannot be called {name!r}: 1 to 64 letters (a-z, A-Z), digits, '.', '_' and '-'" in error.message
    example = error.hint.split()[-1]
    check_name(Path(example))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/", "outputs/.."])
def test_a_path_without_a_name_of_its_own_is_refused(path: str) -> None:
    assert "a run cannot be called" in refusal(check_name, Path(path)).message


@pytest.mark.parametrize("name", ["a", "-" * 64, "demo-01_b.2", "...", ".hidden", "sub/folder/run", "ü/run"])
def test_a_name_that_fits_passes(tmp_path: Path, name: str) -> None:
    check_folder(tmp_path / name)


def test_the_name_of_a_gold_file_must_fit_as_it_is_a_folders_too(tmp_path: Path, run: Path) -> None:
    with pytest.raises(RunError, match=re.escape("a run cannot be called 'my file.jsonl'")) as caught:
        asyncio.run(judge_gold(run, "elsewhere/my file.jsonl", None))
    assert "rename the file" in caught.value.hint


# --- what lies in the folder

NAMES = [
    *("manifest.json", "calls.jsonl", "transcripts.jsonl", "failures.jsonl", "filtered.jsonl", "summary.json"),
    *("compare.json", "compare-calls.jsonl", "comparisons.jsonl", "compare-failures.jsonl", "compare-filtered.jsonl"),
    *(".lock", "manifest.tmp", "compare.tmp", "summary.tmp", "replaced", "gold", "replaced/1", "gold/people.jsonl"),
    *("replaced/1/comparisons.jsonl", "gold/people.jsonl/compare-calls.jsonl"),
]


def in_place_of(path: Path, make: Callable[[Path], object]) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    make(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_link_in_the_folder_is_named_and_what_it_points_to_is_not_touched(
    tmp_path: Path, run: Path, name: str
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    check_folder(run)
    in_place_of(run / name, lambda path: path.symlink_to(mine))
    error = refusal(check_folder, run)
    assert error.message.startswith(f"{run / name}: a link to {mine};")
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_link_to_nothing_is_one_too(run: Path) -> None:
    (run / "notes").symlink_to(run / "nowhere")
    assert f"{run / 'notes'}: a link" in refusal(check_folder, run).message


def test_the_folder_itself_must_not_be_a_link_but_the_ones_above_may(tmp_path: Path, run: Path) -> None:
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "outputs").symlink_to(tmp_path / "big-disk")
    shutil.copytree(run, tmp_path / "outputs" / "run")
    check_folder(tmp_path / "outputs" / "run")
    (tmp_path / "linked").symlink_to(run)
    assert refusal(check_folder, tmp_path / "linked").message.startswith(f"{tmp_path / 'linked'}: a link to {run}")


@pytest.mark.parametrize("name", ["transcripts.jsonl", "compare-calls.jsonl", ".lock"])
def test_a_pipe_or_a_socket_is_refused(run: Path, name: str) -> None:
    in_place_of(run / name, os.mkfifo)
    assert refusal(check_folder, run).message.startswith(f"{run / name}: a pipe;")
    (run / name).unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        # A socket's path is short: bound by its name alone.
        before = Path.cwd()
        os.chdir(run)
        try:
            listening.bind(name)
        finally:
            os.chdir(before)
    assert refusal(check_folder, run).message.startswith(f"{run / name}: a socket;")


def test_a_folder_that_is_not_there_or_is_none_is_left_to_others(tmp_path: Path) -> None:
    check_entries(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    check_entries(tmp_path / "file")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("summary.json")], ids=["pipe", "link"])
@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("show",),
        ("show", "row-1"),
        ("audit",),
        ("export", "--to", "data"),
        ("export", "--to", "d", "--pairs", "revisions"),
    ],
    ids=" ".join,
)
def test_a_hostile_run_is_not_read(run: Path, cli: Cli, command: tuple[str, ...], make: Callable[[Path], None]) -> None:
    # A reader that opened it would wait for ever.
    for name in ("comparisons.jsonl", "transcripts.jsonl"):
        in_place_of(run / name, make)
    result = cli(command[0], run, *command[1:])
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr.startswith(f"error: {run}/comparisons.jsonl: a ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("stage", "read"), [("manifest.json", settings_of), ("compare.json", summarise_labels)])
def test_settings_of_a_manifest_that_are_none_are_told(run: Path, stage: str, read: Callable[[Path], object]) -> None:
    manifest = json.loads((run / stage).read_text(encoding="utf-8"))
    manifest["settings"]["concurrency"] = "many"
    (run / stage).write_text(json.dumps(manifest), encoding="utf-8")
    # They are looked at where control strings are told of.
    call = Call(row="row-1", index=1, step="x", digest="d", choice=Choice(logprobs=(0.0,), control_strings=1))
    journal = Journal(run / "compare-calls.jsonl")
    journal.append(call)
    journal.close()
    with pytest.raises(RunError, match=r"the settings in its manifest cannot be read: concurrency: expected a whole"):
        read(run)


def test_an_export_of_a_run_whose_manifest_lacks_most_is_made_all_the_same(tmp_path: Path, run: Path) -> None:
    for stage in ("manifest.json", "compare.json"):
        manifest = json.loads((run / stage).read_text(encoding="utf-8"))
        manifest |= {"settings": {}, "affecting": {"model (identity)": {"model": "m"}}}
        (run / stage).write_text(json.dumps(manifest), encoding="utf-8")
    export(run, tmp_path / "data")
    assert "model: `m`, revision `None`" in (tmp_path / "data" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("calls.jsonl", summarise),
        ("calls.jsonl", summarise_labels),
        ("calls.jsonl", lambda run: find_row(run, None)),
        ("comparisons.jsonl", lambda run: find_comparisons(run, None)),
        ("transcripts.jsonl", lambda run: list(transcripts(run))),
        ("comparisons.jsonl", lambda run: list(comparisons(run))),
    ],
)
def test_each_reader_looks_for_itself(run: Path, name: str, read: Callable[[Path], object]) -> None:
    (run / name).unlink()
    (run / name).symlink_to(run / "summary.json")
    assert f"{name}: a link to" in refusal(read, run).message


def test_who_stands_in_a_run_may_name_it_by_a_dot(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    check_name(Path())


@pytest.mark.parametrize("index", [10**8, 10**18, 10**200])
def test_a_position_that_no_row_has_is_refused_by_every_reader(run: Path, index: int) -> None:
    line = seal(b'{"id":"x","index":%d,"step":"respond"}' % index)
    for name, read in (("transcripts.jsonl", count), ("comparisons.jsonl", lambda run: list(comparisons(run)))):
        before = (run / name).read_bytes()
        (run / name).write_bytes(before + line)
        assert f"{name}:" in refusal(read, run).message
        assert "not a record of a row" in refusal(read, run).message
        (run / name).write_bytes(before)


def test_a_writer_looks_before_it_writes(run: Path) -> None:
    before = (run / "summary.json").read_bytes()
    (run / "calls.jsonl").unlink()
    (run / "calls.jsonl").symlink_to(run / "summary.json")
    assert "calls.jsonl: a link to" in refusal(Run, run).message
    assert "calls.jsonl: a link to" in refusal(Journal, run / "calls.jsonl").message
    assert (run / "summary.json").read_bytes() == before
