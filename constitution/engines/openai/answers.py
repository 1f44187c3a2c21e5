"""Good answers, read by hand: what is needed of them, in the forms of the many servers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from constitution.engines.openai.choosing import Listed
from constitution.engines.openai.refusals import Fault
from constitution.errors import CallError
from constitution.records import FinishReason

# `eos`, `eos_token` and `stop_sequence`: TGI; `end_turn`, `max_tokens`: gateways to other vendors.
FINISHED: dict[str | None, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    None: "stop",
    "length": "length",
    "max_tokens": "length",
    # Cut by the vendor, not by the model's own end.
    "content_filter": "length",
}
# The server gave up half way.
BROKEN_OFF = frozenset({"abort", "error", "cancelled"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        text: Outer white space removed, nothing from the first stop string on.
        finish_reason: As in `Completion`.
        prompt_tokens: Tokens that the model was given; this and the next two are 0 if the server does not tell.
        reused_tokens: Those of them that the server had at hand.
        completion_tokens: Tokens that it sampled.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    reused_tokens: int
    completion_tokens: int


def read_answer(answer: dict[str, Any], stop: Sequence[str] = ()) -> Answer:
    """The text and the counters, of a chat completion or a text completion.

    Raises:
        Fault: A field is missing or broken off; another try may bring it.
        CallError: The vendor's filter has taken the answer away.
    """
    choice = first_choice(answer)
    text = _text(choice)
    for end in stop:
        # Some servers (TGI) leave it in.
        text = text.partition(end)[0]
    text = text.strip()
    reason = choice.get("finish_reason")
    if not isinstance(reason, str | None):
        raise Fault("the answer's finish_reason is not text")
    if reason in BROKEN_OFF:
        raise Fault(f"the answer was broken off (finish_reason {reason!r})")
    if reason == "content_filter" and not text:
        raise CallError("the server's content filter let no answer through (finish_reason 'content_filter')")
    usage = _object(answer.get("usage"))
    return Answer(
        text=text,
        finish_reason=FINISHED.get(reason, "stop"),
        prompt_tokens=_tokens(usage.get("prompt_tokens")),
        reused_tokens=_tokens(_object(usage.get("prompt_tokens_details")).get("cached_tokens")),
        completion_tokens=_tokens(usage.get("completion_tokens")),
    )


def first_choice(answer: dict[str, Any]) -> dict[str, Any]:
    """The first of the answer's choices.

    Raises:
        Fault: There is none.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Fault("the answer lacks the field choices[0]")
    return choices[0]


def read_listed(answer: dict[str, Any]) -> list[Listed]:
    """The most probable first tokens; none if the server tells fewer than two, which compare nothing.

    Read are OpenAI's form for chats, `logprobs.content[0].top_logprobs`, a list (llama.cpp answers text completions in
    it too), and the one for text completions, `logprobs.top_logprobs[0]`, token to log-probability.

    Raises:
        Fault: There is no choice at all.
    """
    match first_choice(answer).get("logprobs"):
        case {"content": [{"top_logprobs": [*entries]}, *_]}:
            pairs = [(entry.get("token"), entry.get("logprob")) for entry in entries if isinstance(entry, dict)]
        case {"top_logprobs": [{**entries_by_token}, *_]}:
            pairs = list(entries_by_token.items())
        case _:
            return []
    listed = [
        Listed(token, float(logprob))
        for token, logprob in pairs
        if isinstance(token, str) and isinstance(logprob, int | float) and math.isfinite(logprob)
    ]
    return listed if len(listed) > 1 else []


def _text(choice: dict[str, Any]) -> str:
    if "text" in choice:
        text = choice["text"]
    elif isinstance(message := choice.get("message"), dict):
        text = message.get("content")
    else:
        raise Fault("the answer lacks the field choices[0].message.content")
    if text is None:
        # A reasoning model that used up all its tokens before it said anything.
        return ""
    if isinstance(text, list):
        # Some servers tell the reasoning and the text apart, as parts.
        text = "".join(part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str))
    if not isinstance(text, str):
        raise Fault("the answer's text is not text")
    return text


def _object(value: object) -> dict[str, Any]:
    """Counters are no part of an answer: what is none is taken for empty."""
    return value if isinstance(value, dict) else {}


def _tokens(value: object) -> int:
    return value if isinstance(value, int) else 0
