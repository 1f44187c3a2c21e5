"""Which of several servers a request goes to: the rule by itself, and what it knows a conversation by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engines.openai.routing import MORE, STEP, TIMES, Load, Sent, marks, pick
from constitution.records import Message

ROOM = 64


def load(in_flight: int, shared: int = 0, sent: int = 0, silent: bool = False, places: int = ROOM) -> Load:
    return Load(in_flight=in_flight, places=places, shared=shared, sent=sent, silent=silent)


@pytest.mark.parametrize(
    ("loads", "picked"),
    [
        ([load(0), load(0)], 0),
        ([load(0, sent=1), load(0)], 1),
        ([load(3), load(2), load(4)], 1),
        # Who has the beginning at hand is asked, up to the bound: 1.25 times the least busy one's, and 4.
        ([load(0), load(4, shared=4 * STEP)], 1),
        ([load(0), load(5, shared=4 * STEP)], 0),
        ([load(8), load(14, shared=4 * STEP)], 1),
        ([load(8), load(15, shared=4 * STEP)], 0),
        # Beyond it, who has the second longest.
        ([load(0), load(5, shared=9 * STEP), load(2, shared=4 * STEP)], 2),
        # A mark more or less is no reason, but it decides between equals.
        ([load(0, shared=3 * STEP + 1), load(2, shared=4 * STEP)], 0),
        ([load(2, shared=3 * STEP + 1), load(2, shared=4 * STEP)], 1),
        ([load(0, shared=3 * STEP), load(2, shared=4 * STEP)], 1),
        # Nobody waits for a place while there are others.
        ([load(2, places=2, shared=9 * STEP), load(3)], 1),
        ([load(5, places=2), load(3, places=3)], 1),
        ([load(0, silent=True, shared=9 * STEP), load(60)], 1),
        ([load(4, silent=True), load(3, silent=True)], 1),
    ],
)
def test_who_is_asked(loads: list[Load], picked: int) -> None:
    assert pick(loads) == picked


LOADS = st.builds(
    Load,
    in_flight=st.integers(0, 80),
    places=st.integers(1, 64),
    shared=st.integers(0, 9999),
    sent=st.integers(0, 9),
    silent=st.booleans(),
)


@given(st.lists(LOADS, min_size=1, max_size=8))
def test_nobody_gets_far_more_than_the_least_busy_of_those_that_can_answer(loads: list[Load]) -> None:
    picked = loads[pick(loads)]
    able = [one for one in loads if not one.silent and one.in_flight < one.places]
    if able:
        assert picked in able
        assert picked.in_flight <= TIMES * min(one.in_flight for one in able) + MORE


def turns(*texts: str) -> list[Message]:
    return [Message(role="assistant" if n % 2 else "user", content=text) for n, text in enumerate(texts)]


def shared(before: list[Message], after: list[Message]) -> int:
    sent = Sent()
    sent.add(marks(before))
    return sent.shared(marks(after))


def test_a_conversation_that_goes_on_is_known_by_all_that_was_sent() -> None:
    begun = turns("What? " * 100, "This. " * 70)
    assert shared(begun, turns(*(one.content for one in begun), "Criticise it.")) == 600 + 420
    assert shared(begun, begun[:1]) == 600
    assert shared(turns("Hi"), turns("Hi", "Hello")) == 2


def test_a_question_that_ends_differently_is_known_by_its_beginning() -> None:
    pair = "Which of two responses is better? " * 40
    assert shared(turns(f"{pair}Which is kinder?"), turns(f"{pair}Which is safer?")) == len(pair) // STEP * STEP
    # What differs at the beginning shares nothing, whatever follows.
    assert shared(turns("A", pair), turns("B", pair)) == 0
    assert shared(turns("Hello"), [Message(role="system", content="Hello")]) == 0
    assert shared(turns("ab", "c"), turns("a", "bc")) == 0


def test_any_text_has_marks() -> None:
    assert [length for length, _ in marks(turns("", "\ud800" * (STEP + 1), "é"))] == [STEP, STEP + 1, STEP + 2]


def test_only_the_last_marks_are_remembered_and_beginnings_longest() -> None:
    one, two, three = (marks(turns(letter * 4 * STEP)) for letter in "abc")
    sent = Sent(most=8)
    sent.add(one)
    sent.add(two)
    assert (sent.shared(one), sent.shared(two)) == (4 * STEP, 4 * STEP)
    sent.add(one)
    sent.add(three[:2])
    assert (sent.shared(one), sent.shared(two), sent.shared(three)) == (4 * STEP, 2 * STEP, 2 * STEP)
    sent.add(three)
    assert (sent.shared(one), sent.shared(two), sent.shared(three)) == (4 * STEP, 0, 4 * STEP)
