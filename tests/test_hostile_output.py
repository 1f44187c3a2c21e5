"""Output of rows, models, files and flags that were made to steer a terminal, or to be taken for this program's own."""

import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROGRAM
from plugging import plug
from rich.console import Console
from ruamel.yaml import YAML

from constitution.printable import DIRECTION, ascii_json, printable
from constitution.records import Completion, Message, Round, Transcript
from constitution.report.terminal import print_transcript

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

# A title, a cleared screen, a link, the clipboard, the same by single bytes of eight bits, text turned around, and a
# line written over; for rich, its own markup.
STEERING = {
    "title": "\x1b]0;owned\x07",
    "screen": "\x1b[2J\x1b[1;1H",
    "link": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;Y3VybCBldmlsfHNo\x07",
    "c1": "\x9b2J\x9d0;owned\x9c",
    "direction": "\u202eexe.txt\u2066",
    "backspaces": "good\b\b\b\bevil",
    "return": "failed\rok    ",
    "delete": "\x7f\x00\x1b",
}
ALL = "".join(STEERING.values()) + "[red]markup[/red][link=http://evil.example]x[/link]"
# A name in a file system cannot hold these two.
NAMED = ALL.replace("/", "|").replace("\x00", "")


def assert_harmless(*texts: str) -> None:
    for text in texts:
        assert [c for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c < "\xa0" or c in DIRECTION] == []


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Prompts whose ids, texts, metadata and column names are hostile; a model's rules that are so too."""
    rows = [{"id": f"{name} {bad}", "prompt": f"{name} {bad}?", f"key {bad}": bad} for name, bad in STEERING.items()]
    rows += [{"id": ALL, "prompt": ALL}, {"id": f"empty {ALL}", "prompt": ""}]
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


ENGINE = """
from constitution.engines.base import Identity
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError, ModelError

BAD = {bad!r}


class Hostile(ScriptedEngine):
    async def generate(self, messages, sampling, seed):
        if "clipboard" in messages[0].content:
            raise CallError("the server says: " + BAD)
        answer = await super().generate(messages, sampling, seed)
        return answer.model_copy(update={{"text": BAD + answer.text}})


async def check_model(settings):
    if settings.model == "broken":
        raise ModelError(BAD, BAD)


async def open_engine(settings, chat_template=None):
    await check_model(settings)
    return Hostile(name=settings.model + BAD)
"""

PRINCIPLES = {
    "name": ALL,
    "version": ALL,
    "description": ALL,
    "principles": [
        {"id": f"p{n}", "critique_request": ALL, "revision_request": ALL, "comparison": ALL, "tags": [ALL]}
        for n in range(4)
    ],
}


