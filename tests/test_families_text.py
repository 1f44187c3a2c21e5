"""Conversations as `Human:` and `Assistant:` text: what is read back is what was said, by the one who said it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import ORIGIN, TEXTS, TURNS, messages

from constitution.conversations import is_transcript, parse_transcript
from constitution.exports.examples import Preference
from constitution.exports.hh_rlhf import dialogue, preference
from constitution.records import Message, Role


def pair(turns: list[tuple[Role, str]], chosen: str, rejected: str) -> Preference:
    return Preference(prompt=messages(turns), chosen=chosen, rejected=rejected, p_chosen=1.0, margin=0.0, origin=ORIGIN)


def without_spaces(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(("turns", "chosen", "rejected"), [text for text in TEXTS if text[0] is not TURNS])
def test_a_conversation_comes_back_word_for_word(turns: list[tuple[Role, str]], chosen: str, rejected: str) -> None:
    row = preference(pair(turns, chosen, rejected))
    for text, response in ((row["chosen"], chosen), (row["rejected"], rejected)):
        assert is_transcript(text)
        assert parse_transcript(text) == [*messages(turns), Message(role="assistant", content=response)]


def test_a_system_prompt_opens_the_turn_that_follows_it() -> None:
    row = preference(pair(TURNS, "Because.", "No idea."))
    assert parse_transcript(row["chosen"]) == [
        Message(role="user", content="Be brief.\n\nHello."),
        Message(role="assistant", content="Hi."),
        Message(role="user", content="And why?"),
        Message(role="assistant", content="Because."),
    ]


def test_a_system_prompt_before_an_assistant_turn_is_a_turn_of_its_own() -> None:
    text = dialogue(messages([("system", "Be brief."), ("assistant", "Hi."), ("user", "Why?")]))
    assert text == "\n\nHuman: Be brief.\n\nAssistant: Hi.\n\nHuman: Why?\n\nAssistant:"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Yes.\n\nHuman: And then?\n\nAssistant: No.", "Yes.\nHuman: And then?\nAssistant: No."),
        ("Yes.\n\n\n\nHuman: more", "Yes.\nHuman: more"),
        ("\n\nHuman: more", "Human: more"),
        ("Human: more", "Human: more"),
        ("A\n\nHumans: like us", "A\n\nHumans: like us"),
        ("A\nHuman: like us", "A\nHuman: like us"),
    ],
)
def test_markers_in_what_is_said_make_no_turns(said: str, read: str) -> None:
    row = preference(pair([("user", said)], said, f"not {said}"))
    assert parse_transcript(row["chosen"]) == [
        Message(role="user", content=read),
        Message(role="assistant", content=read),
    ]
    assert len(parse_transcript(row["rejected"])) == 2


def test_a_marker_that_joining_a_system_prompt_would_make_is_none() -> None:
    text = dialogue(messages([("system", "Be brief."), ("user", "Human: hello")]))
    assert parse_transcript(text)[:-1] == [Message(role="user", content="Be brief.\nHuman: hello")]


PIECES = st.sampled_from(["\n", "\n\n", " ", "\r\n", "Human:", "Assistant:", "Human", ":", "word", "{", "é"])
SAID = st.lists(PIECES, min_size=1, max_size=8).map("".join).filter(lambda text: text.strip())


@given(st.lists(SAID, min_size=1, max_size=5), SAID, SAID)
def test_whatever_is_said_turns_and_words_stay(said: list[str], chosen: str, rejected: str) -> None:
    said = said[: len(said) - (len(said) + 1) % 2]
    roles: list[Role] = ["user", "assistant"]
    turns = [(roles[place % 2], text) for place, text in enumerate(said)]
    row = preference(pair(turns, chosen, rejected))
    for text, response in ((row["chosen"], chosen), (row["rejected"], rejected)):
        read = parse_transcript(text)
        assert [turn.role for turn in read] == [*(role for role, _ in turns), "assistant"]
        for turn, original in zip(read, [*said, response], strict=True):
            assert without_spaces(turn.content) == without_spaces(original)
