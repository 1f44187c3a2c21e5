"""Conversations to tokens, such that nothing a row says can act as a control token."""

import re
import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from jinja2 import TemplateError as JinjaError

from constitution.errors import CallError, ModelError, TemplateError
from constitution.records import Message

# Shorter added tokens are white space or single signs, which steer nothing.
SHORTEST_CONTROL = 3


class Encoder:
    """Writes conversations as a model expects them.

    The text of a row may contain a control string such as `<|im_end|>`. Each one is cut after its first character
    and the pieces are tokenised apart: the model reads the same characters (a tokenizer that opens each piece with a
    space adds one there), but no piece is the control string any more. Text without control strings is tokenised in
    one go, exactly as the library does.

    Args:
        tokenizer: The model's.
        chat_template: Jinja source that replaces the model's own chat template, or None.
        model: The model's name, for the error.

    Raises:
        ModelError: Neither the model nor the caller has a chat template.
        TemplateError: The caller's is broken.
    """

    def __init__(self, tokenizer: Any, chat_template: str | None, model: str) -> None:
        if chat_template is None and not tokenizer.chat_template:
            raise ModelError(
                f"the model {model!r} has no chat template: it is a base model",
                "Use --templates transcript, or a template set with a chat_template.jinja.",
            )
        self._tokenizer = tokenizer
        self._chat_template = chat_template
        control = [token for token in tokenizer.get_added_vocab() if len(token.strip()) >= SHORTEST_CONTROL]
        # A lookahead finds overlapping ones too. With no added token at all, nothing can match.
        pattern = "|".join(re.escape(token) for token in sorted(control, key=len, reverse=True)) or r"(?!)"
        self._control = re.compile(f"(?=({pattern}))")
        # Random, so that no row can hold it.
        self._cut = f"\ue000{secrets.token_hex(8)}\ue001"
        if chat_template is not None:
            try:
                self.encode([Message(role="user", content="Hello.")])
            except CallError as bad:
                raise TemplateError(f"the template set's chat_template.jinja: {bad.message}") from None

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a conversation, the opening of the assistant's next turn included.

        Raises:
            CallError: The model's chat template refuses the conversation, e.g. a system prompt.
        """
        turns = [{"role": message.role, "content": self._mark(message.content)} for message in messages]
        try:
            text = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, chat_template=self._chat_template
            )
        except JinjaError as bad:
            raise CallError(f"the chat template refuses the conversation: {bad.message}") from None
        # A model's own chat template writes the token that begins a text; ours for base models leaves it to the
        # tokenizer, which knows whether there is one.
        pieces = text.split(self._cut)
        first = self._tokenizer(pieces[0], add_special_tokens=self._chat_template is not None).input_ids
        rest = (self._tokenizer(piece, add_special_tokens=False).input_ids for piece in pieces[1:])
        return [*first, *(token for piece in rest for token in piece)]

    def encode_option(self, option: str) -> list[int]:
        """Tokens of an answer's beginning."""
        tokens: list[int] = self._tokenizer(option, add_special_tokens=False).input_ids
        return tokens

    def _mark(self, content: str) -> str:
        cuts = [match.start() + 1 for match in self._control.finditer(content)]
        bounds = [0, *cuts, len(content)]
        return self._cut.join(content[a:b] for a, b in pairwise(bounds))
