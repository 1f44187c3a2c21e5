"""Conversations to tokens, such that nothing a row says can act as a control token.

Of every character of the rendered conversation it is known whether a row or the chat template wrote it. The whole is
tokenised in one go. Wherever the tokenizer then reports a control token that reaches into a content, the text is cut
there, and the pieces are tokenised apart. It is the tokenizer that says what it took for a control token, so there is
nothing to guess about normalisers, overlaps, or strings that two turns form together.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from jinja2 import TemplateSyntaxError

from constitution.engines.transformers.chat_template import ChatTemplate, Rendered
from constitution.errors import CallError, ModelError, TemplateError, TemplateLimit
from constitution.records import Message

# Shorter added tokens are white space or single signs, which steer nothing.
SHORTEST_CONTROL = 3
# Tokenised before a piece and then taken off: some tokenizers open every text with a space.
ANCHOR = "\n"


@dataclass(frozen=True)
class Tokens:
    """Tokens of a text.

    Attributes:
        ids: All of them.
        control: The characters that each control token among them stands for, by its place in `ids`.
    """

    ids: list[int]
    control: dict[int, range]


class Encoder:
    """Writes conversations as a model expects them.

    The model reads every character of a text that holds a control string such as `<|im_end|>`, in other tokens. Text
    without one is tokenised exactly as the library does. What a chat template writes in plain characters (`[INST]`,
    `Human:`) is no token that could be kept out: where a row has such a word, it is cut inside its longest token, so
    that its tokens, at least, are not those of the template's. Of tokenizers that tell no character positions (the
    few without a fast version), contents are always tokenised apart from what surrounds them.

    Args:
        tokenizer: The model's.
        chat_template: Jinja source that replaces the model's own chat template, or None.
        model: The model's name, for the error.

    Raises:
        ModelError: Neither the model nor the caller has a chat template, or the model's does not compile or come to
            an end.
        TemplateError: The caller's is broken.
    """

    def __init__(self, tokenizer: Any, chat_template: str | None, model: str) -> None:
        if chat_template is None and not tokenizer.chat_template:
            raise ModelError(
                f"the model {model!r} has no chat template: it is a base model",
                "Use --templates transcript, or a template set with a chat_template.jinja.",
            )
        self._tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer if tokenizer.is_fast else None
        # This also ends any truncation or padding that the tokenizer's file asks for.
        plain = self.encode_option("a")
        # A model's own chat template writes the token that begins a text; ours for base models leaves it to the
        # tokenizer, which knows whether there is one.
        whole = plain if chat_template is None else tokenizer("a").input_ids
        at = next((n for n in range(len(whole)) if whole[n : n + len(plain)] == plain), 0)
        self._before, self._after = whole[:at], whole[at + len(plain) :]
        self._anchor = self.encode_option(ANCHOR)

        added = tokenizer.get_added_vocab().items()
        control = {word: token for word, token in added if len(word.replace("▁", " ").strip()) >= SHORTEST_CONTROL}
        # What stands for an unknown character, or for a byte, is a control token by its looks only.
        unknown = set(self.encode_option("\U000f0000"))
        looks = [word for word, token in control.items() if token in unknown or re.fullmatch("<0x[0-9A-F]{2}>", word)]
        self._control = {token for word, token in control.items() if word not in looks}

        try:
            self._template = ChatTemplate(tokenizer, chat_template, list(control))
            markers = {*looks, *self._template.markers(list(control))}
        except (TemplateSyntaxError, CallError) as bad:
            if chat_template is not None:
                raise TemplateError(f"the template set's chat_template.jinja: {bad.message}") from None
            if not isinstance(bad, CallError) or isinstance(bad, TemplateLimit):
                raise ModelError(
                    f"the chat template of the model {model!r} cannot be used: {bad.message}",
                    "Put a chat_template.jinja of your own into a template set, and name that with --templates.",
                ) from None
            markers = set(looks)
        self._markers = [(word, self._middle(word)) for word in sorted(markers, key=len, reverse=True)]
        # Only the first character is consumed, so that overlapping ones are found too. (?!) never matches.
        heads = (f"{re.escape(word[0])}(?=({re.escape(word[1:])}))" for word, _ in self._markers)
        self._marker = re.compile("|".join(heads) or "(?!)")

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a conversation, the opening of the assistant's next turn included.

        Raises:
            CallError: The model's chat template refuses the conversation, e.g. a system prompt.
        """
        return [*self._before, *self._plain(self._template.render(messages)), *self._after]

    def encode_response(self, text: str) -> list[int]:
        """Tokens of a response as an assistant's turn holds it, its outer white space removed.

        As in a conversation, nothing in it becomes a control token.
        """
        text = text.strip()
        return self._plain(Rendered(text, [range(len(text))]))

    def _plain(self, rendered: Rendered) -> list[int]:
        """Tokens of a text, none of them a control token that a row wrote."""
        cuts = set(self._marker_cuts(rendered))
        if self._backend is None:
            cuts.update(bound for content in rendered.contents for bound in (content.start, content.stop))
        while True:
            tokens = self._tokenise(rendered.text, cuts)
            forged = {n: own for n, span in tokens.control.items() if (own := rendered.own(span))}
            found = {cut for n, own in forged.items() if (cut := _cut(tokens.control[n], own))} - cuts
            if not found:
                # Forged yet uncuttable is a single character that the normaliser makes a whole control string.
                return [token for n, token in enumerate(tokens.ids) if n not in forged]
            cuts |= found

    def encode_option(self, option: str) -> list[int]:
        """Tokens of an answer's beginning."""
        ids: list[int] = self._tokenizer(option, add_special_tokens=False).input_ids
        return ids

    def _middle(self, word: str) -> int:
        """Where to cut a word: inside its longest token, which then cannot be read."""
        spans = self._backend.encode(word, add_special_tokens=False).offsets if self._backend is not None else []
        start, stop = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
        return (start + stop) // 2 if stop - start > 1 else len(word) // 2

    def _marker_cuts(self, rendered: Rendered) -> Iterator[int]:
        for match in self._marker.finditer(rendered.text):
            word, middle = self._markers[(match.lastindex or 0) - 1]
            if own := rendered.own(range(match.start(), match.start() + len(word))):
                yield min(max(match.start() + middle, own.start), own.stop)

    def _tokenise(self, text: str, cuts: set[int]) -> Tokens:
        """Tokens of a text, the pieces between the cuts each on its own."""
        bounds = [0, *sorted(cuts), len(text)]
        first, *rest = (text[a:b] for a, b in pairwise(bounds))
        whole, *anchored = self._read([first, *(ANCHOR + piece for piece in rest)])
        ids, control = whole.ids, whole.control
        for start, piece, tokens in zip(bounds[1:-1], rest, anchored, strict=True):
            taken, shift = len(self._anchor), start - len(ANCHOR)
            if tokens.ids[:taken] != self._anchor:
                tokens, taken, shift = self._read([piece])[0], 0, start
            for n, span in tokens.control.items():
                control[len(ids) + n - taken] = range(max(start, span.start + shift), span.stop + shift)
            ids += tokens.ids[taken:]
        return Tokens(ids, control)

    def _read(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text on its own, as it is."""
        if self._backend is None:
            lists = [self.encode_option(text) for text in texts]
            return [
                Tokens(ids, dict.fromkeys(self._control_in(ids), range(len(text))))
                for text, ids in zip(texts, lists, strict=True)
            ]
        encodings = self._backend.encode_batch(texts, add_special_tokens=False)
        lists = [encoding.ids for encoding in encodings]
        return [
            Tokens(ids, {n: range(*encoding.token_to_chars(n)) for n in self._control_in(ids)})
            for encoding, ids in zip(encodings, lists, strict=True)
        ]

    def _control_in(self, ids: Sequence[int]) -> list[int]:
        return [n for n, token in enumerate(ids) if token in self._control]


def _cut(span: range, own: range) -> int | None:
    """Where to cut a token that stands for `span` in its part `own`; None if it is a single character."""
    if len(own) > 1:
        return (own.start + own.stop) // 2
    return own.start if own.start > span.start else own.stop if own.stop < span.stop else None
