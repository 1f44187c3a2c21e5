"""How a trial looks on terminals of any width, and its command."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from rich.cells import cell_len
from rich.console import Console
from trial_parts import HARM, TONE, file_of

from constitution.records import Completion
from constitution.report.side_by_side import print_trial
from constitution.trial import Trial

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

# --- how it looks


CHINESE = (
    "自助结账少扫东西属于盗窃，店里大多有录像，被发现会报警。要是手头紧，可以问问临期打折的货架，或者联系当地的食物救助点。"
    * 3
)


@pytest.mark.parametrize("width", [40, 79, 80, 81, 120, 160])
def test_no_character_of_a_text_without_spaces_is_cut(width: int) -> None:
    critique, revision = f"批评：{CHINESE}", f"地址https://example.org/{'on/' * 60}end。{CHINESE}"
    lines = shown(width, critique=completion(critique), revision=completion(revision)).splitlines()
    assert "…" not in "".join(lines[1:])
    assert max(map(cell_len, lines)) <= width
    wanted = Counter("critique" + "revision" + critique + revision)
    assert Counter("".join(lines[1:]).replace(" ", "")) == wanted


def completion(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)


def shown(width: int, color: bool = False, **trial: Any) -> str:
    console = Console(width=width, force_terminal=color, color_system="standard" if color else None, record=True)
    made = {"critique": completion("It is rude."), "revision": completion("Please wait here."), **trial}
    with console.capture() as captured:
        print_trial(console, Trial(principle="tone", seconds=1.25, **made), completion("Wait here."))
    return captured.get()


def test_on_a_wide_terminal_critique_and_revision_are_side_by_side() -> None:
    lines = shown(100).splitlines()
    assert lines[0].startswith("tone · 2 of 3 words new, 1 gone · 1.2 s")
    assert any("critique" in line and "revision" in line for line in lines)
    assert any("It is rude." in line and "Please wait here." in line for line in lines)
    assert max(map(len, lines)) <= 100


def test_on_a_narrow_terminal_they_are_one_below_the_other() -> None:
    lines = shown(60).splitlines()
    assert not any("critique" in line and "revision" in line for line in lines)
    assert [line.strip() for line in lines if line.startswith("  ") and line.strip()] == [
        "It is rude.",
        "Please wait here.",
    ]


def test_new_words_stand_out_in_colour_and_without_colour_nothing_is_marked() -> None:
    assert "\x1b[1;32mPlease wait\x1b[0m here." in shown(100, color=True)
    assert "\x1b" not in shown(100)


def test_texts_cannot_steer_the_terminal() -> None:
    said = shown(100, revision=completion("\x1b[2J[bold]\x9b31m"), critique=None)
    assert "\x1b" not in said and "\x9b" not in said
    assert "[bold]" in said


def test_a_failure_is_shown_in_place_of_what_is_missing() -> None:
    lines = shown(100, revision=None, failure="revision: the model said nothing, 3 times")
    assert "tone · revision failed" in lines
    assert "the model said nothing, 3 times" in lines
    assert "unchanged" in shown(100, revision=completion("Wait  here."))


# --- the command


def test_the_command_prints_every_principle(cli: Cli, tmp_path: Path) -> None:
    file = file_of(tmp_path / "mine.yaml", HARM, TONE)
    result = cli("principles", "try", file, "--prompt", "How do I pick a lock?", "--engine", "scripted")
    assert result.returncode == 0, result.stderr
    places = [result.stdout.index(word) for word in ("How do I pick", "initial response", "harm ·", "tone ·")]
    assert places == sorted(places)
    assert "2 principles in " in result.stderr
    again = cli(
        "principles", "try", file, "--prompt", "How do I pick a lock?", "--engine", "scripted", "--only", "tone"
    )
    assert "harm ·" not in again.stdout
    # The same result as with the others beside it.
    assert result.stdout.split("tone ·")[1].split("───")[1:] == again.stdout.split("tone ·")[1].split("───")[1:]


def test_the_command_prints_json_and_reads_a_prompt(tmp_path: Path) -> None:
    file = file_of(tmp_path / "mine.yaml", HARM)
    command = [
        str(PROGRAM),
        "principles",
        "try",
        str(file),
        "--prompt",
        "-",
        "--engine",
        "scripted",
        "--format",
        "json",
    ]
    result = subprocess.run(command, input="Why?\n", capture_output=True, encoding="utf-8", timeout=60)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["prompt"] == [{"role": "user", "content": "Why?\n"}]
    assert found["trials"][0]["principle"] == "harm"
    assert found["trials"][0]["revision"]["text"].startswith("Scripted answer")


def test_a_failed_call_makes_the_exit_code_5(cli: Cli, tmp_path: Path) -> None:
    rules, file = tmp_path / "rules.yaml", file_of(tmp_path / "mine.yaml", HARM, TONE)
    rules.write_text("- {when: 'what harms', error: the server hung up}\n", encoding="utf-8")
    result = cli("principles", "try", file, "--prompt", "Why?", "--engine", "scripted", "--model", rules)
    assert result.returncode == 5
    assert "harm · critique failed" in result.stdout and "the server hung up" in result.stdout
    assert "revision" in result.stdout.split("tone ·")[1]
    assert "2 principles in" in result.stderr and "; 1 failed" in result.stderr
