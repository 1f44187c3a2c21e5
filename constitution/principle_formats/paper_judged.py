r"""The examples for the judge that Bai et al. released: plain, and with a chain of thought.

`RLMadisonFewShotPrompts.json`: `prompt` as in hh-rlhf, `corrects` and `incorrects`.
`RLMadisonPrecogFewShotPrompts.json`: `prompt` alone, a text that holds the conversation (turns `H:` and `A:`), `{}` for
the principle, ` (A) [[[…]]]` and ` (B) [[[…]]]`, a reasoning after `Assistant: Let's think step by step:`, and
`Human:\nSo the answer is: (B)`.
"""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

from constitution.conversations import parse_transcript
from constitution.judging import BETTER, WORSE, JudgeExample
from constitution.principle_formats.contents import Contents, Misfit, Written, counted
from constitution.principle_formats.source import Shape, as_json, fit, others
from constitution.records import Message

OPENING = "\n\nHuman: Consider the following conversation between a human (H) and an assistant (A):"
THOUGHT = "Assistant: Let's think step by step:"
VERDICT = "Human:\nSo the answer is: "
PRINCIPLE = "{}"
_HEAD = re.compile(r"\n{0,2}Human: Consider the following conversation[^\n]*:\n\n")
_TURN = re.compile(r"(?:\A|\n\n)(H|A): ?")
_LETTER = re.compile(r"\(([AB])\)|(?<=\b[Oo]ption )([AB])\b|(?<=\b[Rr]esponse )([AB])\b|(?<=\b[Aa]nswer )([AB])\b")
_STRAY = re.compile(r"(?<![\w(])B(?![\w)'])")


class _Pair(Shape):
    prompt: str
    corrects: list[str]
    incorrects: list[str]


class _Thought(Shape):
    prompt: str


def read(data: list[Any]) -> Contents:
    """The examples of either file.

    Raises:
        Misfit: They are of neither.
    """
    if isinstance(data[0], dict) and "corrects" in data[0]:
        return _plain(fit(list[_Pair], data))
    return _reasoned(fit(list[_Thought], data))


def write(examples: Sequence[JudgeExample]) -> Written:
    """`RLMadisonFewShotPrompts.json`.

    Raises:
        Misfit: A turn holds what would be read as the beginning of another.
    """
    rows = []
    for number, example in enumerate(examples, 1):
        turns = [*example.before, Message(role="user", content=example.prompt)]
        names = {"user": "Human", "assistant": "Assistant", "system": "System"}
        prompt = "".join(f"\n\n{names[turn.role]}: {turn.content}" for turn in turns) + "\n\nAssistant:"
        try:
            if _conversation(prompt) != (example.before, example.prompt):
                raise Misfit("a turn would be read as two")
        except Misfit as bad:
            raise Misfit(f"example {number}: {bad}") from None
        rows.append({"prompt": prompt, "corrects": [example.better], "incorrects": [example.worse]})
    lost = {name: sum(getattr(one, name) is not None for one in examples) for name in ("comparison", "reasoning")}
    return Written(text=as_json(rows), entries=len(rows), dropped=counted(lost))


def write_reasoned(examples: Sequence[JudgeExample]) -> Written:
    """`RLMadisonPrecogFewShotPrompts.json`: the examples that have a reasoning, their better responses as (B), (A), ….

    Raises:
        Misfit: None has one, or a text of one would be read as something else.
    """
    held = [one for one in examples if one.reasoning is not None]
    if not held:
        raise Misfit("no example has a reasoning")
    rows = []
    for number, example in enumerate(held, 1):
        better, worse = ("(B)", "(A)") if number % 2 else ("(A)", "(B)")
        first, second = (example.worse, example.better) if number % 2 else (example.better, example.worse)
        turns = [*example.before, Message(role="user", content=example.prompt)]
        said = "".join(f"\n\n{'A' if turn.role == 'assistant' else 'H'}: {turn.content}" for turn in turns)
        asked = f"\n{example.comparison} Options:" if example.comparison else PRINCIPLE
        thought = (example.reasoning or "").replace(BETTER, better).replace(WORSE, worse)
        text = (
            f"{OPENING}{said}\n\n{asked}\n (A) [[[{first}]]]\n (B) [[[{second}]]]"
            f"\n\n{THOUGHT} {thought}\n\n{VERDICT}{better}"
        )
        if _thought(text, f"example {number}") != example:
            raise Misfit(f"example {number}: a text of it would be read as something else")
        rows.append({"prompt": text})
    return Written(
        text=as_json(rows),
        entries=len(rows),
        dropped=counted({"examples without a reasoning": len(examples) - len(held)}),
    )


