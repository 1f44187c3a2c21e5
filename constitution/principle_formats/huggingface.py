"""The constitution of Hugging Face's llm-swarm (`examples/constitutional-ai`): requests, and examples as a chat.

Their program puts all examples before each critique and each revision, as turns.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from constitution.principle_formats.chats import chat_of, example_of
from constitution.principle_formats.contents import Contents, Misfit, Written, counted, unheld
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import Shape, Source, as_json, fit, others
from constitution.principle_formats.wrappers import of_requests, unwrapped, unwrapping
from constitution.principles import PrincipleSet, Text
from constitution.templating import FewShot


class _Pair(Shape):
    critic: Text
    revision: Text


class _File(Shape):
    constitutions: list[_Pair]
    system_chat: list[Any] = Field(default_factory=list)


def read(source: Source) -> Contents:
    """Principles, and the examples of `system_chat`.

    Raises:
        Misfit: The file is no such constitution.
    """
    file: _File = fit(_File, source.as_json())
    if not file.constitutions:
        raise Misfit("constitutions: an empty list")
    names = Names()
    return Contents(
        shape="constitution",
        principles=tuple(
            of_requests(names.of_text(unwrapped(one.critic, "Critique")), one.critic, one.revision)
            for one in file.constitutions
        ),
        examples=tuple(example_of(chat, f"system_chat, entry {n}") for n, chat in enumerate(file.system_chat, 1)),
        dropped=counted(others([file]) | others(file.constitutions, "constitutions.")),
        notes=unwrapping((one.critic for one in file.constitutions), (one.revision for one in file.constitutions)),
    )


def write(principles: PrincipleSet, examples: Sequence[FewShot] = ()) -> Written:
    """The principles that have requests.

    Raises:
        Misfit: None has.
    """
    held = [one for one in principles.principles if one.critique_request is not None]
    if not held:
        raise Misfit("no principle has a critique_request and a revision_request")
    document = {
        "constitutions": [{"critic": one.critique_request, "revision": one.revision_request} for one in held],
        "system_chat": [chat_of(example) for example in examples],
    }
    left = {"principles": len(principles.principles) - len(held)}
    return Written(
        text=as_json(document, 2) + "\n",
        entries=len(held),
        dropped=counted(left | unheld(held, "id", "comparison", "weight", "tags")),
        notes=() if examples else ("system_chat is empty: no examples were given (--few-shots FILE).",),
    )
