"""Examples of a round as a chat: response, critique and revision are the assistant's turns."""

from typing import Literal

from constitution.principle_formats.contents import Misfit
from constitution.principle_formats.source import Shape, fit
from constitution.principles import Text
from constitution.records import Message
from constitution.templating import FewShot

# Turns of one example: prompt, response, and a request and an answer for the critique and for the revision.
ROUND = 6


class _Turn(Shape):
    role: Literal["user", "assistant", "User", "Assistant"]
    content: Text


def example_of(chat: object, place: str) -> FewShot:
    """The example that a chat is.

    Its last four turns are the critique and the revision; what goes before prompt and response is the conversation's
    beginning. Nothing in a chat tells a second round from that.

    Raises:
        Misfit: Its turns are not those of an example.
    """
    try:
        turns: list[_Turn] = fit(list[_Turn], chat)
    except Misfit as bad:
        raise Misfit(f"{place}, {bad}") from None
    if len(turns) < ROUND:
        raise Misfit(f"{place}: {len(turns)} turns, where an example has {ROUND} or more")
    for number, turn in enumerate(turns, 1):
        wanted = ("assistant", "user")[number % 2]
        if turn.role.lower() != wanted:
            raise Misfit(f"{place}, entry {number}: a turn of the {turn.role}, where the {wanted}'s is due")
    if len(turns) % 2:
        raise Misfit(f"{place}: ends with a turn of the user, where a revision is due")
    prompt, response, critique_request, critique, revision_request, revision = [turn.content for turn in turns[-ROUND:]]
    return FewShot(
        before=tuple(
            Message(role="user" if turn.role.lower() == "user" else "assistant", content=turn.content)
            for turn in turns[:-ROUND]
        ),
        prompt=prompt,
        response=response,
        critique_request=critique_request,
        critique=critique,
        revision_request=revision_request,
        revision=revision,
    )


def chat_of(example: FewShot) -> list[dict[str, str]]:
    """An example as a chat."""
    texts = (
        example.prompt,
        example.response,
        example.critique_request,
        example.critique,
        example.revision_request,
        example.revision,
    )
    turns = [Message(role="assistant" if n % 2 else "user", content=text) for n, text in enumerate(texts)]
    return [{"role": turn.role, "content": turn.content} for turn in (*example.before, *turns)]
