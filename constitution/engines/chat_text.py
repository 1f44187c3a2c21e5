"""A conversation as one text, by a chat template that is a model's own or a template set's."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Template

from constitution.errors import CallError, TemplateLimit
from constitution.sandbox import LimitExceeded, line_of, render, words_of


def write_chat(template: Template, messages: Sequence[Mapping[str, str]], tokens: Mapping[str, str]) -> str:
    """The text that the assistant's next turn goes on from, as transformers would write it.

    Args:
        template: Compiled as a chat template.
        messages: The turns, each a `role` and a `content`.
        tokens: Special tokens by the names that templates know them by, e.g. `bos_token`.

    Raises:
        TemplateLimit: The template writes or does more than is allowed.
        CallError: It refuses the conversation, or fails.
    """
    turns = [dict(message) for message in messages]
    values: dict[str, Any] = {"messages": turns, "tools": None, "documents": None, "add_generation_prompt": True}
    try:
        return render(template, {**tokens, **values})
    except LimitExceeded as bad:
        line = line_of(bad, template)
        at = f", line {line}," if line else ""
        raise TemplateLimit(f"the chat template{at} {words_of(bad)}") from None
    except Exception as bad:
        # A template is code of another person's: it may fail in any way that code can.
        raise CallError(f"the chat template refuses the conversation: {words_of(bad)}") from None
