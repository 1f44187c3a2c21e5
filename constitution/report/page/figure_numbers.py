"""The numbers of a figure as a table, for whoever cannot see it or wants them exact."""

from constitution.plots import Bars, Figure, Histogram, Lines
from constitution.records import Record


class Numbers(Record):
    """A table: the heads of its columns, and cells as they are read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def numbers_of(figure: Figure) -> Numbers:
    """All that the figure draws."""
    plot = figure.plot
    if isinstance(plot, Histogram):
        ends = zip(plot.edges, plot.edges[1:], plot.counts, strict=False)
        return Numbers(
            columns=(plot.x, plot.y), rows=tuple((f"{low:g} to {high:g}", f"{n:,}") for low, high, n in ends)
        )
    if isinstance(plot, Bars):
        return _bars(plot)
    return _lines(plot)


def _bars(plot: Bars) -> Numbers:
    marked, counted = any(bar.mark is not None for bar in plot.bars), any(bar.n is not None for bar in plot.bars)
    return Numbers(
        columns=("", plot.x, *((plot.mark_name or "mark",) if marked else ()), *(("n",) if counted else ())),
        rows=tuple(
            (
                bar.name,
                _cell(bar.value, bar.low, bar.high, plot.percent),
                *((_known(bar.mark, plot.percent),) if marked else ()),
                *(("" if bar.n is None else f"{bar.n:,}",) if counted else ()),
            )
            for bar in plot.bars
        ),
    )


def _lines(plot: Lines) -> Numbers:
    places = sorted({point.x for series in plot.series for point in series.points})
    at = [{point.x: point for point in series.points} for series in plot.series]
    return Numbers(
        columns=(plot.x, *(series.name or plot.y for series in plot.series)),
        rows=tuple(
            (
                plot.ticks.get(int(place), f"{place:g}") if place == int(place) else f"{place:.4g}",
                *(
                    _cell(points[place].y, points[place].low, points[place].high, plot.percent) + _n(points[place].n)
                    if place in points
                    else ""
                    for points in at
                ),
            )
            for place in places
        ),
    )


def _n(n: int | None) -> str:
    return "" if n is None else f", n = {n:,}"


def _known(value: float | None, percent: bool) -> str:
    return "" if value is None else _cell(value, None, None, percent)


def _cell(value: float, low: float | None, high: float | None, percent: bool) -> str:
    if percent:
        interval = "" if low is None or high is None else f" [{low * 100:.1f}, {high * 100:.1f}]"
        return f"{value:.1%}{interval}"
    interval = "" if low is None or high is None else f" [{low:,.4g}, {high:,.4g}]"
    return f"{value:,.4g}{interval}"
