"""What a YAML file may hold: checked on the parser's events, so that nothing is built of a file that breaks a limit.

Files come from other people: a few lines of aliases can stand for gigabytes, and brackets within brackets end the
process. Values are text, whole and decimal numbers, true, false and null, in lists and keys; nothing else is needed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import ScalarNode

# A thousand principles are one megabyte. Twice as much as is allowed would take the parser ten seconds and more.
MOST_BYTES = 4 * 1024**2
# Values and keys, with what aliases stand for counted each time; a principle has about fifteen.
MOST_VALUES = 100_000
# Text, with what aliases stand for counted each time.
MOST_CHARACTERS = 4 * MOST_BYTES
# Lists and keys within each other; the files of this program have five.
MOST_DEPTH = 50
# No setting is as long; Python itself refuses 4,300.
MOST_DIGITS = 300
# Characters of a value that an error shows.
MOST_SHOWN = 40

_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset({"str", "int", "float", "bool", "null", "merge"})


class Unsafe(Exception):
    """The file breaks a limit.

    Args:
        line: Where, from 1.
        rule: What is wrong.
        hint: What to do about it.
    """

    def __init__(self, line: int, rule: str, hint: str) -> None:
        super().__init__(rule)
        self.line = line
        self.rule = rule
        self.hint = hint


@dataclass
class _Part:
    """A value, counted.

    Attributes:
        anchor: Its name, for aliases.
        pairs: Whether it is keys and values.
        children: Values and keys directly in it.
        values: Values in it, itself included, aliases counted as what they stand for.
        characters: Likewise text.
    """

    anchor: str | None = None
    pairs: bool = False
    children: int = 0
    values: int = 1
    characters: int = 0


def check_limits(text: str) -> None:
    """Look at every value without building it.

    Raises:
        Unsafe: The first that breaks a limit.
        YAMLError: The text is not YAML.
    """
    yaml = YAML(typ="rt")
    opened, anchors = [_Part()], dict[str, _Part]()
    for event in _events(yaml, text):
        line = event.start_mark.line + 1
        if isinstance(event, CollectionEndEvent):
            part = opened.pop()
        elif isinstance(event, NodeEvent):
            part = _part(event, anchors, opened, line)
            if opened[-1].pairs and opened[-1].children % 2 == 0:
                _check_key(yaml, event, line)
            opened[-1].children += 1
            if isinstance(event, CollectionStartEvent):
                if len(opened) > MOST_DEPTH:
                    raise Unsafe(line, f"more than {MOST_DEPTH} lists and keys within each other", "Make it flatter.")
                opened.append(part)
                continue
            if isinstance(event, ScalarEvent):
                _check_scalar(event, _kind(yaml, event), line)
        else:
            continue
        if part.anchor and not isinstance(event, AliasEvent):
            anchors[part.anchor] = part
        holder = opened[-1]
        holder.values += part.values
        holder.characters += part.characters
        if holder.values > MOST_VALUES or holder.characters > MOST_CHARACTERS:
            raise Unsafe(
                line,
                f"more than {MOST_VALUES:,} values or {MOST_CHARACTERS:,} characters, with what aliases stand for",
                "Split the file, or write out what the aliases (*NAME) stand for where it is needed.",
            )


def _events(yaml: YAML, text: str) -> Iterator[Any]:
    documents = 0
    for event in yaml.parse(text):
        if isinstance(event, DocumentStartEvent):
            documents += 1
            line = event.start_mark.line + 1
            if documents > 1:
                raise Unsafe(line, "a second document (---)", "Keep one in a file.")
            if event.tags or event.version not in (None, (1, 2)):
                raise Unsafe(line, "a directive above this line (%YAML, %TAG)", "Leave it out: this is YAML 1.2.")
        yield event


def _part(event: Any, anchors: dict[str, _Part], opened: list[_Part], line: int) -> _Part:
    """The value that begins, or that an alias stands for."""
    if isinstance(event, AliasEvent):
        if any(part.anchor == event.anchor for part in opened):
            raise Unsafe(line, f"the alias *{event.anchor} stands for what it is part of", "Write out what is meant.")
        # One that stands for nothing is the parser's to tell.
        return anchors.get(event.anchor, _Part())
    if event.tag:
        raise Unsafe(line, f"the tag {event.tag!r}: values have no tags here", "Leave it out; quotes make text.")
    if event.anchor and (event.anchor in anchors or any(part.anchor == event.anchor for part in opened)):
        raise Unsafe(line, f"the anchor &{event.anchor} is there a second time", "Give each anchor its own name.")
    if isinstance(event, ScalarEvent):
        return _Part(event.anchor, characters=len(event.value))
    return _Part(event.anchor, pairs=isinstance(event, MappingStartEvent))


def _kind(yaml: YAML, event: ScalarEvent) -> str:
    """What a scalar is taken for: `str`, `int` and so on."""
    tag: Any = yaml.resolver.resolve(ScalarNode, event.value, event.implicit)
    return str(tag).removeprefix(_TAG)


def _check_key(yaml: YAML, event: Any, line: int) -> None:
    if isinstance(event, ScalarEvent) and _kind(yaml, event) in ("str", "merge"):
        return
    what = f"the key {_shown(event)}" if isinstance(event, ScalarEvent) else "a list, keys or an alias as a key"
    raise Unsafe(line, f"{what}: keys are text", "Put quotes around the key to have text.")


def _check_scalar(event: ScalarEvent, kind: str, line: int) -> None:
    digits, shown = event.value.replace("_", "").lstrip("+-"), _shown(event)
    if kind not in _PLAIN:
        name = "a date" if kind == "timestamp" else "neither text nor number"
        raise Unsafe(line, f"{shown} is read as {name}", "Put quotes around it to have text.")
    if kind not in ("int", "float"):
        return
    if len(digits) > MOST_DIGITS:
        raise Unsafe(line, f"a number of more than {MOST_DIGITS} digits", "Put quotes around it to have text.")
    if digits.lower() in ("0x", "0o", "0b") or (kind == "float" and not _finite(digits)):
        raise Unsafe(line, f"{shown} is no number that can be used", "Put quotes around it to have text.")


def _shown(event: ScalarEvent) -> str:
    return repr(event.value if len(event.value) <= MOST_SHOWN else event.value[:MOST_SHOWN] + "…")


def _finite(digits: str) -> bool:
    try:
        return math.isfinite(float(digits))
    except ValueError:
        # `.inf` and `.nan`, which are said on purpose: their setting tells whether it takes them.
        return True
