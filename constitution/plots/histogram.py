"""Draws how many values fall between neighbouring edges."""

from constitution.plots import Histogram
from constitution.plots.frame import Drawing, Scale, frame, nothing
from constitution.plots.shapes import group, rect, together
from constitution.plots.ticks import Tick, exact, ticks


def draw_histogram(plot: Histogram) -> Drawing:
    """Bars side by side, as wide as what they count is."""
    if not sum(plot.counts):
        return nothing(plot.y)
    x = Scale(plot.edges[0], plot.edges[-1], 0, 1)
    x_ticks = tuple(Tick(value=edge, label=exact(edge)) for edge in plot.edges)
    axes = frame(plot.x, plot.y, x, x_ticks, ticks(0, max(plot.counts), whole=True), [])
    shapes, told = [], []
    for low, high, count in zip(plot.edges, plot.edges[1:], plot.counts, strict=False):
        left, right, top = axes.x(low), axes.x(high), axes.y(count)
        told.append(f"{exact(low)} to {exact(high)}: {count:,}")
        # The whole column answers to the pointer, however low the bar is.
        column = rect(left, axes.y.end, right - left, axes.y.start - axes.y.end, "column")
        shapes.append(
            group("point", [column, rect(left + 1, top, right - left - 2, axes.y.start - top, "bar")], told[-1])
        )
    return Drawing(height=axes.height, shapes=together([axes.shapes, group("series-1", shapes)]), told=tuple(told))
