"""Runs at URLs: what goes up, what comes back on another machine, and what is refused."""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import PROGRAM
from fsspec.implementations.local import LocalFileSystem

from constitution import Settings, generate
from constitution.errors import ConfigError
from constitution.remote import holder as holders
from constitution.remote import mirror
from constitution.remote.copies import copy_at
from constitution.remote.folder import RemoteFolder
from constitution.remote.holder import LIVE_SECONDS, read_holder
from constitution.remote.keeping import mirrored
from remote.machines import Machine, kill, wait_for

Machines = Callable[[str], Machine]


def rows_of(machine: Machine) -> list[bytes]:
    return sorted((machine.copy / "transcripts.jsonl").read_bytes().splitlines())


def pieces(place: Path, journal: str = "calls.jsonl") -> list[Path]:
    return sorted((place / f"{journal}.d").glob("0*"))


def slower(machine: Machine, seconds: float) -> None:
    machine.rules.write_text(f"- when: '.'\n  seconds: {seconds}\n", encoding="utf-8")


@pytest.fixture
def expected(generated: Callable[..., Path], machine: Machines) -> list[bytes]:
    """The rows of the same run in a folder."""
    run = generated("local", model=str(machine("a").rules))
    return sorted((run / "transcripts.jsonl").read_bytes().splitlines())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_run_is_the_same_run_on_another_machine(machine: Machines, expected: list[bytes], form: str) -> None:
    one, other = machine("one"), machine("other")
    made = one.generate("--piece-format", form)
    assert (made.code, made.err) == (0, "")
    assert rows_of(one) == expected
    told = other("status", other.url, "--format", "json")
    assert json.loads(told.out)["counts"]["done"] == 12
    # Byte for byte, though the outcomes were a table on the way.
    assert other.files() == one.files()
    assert {path.suffix for path in pieces(Path(other.url[7:]), "transcripts.jsonl")} == {f".{form}"}


def test_pieces_of_outcomes_are_tables_that_people_can_read(machine: Machines, place: Path) -> None:
    one = machine("one")
    assert one.generate("--piece-format", "parquet").code == 0
    (path,) = pieces(place, "transcripts.jsonl")
    row = min(pq.read_table(path).to_pylist(), key=lambda row: row["index"])
    assert row["id"] == "row-00" and row["prompt"] == "Question number 0?"
    assert row["response"] != row["revision"] and json.loads(row["line"])["response"]["text"] == row["response"]
    assert {path.suffix for path in pieces(place)} == {".jsonl"}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_killed_writers_are_taken_over_on_other_machines_and_no_row_is_written_twice(
    machine: Machines, expected: list[bytes], place: Path, form: str
) -> None:
    slower(machine("a"), 0.15)
    chance = random.Random(form)
    for number in range(3):
        here = machine(f"machine-{number}")
        uploaded = len(pieces(place))
        process = here.begin(pause=0.05, form=form)
        wait_for(lambda before=uploaded: len(pieces(place)) > before)
        time.sleep(chance.random() * 0.2)
        assert process.poll() is None
        kill(process)
    last = machine("last")
    slower(last, 0)
    assert last.generate("--piece-format", form).code == 0
    assert rows_of(last) == expected
    # What is there is what a machine that had no part in it sees.
    assert machine("onlooker")("status", last.url).code == 0
    assert machine("onlooker").files() == last.files()
    calls = (last.copy / "calls.jsonl").read_bytes().splitlines()
    keys = [(one["row"], one["step"]) for one in map(json.loads, calls)]
    assert len(keys) == len(set(keys)) == 12 * 3


def test_a_killed_writer_that_goes_on_itself_repeats_no_finished_call(machine: Machines, expected: list[bytes]) -> None:
    one = machine("one")
    slower(one, 0.05)
    process = one.begin(pause=1000)
    wait_for(lambda: "transcripts.jsonl" in one.files())
    kill(process)
    finished = set((one.copy / "calls.jsonl").read_bytes().splitlines(keepends=True))
    slower(one, 0)
    assert one.generate().code == 0
    assert finished <= set((one.copy / "calls.jsonl").read_bytes().splitlines(keepends=True))
    assert rows_of(one) == expected
    other = machine("other")
    other("status", one.url)
    assert other.files() == one.files()


