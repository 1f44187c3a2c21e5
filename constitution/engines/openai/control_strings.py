"""Strings that a server's tokenizer may read as control tokens, wherever they stand in a text.

A server is sent text, and what becomes of `<|im_end|>` in it is decided there: many tokenise a message together with
the template around it. Only the shapes and words below are looked for, as written: plain words ("User:", "###
Response") are tokens in no family.
"""

import re
from typing import Literal

from constitution.errors import CallError

# Matched as a whole: what stands between the signs is one word, so prose and code (`a <| b |> c`) do not match.
SHAPES = {
    # ChatML (Qwen, SmolLM2, Yi, InternLM), Llama 3 and 4, Phi, GLM, Command R, Granite, gpt-oss, Kimi, GPT-2
    "<|…|>": r"<\|[^\s<>|]{1,64}\|?>",
    # Gemma 4, which has a bar on one side only
    "<…|>": r"<[^\s<>|]{1,64}\|>",
    # DeepSeek, Hunyuan (full-width bars)
    "<｜…｜>": r"<｜[^\s<>｜]{1,64}｜>",
    # EXAONE
    "[|…|]": r"\[\|[^\s\[\]|]{1,64}\|\]",
}
# Words in angle brackets, most of them also with a slash before them.
ANGLED = {
    "Llama 2, Mistral, T5 (both are HTML's strike-through, too)": ("s",),
    "SentencePiece": ("bos", "eos", "pad", "unk"),
    "Gemma": ("start_of_turn", "end_of_turn", "start_of_image", "end_of_image", r"unused\d+"),
    "reasoning: DeepSeek R1, Qwen 3": ("think",),
    "Hermes, Qwen": ("tool_call", "tool_response"),
    "Seed-OSS": (r"seed:\w+",),
    "T5, Nemotron": (r"extra_id_\d+", r"SPECIAL_\d+"),
    "Command R": ("BOS_TOKEN", "EOS_TOKEN", "EOP_TOKEN"),
    "GLM": ("sop", "eop"),
    "SmolVLM": ("end_of_utterance", "fake_token_around_image"),
    "Baichuan": (r"reserved_\d+",),
    "StarCoder": (r"fim_(?:prefix|middle|suffix|pad)", "file_sep", "repo_name"),
}
# Words in square brackets, likewise.
SQUARE = {
    "Llama 2, Mistral": ("INST",),
    "Mistral, tools": ("AVAILABLE_TOOLS", "TOOL_CALLS", "TOOL_RESULTS", "TOOL_CONTENT", "ARGS", "CALL_ID"),
    "Mistral, the rest": ("SYSTEM_PROMPT", "MODEL_SETTINGS", "THINK", "PREFIX", "MIDDLE", "SUFFIX"),
    "Mistral, media": ("IMG", "IMG_BREAK", "IMG_END", "AUDIO", "BEGIN_AUDIO"),
    "GLM": ("gMASK", "sMASK", "MASK"),
}
OTHERS = {
    "Llama 2": r"<</?SYS>>",
    "MiniMax": r"\]~!?b\[|\]~b\]|\[e~\[",
}

_PATTERN = re.compile(
    "|".join(
        (
            *SHAPES.values(),
            rf"</?(?:{'|'.join(word for words in ANGLED.values() for word in words)})>",
            rf"\[/?(?:{'|'.join(word for words in SQUARE.values() for word in words)})\]",
            *OTHERS.values(),
        )
    )
)


def count(text: str) -> int:
    """How many control strings the text holds."""
    return len(_PATTERN.findall(text)) if _may_hold(text) else 0


def escape(text: str) -> str:
    """The text with a space after the first character of each control string: `< |im_end|>`, `[ INST]`.

    A space is seen by whoever reads the text, and no tokenizer takes it away; some drop a zero-width one, and the
    control string would stand there again. What is nested in another one, or was made by the cut, is cut in turn.
    """
    while _may_hold(text) and _PATTERN.search(text):
        text = _PATTERN.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)
    return text


def treat(text: str, how: Literal["error", "escape", "keep"]) -> str:
    """The text as it may be sent.

    Raises:
        CallError: `how` is `error`, and there is a control string; names the first.
    """
    if how == "escape":
        return escape(text)
    if how == "error" and _may_hold(text) and (match := _PATTERN.search(text)):
        raise CallError(
            f"a message holds the control string {match[0]!r}",
            "Send such messages with --control-tokens escape (a space is put into each), or keep.",
        )
    return text


def _may_hold(text: str) -> bool:
    # Most texts hold none, and this is much faster than the pattern.
    return "<" in text or "[" in text or "]~" in text
