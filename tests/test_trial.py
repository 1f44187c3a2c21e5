"""One prompt through principles: what is asked, what is not asked again, and what is told."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from plugging import start, told
from rich.cells import cell_len
from rich.console import Console

from constitution.config import Settings
from constitution.engines.pool import Engines
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import ConstitutionError, PrinciplesError, SourceError
from constitution.principles import Principle, PrincipleSet, load_principles
from constitution.records import Completion, Message
from constitution.report.side_by_side import print_trial
from constitution.store import transcripts
from constitution.templating import load_templates
from constitution.trial import Pass, Trial, Trials, chosen, prompt_of

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Generated = Callable[..., Path]

HARM = Principle(id="harm", critique_request="Say what harms.", revision_request="Take the harm out.")
TONE = Principle(id="tone", critique_request="Say what is rude.", revision_request="Make it kind.")


class Seen:
    """What a pass tells, in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def responded(self, response: Completion) -> None:
        self.events.append("response")

    def asking(self, owed: Sequence[str], again: Sequence[str], same: int) -> None:
        self.events.append((tuple(owed), tuple(again), same))

    def tried(self, trial: Trial, response: Completion) -> None:
        self.events.append(trial.principle)

    def ended(self, done: Pass) -> None:
        self.events.append("end")

    def refused(self, bad: ConstitutionError) -> None:
        self.events.append(bad)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The last turn of every call that the scripted engine is asked."""
    made: list[str] = []
    whole = ScriptedEngine.generate

    async def generate(self: ScriptedEngine, messages: Sequence[Message], *rest: Any) -> Completion:
        made.append(messages[-1].content)
        return await whole(self, messages, *rest)

    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    return made


def passes(*versions: Sequence[Principle], seen: Seen | None = None, **settings: Any) -> list[Pass]:
    """One pass after the other, of the same prompt."""
    given = {"prompts": "-", "out": "-", "engine": "scripted", **settings}

    async def run() -> list[Pass]:
        async with Engines() as engines:
            trials = Trials(Settings(**given), prompt_of("How do I pick a lock?"), engines)
            templates = load_templates("chat")
            return [await trials.go(templates, version, seen or Seen()) for version in versions]

    return asyncio.run(run())


def revisions(done: Pass) -> dict[str, str]:
    return {trial.principle: trial.revision.text for trial in done.trials if trial.revision}


def file_of(path: Path, *principles: Principle) -> Path:
    from constitution.principle_files.writing import file_text

    whole = PrincipleSet(name="mine", version="1", description="Mine.", principles=principles)
    path.write_text(file_text(whole), encoding="utf-8")
    return path


# --- what is asked


def test_a_trial_is_the_first_round_of_a_run(tmp_path: Path, generated: Generated) -> None:
    prompts, file = tmp_path / "p.jsonl", file_of(tmp_path / "one.yaml", HARM)
    prompts.write_text(json.dumps({"prompt": "How do I pick a lock?"}) + "\n", encoding="utf-8")
    run = generated(prompts=str(prompts), principles=str(file), seed=7)
    [row], [done] = transcripts(run), passes([HARM, TONE], seed=7)
    assert done.response == row.response
    assert (done.trials[0].critique, done.trials[0].revision) == (row.rounds[0].critique, row.rounds[0].revision)


def test_the_response_is_asked_once_and_told_first_and_principles_in_their_order(calls: list[str]) -> None:
    seen = Seen()
    passes([HARM, TONE], seen=seen)
    assert seen.events == ["response", (("harm", "tone"), (), 0), "harm", "tone", "end"]
    assert calls.count("How do I pick a lock?") == 1
    assert len(calls) == 1 + 2 * 2


def test_an_edit_asks_its_own_principle_only_and_leaves_the_others_as_they_were(calls: list[str]) -> None:
    seen = Seen()
    edited = HARM.model_copy(update={"critique_request": "Say what could hurt."})
    first, second = passes([HARM, TONE], [edited, TONE], seen=seen)
    assert len(calls) == 5 + 2
    assert second.asked == ("harm",)
    assert seen.events[5:] == [(("harm",), (), 1), "harm", "end"]
    assert revisions(second)["tone"] == revisions(first)["tone"]
    assert revisions(second)["harm"] != revisions(first)["harm"]
    assert second.trials[1].seconds == 0


def test_what_is_before_an_edit_in_the_chain_is_not_asked_again(calls: list[str]) -> None:
    edited = HARM.model_copy(update={"revision_request": "Take out whatever could hurt."})
    first, second = passes([HARM], [edited])
    assert len(calls) == 4
    assert "Take out whatever could hurt." in calls[3]
    assert first.trials[0].critique == second.trials[0].critique


@pytest.mark.parametrize(
    "edit", [{"id": "damage"}, {"weight": 3.0}, {"tags": ("a",)}, {"comparison": "Which one harms less?"}]
)
def test_what_no_critique_or_revision_reads_asks_nothing(calls: list[str], edit: dict[str, Any]) -> None:
    _, second = passes([HARM, TONE], [HARM.model_copy(update=edit), TONE])
    assert second.asked == ()
    assert len(calls) == 5


def test_a_principle_that_is_taken_back_gives_what_it_gave(calls: list[str]) -> None:
    edited = HARM.model_copy(update={"critique_request": "Say what could hurt."})
    seen = Seen()
    first, _, third, _ = passes([HARM, TONE], [edited, TONE], [HARM, TONE], [HARM, TONE], seen=seen)
    assert revisions(first) == revisions(third)
    assert third.asked == ()
    assert len(calls) == 5 + 2
    # What was told last is the edit's: so it is told again, and that once.
    assert seen.events[5:8] == [(("harm",), (), 1), "harm", "end"]
    assert seen.events[8:] == [((), ("harm",), 1), "harm", "end", ((), (), 2), "end"]


def test_a_template_that_is_taken_back_shows_its_response_again(tmp_path: Path) -> None:
    seen, sets = Seen(), [load_templates("chat"), load_templates("chat", system_prompt="Be brief.")]

    async def run() -> None:
        async with Engines() as engines:
            trials = Trials(Settings(prompts="-", out="-", engine="scripted"), prompt_of("Why?"), engines)
            for templates in (sets[0], sets[1], sets[0]):
                await trials.go(templates, [HARM], seen)

    asyncio.run(run())
    assert seen.events[-4:] == ["response", ((), ("harm",), 0), "harm", "end"]


def test_principles_of_one_request_ask_for_their_critique_once(calls: list[str]) -> None:
    alike = HARM.model_copy(update={"id": "alike", "revision_request": "Leave out whatever could hurt."})
    [done] = passes([HARM, alike])
    assert done.trials[0].critique == done.trials[1].critique
    assert sum("Say what harms." in call for call in calls) == 1
    assert len(calls) == 1 + 1 + 2


def test_without_critiques_there_is_one_call_a_principle(calls: list[str]) -> None:
    [done] = passes([HARM, TONE], critique=False)
    assert len(calls) == 3
    assert [trial.critique for trial in done.trials] == [None, None]


def test_another_critic_writes_the_critiques(tmp_path: Path) -> None:
    rules = tmp_path / "critic.yaml"
    rules.write_text("- {when: '', reply: Too short.}\n", encoding="utf-8")
    [done] = passes([HARM], critic=f"scripted:{rules}")
    assert done.trials[0].critique
    assert done.trials[0].critique.text == "Too short."
    assert done.response
    assert done.response.text != "Too short."


def test_no_more_calls_are_in_flight_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    flying, most = 0, 0
    whole = ScriptedEngine.generate

    async def generate(self: ScriptedEngine, *given: Any) -> Completion:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        try:
            return await whole(self, *given)
        finally:
            flying -= 1

    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    every = load_principles("harmlessness").principles
    [narrow], [wide] = passes(every, concurrency=2), passes(every, concurrency=64)
    assert most == len(every)
    assert revisions(narrow) == revisions(wide)
    flying = most = 0
    passes(every, concurrency=2)
    assert most == 2


# --- what fails


def test_a_call_that_fails_is_told_for_its_principle_and_the_rest_goes_on(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- {when: 'what harms', error: the server hung up}\n- {when: 'Make it kind', reply: ''}\n", encoding="utf-8"
    )
    long = Principle(id="long", critique_request="word " * 9000, revision_request="Make it short.")
    good = Principle(id="good", critique_request="Say what is good.", revision_request="Make it better.")
    first, second = passes([HARM, TONE, long, good], [HARM, TONE, long, good], model=str(rules), attempts=2)
    assert [trial.failure for trial in first.trials] == [
        "critique: the server hung up",
        "revision: the model said nothing, 2 times",
        first.trials[2].failure,
        "",
    ]
    assert first.trials[2].failure.startswith("critique: needs 9")
    assert first.trials[1].critique and not first.trials[1].revision
    assert list(revisions(first)) == ["good"]
    assert first.failed
    # What failed is tried again with the next save; what is known is not.
    assert "good" not in second.asked
    assert {"harm", "long"} <= set(second.asked)


def test_without_a_response_nothing_is_tried(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'lock', error: the server hung up}\n", encoding="utf-8")
    seen = Seen()
    [done] = passes([HARM], model=str(rules), seen=seen)
    assert (done.failure, done.trials, done.failed) == ("the server hung up", (), True)
    assert seen.events == ["end"]


# --- prompts and ids


def test_a_prompt_is_text_a_transcript_or_messages() -> None:
    assert [m.content for m in prompt_of("[sic] is no list").messages] == ["[sic] is no list"]
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello."},
    ]
    assert [m.role for m in prompt_of(json.dumps(turns)).messages] == ["system", "user"]
    spoken = prompt_of("\n\nHuman: Hello.\n\nAssistant: Hi.\n\nHuman: And why?")
    assert [m.role for m in spoken.messages] == ["user", "assistant", "user"]
    assert prompt_of("Hello.").id != prompt_of("Hello!").id


@pytest.mark.parametrize("text", ["", "  \n", "[]", '[{"role": "assistant", "content": "Hi."}]'])
def test_a_prompt_that_asks_nothing_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="no user turn"):
        prompt_of(text)


def test_a_list_of_something_else_is_refused() -> None:
    with pytest.raises(SourceError, match="not a message"):
        prompt_of("[1, 2]")


def test_an_id_that_is_not_there_is_told_with_the_nearest() -> None:
    whole = PrincipleSet(name="mine", version="1", description="Mine.", principles=(HARM, TONE))
    assert chosen(whole, ["tone"], "f.yaml") == (TONE,)
    assert chosen(whole, [], "f.yaml") == (HARM, TONE)
    with pytest.raises(PrinciplesError, match=r"f\.yaml: no principle 'hram'; did you mean 'harm'"):
        chosen(whole, ["hram"], "f.yaml")


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


# --- while watching


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
        try:
            yield Watching(process)
        finally:
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