def test_a_copy_and_a_url_that_went_different_ways_are_refused_and_left_as_they_are(
    machine: Machines, expected: list[bytes], place: Path
) -> None:
    one, other = machine("one"), machine("other")
    slower(one, 0.05)
    process = one.begin(pause=1000)
    wait_for(lambda: "transcripts.jsonl" in one.files())
    kill(process)
    slower(one, 0)
    assert other.generate().code == 0
    before, there = one.files(), {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    for refused in (one.generate(), one("status", one.url), one("export", one.url, "--to", one.home / "data")):
        assert refused.code == 4
        assert "went different ways" in refused.err and f"mv {one.copy}" in refused.err
    assert one.files() == before
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == there
    # What it says to type.
    shutil.move(one.copy, f"{one.copy}.aside")
    assert one.generate().code == 0
    assert rows_of(one) == expected


def test_a_url_that_cannot_be_written_is_told_before_a_model_is_loaded(
    machine: Machines, tmp_path: Path, place: Path
) -> None:
    place.parent.mkdir()
    place.write_text("a file where the folder should be", encoding="utf-8")
    one = machine("one")
    refused = one("generate", "--prompts", one.prompts, "--out", one.url, "--model", "no-such-model", "--quiet")
    assert refused.code == 4
    assert refused.err.startswith(f"error: {one.url}: cannot be ")
    # Nor does what may follow depend on it.
    place.unlink()
    assert one.generate().code == 0


def test_a_url_that_fails_in_the_middle_is_told_and_the_run_goes_on(
    machine: Machines, expected: list[bytes], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "LAST_PAUSES", (0.0, 0.01))
    one = machine("one")
    slower(one, 0.08)
    process = one.begin(pause=0.05)
    wait_for(lambda: len(pieces(place)) > 1)
    place.rename(place.with_name("gone"))
    place.write_text("not a folder any more", encoding="utf-8")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "constitution.errors.RunError" in err
    assert err.count("warning:") == 1 and "the run goes on, and uploading is tried again" in err
    assert "not up to date: cannot be" in err
    # Nothing is lost, also without the URL.
    assert rows_of(one) == expected
    assert one("status", one.copy).code == 0
    place.unlink()
    place.with_name("gone").rename(place)
    assert one.generate().code == 0
    other = machine("other")
    other("status", one.url)
    assert rows_of(other) == expected


def test_the_exit_code_of_a_url_that_is_not_up_to_date_is_4(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "LAST_PAUSES", (0.0, 0.01))
    one = machine("one")
    write = RemoteFolder.write

    def full(folder: RemoteFolder, name: str, content: bytes) -> None:
        if "transcripts" in name:
            raise folder._unreachable("written", OSError("no room left"))
        write(folder, name, content)

    monkeypatch.setattr(RemoteFolder, "write", full)
    late = one.generate()
    assert late.code == 4
    assert "12 done" in late.out
    assert f"{one.url}: not up to date: cannot be written: no room left" in late.err
    assert str(one.copy) in late.err
    monkeypatch.undo()
    assert one.generate().code == 0


def test_one_machine_writes_at_a_time(machine: Machines, place: Path) -> None:
    one, other = machine("one"), machine("other")
    slower(one, 0.3)
    process = one.begin(pause=0.05)
    try:
        wait_for(lambda: len(pieces(place)) > 0)
        refused = other.generate()
        assert refused.code == 4
        assert f"process {process.pid} on {socket.gethostname()}" in refused.err
        assert "Wait until it is done, or stop it there" in refused.err
        # On its own machine too; reading is nobody's harm.
        refused = one.generate()
        assert refused.code == 4 and "another process of this machine is writing this run" in refused.err
        assert other("status", other.url).code == 0
        assert one("status", one.url).code == 0
    finally:
        kill(process)


def holder_from_elsewhere(place: Path, **changes: Any) -> None:
    told = json.loads((place / "holder.json").read_bytes())
    told |= {"writer": "another", "host": "elsewhere", "state": "writing", "seen": time.time()}
    (place / "holder.json").write_text(json.dumps(told | changes), encoding="utf-8")


def test_a_holder_elsewhere_counts_for_five_minutes(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "WATCH_SECONDS", 0.2)
    one = machine("one")
    assert one.generate().code == 0
    holder_from_elsewhere(place)
    refused = one.generate()
    assert refused.code == 4
    assert "on elsewhere" in refused.err and re.search("try again in (300|2..) seconds", refused.err)
    holder_from_elsewhere(place, seen=time.time() - LIVE_SECONDS - 1)
    assert one.generate().code == 0
    holder = read_holder(RemoteFolder(one.url))
    assert holder and (holder.host, holder.state) == (socket.gethostname(), "done")


def test_a_writer_whose_place_was_taken_writes_no_more(machine: Machines, place: Path) -> None:
    one = machine("one")
    slower(one, 0.1)
    process = one.begin(pause=0.05)
    wait_for(lambda: len(pieces(place)) > 0)
    holder_from_elsewhere(place)
    taken = (place / "holder.json").read_bytes()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "on elsewhere writes this run" in err
    # It wrote its own name over the other's at most once, and nothing after it had seen the other's.
    assert (place / "holder.json").read_bytes() == taken
    assert not pieces(place, "summary.json")


def test_ctrl_c_uploads_what_was_finished(machine: Machines, place: Path) -> None:
    one = machine("one")
    slower(one, 0.1)
    given = ["--prompts", one.prompts, "--out", one.url, "--engine", "scripted", "--model", one.rules, "--rounds", 1]
    process = subprocess.Popen(
        [str(PROGRAM), "generate", *map(str, given), "--concurrency", "2"],
        env=os.environ | {"XDG_DATA_HOME": str(one.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: "transcripts.jsonl" in one.files())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on from here" in err
    assert json.loads((place / "holder.json").read_bytes())["state"] == "done"
    other = machine("other")
    assert other("status", other.url).code == 0
    assert other.files() == one.files()


def test_a_stage_that_is_begun_anew_is_begun_anew_elsewhere(machine: Machines) -> None:
    one, other = machine("one"), machine("other")
    assert one.generate().code == 0
    compare = ("compare", one.url, "--pairs", "revisions", "--quiet")
    assert one(*compare).code == 0
    assert other("status", other.url).code == 0
    assert one(*compare, "--principles-per-pair", 2, "--replace").code == 0
    assert "replaced/1/comparisons.jsonl" in one.files()
    # A copy that had the old comparisons, and one that had nothing.
    for there in (other, machine("new")):
        assert there("audit", there.url).code == 0
        assert there.files() == one.files()
    # Back and forth.
    assert other(*compare, "--principles-per-pair", 3, "--replace").code == 0
    assert one("status", one.url).code == 0
    assert one.files() == other.files()


def test_a_copy_that_vanishes_under_a_run_takes_nothing_away_from_the_url(machine: Machines, place: Path) -> None:
    one = machine("one")
    slower(one, 0.1)
    process = one.begin(pause=0.05)
    wait_for(lambda: len(pieces(place)) > 1)
    before = {path: path.read_bytes() for path in pieces(place)}
    shutil.rmtree(one.copy)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "gone, and nothing is taken away" in err
    assert {path: path.read_bytes() for path in pieces(place)}.items() >= before.items()
    slower(one, 0)
    assert one.generate().code == 0
    assert len(one.files()["transcripts.jsonl"].splitlines()) == 12


def test_a_run_that_did_not_begin_leaves_nothing_at_the_url(machine: Machines, place: Path) -> None:
    one = machine("one")
    refused = one("generate", "--prompts", one.home / "none.jsonl", "--out", one.url, "--engine", "scripted")
    assert refused.code == 2
    assert [path for path in place.rglob("*") if path.is_file()] == []
    assert "no run there" in one("status", one.url).err


def test_other_settings_are_refused_at_a_url_as_in_a_folder(machine: Machines) -> None:
    assert machine("one").generate().code == 0
    refused = machine("other").generate("--temperature", 0.1)
    assert refused.code == 4 and "temperature: 0.7 → 0.1" in refused.err


def test_lines_that_this_machine_lost_come_back(machine: Machines, place: Path) -> None:
    one = machine("one")
    assert one.generate().code == 0
    before = one.files()
    path = one.copy / "transcripts.jsonl"
    path.write_bytes(path.read_bytes()[:-700])
    (one.copy / "calls.jsonl").unlink()
    assert one("status", one.url).code == 0
    assert one.files() == before


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_damaged_piece_is_told_of(machine: Machines, place: Path, form: str) -> None:
    assert machine("one").generate("--piece-format", form).code == 0
    (path,) = pieces(place, "transcripts.jsonl")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    # A table has bytes that no line is made of.
    path.write_bytes(content if form == "jsonl" else content[:-9])
    refused = machine("other")("status", machine("other").url)
    assert refused.code == 4
    assert path.name in refused.err and "damaged" in refused.err


def test_a_missing_piece_is_told_of(machine: Machines, place: Path) -> None:
    one = machine("one")
    slower(one, 0.05)
    process = one.begin(pause=0.05)
    wait_for(lambda: len(pieces(place)) > 2)
    kill(process)
    pieces(place)[1].unlink()
    refused = machine("other").generate()
    assert refused.code == 4 and "is missing" in refused.err


def test_what_lies_outside_a_run_is_not_written_by_names_at_a_url(machine: Machines, place: Path) -> None:
    one, other = machine("one"), machine("other")
    assert one.generate().code == 0
    (place / "notes of mine.json").write_text("{}", encoding="utf-8")
    (place / "deep" / "er").mkdir(parents=True)
    (place / "deep" / "er" / "x y.json").write_text("{}", encoding="utf-8")
    other("status", other.url)
    assert other.files() == one.files()


def test_a_url_with_a_secret_is_refused(machine: Machines, tmp_path: Path) -> None:
    one = machine("one")
    refused = one("generate", "--prompts", one.prompts, "--out", "ftp://me:secret9@host/run", "--engine", "scripted")
    assert refused.code == 2
    assert "secret9" not in refused.err and "fsspec" in refused.err
    assert not (one.home / "constitution").exists()


def test_without_the_network_the_copy_is_named(machine: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    one = machine("one")
    assert one.generate().code == 0

    def down(*args: object, **named: object) -> None:
        raise OSError("the network is down")

    monkeypatch.setattr(LocalFileSystem, "find", down)
    refused = one("status", one.url)
    assert refused.code == 4
    assert f"{one.url}: cannot be listed: the network is down" in refused.err
    assert f"What this machine has of the run: {one.copy}" in refused.err
    assert one("status", one.copy).code == 0


def test_copies_of_two_urls_never_meet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folders = {copy_at(f"s3://{bucket}/run").folder for bucket in ("a", "b")} | {copy_at("gs://a/run/").folder}
    assert len(folders) == 3
    assert copy_at("gs://a/run/").folder == copy_at("gs://a/run").folder
    long = copy_at(f"s3://bucket/{'x' * 300}").folder.name
    assert len(long) <= 64


def test_an_export_and_a_report_go_to_urls_as_to_folders(machine: Machines, tmp_path: Path) -> None:
    one = machine("one")
    assert one.generate().code == 0
    at_url, local = tmp_path / "there", tmp_path / "here"
    export = ("export", one.url, "--pairs", "revisions", "--to")
    made = one(*export, at_url.as_uri())
    assert made.code == 0 and f"{at_url.as_uri()}/sft/train.jsonl: " in made.out
    assert one(*export, local).code == 0
    names = sorted(path.relative_to(local) for path in local.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(at_url) for path in at_url.rglob("*") if path.is_file())
    assert all((at_url / name).read_bytes() == (local / name).read_bytes() for name in names)
    refused = one(*export, at_url.as_uri())
    assert refused.code == 2 and "not empty" in refused.err

    page = tmp_path / "pages" / "report.html"
    assert one("report", one.url, "--out", page.as_uri()).code == 0
    assert "Question number" in page.read_text(encoding="utf-8")
    page.write_text("somebody's own", encoding="utf-8")
    refused = one("report", one.url, "--out", page.as_uri())
    assert refused.code == 4 and "no report of this program" in refused.err
    assert page.read_text(encoding="utf-8") == "somebody's own"


def test_an_export_to_a_url_that_cannot_be_written_is_refused_before_it_is_made(
    machine: Machines, tmp_path: Path
) -> None:
    one = machine("one")
    assert one.generate().code == 0
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    refused = one("export", one.url, "--to", (tmp_path / "file" / "data").as_uri())
    assert refused.code == 4 and "cannot be written" in refused.err


def test_the_library_says_how_it_writes_to_a_url(machine: Machines) -> None:
    one = machine("one")
    with pytest.raises(ConfigError) as refused:
        asyncio.run(generate(Settings(prompts=str(one.prompts), out=one.url, engine="scripted")))
    assert "mirrored" in refused.value.hint


def test_a_view_beside_a_run_leaves_uploading_to_the_run(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    assert one.generate().code == 0
    with mirrored(one.copy) as running, mirrored(one.copy, shared=True) as viewing:
        assert running is not None and viewing is None
        (one.copy / "reviews.jsonl").write_bytes(b'{"id":"row-00","index":0}\n')
    assert b"".join(path.read_bytes() for path in pieces(place, "reviews.jsonl")) == b'{"id":"row-00","index":0}\n'
