"""The program that serves a view: its address, its news, its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from viewing import begin, transcript, write

from constitution.errors import ConfigError, RunError
from constitution.view import serve


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three rows."""
    run = begin(tmp_path / "run", 200)
    write(run / "transcripts.jsonl", *(transcript(number) for number in range(3)))
    return run


@contextmanager
def program(run: Path, *args: str) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", "from constitution.cli import main; main()", "view", str(run), *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_program_tells_news_and_ends_when_it_is_told_to(run: Path, how: signal.Signals) -> None:
    with program(run, "--port", "0", "--reviewer", "ada") as process:
        assert process.stdout and process.stderr
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{40,}/", address)
        with urlopen(address + "events", timeout=20) as events:
            first = json.loads(events.readline().removeprefix(b"data: "))
            while first["rows"] < 3:
                first = _next(events)
            write(run / "transcripts.jsonl", transcript(199, "News."))
            news = _next(events)
            while news["rows"] < 4:
                news = _next(events)
            assert "4 done" in news["lines"][0]
            began = time.monotonic()
            process.send_signal(how)
            process.wait(20)
            # A fifth of a second by itself; other tests have the processor too.
            assert time.monotonic() - began < 8, "with a stream open"
        assert process.stdout.read() == ""
        assert address.split("/")[3] not in process.stderr.read()
    assert not list(run.glob(".view.sqlite-*")), "the index is closed"


@pytest.mark.parametrize("how", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]], ids=["once", "twice"])
def test_a_browser_is_sent_to_an_address_that_nobody_else_is_told(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: list[signal.Signals]
) -> None:
    browser, told = tmp_path / "browser", tmp_path / "told"
    browser.write_text(f'#!/bin/sh\necho "$1" > {told}.part && mv {told}.part {told}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with program(run, "--port", "0", "--open") as process:
        assert process.stdout and process.stderr
        address = process.stdout.readline().strip()
        end = time.monotonic() + 20
        while not told.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        page = Path(urlsplit(told.read_text().strip()).path)
        assert f"url={address}" in page.read_text() and page.stat().st_mode & 0o777 == 0o600
        assert address.split("/")[3] not in told.read_text()
        for number in how:
            process.send_signal(number)
            time.sleep(0.03)
        assert process.wait(20) in (-signal.SIGTERM, 130)
        assert "Traceback" not in process.stderr.read()
    assert not page.exists()


def _next(events: object) -> dict[str, object]:
    while True:
        line = events.readline()  # type: ignore[attr-defined]
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))


def test_a_port_in_use_is_an_error_with_the_next_command(run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with program(run, "--port", str(port)) as process:
            out, err = process.communicate(timeout=20)
        assert process.returncode == 2 and not out
        assert f"error: --port {port}: another program has it" in err and "--port 0" in err


def test_the_default_port_gives_way_to_the_next_free_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(serve, "PORT", other.getsockname()[1])
        with serve._listen(run, None) as listener:
            assert serve.PORT < listener.getsockname()[1] <= serve.PORT + serve.TRIED
        monkeypatch.setattr(serve, "TRIED", 0)
        with pytest.raises(ConfigError, match="other programs have them"):
            serve._listen(run, None)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd")], ids=["pipe", "link"])
def test_a_hostile_run_is_not_shown(run: Path, make: Callable[[Path], None]) -> None:
    make(run / ".view.sqlite-wal")
    with pytest.raises(RunError, match=r"\.view\.sqlite-wal: a (pipe|link)"):
        serve.serve(run, 0, "ada", None, tell=print, warn=print, browser=False)


def test_a_wrong_folder_or_reviewer_is_an_error(
    cli: Callable[..., "subprocess.CompletedProcess[str]"], run: Path
) -> None:
    wrong = cli("view", "nowhere")
    assert wrong.returncode == 4 and "nowhere: no such folder" in wrong.stderr
    odd = cli("view", run, "--reviewer", "a\u202eb")
    assert odd.returncode == 2 and "cannot be printed" in odd.stderr
