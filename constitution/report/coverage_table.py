"""What the principles of a run did, for a terminal of 80 columns."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from constitution.intervals import Estimate
from constitution.printable import printable
from constitution.report.coverage import Coverage, PrincipleCoverage
from constitution.report.terminal import plural


class Column(NamedTuple):
    """A column: its head, what its cells mean, and the cell of a principle, empty where nothing is known."""

    name: str
    meaning: str
    cell: Callable[[PrincipleCoverage], str]


def print_coverage(console: Console, run: Path, found: Coverage) -> None:
    """Print what each principle did: in revising, in judging, and what is worth a look."""
    counts = [plural(found.rows, "row"), plural(found.rounds, "round"), plural(found.comparisons, "comparison")]
    _print(console, f"{run}: {', '.join(counts)}")
    if found.rounds:
        _print_table(console, "Revising", found.principles, _revising(found.rounds))
    else:
        _print(console, "\nNo round of revision: nothing tells what the principles change.")
    if any(one.judged for one in found.principles):
        _print_table(console, "Judging", found.principles, _judging(found))
    else:
        _print(console, "\nNo readable comparison: nothing tells how the principles judge. See constitution compare.")
    _print(console, "\nIn brackets: 95% intervals, rows of one prompt counted as one cluster.")
    for warning in found.warnings:
        _print(console, f"warning: {warning}")


def _revising(rounds: int) -> list[Column]:
    return [
        Column("drawn", "rounds of revision under the principle", lambda one: str(one.drawn)),
        Column(
            "expected",
            "how many its weight stands for; drawn without replacement, the numbers are nearer to one another",
            lambda one: "" if one.expected is None else f"{one.expected * rounds:.1f}",
        ),
        Column(
            "changed %",
            "words of the text before and after a revision that are not in their longest common subsequence, as a "
            "share of the words of both; characters, in scripts without spaces",
            lambda one: _percent(one.change),
        ),
        Column("same %", "rounds whose revision is the text before it", lambda one: _percent(one.unchanged)),
        Column(
            "nothing %",
            "critiques that say in plain English or Chinese that nothing is wrong, by a list of phrases: an estimate, "
            "rather too low",
            lambda one: _percent(one.nothing_found),
        ),
    ]


def _judging(found: Coverage) -> list[Column]:
    columns = [
        Column("judged", "comparisons in which both orders of showing can be read", lambda one: str(one.judged)),
        Column(
            "later wins %",
            "pairs of one chain: mean probability, by its own votes in both orders, that the later revision is better",
            lambda one: _percent(one.later_wins),
        ),
        Column(
            "winner wins %",
            "other pairs: mean probability, by its own votes in both orders, that the response is better which the "
            "other principles' votes together prefer; 50 if it knows nothing of that",
            lambda one: _percent(one.winner_wins),
        ),
        Column(
            "agrees %",
            "comparisons in which it takes the side of the mean of the other principles' votes; chance is 50",
            lambda one: _percent(one.agreement),
        ),
    ]
    return [column for column in columns if any(column.cell(one) for one in found.principles)]


def _print_table(console: Console, title: str, ones: Sequence[PrincipleCoverage], columns: Sequence[Column]) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("principle", overflow="fold")
    for column in columns:
        table.add_column(column.name, justify="right", no_wrap=True)
    for one in ones:
        table.add_row(Text(printable(one.id)), *(Text(column.cell(one)) for column in columns))
    meanings = Table.grid(padding=(0, 1, 0, 0))
    for column in columns:
        meanings.add_row(Text(column.name, "dim"), Text(column.meaning, "dim"))
    console.print(Text(f"\n{title}", "bold"), table, meanings, sep="\n")


def _percent(estimate: Estimate | None) -> str:
    """`31 [28, 34]`."""
    if estimate is None:
        return ""
    return f"{estimate.value * 100:.0f} [{estimate.low * 100:.0f}, {estimate.high * 100:.0f}]"


def _print(console: Console, text: str) -> None:
    console.print(Text(printable(text)), soft_wrap=True)
