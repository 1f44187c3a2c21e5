"""What Bai et al. put around a request before a model sees it, where people left it in another system's file."""

import re
from collections.abc import Iterable

from constitution.principles import Principle


def unwrapped(text: str, label: str) -> str:
    """A request without `CritiqueRequest: ` before it and `Critique:` behind it.

    Args:
        text: The request.
        label: `Critique` or `Revision`.
    """
    found = re.fullmatch(rf"\s*{label}Request: (.*?\S)(?:\s+{label}:)?\s*", text, re.DOTALL)
    return found[1].lstrip() if found else text


def of_requests(id: str, critique: str, revision: str, tags: tuple[str, ...] = ()) -> Principle:
    """A principle of two requests as they are in the file."""
    return Principle(
        id=id,
        critique_request=unwrapped(critique, "Critique"),
        revision_request=unwrapped(revision, "Revision"),
        tags=tags,
    )


def unwrapping(critiques: Iterable[str], revisions: Iterable[str]) -> tuple[str, ...]:
    """What a reader should know of them."""
    count = sum(unwrapped(one, "Critique") != one for one in critiques)
    count += sum(unwrapped(one, "Revision") != one for one in revisions)
    return (f"From {count} texts the labels CritiqueRequest: and RevisionRequest: were taken off.",) if count else ()
