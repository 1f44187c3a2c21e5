"""What each quality gate flags and what not, one by one, and the figures on planted faults and clean revisions."""

import time
from collections import Counter
from functools import cache
from typing import Any

import pytest
from gate_faults import KINDS, make

from constitution.gates.boilerplate import Frequencies
from constitution.gates.declining import harmless
from constitution.gates.gating import Gating, see_row
from constitution.gates.seen import Finding, Seen, seen_of
from constitution.gates.sets import DEFAULT, STRICT, GateSet
from constitution.gates.table import GATES
from constitution.records import Message, Transcript

PROMPT = "How do I get my neighbour to stop playing the drums at night?"
ANSWER = "Knock on a quiet afternoon and tell them how thin the wall is. Most people do not know, and agree on an hour."


def seen(text: str, prompt: str = PROMPT, **more: Any) -> Seen:
    turns = (Message(role="user", content=prompt),)
    return Seen(**{"prompt": turns, "text": text, "finish_reason": "stop", **more})


def score(gate: str, *args: str, **more: Any) -> float | None:
    found = GATES[gate].score(seen(*args, **more), Frequencies())
    return None if found is None else round(found.score, 3)


@cache
def half_of(name: str) -> tuple[list[Transcript], list[str], Frequencies]:
    """A half as a run, the kinds of its faults, which stand at its end, and what its rows have in common."""
    clean, faults = make(name)
    run = [row.transcript(number) for number, row in enumerate([*clean, *(row for _, row in faults)])]
    frequencies = Frequencies()
    for row in run:
        see_row(frequencies, row)
    return run, [kind for kind, _ in faults], frequencies


def measured(name: str, asked: GateSet) -> tuple[int, Counter[str]]:
    """How many of the clean rows of a half are flagged, and how many faults of each kind by the gate for it."""
    run, kinds, frequencies = half_of(name)
    gating = Gating(asked, frequencies)
    flags = [{gate for gate, _ in gating.flags(seen_of(row, 1))} for row in run]
    caught = Counter(kind for kind, found in zip(kinds, flags[-len(kinds) :], strict=True) if kind in found)
    return sum(map(bool, flags[: -len(kinds)])), caught


@pytest.mark.parametrize(("half", "least"), [("tuned", 199), ("held_out", 193)])
def test_planted_faults_are_caught_and_clean_revisions_are_not(half: str, least: int) -> None:
    """400 faults of 10 kinds and 200 clean revisions in two halves; the gates were not fitted to the second one."""
    flagged, caught = measured(half, DEFAULT)
    assert flagged == 0
    assert caught.total() >= least >= 0.95 * 200
    assert set(caught) == set(KINDS) and min(caught.values()) >= 17


def test_the_strict_set_catches_as_many_and_flags_more() -> None:
    flagged, caught = measured("held_out", STRICT)
    assert caught.total() >= 197 and 0 < flagged <= 10


def test_the_halves_share_no_text() -> None:
    tuned, unseen = ({row.rounds[0].revision.text for row in half_of(name)[0][:100]} for name in ("tuned", "held_out"))
    assert not tuned & unseen
    assert len(tuned) > 85 and len(unseen) > 85


# --- gate by gate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ANSWER, 1.0),
        (ANSWER.upper().replace(".", "!"), 1.0),
        (f"{ANSWER} Good luck.", 0.958),
        ("Ask the council.", 0.077),
    ],
)
def test_unchanged(text: str, expected: float) -> None:
    assert score("unchanged", text, initial=ANSWER) == expected


def test_what_revises_nothing_is_not_held_against_an_initial_response() -> None:
    assert score("unchanged", ANSWER) is None
    assert score("length", ANSWER) is None
    assert score("no_gain", ANSWER) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Sure, here is the revised response:\n\n{ANSWER}", 1.0),
        (f"好的,以下是修改后的回复:\n{ANSWER}", 1.0),
        (f"{ANSWER}\n\nI have removed the insulting part of the text.", 1.0),
        (f"Here are some ideas: {ANSWER}", 0.5),
        ("I have changed the tyre. Here is what I learnt.", 0.0),
        ("You can change the text of the contract with both signatures.", 0.0),
        ("如果你想修改合同的内容,先和对方谈一谈。", 0.0),
        (ANSWER, 0.0),
    ],
)
def test_preamble(text: str, expected: float) -> None:
    assert score("preamble", text) == expected


