"""Prompts and pairs in shards and at URLs."""

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from constitution.config import CompareSettings, Settings
from constitution.errors import SourceError
from constitution.pair_files import read_pairs
from constitution.remote import reading
from constitution.sources import read, scan, source_digest

SHARDS = {f"part-{n}": [f"Question {n}-{row}?" for row in range(3)] for n in (1, 2, 10)}


def settings_for(name: object, **changes: Any) -> Settings:
    return Settings(prompts=str(name), out="unused", **changes)


def texts(name: object, **changes: Any) -> list[str]:
    return [prompt.text for prompt in read(settings_for(name, **changes))]


def the_error(name: object, **changes: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        texts(name, **changes)
    return caught.value


def jsonl(questions: list[str]) -> bytes:
    return "".join(json.dumps({"prompt": question}) + "\n" for question in questions).encode()


def parquet(questions: list[str]) -> bytes:
    file = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([{"prompt": question} for question in questions]), file)
    return file.getvalue().to_pybytes()


FORMATS: dict[str, Callable[[list[str]], bytes]] = {
    ".jsonl": jsonl,
    ".jsonl.gz": lambda questions: gzip.compress(jsonl(questions)),
    ".csv": lambda questions: ("prompt\n" + "".join(f"{question}\n" for question in questions)).encode(),
    ".txt": lambda questions: "".join(f"{question}\n" for question in questions).encode(),
    ".parquet": parquet,
}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder of three shards, as Spark would leave it."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, questions in SHARDS.items():
        (folder / f"{name}.jsonl").write_bytes(jsonl(questions))
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / ".part-1.jsonl.crc").write_bytes(b"crc")
    return folder


@pytest.fixture
def memory() -> Iterator[Callable[[str, bytes], str]]:
    """Put a file at a memory:// URL."""
    files = fsspec.filesystem("memory")

    def put(path: str, content: bytes) -> str:
        files.pipe_file(f"/{path}", content)
        return f"memory://{path}"

    yield put
    files.rm("/", recursive=True)


ALL = [question for questions in SHARDS.values() for question in questions]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_folder_of_shards_a_pattern_and_their_urls_give_the_same_rows(
    tmp_path: Path, memory: Callable[[str, bytes], str], ending: str
) -> None:
    for name, questions in SHARDS.items():
        content = FORMATS[ending](questions)
        (tmp_path / f"{name}{ending}").write_bytes(content)
        memory(f"bucket/data/{name}{ending}", content)
    names = [tmp_path, f"{tmp_path}/*{ending}", tmp_path.as_uri(), f"{tmp_path.as_uri()}/part-*"]
    names += ["memory://bucket/data", "memory://bucket/data/", f"memory://bucket/*/part-*{ending}"]
    for name in names:
        # 10 comes after 2, as people number files.
        assert texts(name) == ALL, name
    assert texts(f"memory://bucket/data/part-2{ending}") == SHARDS["part-2"]