def _plain(rows: list[_Pair]) -> Contents:
    judged, alone = [], 0
    for number, row in enumerate(rows, 1):
        try:
            before, prompt = _conversation(row.prompt)
        except Misfit as bad:
            raise Misfit(f"example {number}: {bad}") from None
        pairs = [pair for pair in product(row.corrects, row.incorrects) if pair[0].strip() and pair[1].strip()]
        judged += [JudgeExample(before=before, prompt=prompt, better=better, worse=worse) for better, worse in pairs]
        alone += not pairs
    if not judged:
        raise Misfit("no example has a correct and an incorrect response")
    return Contents(
        shape="examples for a judge",
        judged=tuple(judged),
        dropped=counted(others(rows) | {"examples without a pair": alone}),
        notes=(
            "They say no question: a judge is shown them with the one that it is asked.",
            "They have no reasoning: with --cot they are left out.",
        ),
    )


def _reasoned(rows: list[_Thought]) -> Contents:
    judged = tuple(_thought(row.prompt, f"example {number}") for number, row in enumerate(rows, 1))
    stray = [str(n) for n, one in enumerate(judged, 1) if _STRAY.search(one.reasoning or "")]
    notes = [
        f"Of {len(judged)} verdicts the letter is drawn anew for each row: in reasonings it became {BETTER} or {WORSE}."
    ]
    if any(one.comparison is None for one in judged):
        notes.append("Where they have {} for the principle, a judge is shown them with the question that it is asked.")
    if stray:
        notes.append(f"A letter may be left in the reasoning of example {', '.join(stray)}: look at it.")
    return Contents(
        shape="examples with a chain of thought for a judge",
        judged=judged,
        dropped=counted(others(rows)),
        notes=tuple(notes),
    )


def _conversation(text: str) -> tuple[tuple[Message, ...], str]:
    turns = parse_transcript(text)
    if turns and turns[-1].role == "assistant" and not turns[-1].content:
        turns.pop()
    if not re.match(r"\n{0,2}Human:", text) or not turns or turns[-1].role != "user":
        raise Misfit('the prompt is no conversation that ends with "\\n\\nAssistant:"')
    if not all(turn.content for turn in turns):
        raise Misfit("an empty turn")
    return tuple(turns[:-1]), turns[-1].content


def _thought(text: str, place: str) -> JudgeExample:
    head = _HEAD.match(text)
    if head is None:
        raise Misfit(f"{place} does not begin with {OPENING[2:42]!r}…")
    rest, found, verdict = text[head.end() :].rpartition(f"\n\n{VERDICT}")
    letter = verdict.strip()
    if not found or letter not in ("(A)", "(B)"):
        raise Misfit(f"{place} does not end with {VERDICT + '(A)'!r} or (B)")
    shown, found, thought = rest.partition(f"]]]\n\n{THOUGHT}")
    asked, opened, options = shown.partition("\n (A) [[[")
    first, between, second = options.partition("]]]\n (B) [[[")
    if not (found and opened and between):
        raise Misfit(f"{place} has not the options (A) [[[…]]] and (B) [[[…]]] and then {THOUGHT!r}")
    conversation, _, question = asked.rpartition("\n\n")
    turns = _TURN.split(conversation)
    if turns[0].strip() or len(turns) < 3 or turns[-2] != "H":
        raise Misfit(f"{place}: the conversation is not of turns 'H: …' and 'A: …' with the human's last")
    messages = [
        Message(role="user" if name == "H" else "assistant", content=content.strip())
        for name, content in zip(turns[1::2], turns[2::2], strict=True)
    ]
    right, wrong = (first, second) if letter == "(A)" else (second, first)
    if not all(message.content for message in messages) or not all(part.strip() for part in (right, wrong, thought)):
        raise Misfit(f"{place}: an empty turn, option or reasoning")
    comparison = question.strip().removesuffix("Options:").strip()
    return JudgeExample(
        before=tuple(messages[:-1]),
        prompt=messages[-1].content,
        better=right.strip(),
        worse=wrong.strip(),
        comparison=None if comparison in (PRINCIPLE, "") else comparison,
        reasoning=_LETTER.sub(
            lambda m: BETTER if f"({m[1] or m[2] or m[3] or m[4]})" == letter else WORSE, thought
        ).strip(),
    )
