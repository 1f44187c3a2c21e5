"""What principles made of one response, side by side for a terminal."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from constitution.printable import printable
from constitution.records import Completion, Message
from constitution.report.terminal import plural
from constitution.trial import Trial
from constitution.words import Change, change

# Columns of a terminal below which two texts beside each other are hard to read.
NARROW = 80


def print_response(console: Console, prompt: tuple[Message, ...], response: Completion) -> None:
    """Print what all principles are given."""
    for message in prompt:
        console.print(_part(message.role, "cyan", Text(printable(message.content))))
    console.print(_part("initial response", "red", _plain(response), _cut(response)))


def print_trial(console: Console, trial: Trial, response: Completion) -> None:
    """Print a principle's critique and, beside it, its revision, in which the words that are new stand out."""
    made = change(response.text, trial.revision.text) if trial.revision else None
    note = trial.failure.partition(":")[0] + " failed" if trial.failure else _told(made)
    when = f"{trial.seconds:.1f} s" if trial.seconds else "known from before"
    console.print(Rule(Text(printable(f"{trial.principle} · {note} · {when}"), "bold"), align="left"))
    parts: list[RenderableType] = []
    if trial.critique:
        parts.append(_part("critique", "yellow", _plain(trial.critique), _cut(trial.critique)))
    if trial.revision and made:
        parts.append(_part("revision", "green", _marked(made), _cut(trial.revision)))
    if trial.failure:
        parts.append(_part("failed", "red", Text(printable(trial.failure))))
    if len(parts) < 2 or console.width < NARROW:
        for part in parts:
            console.print(part)
        return
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in parts:
        # What has no spaces to break at, as Chinese, is broken anywhere; a column's own way is to cut it.
        table.add_column(ratio=1, overflow="fold")
    table.add_row(*parts)
    console.print(table)


def _told(made: Change | None) -> str:
    if made is None or not (made.new or made.gone):
        return "unchanged"
    return f"{made.new} of {plural(made.words, 'word')} new, {made.gone} gone"


def _plain(completion: Completion) -> Text:
    return Text(printable(completion.text))


def _marked(made: Change) -> Text:
    later = [piece for piece in made.pieces if piece.kind != "removed"]
    return Text.assemble(*((printable(one.text), "bold green" if one.kind == "added" else "") for one in later))


def _cut(completion: Completion) -> str:
    return " [cut at max_tokens]" if completion.finish_reason == "length" else ""


def _part(title: str, colour: str, text: Text, note: str = "") -> RenderableType:
    head = Text(printable(title), f"bold {colour}") + Text(note, "dim")
    return Group(head, Padding(text, (0, 0, 1, 2)))
