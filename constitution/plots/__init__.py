"""What is drawn: plots as data, before any format.

svg.py draws them, for a page or as a file of its own; png.py makes pictures of those files.
"""

from pydantic import Field

from constitution.intervals import Estimate
from constitution.records import Record


class Point(Record):
    """A value at a place, with its 95% interval and how many observations it comes from, if they are known."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


class Series(Record):
    """Points that belong together, joined by a line."""

    name: str
    points: tuple[Point, ...]


class Lines(Record):
    """Series over a common axis.

    Attributes:
        x: What the axis below says.
        y: Likewise of the axis at the side.
        series: At most five.
        ticks: Names of places on the axis below, by place; numbers where it is empty.
        low: Where the axis at the side begins at the latest; None: with the data.
        high: Where it ends at the earliest.
        reference: A value to compare with, drawn as a dashed line.
        reference_name: What it, or the diagonal, is.
        diagonal: Whether the line y = x is drawn, dashed; then both axes are of one kind.
        percent: Whether the values are shares.
    """

    x: str
    y: str
    series: tuple[Series, ...]
    ticks: dict[int, str] = Field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    reference_name: str = ""
    diagonal: bool = False
    percent: bool = False


class Bar(Record):
    """A value of a thing, with its 95% interval and how many observations it comes from, if they are known.

    Attributes:
        name: The thing's.
        value: How long the bar is.
        low: Where the interval begins.
        high: Where it ends.
        n: How many observations.
        mark: A second value to hold the first against, drawn as a stroke across the bar.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    mark: float | None = None


class Bars(Record):
    """Values of things that have names, from top to bottom.

    Attributes:
        x: What the axis says.
        bars: In the order that they are drawn in.
        mark_name: What the bars' marks are.
        reference: As in `Lines`.
        reference_name: As in `Lines`.
        percent: As in `Lines`.
    """

    x: str
    bars: tuple[Bar, ...]
    mark_name: str = ""
    reference: float | None = None
    reference_name: str = ""
    percent: bool = False


class Histogram(Record):
    """How many values fall between neighbouring edges: [n + 1] edges, [n] counts."""

    x: str
    y: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


Plot = Lines | Bars | Histogram


class Figure(Record):
    """A plot with what is said of it.

    Attributes:
        name: What its file is called, without the ending.
        title: A short line.
        caption: What it shows, how it was measured, and n; enough to read it without the rest.
    """

    name: str
    title: str
    caption: str
    plot: Plot


Cell = str | int | float | Estimate | None


class Table(Record):
    """Numbers of a report, for papers.

    Attributes:
        name: As in `Figure`.
        title: A short line.
        columns: Their heads.
        rows: Cells; None is left empty. In CSV an estimate takes four columns: value, low, high, n.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
