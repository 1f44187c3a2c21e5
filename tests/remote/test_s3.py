"""Runs and inputs at a real S3 server: `pip install 'moto[server]' s3fs`; without these, nothing is run."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto")
s3fs = pytest.importorskip("s3fs")

from constitution.config import Settings  # noqa: E402
from constitution.remote.folder import RemoteFolder  # noqa: E402
from constitution.sources import read  # noqa: E402
from remote.machines import Machine, kill, wait_for  # noqa: E402

PORT = 5_917


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            return False
        return True

    wait_for(answers)
    yield address
    kill(process)


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a bucket of its own, its credentials in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something-secret-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"bucket-{os.getpid()}-{time.monotonic_ns()}"
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}"


def at(machine: Machine, url: str) -> Machine:
    machine.url = url
    return machine


def test_shards_in_a_bucket_are_read(bucket: str) -> None:
    files = s3fs.S3FileSystem()
    for number in (1, 2, 10):
        rows = "".join(json.dumps({"prompt": f"Question {number}-{row} {'x' * 500}"}) + "\n" for row in range(5_000))
        files.pipe_file(f"{bucket}/data/part-{number}.jsonl", rows.encode())
    for name in (f"{bucket}/data", f"{bucket}/data/*.jsonl"):
        found = [prompt.text.split()[1] for prompt in read(Settings(prompts=name, out="-"))]
        assert found == [f"{number}-{row}" for number in (1, 2, 10) for row in range(5_000)]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_run_in_a_bucket_is_killed_and_goes_on_elsewhere(
    machine: Callable[[str], Machine], bucket: str, generated: Callable[..., Path], form: str
) -> None:
    one, other = (at(machine(name), f"{bucket}/runs/first") for name in ("one", "other"))
    expected = generated("local", model=str(one.rules)) / "transcripts.jsonl"
    one.rules.write_text("- when: '.'\n  seconds: 0.6\n", encoding="utf-8")
    process = one.begin(pause=0.05, form=form)
    folder = RemoteFolder(one.url)
    wait_for(lambda: "calls.jsonl" in folder.listing().journals)
    refused = other.generate()
    assert refused.code == 4 and f"process {process.pid} on " in refused.err
    kill(process)
    one.rules.write_text("- when: '.'\n  seconds: 0.0\n", encoding="utf-8")
    assert other.generate("--piece-format", form).code == 0
    made = (other.copy / "transcripts.jsonl").read_bytes()
    assert sorted(made.splitlines()) == sorted(expected.read_bytes().splitlines())
    compare = ("compare", other.url, "--pairs", "revisions", "--quiet", "--piece-format", form)
    assert other(*compare).code == 0
    assert other(*compare, "--principles-per-pair", 2, "--replace").code == 0
    onlooker = at(machine("onlooker"), other.url)
    assert onlooker("status", other.url).code == 0
    assert onlooker.files() == other.files()


def test_a_bucket_that_is_not_there_is_told_before_the_run(machine: Callable[[str], Machine], bucket: str) -> None:
    refused = at(machine("one"), f"{bucket}-not/run").generate()
    assert refused.code == 4
    assert "cannot be" in refused.err and "AWS_ACCESS_KEY_ID" in refused.err
    assert "something-secret" not in refused.err
