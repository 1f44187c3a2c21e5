"""Who writes a run at a URL, and what writing leaves there when something fails."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reviewing import Tab

from constitution.errors import RunError
from constitution.remote import holder, while_used
from constitution.remote.copies import copy_at
from constitution.remote.folder import RemoteFolder
from constitution.remote.holder import LIVE_SECONDS, this_machine
from constitution.remote.keeping import mirrored
from constitution.remote.pieces import piece_of, put
from remote.machines import Machine, kill, wait_for

Machines = Callable[[str], Machine]
# No process has such a number.
NOBODY = 2**22 + 1
LINES = (b'{"id":"row-00","index":0}\n', b'{"id":"row-01","index":1}\n')


def pieces(place: Path, journal: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((place / f"{journal}.d").glob("0*"))]


def hold(place: Path, **changes: Any) -> bytes:
    """Let somebody else be the holder; what stands there then."""
    told = json.loads((place / "holder.json").read_bytes())
    told |= {"writer": "another", "host": "elsewhere", "machine": "m", "state": "writing", "seen": time.time()}
    (place / "holder.json").write_text(json.dumps(told | changes), encoding="utf-8")
    return (place / "holder.json").read_bytes()


def test_a_killed_run_that_went_on_elsewhere_goes_on_where_it_began(machine: Machines, place: Path) -> None:
    one, other = machine("one"), machine("other")
    one.rules.write_text("- when: 'number 7'\n  seconds: 60\n- when: '.'\n", encoding="utf-8")
    process = one.begin(pause=0.05)

    def is_all_there() -> bool:
        journals = {name: content for name, content in one.files().items() if name.endswith(".jsonl")}
        rows = journals.get("transcripts.jsonl", b"").count(b"\n")
        return rows == 11 and all(b"".join(pieces(place, name)) == content for name, content in journals.items())

    wait_for(is_all_there)
    kill(process)
    assert (one.copy / "failures.jsonl").read_bytes() == b""
    one.rules.write_text("- when: 'number 7'\n  seconds: 0\n- when: '.'\n", encoding="utf-8")
    assert other.generate().code == 0
    told = one("status", one.url)
    assert (told.code, told.err) == (0, "")
    assert one.files() == other.files()
    assert one.generate().code == 0
    assert len(one.files()["transcripts.jsonl"].splitlines()) == 12


def test_a_piece_that_came_though_its_upload_failed_does_not_stay(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    assert one.generate().code == 0
    path, write = one.copy / "reviews.jsonl", RemoteFolder.write

    def cut_off(folder: RemoteFolder, name: str, content: bytes) -> None:
        write(folder, name, content)
        if "reviews" in name and path.stat().st_size == len(LINES[0]):
            with path.open("ab") as file:
                file.write(LINES[1])
            raise folder._unreachable("written", TimeoutError("no answer"))

    monkeypatch.setattr(RemoteFolder, "write", cut_off)
    with mirrored(one.copy, pause=0.01):
        path.write_bytes(LINES[0])
        wait_for(lambda: pieces(place, "reviews.jsonl") == [b"".join(LINES)])


def test_pieces_that_longer_ones_cover_are_taken_away(machine: Machines, place: Path) -> None:
    one = machine("one")
    assert one.generate().code == 0
    before = pieces(place, "calls.jsonl")
    first = before[0].splitlines(keepends=True)[0]
    put(RemoteFolder(one.url), "calls.jsonl", piece_of(0, first, "jsonl"), first)
    assert len(pieces(place, "calls.jsonl")) == 2
    assert one.generate().code == 0
    assert pieces(place, "calls.jsonl") == before


def test_a_machine_of_the_same_name_is_another_machine(machine: Machines, place: Path) -> None:
    one = machine("one")
    assert one.generate().code == 0
    assert this_machine()
    hold(place, host=socket.gethostname(), machine="another", pid=NOBODY)
    refused = one.generate()
    assert refused.code == 4 and f"process {NOBODY} on {socket.gethostname()}" in refused.err
    # One of this machine's own that is gone need not be waited for.
    hold(place, host=socket.gethostname(), machine=this_machine(), pid=NOBODY)
    assert one.generate().code == 0


@pytest.mark.parametrize("behind", [LIVE_SECONDS + 60, -LIVE_SECONDS - 60])
def test_a_clock_that_is_wrong_does_not_make_a_writer_dead_or_a_dead_one_live(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch, behind: float
) -> None:
    monkeypatch.setattr(holder, "WATCH_SECONDS", 20.0)
    monkeypatch.setattr(holder, "LOOK_SECONDS", 0.05)
    one = machine("one")
    assert one.generate().code == 0
    hold(place, seen=time.time() - behind, beat=1)
    ended = threading.Event()

    def beat() -> None:
        number = 1
        while not ended.wait(0.2):
            number += 1
            aside = place / ".aside"
            told = json.loads((place / "holder.json").read_bytes()) | {"beat": number, "seen": time.time() - behind}
            aside.write_text(json.dumps(told), encoding="utf-8")
            os.replace(aside, place / "holder.json")

    living = threading.Thread(target=beat)
    living.start()
    try:
        refused = one.generate()
    finally:
        ended.set()
        living.join()
    assert refused.code == 4 and "on elsewhere" in refused.err
    monkeypatch.setattr(holder, "WATCH_SECONDS", 0.2)
    assert one.generate().code == 0


def test_who_is_no_longer_the_holder_puts_nothing_more(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, write, after = machine("one"), RemoteFolder.write, list[str]()

    def taken_over(folder: RemoteFolder, name: str, content: bytes) -> None:
        write(folder, name, content)
        after.append(name)
        if name == "manifest.json":
            after.clear()
            hold(place)

    monkeypatch.setattr(RemoteFolder, "write", taken_over)
    late = one.generate()
    assert late.code == 4 and "on elsewhere writes this run" in late.err
    assert after == []


def test_files_of_others_beside_a_run_are_left_alone(machine: Machines, place: Path) -> None:
    one, other = machine("one"), machine("other")
    assert one.generate().code == 0
    (place / "notes" / "x.jsonl.d").mkdir(parents=True)
    (place / "notes" / "a.json").write_text("{}", encoding="utf-8")
    (place / "notes" / "x.jsonl.d" / "y.txt").write_text("mine", encoding="utf-8")
    assert other.generate().code == 0
    assert not (other.copy / "notes").exists()
    assert other("compare", other.url, "--pairs", "revisions", "--quiet").code == 0
    assert (place / "notes" / "a.json").read_text(encoding="utf-8") == "{}"


def test_a_folder_of_other_files_is_no_run_and_is_not_fetched(machine: Machines, place: Path) -> None:
    one = machine("one")
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}", encoding="utf-8")
    for refused in (one("status", one.url), one.generate()):
        assert refused.code == 4 and "no run there" in refused.err and "config.json" in refused.err
    assert not one.copy.exists()
    assert [path.name for path in place.rglob("*")] == ["config.json"]


def test_a_damaged_line_is_told_where_outcomes_are_tables(machine: Machines) -> None:
    one = machine("one")
    assert one.generate().code == 0
    with pytest.raises(RunError) as late, mirrored(one.copy, "parquet", pause=0.01):
        with (one.copy / "transcripts.jsonl").open("ab") as file:
            file.write(b"no JSON\n")
        time.sleep(0.1)
    assert "not up to date: transcripts.jsonl: no table can be made" in late.value.message


def test_an_interrupted_last_upload_is_told(machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, told = machine("one"), list[str]()
    assert one.generate().code == 0

    def ctrl_c(folder: RemoteFolder, name: str, content: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mirrored(one.copy, tell=told.append, pause=1000):
        (one.copy / "reviews.jsonl").write_bytes(LINES[0])
        monkeypatch.setattr(RemoteFolder, "write", ctrl_c)
    assert "not up to date: interrupted" in told[-1] and str(one.copy) in told[-1]
    monkeypatch.undo()
    # And another process may have it.
    monkeypatch.setenv("XDG_DATA_HOME", str(one.home))
    with mirrored(one.copy):
        pass
    assert pieces(place, "reviews.jsonl") == [LINES[0]]


def test_a_run_begins_though_another_process_is_fetching_it(machine: Machines) -> None:
    one = machine("one")
    assert one.generate().code == 0
    copy = copy_at(one.url)
    assert copy.folder == one.copy
    fetching = [copy.lock("restore", 0), copy.lock("mirror", 0)]

    def end() -> None:
        for lock in reversed(fetching):
            assert lock
            lock.release()

    fetched = threading.Timer(1.5, end)
    fetched.start()
    with mirrored(one.copy) as mirror:
        assert mirror is not None
    fetched.join()


def test_an_export_that_is_cut_off_is_not_in_the_way_of_the_next(
    machine: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, to = machine("one"), tmp_path / "there"
    assert one.generate().code == 0
    export = ("export", one.url, "--pairs", "revisions", "--to", to.as_uri())
    upload = RemoteFolder.upload

    def full(folder: RemoteFolder, name: str, path: Path) -> None:
        if list(to.rglob("*.*")):
            raise folder._unreachable("written", OSError("no room left"))
        upload(folder, name, path)

    monkeypatch.setattr(RemoteFolder, "upload", full)
    assert "no room left" in one(*export).err
    assert not [path for path in to.rglob("*") if path.is_file()]
    monkeypatch.undo()
    monkeypatch.setenv("XDG_DATA_HOME", str(one.home))
    assert one(*export).code == 0


def test_a_view_writes_nothing_there_until_a_review_is_given(
    machine: Machines, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(while_used, "IDLE_SECONDS", 0.3)
    one, done = machine("one"), list[str]()
    assert one.generate().code == 0

    def served(run: Path, *args: object, keep: Callable[[], None], **named: object) -> None:
        tab = Tab(run, kind="revision", keep=keep)
        before = hold(place)
        page = tab.next()
        assert (place / "holder.json").read_bytes() == before
        refused = tab.answer(page, "accept", note="my words")
        assert refused.status == 500 and "on elsewhere" in refused.words and "my words" in refused.source
        assert not tab.kept()
        hold(place, state="done")
        # Another command of this machine is not in its way.
        with mirrored(run) as mirror:
            assert mirror is not None
        assert tab.answer(page, "accept").status == 200 and len(tab.kept()) == 1
        # Soon after the last one, others may write again.
        wait_for(lambda: len(pieces(place, "reviews.jsonl")) == 1)
        wait_for(lambda: json.loads((place / "holder.json").read_bytes())["state"] == "done")
        with mirrored(run) as mirror:
            assert mirror is not None
        assert tab.answer(tab.next(), "accept").status == 200 and len(tab.kept()) == 2
        done.append("served")

    monkeypatch.setattr("constitution.view.serve.serve", served)
    viewed = one("view", one.url)
    assert (viewed.code, done) == (0, ["served"])
    assert b"".join(pieces(place, "reviews.jsonl")).count(b"\n") == 2
    assert json.loads((place / "holder.json").read_bytes())["state"] == "done"
