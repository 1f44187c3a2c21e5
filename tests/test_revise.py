"""The SL chain of one prompt: which calls it makes, what the model sees, what is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError
from constitution.principles import load_principles
from constitution.records import Completion, Message, Prompt, Sampling, Transcript
from constitution.revise import revise
from constitution.templating import load_templates

PRINCIPLES = load_principles("harmlessness")
PROMPT = Prompt(
    id="row-7",
    index=7,
    messages=(Message(role="user", content="How do I pick a lock?"),),
    metadata={"topic": "locks"},
)


@dataclass
class Asked:
    """The calls of a chain by step, in order: what the model saw, what it answered."""

    seen: dict[str, list[Message]] = field(default_factory=dict)
    answers: dict[str, Completion] = field(default_factory=dict)


def chain(
    asked: Asked,
    prompt: Prompt = PROMPT,
    rounds: int = 2,
    critique: bool = True,
    replacement: bool = True,
    templates: str = "chat",
    seed: int = 5,
    fails_at: str = "",
) -> Transcript:
    engine = ScriptedEngine()

    async def ask(step: str, messages: Sequence[Message]) -> Completion:
        if step == fails_at:
            raise CallError("the server hung up")
        assert step not in asked.seen
        asked.seen[step] = list(messages)
        asked.answers[step] = await engine.generate(messages, Sampling(max_tokens=64), seed=len(asked.seen))
        return asked.answers[step]

    return asyncio.run(
        revise(
            prompt,
            ask,
            PRINCIPLES,
            load_templates(templates),
            rounds=rounds,
            seed=seed,
            critique=critique,
            replacement=replacement,
        )
    )


@pytest.mark.parametrize("templates", ["chat", "transcript"])
def test_three_rounds_are_seven_calls_in_the_order_of_the_paper(templates: str) -> None:
    asked = Asked()
    chain(asked, rounds=3, templates=templates)
    assert list(asked.seen) == [
        "respond",
        "critique-1",
        "revise-1",
        "critique-2",
        "revise-2",
        "critique-3",
        "revise-3",
    ]


def test_three_rounds_without_critique_are_four_calls() -> None:
    asked = Asked()
    chain(asked, rounds=3, critique=False)
    assert list(asked.seen) == ["respond", "revise-1", "revise-2", "revise-3"]


def test_the_first_call_shows_the_model_the_prompt_alone() -> None:
    asked = Asked()
    chain(asked)
    assert asked.seen["respond"] == list(PROMPT.messages)


@pytest.mark.parametrize("replacement", [True, False])
def test_each_round_records_the_principle_that_its_draw_gives(replacement: bool) -> None:
    transcript = chain(Asked(), rounds=6, replacement=replacement)
    expected = [PRINCIPLES.draw(5, "row-7", number, replacement).id for number in range(1, 7)]
    assert [round.principle for round in transcript.rounds] == expected
    assert len(set(expected)) > 1


def test_another_seed_draws_other_principles() -> None:
    drawn = [[round.principle for round in chain(Asked(), rounds=6, seed=seed).rounds] for seed in (5, 6)]
    assert drawn[0] != drawn[1]


def test_the_model_is_asked_with_the_words_of_the_drawn_principle() -> None:
    asked = Asked()
    transcript = chain(asked, rounds=3)
    principles = {principle.id: principle for principle in PRINCIPLES.principles}
    for number, round in enumerate(transcript.rounds, 1):
        drawn = principles[round.principle]
        assert asked.seen[f"critique-{number}"][-1].content.startswith(drawn.critique_request)
        assert asked.seen[f"revise-{number}"][-1].content.startswith(drawn.revision_request)


def test_every_intermediate_answer_is_kept() -> None:
    asked = Asked()
    transcript = chain(asked, rounds=2)
    assert transcript.response == asked.answers["respond"]
    assert [round.critique for round in transcript.rounds] == [asked.answers["critique-1"], asked.answers["critique-2"]]
    assert [round.revision for round in transcript.rounds] == [asked.answers["revise-1"], asked.answers["revise-2"]]
    assert transcript.responses == tuple(asked.answers[step] for step in ("respond", "revise-1", "revise-2"))
    assert len({completion.text for completion in transcript.completions}) == 5


def test_a_transcript_keeps_its_row() -> None:
    transcript = chain(Asked())
    kept = (transcript.id, transcript.index, transcript.prompt, transcript.metadata)
    assert kept == ("row-7", 7, PROMPT.messages, {"topic": "locks"})


def test_the_second_round_sees_the_first_revision_in_place_of_the_response() -> None:
    asked = Asked()
    chain(asked, rounds=2)
    for step in ("critique-2", "revise-2"):
        seen = asked.seen[step]
        assert seen[1] == Message(role="assistant", content=asked.answers["revise-1"].text)
        assert asked.answers["respond"].text not in [message.content for message in seen]
        assert asked.answers["critique-1"].text not in [message.content for message in seen]


def test_a_revision_sees_response_critique_request_and_critique_in_turn() -> None:
    asked = Asked()
    chain(asked, rounds=1)
    before = asked.seen["critique-1"]
    seen = asked.seen["revise-1"]
    assert [message.role for message in seen] == ["user", "assistant", "user", "assistant", "user"]
    assert seen[:3] == before
    assert seen[3].content == asked.answers["critique-1"].text


def test_direct_revision_sees_the_response_and_no_critique() -> None:
    asked = Asked()
    transcript = chain(asked, rounds=2, critique=False)
    assert [message.role for message in asked.seen["revise-2"]] == ["user", "assistant", "user"]
    assert asked.seen["revise-2"][1].content == asked.answers["revise-1"].text
    assert [round.critique for round in transcript.rounds] == [None, None]
    assert transcript.completions == transcript.responses


def test_a_conversation_of_several_turns_is_carried_through_the_chain() -> None:
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello."),
        Message(role="assistant", content="Hello to you."),
        Message(role="user", content="And now?"),
    )
    asked = Asked()
    transcript = chain(asked, prompt=Prompt(id="talk", index=0, messages=turns), rounds=1)
    assert transcript.prompt == turns
    for step in ("respond", "critique-1", "revise-1"):
        assert tuple(asked.seen[step][:4]) == turns
    assert asked.seen["critique-1"][4].content == asked.answers["respond"].text


def test_the_transcript_templates_show_their_examples_before_the_real_round() -> None:
    asked = Asked()
    chain(asked, rounds=1, templates="transcript")
    seen = asked.seen["critique-1"]
    place = [message.content for message in seen].index("How do I pick a lock?")
    # Two examples of six turns each, after the system turn if the set has one.
    assert place - (seen[0].role == "system") == 12
    assert seen[place + 1].content == asked.answers["respond"].text


def test_no_call_follows_one_that_failed() -> None:
    asked = Asked()
    with pytest.raises(CallError, match="the server hung up"):
        chain(asked, rounds=3, fails_at="critique-2")
    assert list(asked.seen) == ["respond", "critique-1", "revise-1"]
