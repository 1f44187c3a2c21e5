"""A template set's own chat template, for servers that are asked to continue a text."""

from collections.abc import Mapping, Sequence

from jinja2 import TemplateSyntaxError

from constitution.engines.chat_text import write_chat
from constitution.errors import CallError, TemplateError
from constitution.sandbox import compile_template

# The server's tokenizer adds the tokens that begin and end a text.
TOKENS = {"bos_token": "", "eos_token": ""}


class ChatTemplate:
    """Writes a conversation as one text, by the rules and with the names that transformers gives chat templates.

    Args:
        source: Jinja. The tokens that begin and end a text are empty to it.

    Raises:
        TemplateError: It does not compile, or cannot write a conversation.
    """

    def __init__(self, source: str) -> None:
        try:
            self._template = compile_template(source, chat=True)
            self.render([{"role": "user", "content": "Hello."}])
        except TemplateSyntaxError as bad:
            raise TemplateError(f"the template set's chat_template.jinja:{bad.lineno}: {bad.message}") from None
        except CallError as bad:
            raise TemplateError(f"the template set's chat_template.jinja: {bad.message}") from None

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The text that the assistant's next turn goes on from.

        Raises:
            CallError: The template refuses the conversation, fails, or does more than is allowed.
        """
        return write_chat(self._template, messages, TOKENS)
