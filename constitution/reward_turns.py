"""What trainers hand to a reward function, as conversations: texts, one message, or messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constitution.errors import SourceError
from constitution.records import Message

Conversation = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]
HINT = (
    'A prompt or a completion is a text, a message such as {"role": "assistant", "content": "…"}, or a list of these.'
)


@dataclass(frozen=True)
class Turns:
    """A completion and what it answers.

    Attributes:
        prompt: The conversation that was completed.
        before: Messages of the completion before the one that is judged: calls of tools, and what came of them.
        judged: The text of the completion's last message that is the assistant's; empty if it has none.
    """

    prompt: tuple[Message, ...]
    before: tuple[Message, ...]
    judged: str


def read_turns(prompts: Sequence[Conversation], completions: Sequence[Conversation]) -> list[Turns]:
    """Pair completions with their prompts.

    Raises:
        SourceError: Not as many of the ones as of the others, or one is no conversation; with its number.
    """
    if len(prompts) != len(completions):
        raise SourceError(
            f"rewards: {len(prompts)} prompts and {len(completions)} completions, and each completion needs its prompt",
            "Give the prompt again for each of its completions.",
        )
    return [_turns(*pair, f"{n} of {len(prompts)}") for n, pair in enumerate(zip(prompts, completions, strict=True), 1)]


def _turns(prompt: Conversation, completion: Conversation, number: str) -> Turns:
    shown = _messages(prompt, "user", f"rewards: the prompt of completion {number}")
    said = _messages(completion, "assistant", f"rewards: completion {number}")
    # After a budget of calls is spent, a tool may have the last word, and that is not the model's.
    last = max((place for place, message in enumerate(said) if message.role == "assistant"), default=len(said))
    return Turns(tuple(shown), tuple(said[:last]), said[last].content if last < len(said) else "")


def _messages(given: Any, role: str, where: str) -> list[Message]:
    """A conversation; tools, and whoever else is neither system nor assistant, speak as users."""
    if isinstance(given, str | Mapping):
        given = [{"role": role, "content": given} if isinstance(given, str) else given]
    if not isinstance(given, Sequence):
        raise SourceError(f"{where}: {given!r} is neither a text nor messages", HINT)
    return [_message(one, where) for one in given]


def _message(given: Any, where: str) -> Message:
    if not isinstance(given, Mapping):
        raise SourceError(f"{where}: {given!r} is no message", HINT)
    if not isinstance(given.get("role"), str):
        raise SourceError(f"{where}: a message without a role, its keys: {', '.join(map(str, given)) or 'none'}", HINT)
    role = given["role"] if given["role"] in {"system", "user", "assistant"} else "user"
    return Message.model_validate({"role": role, "content": _text(given.get("content"), where)})


def _text(content: Any, where: str) -> str:
    """A message's text; of one that is made of parts, that of its parts; of one that only calls tools, nothing."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list | tuple):
        raise SourceError(f"{where}: a message whose content is neither a text nor a list of parts: {content!r}", HINT)
    return "\n".join(text for part in content if (text := _part(part, where)) is not None)


def _part(part: Any, where: str) -> str | None:
    """The text of a part; None of an image, or whatever else has none."""
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type") != "text":
        return None
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    raise SourceError(f"{where}: a part of a message that has no text: {part!r}", HINT)
