"""The difference of two principles files for a terminal: in colour, or with marks where there is none."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from constitution.principle_diff import EntryChange, FieldChange, PrincipleDiff
from constitution.printable import printable

# How a piece looks in colour, and what stands around it where there is none, as `git diff --word-diff` has it.
_STYLES = {"same": "", "removed": "red strike", "added": "green"}
_MARKS = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}


def print_difference(console: Console, found: PrincipleDiff) -> None:
    """Print what differs, an entry after the other."""
    _print(console, Text(printable(f"{found.first} → {found.second}"), "bold"))
    if found.empty:
        _print(console, Text("both say the same"))
        return
    for change in found.head:
        _print_field(console, change, 0)
    for entry in found.entries:
        console.print()
        _print(console, _title(entry))
        for change in entry.fields:
            _print_field(console, change, 2)
    console.print()
    _print(console, Text(in_numbers(found)))


def in_numbers(found: PrincipleDiff) -> str:
    """How many entries were added, removed, changed, renamed, moved, and are the same."""
    entries = found.entries
    both = [entry for entry in entries if entry.before is not None and entry.after is not None]
    counts = {
        "added": sum(entry.before is None for entry in entries),
        "removed": sum(entry.after is None for entry in entries),
        "renamed": sum(entry.renamed for entry in both),
        "moved": sum(entry.moved for entry in both),
        "changed": sum(bool(entry.fields) for entry in both),
        "the same": found.same,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing but the head differs"


def _title(entry: EntryChange) -> Text:
    if entry.before is None:
        return Text(f"+ {entry.noun} {entry.after}", "bold green")
    if entry.after is None:
        return Text(f"- {entry.noun} {entry.before}", "bold red")
    what = [word for word, holds in (("moved", entry.moved), ("changed", bool(entry.fields))) if holds]
    name = entry.after
    if entry.renamed:
        name = f"{entry.before} → {entry.after}"
        what = [f"renamed, similarity {entry.score:.2f}", *what]
    return Text(f"~ {entry.noun} {name} ({', '.join(what)})", "bold")


def _print_field(console: Console, change: FieldChange, indent: int) -> None:
    marked = console.no_color or console.color_system is None
    text = Text()
    text.append(f"{change.field}: ", "dim")
    for piece in change.pieces:
        before, after = _MARKS[piece.kind] if marked else ("", "")
        text.append(printable(f"{before}{piece.text}{after}"), "" if marked else _STYLES[piece.kind])
    _print(console, text, indent)


def _print(console: Console, text: Text, indent: int = 0) -> None:
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
    else:
        # In a file or a pipe a line is a line, however long.
        console.print(Text(" " * indent).append_text(text), soft_wrap=True)
