"""What breaks the format: all of it that can be told at once, where `load_file` stops at the first."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from constitution.lint.findings import Found
from constitution.lint.reading import LISTS
from constitution.principles import UNPAIRED, PrincipleSet
from constitution.yamlfile import close_key, kind_of, line_of, told_fault

# The two requests of a round.
REQUESTS = {"critique_request": "revision_request", "revision_request": "critique_request"}


def schema_faults(data: Any) -> Iterator[Found]:
    """What a parsed file breaks of the format of principles files."""
    if not isinstance(data, dict):
        yield Found(
            line=1,
            rule="schema",
            why=f"expected keys and values at the top, found {kind_of(data)}",
            todo="begin with the keys name, version, description and principles, as harmlessness.yaml does",
        )
        return
    try:
        loaded = PrincipleSet.model_validate(data)
    except ValidationError as bad:
        yield from _broken(data, bad)
    else:
        if not loaded.principles and not loaded.rules:
            yield Found(
                line=line_of(data, ("principles",)),
                rule="schema",
                why="holds neither a principle nor a rule",
                todo="add one under `principles:`",
            )
    yield from _unpaired(data)
    yield from _used_twice(data)


def _broken(data: Any, bad: ValidationError) -> Iterator[Found]:
    faults = bad.errors()
    misspelt = {
        (*fault["loc"][:-1], close_key(PrincipleSet, fault["loc"]))
        for fault in faults
        if fault["type"] == "extra_forbidden"
    }
    for fault in faults:
        place, key = fault["loc"], fault["loc"][-1] if fault["loc"] else ""
        line = line_of(data, place)
        if fault["type"] == "missing":
            if place in misspelt:
                # Both unknown and missing: the misspelling is the fault.
                continue
            yield Found(
                line=line, rule="schema", why=told_fault(PrincipleSet, fault), todo=f"add `{key}:` with its value"
            )
        elif fault["type"] != UNPAIRED:
            todo = "correct or remove the key" if fault["type"] == "extra_forbidden" else "correct the value"
            yield Found(line=line, rule="schema", why=told_fault(PrincipleSet, fault), todo=todo)


def _unpaired(data: Any) -> Iterator[Found]:
    """From the file itself: the model does not look at this in a principle with other faults."""
    listed = data.get("principles")
    for position, entry in enumerate(listed if isinstance(listed, list) else ()):
        # A key without a value is as good as none.
        there = [key for key in REQUESTS if isinstance(entry, dict) and entry.get(key) is not None]
        if len(there) == 1:
            key = REQUESTS[there[0]]
            yield Found(
                line=line_of(data, ("principles", position)),
                rule="unpaired-request",
                why=f"there is a {there[0]} and no {key}",
                todo=f"write the {key} that goes with it",
            )


def _used_twice(data: Any) -> Iterator[Found]:
    seen: dict[str, int] = {}
    for key in LISTS:
        listed = data.get(key)
        for position, entry in enumerate(listed if isinstance(listed, list) else ()):
            name = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(name, str):
                continue
            line = line_of(data, (key, position, "id"))
            if name in seen:
                yield Found(
                    line=line,
                    rule="schema",
                    why=f"the id {name!r} is already used on line {seen[name]}",
                    todo="give each principle and each rule an id of its own",
                    also=(seen[name],),
                )
            seen.setdefault(name, line)
