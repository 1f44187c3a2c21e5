"""Principles of formats that say them field by field, as texts: ids, weights and tags too."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from constitution.principle_formats.contents import MOST_TAGS, Misfit, check_number
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import fault_of
from constitution.principles import Principle

_TAG_PART = re.compile(r"\\([\\;])|(;)|(.)", re.DOTALL)
# Stands for the id of a principle that has none, until all that are given are known.
_UNNAMED = "unnamed"


@dataclass(frozen=True)
class Draft:
    """One principle.

    Attributes:
        line: Where it is, from 1.
        said: Texts by the name of the field.
    """

    line: int
    said: dict[str, str]


def finish(drafts: Sequence[Draft]) -> tuple[Principle, ...]:
    """The principles; those without an id get one of their words.

    Raises:
        Misfit: With the line of the first that is none, or whose id is there twice.
    """
    check_number(len(drafts))
    names, places = Names(), dict[str, int]()
    checked = [(draft, _principle(draft)) for draft in drafts]
    for draft, principle in checked:
        if "id" in draft.said:
            if principle.id in places:
                first = places[principle.id]
                raise Misfit(f"line {draft.line}: the id {principle.id!r} is already used on line {first}")
            places[principle.id] = draft.line
            names.of_label(principle.id)
    return tuple(
        principle
        if "id" in draft.said
        else principle.model_copy(
            update={"id": names.of_text(principle.critique_request or principle.comparison or "")}
        )
        for draft, principle in checked
    )


def joined_tags(tags: tuple[str, ...]) -> str:
    r"""Tags in one text, `;` between them; `\;` is one inside, and `\\` a backslash."""
    return "; ".join(tag.replace("\\", "\\\\").replace(";", "\\;") for tag in tags)


def _principle(draft: Draft) -> Principle:
    fields = {name: _split(text) if name == "tags" else text for name, text in draft.said.items()}
    if len(fields.get("tags", ())) > MOST_TAGS:
        raise Misfit(f"line {draft.line}: more than {MOST_TAGS} tags")
    try:
        return Principle.model_validate({"id": _UNNAMED} | fields)
    except ValidationError as bad:
        raise Misfit(f"line {draft.line}: {fault_of(bad)}") from None


def _split(text: str) -> tuple[str, ...]:
    tags = [""]
    for escaped, end, plain in _TAG_PART.findall(text):
        if end:
            tags.append("")
        else:
            tags[-1] += escaped or plain
    return tuple(tag.strip() for tag in tags if tag.strip())