def test_a_prompt_that_asks_for_a_rewriting_may_get_a_revised_version() -> None:
    asked = "Rewrite this sentence so that it is polite: Shut up with your drums."
    assert score("preamble", "Here is the revised version: Would you mind playing earlier?", asked) == 0.5
    assert score("echo", "Shut up with your drums, please, so that it is polite.", asked) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ANSWER}\n\nHuman: And if they don't?", 1.0),
        (f"{ANSWER} Human: And if they don't?", 1.0),
        (f"{ANSWER}<|im_end|>", 1.0),
        (f"Response: {ANSWER}", 1.0),
        (f"{ANSWER}\nUser: thanks", 0.5),
        ("人类:你好\n助手:你好", 1.0),
        ("The response: nobody knew. A human: that is what he is.", 0.0),
        ("Use x < 3 | y > 4, and [the manual](x).", 0.0),
    ],
)
def test_markers(text: str, expected: float) -> None:
    assert score("markers", text) == expected


def test_markers_that_the_prompt_asks_for_or_holds_do_not_count() -> None:
    talk = "User: Hello.\nAssistant: Hello to you."
    assert score("markers", talk, "Write a short dialogue between a user and an assistant.") == 0.5
    assert score("markers", "Input: 3\nOutput: 4", "Go on with this: Input: 1\nOutput: 2") == 0.0


def test_critique() -> None:
    critique = "Telling somebody to cut the power of a flat may hurt people who need it, above all the sick and old."
    copied = f"{critique} {ANSWER}"
    assert score("critique", copied, critiques=(critique,)) == 0.525
    assert score("critique", copied, critiques=(critique,), initial=critique) == 0.0
    assert score("critique", ANSWER, critiques=(f'Better would be: "{ANSWER}"',)) == 0.0
    assert score("critique", "The assistant's last response is harmful because it is rude.") == 1.0
    assert score("critique", "上一个回复是不合适的,因为它很粗鲁。") == 1.0
    assert score("critique", "Her answer was no, and the reply came late.") == 0.0


def test_an_earlier_response_may_be_spoken_of_where_there_is_one() -> None:
    text = "As I wrote in my previous response, knock first."
    assert score("critique", text) == 1.0
    said = [("user", "Hi"), ("assistant", "Knock first."), ("user", "And then?")]
    turns = tuple(Message(role=role, content=content) for role, content in said)  # type: ignore[arg-type]
    found = GATES["critique"].score(Seen(turns, text), Frequencies())
    assert found == Finding(0.5, "my previous response")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PROMPT, 1.0),
        (f"{PROMPT} {ANSWER}", 1.0),
        (f"To get your neighbour to stop playing the drums, talk. {ANSWER}", 0.3),
        (ANSWER, 0.0),
    ],
)
def test_echo(text: str, expected: float) -> None:
    assert score("echo", text) == expected


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        (f"{ANSWER} {'Please talk to them first. ' * 4}", 0.7, 0.8),
        ("\n".join(f"{n}. Talk to your neighbour." for n in range(1, 9)), 0.8, 0.9),
        (f"{ANSWER} {'o' * 60}", 1.0, 1.0),
        ("可以先谈一谈,再想别的办法。" * 5, 0.7, 0.9),
        (f"{ANSWER}\n{'-' * 80}\nno, no, no", 0.0, 0.0),
        (ANSWER, 0.0, 0.0),
    ],
)
def test_repetition(text: str, least: float, most: float) -> None:
    assert least <= (score("repetition", text) or 0) <= most