@pytest.fixture
def hostile_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The installed program, with an engine whose every word is hostile."""
    plug(tmp_path / "site", "hostile", ENGINE.format(bad=ALL))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")

    def run(*args: object) -> "subprocess.CompletedProcess[str]":
        command = [str(PROGRAM), *map(str, args)]
        # Line ends as they are: text mode would make line feeds of carriage returns.
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=100)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert_harmless(out, err)
        return subprocess.CompletedProcess(command, done.returncode, out, err)

    return run


def principles_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(PRINCIPLES, file)
    return path


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_hostile_run_steers_no_terminal(tmp_path: Path, hostile: Path, hostile_cli: Cli, format: str) -> None:
    given = ("--engine", "hostile", "--model", ALL.replace("\x00", ""), "--principles", principles_file(tmp_path))
    told = hostile_cli("generate", "--prompts", hostile, "--out", "run", *given, "--format", format)
    # The row of the clipboard failed, and why is told.
    assert told.returncode == 5
    assert "the server says: \ufffd]0;owned" in told.stderr
    judged = ("--pairs", "revisions", "--few-shots", "0", "--format", format)
    assert hostile_cli("compare", "run", *judged).returncode == 0
    assert hostile_cli("audit", "run", "--format", format).returncode == 0
    assert "owned" in hostile_cli("status", "run", "--format", format).stdout
    for row in (f"title {STEERING['title']}", f"c1 {STEERING['c1']}", "direction " + STEERING["direction"]):
        shown = hostile_cli("show", "run", row, "--format", format)
        assert shown.returncode == 0
        assert "[red]markup[/red]" in shown.stdout
        if format == "json":
            assert json.loads(shown.stdout)["id"] == row
    for row in ("clipboard " + STEERING["clipboard"], NAMED, f"nothing {NAMED}"):
        told = hostile_cli("show", "run", row, "--format", format)
        assert told.returncode == 4
        assert "Traceback" not in told.stderr
    exported = hostile_cli("export", "run", "--to", NAMED, "--pairs", "revisions", "--format", format)
    assert exported.returncode == 0
    if format == "json":
        assert json.loads(exported.stdout)["folder"] == NAMED


def test_hostile_principles_are_shown_harmlessly(tmp_path: Path, hostile_cli: Cli) -> None:
    path = principles_file(tmp_path)
    assert "[link=http://evil.example]" in hostile_cli("principles", "show", path).stdout
    shown = hostile_cli("principles", "show", path, "--format", "json")
    assert json.loads(shown.stdout)["name"] == ALL
    assert "[red]markup[/red]" in hostile_cli("principles", "show", path, "p1").stdout
    for format in ("text", "json", "github"):
        linted = hostile_cli("principles", "lint", path, "--format", format)
        assert linted.returncode == 6
        assert "near-duplicate" in linted.stdout
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text(encoding="utf-8").replace("good", "better"), encoding="utf-8")
    for format in ("text", "json"):
        assert "owned" in hostile_cli("principles", "diff", path, other, "--format", format).stdout
    edited = hostile_cli("principles", "edit", path, "p1", "--critique-request", NAMED, "--tag", NAMED)
    assert (edited.returncode, "[red]markup[/red]" in edited.stdout) == (0, True)
    assert hostile_cli("principles", "remove", path, NAMED).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "--prompts", NAMED, "--out", "run"),
        ("generate", "--prompts", f"{NAMED}.jsonl", "--out", "run"),
        ("generate", "--prompts", "p.jsonl", "--out", NAMED, "--engine", "scripted"),
        ("generate", "--prompts", "p", "--out", "r", "--engine", NAMED),
        ("generate", "--prompts", "prompts.jsonl", "--out", "r", "--engine", "hostile", "--model", "broken"),
        ("generate", "--prompts", "prompts.jsonl", "--out", "r", "--column", NAMED),
        ("generate", "--rounds", NAMED),
        ("generate", f"--{NAMED}", "1"),
        ("generate", "--config", NAMED),
        (NAMED,),
        ("show", "a", "b", NAMED),
        ("status", NAMED),
        ("export", NAMED, "--to", NAMED, "--for", NAMED),
        ("export", "run", "--to", "d", "--license", NAMED),
        ("export", "run", "--to", "d", "--mix", f"{NAMED}:1"),
        ("compare", NAMED, "--pairs", NAMED),
        ("audit", "run", "--gold", NAMED),
        ("principles", "show", NAMED),
        ("init", f"prompts.jsonl/{NAMED}"),
    ],
    ids=lambda arguments: " ".join(map(ascii, arguments))[:30],
)
def test_hostile_flags_and_names_are_told_harmlessly(
    hostile: Path, hostile_cli: Cli, arguments: tuple[str, ...]
) -> None:
    told = hostile_cli(*arguments)
    assert told.returncode in (2, 3, 4)
    assert "Traceback" not in told.stderr
    assert told.stderr.strip()


def test_a_file_name_that_is_no_text_is_told(tmp_path: Path, hostile_cli: Cli) -> None:
    name = b"caf\xe9.jsonl".decode("utf-8", "surrogateescape")
    told = hostile_cli("status", name)
    assert told.returncode == 4
    assert told.stderr.startswith("error: caf\ufffd.jsonl: no such folder")


def test_settings_that_hold_such_characters_are_printed_as_a_file_that_reads_the_same(hostile_cli: Cli) -> None:
    told = hostile_cli("config", "--prompts", NAMED, "--system-prompt", ALL.replace("\x00", ""))
    read = YAML(typ="safe").load(told.stdout)
    assert (read["prompts"], read["system_prompt"]) == (NAMED, ALL.replace("\x00", ""))


def test_a_bug_is_told_harmlessly_too(hostile_cli: Cli, tmp_path: Path) -> None:
    # The engine's own check of a model is a third party's code: what it raises is a bug, with a traceback.
    plug(tmp_path / "site", "buggy", ENGINE.format(bad=ALL).replace("ModelError(BAD, BAD)", "RuntimeError(BAD)"))
    (tmp_path / "p.jsonl").write_text('{"prompt": "Hi?"}\n', encoding="utf-8")
    told = hostile_cli("generate", "--prompts", "p.jsonl", "--out", "r", "--engine", "buggy", "--model", "broken")
    assert told.returncode == 1
    assert "Traceback" in told.stderr
    assert "RuntimeError: \ufffd]0;owned" in told.stderr


@pytest.mark.parametrize("text", [ALL, "\U0001f600", "é", "\ud800"])
def test_json_is_the_same_in_ascii(text: str) -> None:
    spelt = ascii_json(json.dumps({"a": [text], text: 1}, indent=2, ensure_ascii=False))
    assert json.loads(spelt) == {"a": [text], text: 1}
    assert re.fullmatch(r"[\n -~]+", spelt)


def test_plain_text_of_any_language_is_printed_as_it_is() -> None:
    text = "Grüße\n\t你好 नमस्ते 👩‍👩‍👧 مرحبا עברית"
    assert printable(text) == text
    assert_harmless(printable(ALL + "\ud800"))


def test_a_run_that_was_made_elsewhere_may_hold_anything_as_a_principles_id() -> None:
    answer = Completion(text=ALL, finish_reason="stop", prompt_tokens=1, completion_tokens=1)
    chain = Transcript(
        id=ALL,
        index=0,
        prompt=(Message(role="user", content=ALL),),
        metadata={},
        response=answer,
        rounds=(
            Round(principle=ALL, critique=answer, revision=answer),
            Round(principle=ALL, critique=None, revision=answer),
        ),
    )
    console = Console(file=io.StringIO(), width=1000)
    print_transcript(console, chain)
    assert_harmless(console.file.getvalue())
    assert console.file.getvalue().count("owned") == 2 * 8
