"""One value of a principles file written in the place of another, as the other one was written wherever that can be."""

import re
from collections.abc import Sequence
from textwrap import wrap

from constitution.principle_files.lines import Lines
from constitution.principle_files.nodes import Node
from constitution.principle_files.writing import SHORT, WIDTH, field_text, in_brackets, quoted, reads_as
from constitution.records import Record

HEADER = re.compile(r"[>|][-+0-9]*")


class Splice(Record):
    """What takes the place of a part of a text."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """The text with all of them made; they do not overlap."""
    for splice in sorted(splices, key=lambda splice: splice.start, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


class _Written(Record):
    """A value as YAML: what stands after the key, and the lines below, if it is in lines."""

    head: str
    body: tuple[str, ...] = ()


def write_over(lines: Lines, old: Node, name: str, value: object, column: int, flow: bool) -> list[Splice]:
    """Write a value in the place of one that is there; a comment behind it stays.

    Args:
        lines: The text.
        old: What is there.
        name: The key.
        value: Text, a number, or a tuple of texts.
        column: The key's.
        flow: Whether the key is in brackets.

    Returns:
        None of the splices touches a comment of its own line, but those of tags that are no longer there.
    """
    if isinstance(value, tuple):
        return _write_tags(lines, old, value)
    written = _text(lines, old, name, value, column, flow) if isinstance(value, str) else _Written(head=_field(value))
    space = "" if lines.text[old.start - 1] in " \t" else " "
    below = "".join(line + lines.eol for line in written.body)
    if old.sign and old.sign in ">|":
        header = HEADER.match(lines.text, old.start)
        assert header is not None
        head = Splice(start=header.start(), end=header.end(), text=written.head)
        body, after = lines.after(old.start), lines.after(old.end)
    else:
        head = Splice(start=old.start, end=old.end, text=space + written.head)
        body = after = lines.after(old.end)
    if below and after == len(lines.text) and not lines.text.endswith(("\n", "\r")):
        below = ("" if body < after else lines.eol) + below.removesuffix(lines.eol)
    return [head, *([Splice(start=body, end=after, text=below)] if below or body < after else [])]


def loses_comment(text: str, old: Node) -> bool:
    """Whether there are comments among the values of a list in brackets, where no line is a value's own."""
    if old.kind != "list" or not old.flow:
        return False
    edges = [old.start, *(edge for item in old.items for edge in (item.start, item.end)), old.end]
    return any("#" in text[edges[n] : edges[n + 1]] for n in range(0, len(edges), 2))


def field_lines(lines: Lines, name: str, value: object, column: int) -> str:
    """A field that was not there, as lines with the text's line ends."""
    return "".join(" " * column + line + lines.eol for line in field_text(name, value).rstrip("\n").split("\n"))


def _field(value: object) -> str:
    return field_text("x", value).removeprefix("x: ").rstrip("\n")


def _text(lines: Lines, old: Node, name: str, text: str, column: int, flow: bool) -> _Written:
    """As the old one is written, if the new one can be; else as any is written."""
    if old.sign == "'" and text.isprintable():
        return _Written(head="'" + text.replace("'", "''") + "'")
    if old.sign == '"':
        return _Written(head=quoted(text))
    if flow:
        return _Written(head=in_brackets(text))
    in_lines = old.sign in (">", "|") and bool(old.sign)
    room = max(SHORT, WIDTH - column - len(name) - 2)
    if not in_lines and len(text) <= room and "\n" not in text:
        return _Written(head=text if reads_as(f"{name}: {text}\n", name, text) else quoted(text))
    spaces, chomped = column + 2, "-"
    if in_lines:
        header = HEADER.match(lines.text, old.start)
        first = lines.at(old.start) + 1
        while lines.blank(first):
            first += 1
        spaces = lines.indent(first)
        chomped = header[0].strip(">|0123456789") if header else "-"
    folded = wrap(text, WIDTH - spaces, break_long_words=False, break_on_hyphens=False)
    forms = {">": folded, "|": text.split("\n")}
    # Folded is how texts are written here; a text that is line by line, as `|`, stays so.
    for sign in sorted(forms, key=lambda sign: sign != (old.sign if in_lines else ">")):
        if reads_as(f"{name}: {sign}-\n" + "".join(f"  {line}\n" for line in forms[sign]), name, text):
            body = tuple(" " * spaces + line if line else "" for line in forms[sign])
            return _Written(head=sign + chomped, body=body)
    return _Written(head=quoted(text))


def _write_tags(lines: Lines, old: Node, tags: tuple[str, ...]) -> list[Splice]:
    """Tags that were there are written as they were; in a list with dashes, each one's lines are its own."""
    if old.kind == "list" and not old.flow and old.items:
        # From the end of the one before, so that comments above a tag are its own.
        start, chunks = lines.start(lines.at(old.start)), dict[str, str]()
        edge = start
        for item in old.items:
            after = lines.after(item.end)
            chunks.setdefault(item.value.strip(), lines.text[edge:after])
            edge = after
        dash = " " * lines.column(old.start) + "- "
        new = [chunks.get(tag) or dash + in_brackets(tag) + lines.eol for tag in tags]
        text = "".join(chunk if chunk.endswith(("\n", "\r")) else chunk + lines.eol for chunk in new)
        if edge == len(lines.text) and not lines.text.endswith(("\n", "\r")):
            text = text.removesuffix(lines.eol)
        return [Splice(start=start, end=edge, text=text)]
    was = {item.value.strip(): lines.text[item.start : item.end] for item in old.items if item.kind == "scalar"}
    space = "" if lines.text[old.start - 1] in " \t" else " "
    return [
        Splice(
            start=old.start,
            end=old.end,
            text=space + "[" + ", ".join(was.get(tag) or in_brackets(tag) for tag in tags) + "]",
        )
    ]
