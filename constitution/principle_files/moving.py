"""Entries as lines: put in, taken out, dealt into each other's places."""

import re
from collections.abc import Sequence
from itertools import pairwise

from constitution.principle_files.lines import END, SPACE, Lines
from constitution.principle_files.places import Block, HeldFile, ListName, unsafe
from constitution.principle_files.values import Splice

COLUMN = 2
DASH = re.compile(r"^( *)-(?= |$)", re.MULTILINE)


def column_of(file: HeldFile, name: ListName) -> int:
    """Before the dashes of a list, how many characters there are."""
    blocks = file.blocks(name)
    return blocks[0].column if blocks else COLUMN


def indented(text: str, column: int) -> str:
    """An entry's lines, moved so that its dash stands in a column; what has no dash stays as it is."""
    dash = DASH.search(text)
    by = column - len(dash[1]) if dash else 0
    if by >= 0:
        return "".join(" " * by + line if line.strip("\r\n") else line for line in re.findall(r"[^\n]*\n|[^\n]+", text))
    # Comments may stand further to the left than the entry.
    return re.sub(rf"^ {{1,{-by}}}", "", text, flags=re.MULTILINE)


def put_in(file: HeldFile, name: ListName, index: int, below: bool, new: str) -> Splice:
    """Put an entry's lines into a list, with a blank line beside them if its entries have blank lines between them.

    Args:
        file: Holds the list, or has none of this name yet.
        name: Of the list.
        index: Which one in the list it will be.
        below: Whether it stands directly below the one before it, rather than directly above the next one; between
            the two there may be comments that are nobody's.
        new: With the file's line ends.
    """
    lines, blocks = Lines(file.text), file.blocks(name)
    if not blocks:
        return _first(file, lines, name, new)
    gaps = [file.text[one.end : other.start] for one, other in pairwise(blocks)]
    space = lines.eol if not gaps or any(gaps) else ""
    if not below:
        return Splice(start=blocks[index].start, end=blocks[index].start, text=new + space)
    at = blocks[index - 1].end
    return Splice(start=at, end=at, text=_continued(file.text[:at], space + new, lines.eol))


def cut(file: HeldFile, name: ListName, gone: Sequence[int]) -> list[Splice]:
    """Take entries out, with the blank lines below them; above them, for those at the end of the text."""
    lines, blocks, splices = Lines(file.text), file.blocks(name), list[Splice]()
    for run in _runs(file.text, blocks, sorted(gone)):
        first, end = lines.at(blocks[run[0]].start), lines.at(blocks[run[-1]].end - 1) + 1
        below = end
        while below < len(lines.starts) and lines.blank(below):
            below += 1
        if below == end == len(lines.starts) and run[0] > 0:
            floor = lines.at(blocks[run[0] - 1].end - 1) + 1
            while first > floor and lines.blank(first - 1):
                first -= 1
        splices.append(Splice(start=lines.start(first), end=lines.start(below), text=""))
    if len(gone) == len(blocks):
        pair = file.root.get(name)
        if pair is None or pair.colon is None:
            raise unsafe(file.path, f"the key `{name}` is written in the long way (`?`)")
        splices.append(Splice(start=pair.colon, end=pair.colon, text=" []"))
    return splices


def dealt(file: HeldFile, name: ListName, order: Sequence[int]) -> list[Splice]:
    """Put each entry where another one was; what is between them stays.

    Args:
        file: Holds the list.
        name: Of the list.
        order: For each place, which entry comes there.
    """
    blocks, eol = file.blocks(name), Lines(file.text).eol
    texts = [file.text[block.start : block.end] for block in blocks]
    unended = not texts[-1].endswith(("\n", "\r"))
    if unended:
        texts[-1] += eol
    new = [texts[index] for index in order]
    if unended:
        new[-1] = END.sub("", new[-1][-2:]).join([new[-1][:-2], ""])
    return [
        Splice(start=block.start, end=block.end, text=text)
        for block, text in zip(blocks, new, strict=True)
        if text != file.text[block.start : block.end]
    ]


def _runs(text: str, blocks: Sequence[Block], gone: Sequence[int]) -> list[list[int]]:
    """Neighbours with nothing but blank lines between them go as one."""
    runs = list[list[int]]()
    for index in gone:
        if (
            runs
            and runs[-1][-1] == index - 1
            and not text[blocks[index - 1].end : blocks[index].start].strip("\r\n \t")
        ):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _first(file: HeldFile, lines: Lines, name: ListName, new: str) -> Splice:
    """The first entry of a list that is empty (`[]`) or not there."""
    pair = file.root.get(name)
    if pair is None:
        if file.root.flow:
            raise unsafe(file.path, f"the whole file is in brackets and has no `{name}` yet")
        text = _continued(file.text, f"{lines.eol}{name}:{lines.eol}{new}", lines.eol)
        return Splice(start=len(file.text), end=len(file.text), text=text)
    start, after = len(file.text[: pair.value.start].rstrip(SPACE)), lines.after(pair.value.end)
    behind = file.text[pair.value.end : after]
    return Splice(start=start, end=after, text=behind + _continued(behind, new, lines.eol))


def _continued(text: str, more: str, eol: str) -> str:
    """Lines to follow a text: of one without a last line end, they begin with it, and have none at their end."""
    return more if text.endswith(("\n", "\r")) else eol + more.removesuffix(eol)
