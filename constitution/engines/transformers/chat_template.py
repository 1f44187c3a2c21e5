"""A model's chat template, applied such that what a row wrote stays apart from what the template wrote."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from constitution.engines.chat_text import write_chat
from constitution.errors import CallError, TemplateLimit
from constitution.records import Message, Role
from constitution.sandbox import compile_template

# Before and after a content, and before the number of a hidden one. Private characters: no template holds them, and a
# content that does is hidden.
OPEN, CLOSE, HIDDEN = "\U000f0000", "\U000f0001", "\U000f0002"
# A marker is no shorter: `#` or `-` would be found in every text.
SHORTEST_MARKER = 3
# Conversations that show what a chat template writes of its own; some refuse the longer ones.
PROBES: tuple[tuple[Role, ...], ...] = (
    ("system", "user", "assistant", "user"),
    ("user", "assistant", "user"),
    ("user",),
)


@dataclass(frozen=True)
class Rendered:
    """A conversation as text.

    Attributes:
        text: What the chat template made of it.
        contents: Where in the text the rows' contents are, in order, their outer white space left out.
    """

    text: str
    contents: list[range]

    def own(self, span: range) -> range:
        """Of these characters, the last run that a row wrote; empty if there is none."""
        last = bisect_left(self.contents, span.stop, key=lambda content: content.start) - 1
        content = self.contents[last] if last >= 0 else range(0)
        return range(max(span.start, content.start), min(span.stop, content.stop))


class ChatTemplate:
    """Renders conversations, and tells rows' contents from the template's own text.

    Each content is put between two marks, its outer white space outside of them for templates that trim. The template
    reads contents, as it does in the library: `/no_think` in a system prompt works, though white space that is left
    at an end of the text where the flag was stays. One that holds a control string which the template names, such as
    `</think>`, is hidden from it, a number in its place; so are all if it does not write each of them once and whole.

    Args:
        tokenizer: The model's; its own template is applied unless another is given.
        source: Jinja source of another template, or None.
        control: The tokenizer's control strings.

    Raises:
        TemplateSyntaxError: The template does not compile.
    """

    def __init__(self, tokenizer: Any, source: str | None, control: Sequence[str]) -> None:
        text = tokenizer.get_chat_template(source)
        self._template = compile_template(text, chat=True)
        self._tokens = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
        # A template acts upon no other strings than those it names.
        named = {word for word in control if word in text} | set(self._tokens.values())
        self._steering = re.compile("|".join(map(re.escape, {*named, OPEN, CLOSE, HIDDEN})))

    def render(self, messages: Sequence[Message], hide_all: bool = False) -> Rendered:
        """The conversation as text, the opening of the assistant's next turn included.

        Raises:
            CallError: The template refuses it, e.g. a system prompt, or does more than is allowed.
        """
        cores = [message.content.strip() for message in messages]
        turns = []
        for n, (message, core) in enumerate(zip(messages, cores, strict=True)):
            shown = f"{HIDDEN}{n}" if hide_all or self._steering.search(core) else core
            marked = message.content.replace(core, f"{OPEN}{shown}{CLOSE}", 1) if core else message.content
            turns.append({"role": message.role, "content": marked})
        text = write_chat(self._template, turns, self._tokens)
        before, *parts = text.split(OPEN)
        whole = CLOSE not in before and all(part.count(CLOSE) == 1 for part in parts)
        if not hide_all and not (whole and len(parts) == sum(map(bool, cores))):
            # The template took a content apart, e.g. at a `</think>` that is no added token.
            return self.render(messages, hide_all=True)
        if not whole:
            raise CallError("the chat template writes parts of a message only, so what is its own cannot be told")
        pieces, contents, length = [before], [], len(before)
        for part in parts:
            shown, scaffold = part.split(CLOSE)
            content = cores[int(shown.removeprefix(HIDDEN))] if shown.startswith(HIDDEN) else shown
            contents.append(range(length, length + len(content)))
            pieces += content, scaffold
            length += len(content) + len(scaffold)
        return Rendered("".join(pieces), contents)

    def markers(self, control: Sequence[str]) -> Iterator[str]:
        """The template's words in plain characters that tell turns apart.

        Those in brackets of any kind, like `[INST]` and `###`, and the last before a content if it ends in
        punctuation, like `Human:`. What else a template writes is prose.

        Raises:
            TemplateLimit: The template does more than is allowed.
            CallError: It refuses every conversation.
        """
        for text in self._scaffold():
            for word in sorted(control, key=len, reverse=True):
                text = text.replace(word, " ")
            words = text.split()
            for word in words:
                closed = not word[-1].isalnum() and (not word[0].isalnum() or word is words[-1])
                if closed and len(word) >= SHORTEST_MARKER:
                    yield word

    def _scaffold(self) -> list[str]:
        """What the template writes before each content of a conversation, and at its end."""
        for roles in PROBES:
            try:
                rendered = self.render([Message(role=role, content="x") for role in roles], hide_all=True)
            except TemplateLimit:
                raise
            except CallError as bad:
                refusal = bad
                continue
            stops = [0, *(content.stop for content in rendered.contents)]
            starts = [*(content.start for content in rendered.contents), len(rendered.text)]
            return [rendered.text[a:b] for a, b in zip(stops, starts, strict=True)]
        raise refusal
