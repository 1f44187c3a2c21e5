"""A file is tried whenever it is saved, however that is done."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugging import start, told
from trial_parts import HARM, TONE, file_of

from constitution.principles import Principle


class Watching:
    """A watch in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def wait(self, words: str) -> str:
        return told(self.process, words)

    def result(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def read(self, words: str) -> None:
        assert self.process.stdout
        assert any(words in line for line in self.process.stdout)


@contextmanager
def watching(file: Path, *options: object) -> Iterator[Watching]:
    command = ("principles", "try", file, "--prompt", "Why?", "--engine", "scripted", "--watch", "--format", "json")
    with start(*command, *options) as process:
        # A save that is not noticed must fail a test, not hang it.
        end = threading.Timer(60, process.kill)
        end.start()
        try:
            yield Watching(process)
        finally:
            end.cancel()
            if process.poll() is None:
                process.kill()


def test_a_save_asks_the_edited_principle_alone(tmp_path: Path) -> None:
    file = file_of(tmp_path / "mine.yaml", HARM, TONE)
    edited = HARM.model_copy(update={"critique_request": "Say what could hurt."})
    added = Principle(id="truth", critique_request="Say what is false.", revision_request="Make it true.")
    with watching(file) as watch:
        first = watch.result()
        assert first["asked"] == ["harm", "tone"]
        file_of(file, edited, TONE)
        second = watch.result()
        assert second["asked"] == ["harm"]
        assert second["trials"][1]["revision"] == first["trials"][1]["revision"]
        assert second["seconds"] < 1

        # As vim does: a new file takes the name of the old one.
        file_of(tmp_path / ".mine.yaml.swp", edited, TONE, added).replace(file)
        assert watch.result()["asked"] == ["truth"]

        # What cannot be read is told with its line, and what mends it is tried.
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("critique_request: Say what is rude.", "critique_requst: Say."), encoding="utf-8")
        assert f"error: {file}:" in watch.wait("critique_requst")
        file.unlink()
        watch.wait("no such file")
        file_of(file, edited, TONE.model_copy(update={"revision_request": "Be kind."}), added)
        assert watch.result()["asked"] == ["tone"]

        # A file beside it is none of our business.
        (tmp_path / "other.yaml").write_text("x: 1\n", encoding="utf-8")
        file_of(file, edited, added)
        last = watch.result()
        assert (last["asked"], [trial["principle"] for trial in last["trials"]]) == ([], ["harm", "truth"])

        watch.process.send_signal(signal.SIGINT)
        _, errors = watch.process.communicate(timeout=20)
    assert watch.process.returncode == 130
    assert errors.splitlines()[-1] == "stopped"
    assert "Traceback" not in errors


def test_a_save_while_calls_are_under_way_is_not_missed(tmp_path: Path) -> None:
    rules, file = tmp_path / "rules.yaml", file_of(tmp_path / "mine.yaml", HARM)
    rules.write_text("- {when: 'what harms', seconds: 0.8}\n", encoding="utf-8")
    with watching(file, "--model", rules, "--format", "text") as watch:
        watch.read("initial response")
        file_of(file, HARM, TONE)
        watch.read("harm ·")
        watch.read("tone ·")
        assert "asking anew: tone (1 principle as before)" in watch.wait("asking anew")


def test_an_own_template_set_is_watched_and_a_linked_file(tmp_path: Path) -> None:
    from constitution.resources import shipped

    own, real = tmp_path / "own", tmp_path / "elsewhere"
    own.mkdir()
    real.mkdir()
    for path in (shipped("templates") / "chat").iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    file_of(real / "mine.yaml", HARM, TONE)
    link = tmp_path / "link.yaml"
    os.symlink(real / "mine.yaml", link)
    with watching(link, "--templates", own) as watch:
        assert watch.result()["asked"] == ["harm", "tone"]
        template, written = own / "revise.jinja", tmp_path / "written.jinja"
        written.write_text(template.read_text(encoding="utf-8") + "\nBriefly.", encoding="utf-8")
        written.replace(template)
        assert watch.result()["asked"] == ["harm", "tone"]
        file_of(real / "mine.yaml", HARM, TONE.model_copy(update={"revision_request": "Be kind."}))
        assert watch.result()["asked"] == ["tone"]


def test_a_folder_that_is_removed_or_moved_and_made_anew_is_watched_on(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    file = file_of(folder / "mine.yaml", HARM)
    with watching(file) as watch:
        assert watch.result()["asked"] == ["harm"]
        shutil.rmtree(folder)
        watch.wait("no such file")
        folder.mkdir()
        file_of(file, HARM, TONE)
        assert watch.result()["asked"] == ["tone"]
        # Noticed at once again, not only when the folder came back.
        file_of(file, HARM, TONE.model_copy(update={"revision_request": "Be kind."}))
        assert watch.result()["asked"] == ["tone"]
        folder.rename(tmp_path / "old")
        folder.mkdir()
        file_of(file, HARM.model_copy(update={"revision_request": "Be safe."}))
        assert watch.result()["asked"] == ["harm"]
        file_of(file, HARM.model_copy(update={"revision_request": "Be careful."}))
        assert watch.result()["asked"] == ["harm"]


def test_ctrl_c_during_a_call_ends_at_once(tmp_path: Path) -> None:
    rules, file = tmp_path / "rules.yaml", file_of(tmp_path / "mine.yaml", HARM)
    rules.write_text("- {when: 'what harms', seconds: 3600}\n", encoding="utf-8")
    command = ("principles", "try", file, "--prompt", "Why?", "--engine", "scripted", "--model", rules)
    with start(*command) as process:
        assert process.stdout
        while "initial response" not in process.stdout.readline():
            assert process.poll() is None
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - asked < 3
    assert errors.splitlines()[-1] == "stopped"
    assert "Traceback" not in errors
