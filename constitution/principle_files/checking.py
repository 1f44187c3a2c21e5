"""What is refused before a principles file is written: broken fields, taken ids, text that says what was not meant."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from constitution.errors import PrinciplesError
from constitution.principle_files.places import LISTS, HeldFile, ListName, unsafe
from constitution.principles import Principle, PrincipleSet, Rule, parse_principles
from constitution.yamlfile import as_parsed, nearest, plainly

Entry = Principle | Rule


def made(kind: type[Principle] | type[Rule], fields: Mapping[str, object], name: str) -> Entry:
    """An entry of these fields.

    Args:
        kind: Principle or rule.
        fields: By name.
        name: What errors call it.

    Raises:
        PrinciplesError: A field is unknown, missing or breaks its rule.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as bad:
        faults = bad.errors()
        fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        key = ".".join(map(str, fault["loc"]))
        what = "a principle" if kind is Principle else "a rule"
        if fault["type"] == "extra_forbidden":
            raise PrinciplesError(f"{name}: {what} has no {key!r}; {nearest(key, kind.model_fields)}") from None
        if fault["type"] == "missing":
            raise PrinciplesError(f"{name}: {what} needs {key!r}") from None
        where = f"{name}: {key}" if key else name
        raise PrinciplesError(f"{where}: {plainly(fault)}; nothing was written") from None


def refuse_taken(file: HeldFile, id: str) -> None:
    """Check that no entry has this id.

    Raises:
        PrinciplesError: One has; says on which line.
    """
    for name in LISTS:
        for entry, node in zip(file.entries(name), file.nodes(name), strict=True):
            if entry.id == id:
                line = as_parsed(file.text[: node.start]).count("\n") + 1
                raise PrinciplesError(
                    f"{file.path}:{line}: the id {id!r} is already used; nothing was written",
                    "Give each principle and each rule an id of its own.",
                )


def with_entries(said: PrincipleSet, name: ListName, entries: Sequence[Any]) -> PrincipleSet:
    """The same principles with another list."""
    return said.model_copy(update={name: tuple(entries)})


def checked(file: HeldFile, text: str, meant: PrincipleSet) -> str:
    """The text, if it says what is meant and nothing else.

    Raises:
        PrinciplesError: It does not.
    """
    try:
        says = parse_principles(as_parsed(text), file.path)
    except PrinciplesError as bad:
        raise unsafe(file.path, f"the text would be broken ({bad.message})") from None
    if says != meant:
        raise unsafe(file.path, "more or less than what was named would change, by an anchor, an alias or the like")
    return text
