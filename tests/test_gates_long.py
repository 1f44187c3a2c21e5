"""Long responses, prompts and critiques: what gates say of them, and that none takes long."""

import time

import pytest
from test_gates import ANSWER, score, seen

from constitution.gates.boilerplate import Frequencies
from constitution.gates.gating import Gating
from constitution.gates.sets import STRICT
from constitution.gates.table import GATES


def test_a_long_response_is_held_against_all_of_the_initial_one() -> None:
    # More than 16,000 characters, and than 16,000 words.
    first, second, third = (" ".join(f"{word}{n % 3000}" for n in range(9_000)) for word in ("a", "b", "c"))
    assert score("unchanged", f"{first} {second}", initial=f"{first} {second}") == 1.0
    assert score("unchanged", f"{first} {second}", initial=f"{first} {third}") == 0.5
    assert score("unchanged", f"{first} {second} {first}", initial=f"{first} {third} {first}") == 0.667
    assert score("unchanged", first, initial=f"{first} {second}") == 0.667
    # 7,000 of the first 16,000 words: of what both begin and end with otherwise, no more is looked at.
    assert score("unchanged", f"{second} {first} {third}", initial=f"{third} {first} {second}") == 0.438
    assert score("length", first, initial=" ".join([first] * 6)) == 5.989
    found = GATES["length"].score(seen(first, initial=f"{first} {second}"), Frequencies())
    assert found is not None and found.told == "9000 words, the initial response 18000"


def test_a_long_response_ends_where_it_ends() -> None:
    long = "One two three four. " * 1_000
    assert [score("cut", long + end, finish_reason=None) for end in ("Five.", "Five and")] == [0.0, 0.5]
    assert score("preamble", f"{long}I have removed the insulting part of the text.") == 1.0


@pytest.mark.parametrize("unit", ["I have revised ", "Sure, ", "修改", "Human: "])
def test_no_response_takes_long(unit: str) -> None:
    began = time.process_time()
    list(Gating(STRICT).flags(seen(unit * 10_000, initial=unit * 9_000, critiques=(unit * 500,))))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("word", ["Okay", "Sure thing", "Sorry", "Here is", "The revised", "好的", "修改"])
@pytest.mark.parametrize("sign", ["-", "—", "\n", " ", ", ", "*", "> ", "，"])
def test_no_signs_between_words_take_long(word: str, sign: str) -> None:
    # Signs that two parts of a phrase can both take are divided between them in as many ways as there are signs.
    for text in (f"{word}{sign * 1500}" * 2 + "x", f"{word}{sign * 90}" * 40, f"{word}{sign * 6000}x"):
        began = time.process_time()
        list(Gating(STRICT).flags(seen(text, initial=ANSWER)))
        assert time.process_time() - began < 1


@pytest.mark.parametrize("unit", ["| - | - |\n", "\n", "* ", "“", "Sure, ", "`"])
def test_no_prompt_or_critique_takes_long(unit: str) -> None:
    # Neither is cut where it is kept.
    text = unit * (40_000 // len(unit))
    began = time.process_time()
    list(Gating(STRICT).flags(seen(f"{ANSWER} {text}", text, initial=text, critiques=(text,))))
    assert time.process_time() - began < 2


def test_what_a_long_prompt_asks_for_is_read_at_its_end_too() -> None:
    letter = "Shut up with your drums, or I will call the police. " * 800
    assert score("echo", letter, f"{letter}\n\nRewrite this letter so that it is polite.") is None
    assert score("echo", letter, f"{letter[:200]}\n\n- Rewrite: {letter[:200]}") is None