@pytest.mark.parametrize(
    ("text", "prompt", "expected"),
    [
        ("Klopfen Sie am Nachmittag und sagen Sie, dass die Wand dünn ist.", PROMPT, 1.0),
        ("你可以下午去敲门,好好谈一谈。", PROMPT, 1.0),
        ("Knock in the afternoon, and talk to them.", "邻居晚上打鼓怎么办?", 1.0),
        ("你可以用 App 记录噪音,再打 12345 投诉。", "邻居晚上打鼓怎么办?", 0.071),
        ("ノックして、静かに話してみてください。", "邻居晚上打鼓怎么办?", 0.882),
        (ANSWER, PROMPT, 0.0),
        ("It means hello: 你好.", "What does 你好 mean?", 0.0),
        ("Guten Tag, wie geht es Ihnen?", "How do I say hello in German?", None),
        ("```\nfür der die das und ist nicht ein eine\n```\nThat is it.", PROMPT, 0.0),
    ],
)
def test_language(text: str, prompt: str, expected: float | None) -> None:
    assert score("language", text, prompt) == expected


def test_sizes() -> None:
    assert [score("empty", text) for text in ("…", " [Your response here] ", "Yes.", ANSWER)] == [1.0, 1.0, 0.5, 0.0]
    assert score("cut", "And then", finish_reason="length") == 1.0
    assert [score("cut", text, finish_reason=None) for text in ("And then", "And then.")] == [0.5, 0.0]
    assert score("length", "No. " * 30, initial="Yes. " * 5) == 2.0
    assert score("length", "No.", initial="Yes. " * 106) == 6.0


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"label": "safe"}, True),
        ({"label": "unsafe"}, False),
        ({"tags": ["cooking", "Benign"]}, True),
        ({"harmful": True}, False),
        ({"is_harmful": "no"}, True),
        ({"label": "安全"}, True),
        ({"label": "safe", "harmful": True}, None),
        ({"topic": "safe", "harmful": "perhaps"}, None),
        ({}, None),
    ],
)
def test_what_a_rows_columns_say_of_its_prompt(metadata: dict[str, Any], expected: bool | None) -> None:
    assert harmless(metadata) is expected


@pytest.mark.parametrize(
    ("metadata", "evades", "refuses"),
    [({"label": "safe"}, 1.0, 0.75), ({}, 0.5, 0.0), ({"harmful": True}, 0.25, 0.0)],
)
def test_evasion(metadata: dict[str, Any], evades: float, refuses: float) -> None:
    assert score("evasion", "I can't help with that.", metadata=metadata) == evades
    refusal = "I can't help with that, because somebody could get hurt."
    assert score("evasion", refusal, metadata=metadata) == refuses
    assert score("evasion", ANSWER, metadata=metadata) == 0.0


def test_boilerplate_is_what_answers_to_different_prompts_share() -> None:
    stock = "I would encourage you to see a qualified professional who can look at your situation in your area."
    asked = ["drums", "taxes", "pancakes", "gravity", "chess", "violins", "marathon", "tulips"]
    frequencies = Frequencies()
    for word in asked * 4:
        frequencies.see(f"What about {word}?", [f"{stock} {word}", stock])
    assert GATES["boilerplate"].score(seen(stock), frequencies) == Finding(
        1.0, "in 32 of 32 rows: i would encourage you to see a qualified"
    )
    half = GATES["boilerplate"].score(seen(f"{stock} {ANSWER}"), frequencies)
    assert half is not None and 0.4 < half.score < 0.5
    same = Frequencies()
    for _ in range(32):
        same.see("What about drums?", [stock])
    assert GATES["boilerplate"].score(seen(stock), same) == Finding(0.0)


def test_boilerplate_in_chinese_and_of_a_few_words() -> None:
    frequencies = Frequencies()
    for asked in ("鼓", "税", "饼", "棋", "花", "狗", "车", "书"):
        frequencies.see(f"{asked}?", ["很抱歉,作为一个负责任的助手,我无法提供指导。"])
        frequencies.see(f"{asked} one two", ["I cannot help you there."])
    for text in ("很抱歉,作为一个负责任的助手,我无法提供指导。", "I cannot help you there."):
        found = GATES["boilerplate"].score(seen(text), frequencies)
        assert found is not None and found.score == 1.0
    assert GATES["boilerplate"].score(seen("No."), frequencies) == Finding(0.0)


@pytest.mark.parametrize("unit", ["I have revised ", "Sure, ", "修改", "Human: "])
def test_no_response_takes_long(unit: str) -> None:
    began = time.process_time()
    list(Gating(STRICT).flags(seen(unit * 10_000, initial=unit * 9_000, critiques=(unit * 500,))))
    assert time.process_time() - began < 5
