"""Where a view keeps its index, and which ones it trusts."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from viewing import caught_up, followed, found, mixed_run, overview, soon, transcript, write

from constitution.errors import RunError
from constitution.view.index import FILE, Index, made_here


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return mixed_run(tmp_path / "run")


def test_an_index_that_is_not_this_programs_is_made_anew(run: Path, tmp_path: Path) -> None:
    with followed(run):
        pass
    ours = (run / FILE).read_bytes()
    for hostile in (
        "CREATE TRIGGER evil AFTER INSERT ON rows BEGIN DELETE FROM rows; END",
        "DROP TABLE drawn; CREATE VIEW drawn AS SELECT 'privacy' AS principle, 1 AS row, 0 AS journal",
        "CREATE TABLE more(x DEFAULT (load_extension('x')))",
        "PRAGMA user_version=99",
        "PRAGMA application_id=1",
    ):
        (run / FILE).write_bytes(ours)
        with closing(sqlite3.connect(run / FILE)) as connection:
            connection.executescript(hostile)
        # A row that is in no journal: it must not survive.
        with closing(sqlite3.connect(run / FILE)) as connection, connection:
            connection.execute("INSERT INTO rows VALUES(99, 'planted', 99, 1, 0)")
        with followed(run) as (index, _):
            assert len(found(index)) == 6 and found(index, q="brew") == ["row-1"], hostile
    for broken in (b"not a database at all", ours[:5000], b"", bytes(8192)):
        (run / FILE).write_bytes(broken)
        with followed(run) as (index, _):
            assert found(index, q="brew") == ["row-1"]


def test_an_index_that_was_made_elsewhere_is_not_read(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with followed(run):
        pass
    with closing(sqlite3.connect(run / FILE)) as connection, connection:
        connection.execute("INSERT INTO rows VALUES(99, 'planted', 99, 1, 0)")
    with followed(run) as (index, _):
        assert "planted" in found(index), "who can write here may write what he likes"
    copied = tmp_path / "downloaded"
    shutil.copytree(run, copied)
    opened: list[bytes] = []
    monkeypatch.setattr(
        "constitution.view.index.is_ours", lambda _: opened.append((copied / FILE).read_bytes()) or True
    )
    with followed(copied) as (index, _):
        assert "planted" not in found(index) and len(found(index)) == 6
    assert not any(b"planted" in one for one in opened)


def test_a_link_in_its_place_is_refused(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    (run / FILE).symlink_to(target)
    with pytest.raises(RunError, match="a link to"):
        Index(run).keep()
    assert target.read_text() == "precious"


def test_two_views_share_one_index_and_one_follows_the_other(run: Path) -> None:
    with followed(run) as (_, indexer):
        second = Index(run)
        assert not second.keep() and not second.keeping
        assert found(second, q="brew") == ["row-1"]
        write(run / "transcripts.jsonl", transcript(6, "Lately."))
        soon(lambda: found(second, q="lately"), indexer)
    assert second.keep(), "the first has ended"
    with closing(second):
        assert found(second, q="lately") == ["row-6"]


def test_a_folder_that_cannot_be_written_is_left_alone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may be root, whom no permission stops.
    monkeypatch.setattr("constitution.view.index.os.access", lambda path, mode: Path(path) != run)
    before = sorted(path.name for path in run.iterdir())
    with followed(run) as (index, _):
        assert index.folder != run and found(index, q="brew") == ["row-1"]
    assert not index.folder.exists()
    assert sorted(path.name for path in run.iterdir()) == before


def test_a_folder_of_several_people_takes_no_index_beside_anothers(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with followed(run):
        pass
    acquire = FileLock.acquire

    def theirs(lock: FileLock, *arguments: object, **more: object) -> object:
        if Path(lock.lock_file).parent == run:
            raise PermissionError(errno.EACCES, "Permission denied", lock.lock_file)
        return acquire(lock, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "acquire", theirs)
        with followed(run) as (index, _):
            assert index.folder != run and index.keeping and found(index, q="brew") == ["row-1"]
        assert not index.folder.exists()
    # The lock may be written, and the index not.
    access = os.access
    monkeypatch.setattr(
        "constitution.view.index.os.access", lambda path, mode: path != run / FILE and access(path, mode)
    )
    with followed(run) as (index, _):
        assert index.folder != run and found(index, q="brew") == ["row-1"]
    assert (run / FILE).exists()


def test_an_index_that_somebody_deletes_is_made_anew(run: Path) -> None:
    with followed(run) as (index, indexer):
        for file in run.glob(".view.sqlite*"):
            file.unlink()
        with pytest.raises(RunError, match="cannot be read"):
            overview(index)
        write(run / "transcripts.jsonl", transcript(6, "Lately."))
        soon(lambda: made_here(run / FILE), indexer)
        caught_up(index)
        assert found(index, q="lately") == ["row-6"] and found(index, q="brew") == ["row-1"]
    second = Index(run)
    assert second.keep(), "the first one has let go of it"
    second.close()
