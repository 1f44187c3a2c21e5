"""One prompt through principles: what is asked, what is not asked again, and what is told."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from trial_parts import HARM, TONE, file_of

from constitution.config import Settings
from constitution.engines.pool import Engines
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import ConstitutionError, PrinciplesError, SourceError
from constitution.principles import Principle, PrincipleSet, load_principles
from constitution.records import Completion, Message
from constitution.store import transcripts
from constitution.templating import load_templates
from constitution.trial import Pass, Trial, Trials, chosen, prompt_of

Generated = Callable[..., Path]


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
