"""The parts of a YAML text and where each one stands: what splicing needs, and a parsed document does not tell."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from constitution.errors import PrinciplesError
from constitution.principle_files.lines import Lines
from constitution.records import Record
from constitution.yamlfile import yaml_events

COLON = re.compile(r"[ \t]*:")
ANCHOR = re.compile(r"&[^\s,\[\]{}]+[ \t]*")


class Node(Record):
    """A value or a key.

    Attributes:
        kind: An alias is what stands there, not what it stands for.
        start: Its first character, after its anchor.
        end: After its last character; blank lines after a text that is written line by line are not in it.
        whole: Likewise, with those blank lines where the text keeps them (`|+`).
        flow: Whether it is in brackets.
        sign: How a scalar is written: plain, in quotes, folded or line by line.
        anchored: Whether an alias may stand for it.
        value: A scalar's text.
        items: A list's.
        pairs: Keys and their values.
    """

    kind: Literal["scalar", "list", "pairs", "alias"]
    start: int
    end: int
    whole: int
    flow: bool = False
    sign: Literal["", "'", '"', ">", "|"] = ""
    anchored: bool = False
    value: str = ""
    items: tuple["Node", ...] = ()
    pairs: tuple["Pair", ...] = ()

    def get(self, key: str) -> "Pair | None":
        """The key with its value, if it is there."""
        return next((pair for pair in self.pairs if pair.key.value == key), None)


class Pair(Record):
    """A key and its value.

    Attributes:
        key: A scalar.
        value: Of no characters where nothing is written.
        colon: After the colon; None where the key is written in the long way (`? key`).
    """

    key: Node
    value: Node
    colon: int | None


def parse_nodes(text: str, path: Path) -> Node:
    """The parts of a document whose top is keys and values or a list.

    Args:
        text: As it is in the file, line ends and byte-order mark included.
        path: What errors call it.

    Raises:
        PrinciplesError: It is not YAML, or breaks a limit.
    """
    events: Iterator[Any] = (
        event for event in yaml_events(text, path, PrinciplesError) if isinstance(event, NodeEvent | CollectionEndEvent)
    )
    first = next(events, None)
    if first is None:
        raise PrinciplesError(f"{path}:1: nothing in it but comments")
    return _node(first, events, Lines(text))


def _node(event: Any, events: Iterator[Any], lines: Lines) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, AliasEvent):
        return Node(kind="alias", start=start, end=end, whole=end)
    if event.anchor is not None and (written := ANCHOR.match(lines.text, start)):
        start = written.end()
    if isinstance(event, ScalarEvent):
        return _scalar(event, start, end, lines)
    anchored = event.anchor is not None
    if isinstance(event, SequenceStartEvent):
        items = []
        while not isinstance(inner := next(events), CollectionEndEvent):
            items.append(_node(inner, events, lines))
        end, whole = _ends(event, inner, items, start)
        return Node(
            kind="list", start=start, end=end, whole=whole, flow=event.flow_style, anchored=anchored, items=tuple(items)
        )
    assert isinstance(event, MappingStartEvent)
    pairs = []
    while not isinstance(inner := next(events), CollectionEndEvent):
        key = _node(inner, events, lines)
        pairs.append(_pair(key, _node(next(events), events, lines), lines.text))
    end, whole = _ends(event, inner, [pair.value for pair in pairs], start)
    return Node(
        kind="pairs", start=start, end=end, whole=whole, flow=event.flow_style, anchored=anchored, pairs=tuple(pairs)
    )


def _scalar(event: ScalarEvent, start: int, end: int, lines: Lines) -> Node:
    sign: Any = event.style or ""
    whole = end
    if sign in (">", "|") and sign:
        # The parser counts the blank lines after it as part of it, whether they are kept or not.
        last = lines.at(end - 1)
        while lines.blank(last):
            last -= 1
        header = lines.text[start : lines.after(start)]
        end = lines.start(last) + len(lines.said(last))
        if "+" not in header.split("#")[0]:
            whole = end
    return Node(
        kind="scalar",
        start=start,
        end=end,
        whole=whole,
        sign=sign,
        anchored=event.anchor is not None,
        value=event.value,
    )


def _pair(key: Node, value: Node, text: str) -> Pair:
    colon = COLON.match(text, key.end)
    if colon is None:
        return Pair(key=key, value=value, colon=None)
    if value.kind == "scalar" and not (value.sign or value.value or value.anchored):
        # Of a value that is not written, the parser tells the place of what comes next.
        value = value.model_copy(update={"start": colon.end(), "end": colon.end(), "whole": colon.end()})
    return Pair(key=key, value=value, colon=colon.end())


def _ends(event: Any, end_event: Any, parts: list[Node], start: int) -> tuple[int, int]:
    """After the last character: of brackets their own, else the last part's (the parser goes on to what comes next)."""
    if event.flow_style or not parts:
        return end_event.end_mark.index, end_event.end_mark.index
    return max(start, parts[-1].end), max(start, parts[-1].whole)
