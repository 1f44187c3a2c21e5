"""A template set's own chat template, for servers that are asked to continue a text."""

from collections.abc import Sequence
from typing import Any, NoReturn

from jinja2 import Template
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from constitution.errors import CallError, TemplateError


class ChatTemplate:
    """Writes a conversation as one text, by the rules and with the names that transformers gives chat templates.

    Args:
        source: Jinja. The tokens that begin and end a text are empty to it: the server's tokenizer adds them.

    Raises:
        TemplateError: It does not compile, or cannot write a conversation.
    """

    def __init__(self, source: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        try:
            self._template: Template = environment.from_string(source)
            self.render([{"role": "user", "content": "Hello."}])
        except (JinjaError, CallError) as bad:
            raise TemplateError(f"the template set's chat_template.jinja: {bad}") from None

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """The text that the assistant's next turn goes on from.

        Raises:
            CallError: The template refuses the conversation, or fails.
        """
        values: dict[str, Any] = {"messages": messages, "add_generation_prompt": True, "bos_token": "", "eos_token": ""}
        try:
            return self._template.render(values)
        except Exception as bad:
            # A template is a person's own code: it may fail in any way that code can.
            raise CallError(f"the chat template refuses the conversation: {bad}") from None


def _refuse(message: str) -> NoReturn:
    raise JinjaError(message)
