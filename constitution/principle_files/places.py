"""Where the entries of a principles file stand in its text, and which comments are theirs.

An entry of a list with dashes is whole lines: the comment lines directly above its dash, with no blank line between and
indented no deeper than the dash; its dash and fields; and comment lines below them that are indented deeper than the
dash. It is taken out and moved with these. Blank lines and all other comments are nobody's, and stay where they are.
"""

from pathlib import Path
from typing import Literal

from constitution.errors import PrinciplesError, command
from constitution.principle_files.lines import SPACE, Lines
from constitution.principle_files.nodes import Node, parse_nodes
from constitution.principles import Principle, PrincipleSet, Rule, parse_principles
from constitution.records import Record
from constitution.yamlfile import as_parsed, nearest

ListName = Literal["principles", "rules"]
LISTS: tuple[ListName, ...] = ("principles", "rules")


class HeldFile(Record):
    """A principles file: its text, what that says, and where it says so.

    Attributes:
        path: What errors call it.
        text: As it is on the disk: line ends and byte-order mark included.
        said: What it says.
        root: Its parts.
    """

    path: Path
    text: str
    said: PrincipleSet
    root: Node

    def entries(self, name: ListName) -> tuple[Principle | Rule, ...]:
        """What a list says."""
        return self.said.principles if name == "principles" else self.said.rules

    def place(self, id: str) -> "Place":
        """Where the entry of this id stands.

        Raises:
            PrinciplesError: There is none; names the nearest.
        """
        for name in LISTS:
            for index, entry in enumerate(self.entries(name)):
                if entry.id == id:
                    return Place(list=name, index=index, entry=entry, node=self.nodes(name)[index])
        known = [entry.id for name in LISTS for entry in self.entries(name)]
        raise PrinciplesError(
            f"{self.path}: no principle or rule {id!r}; {nearest(id, known)}",
            f"{command('principles', 'show', self.path)} prints the file.",
        )

    def nodes(self, name: ListName) -> tuple[Node, ...]:
        """The entries of a list, as parts of the text."""
        pair = self.root.get(name)
        return pair.value.items if pair else ()

    def blocks(self, name: ListName) -> list["Block"]:
        """The lines of each entry of a list, in its order.

        Raises:
            PrinciplesError: They are not lines of their own, as in brackets.
        """
        pair = self.root.get(name)
        if pair is None or (pair.value.flow and not pair.value.items):
            return []
        if pair.value.flow or pair.value.kind != "list":
            raise unsafe(self.path, f"its `{name}` are in brackets, or stand for another list")
        lines = Lines(self.text)
        dashes = [_dash(lines, item, pair.value) for item in pair.value.items]
        if None in dashes:
            raise unsafe(self.path, f"its `{name}` do not begin on lines of their own")
        # After the key's line no line is above the first entry.
        floor, blocks = lines.at(pair.key.start) + 1, list[Block]()
        for dash, item in zip((dash for dash in dashes if dash is not None), pair.value.items, strict=True):
            own = lines.at(dash)
            column = lines.column(dash)
            first = own
            while first > floor and lines.comment(first - 1) and lines.indent(first - 1) <= column:
                first -= 1
            last = _last(lines, item, column)
            blocks.append(Block(start=lines.start(first), dash=dash, end=lines.start(last + 1), column=column))
            floor = last + 1
        return blocks


class Place(Record):
    """An entry: which list it is in, where, and what it says."""

    list: ListName
    index: int
    entry: Principle | Rule
    node: Node


class Block(Record):
    """The lines of an entry.

    Attributes:
        start: Where the first one begins, comments above the dash included.
        dash: Where the dash is.
        end: Where the line after the last one begins.
        column: How many characters are before the dash.
    """

    start: int
    dash: int
    end: int
    column: int


def hold(path: Path, text: str) -> HeldFile:
    """Check a file's text and find its parts.

    Raises:
        PrinciplesError: It is no valid principles file; says how to mend it.
    """
    try:
        said = parse_principles(as_parsed(text), path)
    except PrinciplesError as bad:
        mend = f"Mend it first: {command('principles', 'edit', path)} opens the whole file in your editor."
        raise PrinciplesError(bad.message, f"{bad.hint} {mend}".strip()) from None
    return HeldFile(path=path, text=text, said=said, root=parse_nodes(text, path))


def unsafe(path: Path, why: str) -> PrinciplesError:
    """The error of an edit that cannot be made without touching what it is not about."""
    return PrinciplesError(
        f"{path}: {why}, so this cannot be done safely; nothing was written",
        f"{command('principles', 'edit', path)} opens the whole file in your editor.",
    )


def _dash(lines: Lines, item: Node, holder: Node) -> int | None:
    """The dash of an item: all of a list are in one column, with nothing but space before them."""
    column = lines.column(holder.start)
    for line in range(lines.at(item.start), lines.at(holder.start) - 1, -1):
        said = lines.said(line)
        if said[column : column + 1] == "-" and not said[:column].strip(SPACE):
            return lines.start(line) + column
    return None


def _last(lines: Lines, item: Node, column: int) -> int:
    """The last line of an item: of its last character, or of a comment below that is indented deeper than its dash."""
    last = lines.at(max(item.start, item.whole - 1))
    line = last + 1
    while line < len(lines.starts) and (lines.blank(line) or lines.comment(line)):
        if lines.comment(line) and lines.indent(line) > column:
            last = line
        line += 1
    return last
