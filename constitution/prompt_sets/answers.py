"""What a model answered when it was asked for prompts: the prompts in it, and why a line of it is none."""

import re
from collections.abc import Iterator
from typing import Literal

from constitution.prompt_sets.grams import tokens_of
from constitution.records import Completion, Record
from constitution.report.findings.stance import stance
from constitution.words import UNSPACED

Reason = Literal[
    "empty",
    "preamble",
    "refusal",
    "not a request",
    "repetition",
    "cut off",
    "too short",
    "too long",
    "copied",
    "duplicate",
]
# In words; two characters of a script without spaces count as one.
LEAST_WORDS, MOST_WORDS = 3, 60

_BULLET = r"[-*•–—]\s+"
_WORD = r"(?:q|question|prompt|request)\s?\d{0,3}"
_MARKER = re.compile(
    rf"\s*(?:#{{1,6}}\s+)?(?:(?:{_BULLET})?(?:[(（]?(?:\d{{1,3}}\s*[.):、）：]\s*|(?:[a-z]|[ivx]{{1,4}})[.)）]\s+)"
    rf"|{_WORD}[.:]\s+)|{_BULLET})",
    re.IGNORECASE,
)
# `**1.** How …`, `**1**. How …`, `**1. How …**`: emphasis that a marker stands in.
_EMPHASISED = re.compile(
    rf"\A(\s*(?:#{{1,6}}\s+)?(?:{_BULLET})?)(\*{{1,3}}|_{{1,3}})"
    rf"(?=[(（]?(?:\d{{1,3}}|[a-z]|[ivx]{{1,4}}|{_WORD})\s*[*_.):、）：])(.+?)\2",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r"(\*|__|[\"“”'‘’「」『』`])+")
_PREAMBLE = re.compile(
    r"(sure|certainly|of course|okay|here (are|is)|these are|below are)\b|当然|好的|以下|下面", re.IGNORECASE
)
# As an item of a list, too: one sentence that says what follows. What begins so and goes on may be asked by somebody.
_ANNOUNCES = re.compile(
    r"((sure|certainly|of course|okay|ok|absolutely|gladly)\W+(here( are| is|['’]s)?|these are|below are)\b"
    r"[^.?!:;\n]{0,60}"
    r"|(here|these|below) are (\w+ ){0,4}(requests|prompts|questions|examples)\b[^.?!:;,\n]{0,30})[.!…]*"
    r"|(当然|好的)[,，。!！]?\s*(以下|下面|这里)(是|有)[^。？?！!；;]{0,30}[。！!]?",
    re.IGNORECASE,
)
# Whoever asks begins otherwise, in English; a sentence about something is no request.
_STATES = re.compile(r"(the|this|that|these|those|it|there|he|she|they|we|a|an)\b", re.IGNORECASE)
_SPEAKS = re.compile(r"(human|assistant|user|(\w+ )?answer|response|note|a)\s*:|(回答|注)[:：]", re.IGNORECASE)
# What a line must have that is no item of a list: a question, or one of the usual beginnings of a request.
_ASKS = re.compile(
    r".*[?？]|(please|write|tell|give|explain|show|help|make|describe|list|teach|suggest|create|compare|find|name|draw|"
    r"let|say|pretend|imagine|act|go|design|plan|compose|translate|summari[sz]e|rewrite|generate|provide|"
    r"i (want|need|am trying))\b|请|帮|告诉|给我|写|教|说",
    re.IGNORECASE,
)
# Words that differ, of all: a small model that goes round in circles has fewer.
_LEAST_DIFFERENT = 0.5


class Line(Record):
    """A line of an answer.

    Attributes:
        text: Without the list's marker and quotation marks around it.
        reason: Why it is no prompt; None if it is one, as far as it tells by itself.
    """

    text: str
    reason: Reason | None = None


def lines_of(answer: Completion, least: int = LEAST_WORDS, most: int = MOST_WORDS) -> Iterator[Line]:
    """The lines of an answer, in order; blank ones are none.

    Where some are marked as items of a list, the others are what the model says about it. Where none are, a line must
    ask something, or begin as requests do.

    Args:
        answer: The model's.
        least: Words of a prompt at least.
        most: Words of a prompt at most.
    """
    raw = [_EMPHASISED.sub(r"\1\3", line, count=1) for line in answer.text.splitlines() if line.strip()]
    listed = any(_MARKER.match(line) for line in raw)
    for number, line in enumerate(raw, 1):
        marker = _MARKER.match(line)
        text = _unwrapped(line[marker.end() :] if marker else line)
        cut = answer.finish_reason == "length" and number == len(raw)
        yield Line(text=text, reason=_reason(text, listed, marker is None, cut, least, most))


def _reason(text: str, listed: bool, unmarked: bool, cut: bool, least: int, most: int) -> Reason | None:
    aside = listed and unmarked
    if not tokens_of(text) or not any(map(str.isalnum, text)):
        return "empty"
    if text.endswith((":", "：")) or (aside and _PREAMBLE.match(text)) or _ANNOUNCES.fullmatch(text):
        return "preamble"
    if stance(text) != "answer":
        return "refusal"
    if cut:
        return "cut off"
    states = _STATES.match(text) and "?" not in text
    if aside or states or _SPEAKS.match(text) or not (listed or _ASKS.match(text)):
        return "not a request"
    if len(set(tokens_of(text))) < _LEAST_DIFFERENT * len(tokens_of(text)):
        return "repetition"
    words = _words(text)
    return "too short" if words < least else "too long" if words > most else None


def _unwrapped(text: str) -> str:
    """Without quotation marks or emphasis around all of it."""
    text = text.strip()
    opened, closed = _WRAPPED.match(text), re.search(rf"{_WRAPPED.pattern}$", text)
    return text[opened.end() : closed.start()].strip() if opened and closed and opened.end() < closed.start() else text


def _words(text: str) -> float:
    return sum(0.5 if UNSPACED.match(token) else 1 for token in tokens_of(text))