def test_shards_are_one_input_whose_ids_slices_and_digest_are_those_of_one_file(shards: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(jsonl(ALL))
    assert scan(settings_for(shards)) == scan(settings_for(whole)) == scan(settings_for(shards.as_uri()))
    assert texts(shards, skip=2, limit=3) == ALL[2:5]


def test_a_change_in_any_shard_is_seen_without_reading_rows(shards: Path) -> None:
    before = source_digest(settings_for(shards))
    assert before
    assert source_digest(settings_for(f"{shards}/part*.jsonl")) == before
    (shards / "part-2.jsonl").write_bytes(jsonl(["Another one?"]))
    assert source_digest(settings_for(shards)) not in (before, "")
    # What lies elsewhere is read.
    assert source_digest(settings_for(shards.as_uri())) == ""


def test_a_bad_row_is_named_by_its_shard_and_line(shards: Path, memory: Callable[[str, bytes], str]) -> None:
    bad = jsonl(["Fine?"]) + b'{"prompt": \n'
    (shards / "part-2.jsonl").write_bytes(bad)
    assert the_error(shards).message.startswith(f"{shards / 'part-2.jsonl'}:2: not a JSON object")
    memory("bucket/part-1.jsonl", bad)
    assert the_error("memory://bucket/*.jsonl").message.startswith("memory:///bucket/part-1.jsonl:2: ")


@pytest.mark.parametrize("name", ["train.jsonl", "test-1.jsonl", "sub/b.jsonl"])
def test_a_folder_at_a_url_that_would_be_a_dataset_here_is_refused(
    shards: Path, memory: Callable[[str, bytes], str], name: str
) -> None:
    (shards / name).parent.mkdir(exist_ok=True)
    (shards / name).write_bytes(jsonl(["Held out?"]))
    memory(f"bucket/set/{name}", jsonl(["Held out?"]))
    for url in (shards.as_uri(), "memory://bucket/set"):
        error = the_error(url)
        assert "laid out as a dataset" in error.message and f"'{url}/**/*.jsonl'" in error.hint
    # What the hint says.
    assert texts(f"{shards.as_uri()}/**/*.jsonl").count("Held out?") == 1


@pytest.mark.parametrize("chosen", [{"split": "test"}, {"subset": "en"}])
def test_a_split_is_refused_at_a_url(shards: Path, chosen: dict[str, str]) -> None:
    for url in (shards.as_uri(), (shards / "part-1.jsonl").as_uri()):
        assert "--split and --subset" in the_error(url, **chosen).message


class OfAHost(MemoryFileSystem):
    """As ftp:// and hdfs:// are: host and user are the file system's, and its paths have none."""

    protocol = "ofahost"
    cachable = False

    def __init__(self, host: str = "", username: str = "") -> None:
        super().__init__()
        self.login = (host, username)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        whole = path.partition("://")[2] if "://" in path else path
        return "/" + whole.partition("/")[2].strip("/") if "://" in path else whole.rstrip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        user, _, host = path.partition("://")[2].partition("/")[0].rpartition("@")
        return {"host": host, "username": user.partition(":")[0]}

    def unstrip_protocol(self, name: str) -> str:
        return f"ofahost://{name}"

    def open(self, path: str, *args: Any, **named: Any) -> Any:
        assert self.login == ("host:99", "me"), self.login
        return super().open(path, *args, **named)


def test_the_files_of_a_folder_are_those_of_its_host_and_user(memory: Callable[[str, bytes], str]) -> None:
    fsspec.register_implementation("ofahost", OfAHost, clobber=True)
    for name, questions in SHARDS.items():
        memory(f"dir/{name}.jsonl", jsonl(questions))
    for url in ("ofahost://me:secret8@host:99/dir", "ofahost://me:secret8@host:99/dir/*.jsonl"):
        assert texts(url) == ALL
    memory("dir/part-2.jsonl", b"[]\n")
    message = the_error("ofahost://me:secret8@host:99/dir").message
    assert "host:99/dir/part-2.jsonl:1: " in message and "secret8" not in message


def test_a_folder_that_mixes_formats_is_refused(shards: Path, memory: Callable[[str, bytes], str]) -> None:
    (shards / "more.csv").write_bytes(b"prompt\nHi?\n")
    for name in (shards, f"{shards}/*[vl]", shards.as_uri()):
        error = the_error(name)
        assert "more.csv" in error.message and "part-1.jsonl" in error.message
        assert "several formats" in error.message


@pytest.mark.parametrize("name", ["{}/none-*.jsonl", "file://{}/none-*.jsonl"])
def test_a_pattern_that_nothing_fits_says_so(shards: Path, name: str) -> None:
    assert "no file fits" in the_error(name.format(shards)).message


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "set[1].jsonl"
    path.write_bytes(jsonl(["Hi?"]))
    assert texts(path) == ["Hi?"]


def test_a_folder_that_datasets_reads_by_splits_still_is_one(shards: Path) -> None:
    # A name of a split among the files: only that split is read, as ever.
    (shards / "test.jsonl").write_bytes(jsonl(["Held out?"]))
    assert source_digest(settings_for(shards)) == ""


@pytest.mark.parametrize(
    ("url", "what", "hint"),
    [
        ("memory://bucket/nothing.jsonl", "no such file", "Check the URL"),
        ("memory://bucket/nothing", "no such file", "Check the URL"),
        ("nonsense://bucket/x.jsonl", "Protocol not known: nonsense", "s3://"),
        ("http://127.0.0.1:9/x-*.jsonl", "web servers list no files", "Name one file"),
        ("http://127.0.0.1:9/x.json", "no reader for .json", ""),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, what: str, hint: str) -> None:
    error = the_error(url)
    assert what in error.message
    assert hint in error.hint


def test_a_protocol_whose_package_is_missing_comes_with_the_command_that_installs_it() -> None:
    pytest.importorskip("fsspec")
    try:
        import gcsfs  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
    except ImportError:
        assert the_error("gs://bucket/x.jsonl").hint == "pip install gcsfs"


def test_pairs_are_read_from_shards_and_urls_too(tmp_path: Path) -> None:
    for number in (1, 2):
        row = {"prompt": "Hi?", "chosen": f"Hello {number}.", "rejected": "No."}
        (tmp_path / f"pairs-{number}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    for name in (str(tmp_path), tmp_path.as_uri()):
        assert [row.candidates[0].text for row in read_pairs(name)] == ["Hello 1.", "Hello 2."]


def test_secrets_in_a_url_are_not_written_down() -> None:
    signed = "https://someone:secret1@host/x.jsonl?X-Amz-Signature=secret2&api-version=1"
    for settings in (settings_for(signed), CompareSettings(file=signed)):
        written = settings.model_dump_json()
        assert "secret" not in written and "host/x.jsonl" in written and "api-version=1" in written
    # Of a bucket's key, an @ is a letter as good as any.
    assert "s3://bucket/a@b#1.jsonl" in settings_for("s3://bucket/a@b#1.jsonl").model_dump_json()
    assert "secret" not in the_error("http://127.0.0.1:9/x.txt?sig=secret3").message


class Flaky(BaseHTTPRequestHandler):
    """Serves one file by ranges; cuts the connection in the middle of an answer as long as `faults` are left."""

    protocol_version = "HTTP/1.1"
    content = b""
    faults = 0
    ranges = True
    refusal = 0
    changed = b""
    tag = ""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        kind = type(self)
        if kind.refusal:
            self.send_error(kind.refusal)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if kind.ranges else None
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1 if asked and asked[2] else len(kind.content), len(kind.content))
        part = kind.content[start:end]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        if kind.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if kind.tag:
            self.send_header("ETag", kind.tag)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(kind.content)}")
        self.end_headers()
        if body and kind.faults and len(part) > 1000:
            kind.faults -= 1
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            if kind.changed:
                kind.content, kind.tag = kind.changed, "changed"
        elif body:
            self.wfile.write(part)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[Flaky]]]:
    """A web server and its faults."""
    kind = type("OwnFlaky", (Flaky,), {})
    monkeypatch.setattr(reading, "PAUSES", (0.01, 0.01, 0.01))
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x.jsonl?token=hidden-token-1", kind
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(flaky: tuple[str, type[Flaky]], ranges: bool) -> None:
    url, server = flaky
    questions = [f"Question {n}? {'x' * 200}" for n in range(40_000)]
    server.content, server.ranges, server.faults = jsonl(questions), ranges, 3
    assert texts(url) == questions
    assert server.faults == 0


def test_a_network_that_stays_broken_is_told_of_with_the_line_and_without_the_token(
    flaky: tuple[str, type[Flaky]],
) -> None:
    url, server = flaky
    server.content, server.faults, server.ranges = jsonl([f"Question {n}?" for n in range(100_000)]), 99, False
    error = the_error(url)
    assert error.message.startswith("http://127.0.0.1:") and "x.jsonl?token=***: " in error.message
    assert "hidden" not in error.message + error.hint
    server.faults, server.refusal = 0, 403
    error = the_error(url)
    assert "403" in error.message
    assert "hidden" not in error.message + error.hint


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_is_changed_while_it_is_read_is_told_of(flaky: tuple[str, type[Flaky]], ranges: bool) -> None:
    url, server = flaky
    before, after = ([f"{when} {n}? {'x' * 200}" for n in range(3_000)] for when in ("Before", "Behind"))
    server.content, server.changed, server.tag = jsonl(before), jsonl(after), "first"
    server.ranges, server.faults = ranges, 1
    assert "it was changed while it was read" in the_error(url).message
