"""Draws values of things that have names, from top to bottom."""

from collections.abc import Sequence

from markupsafe import Markup

from constitution.plots import Bar, Bars
from constitution.plots.frame import EDGE, LINE, WIDTH, Drawing, Key, Scale, finite, legend, nothing
from constitution.plots.lettering import clean, width, wrap
from constitution.plots.lines import value_told
from constitution.plots.shapes import group, interval, line, rect, text, together
from constitution.plots.ticks import Tick, exact, ticks

# Names take this much of the width at most, and two lines.
NAMES = 168.0
THICK = 12.0
ROW = 21.0


def draw_bars(plot: Bars) -> Drawing:
    """A row for each bar: its name, the bar, its value."""
    bars = [_whole(bar) for bar in plot.bars if finite(bar.value)]
    if not bars:
        return nothing(plot.x)
    names = [wrap(clean(bar.name), NAMES) for bar in bars]
    written = [exact(bar.value, plot.percent) for bar in bars]
    left = EDGE + max(width(line) for lines in names for line in lines) + 8
    right = WIDTH - EDGE - max(map(width, written)) - 10
    found = _ticks(plot, bars, right - left)
    x = Scale(found[0].value, found[-1].value, left, right)
    heights = [ROW + (LINE - 2) * (len(lines) - 1) for lines in names]
    keys = [Key(plot.mark_name, kind="mark")] if plot.mark_name and any(bar.mark is not None for bar in bars) else []
    keys += [Key(plot.reference_name, kind="reference")] if plot.reference is not None and plot.reference_name else []
    key_shapes, top = legend(keys, 0.0)
    top += 6
    bottom = top + sum(heights) + 3
    shapes: list[Markup] = [key_shapes, *(line(x(tick.value), top, x(tick.value), bottom, "rule") for tick in found)]
    told = []
    for bar, lines, value, height in zip(bars, names, written, heights, strict=True):
        told.append(_tip(bar, plot))
        shapes.append(group("point", _row(bar, lines, value, top, height, x), told[-1]))
        top += height
    feet = wrap(clean(plot.x), WIDTH - 2 * EDGE)
    middle = _middle((left + right) / 2, max(map(width, feet)))
    shapes += [
        *(
            [line(x(plot.reference), bottom - sum(heights) - 3, x(plot.reference), bottom, "reference")]
            if plot.reference is not None
            else []
        ),
        line(x(max(0.0, x.low)), bottom - sum(heights) - 3, x(max(0.0, x.low)), bottom, "axis"),
        *(text(x(tick.value), bottom + LINE - 1, tick.label, "tick", "middle") for tick in found),
        *(
            text(middle, bottom + 2 * LINE + 4 + LINE * number, foot, "label", "middle")
            for number, foot in enumerate(feet)
        ),
    ]
    return Drawing(height=bottom + 2 * LINE + 10 + LINE * (len(feet) - 1), shapes=together(shapes), told=tuple(told))


def _row(bar: Bar, lines: Sequence[str], value: str, top: float, height: float, x: Scale) -> list[Markup]:
    middle = top + height / 2
    zero = x(min(max(0.0, x.low), x.high))
    at = x(bar.value)
    first = middle + 4.5 - (LINE - 2) * (len(lines) - 1) / 2
    shapes = [
        # The whole row answers to the pointer.
        rect(0, top, WIDTH, height, "column"),
        *(text(x.start - 8, first + (LINE - 2) * number, line, "", "end") for number, line in enumerate(lines)),
        group("series-1", [rect(min(zero, at), middle - THICK / 2, abs(at - zero), THICK, "bar")]),
    ]
    if bar.low is not None and bar.high is not None:
        shapes.append(interval(x(bar.low), middle, x(bar.high), middle, "interval over"))
    if bar.mark is not None:
        shapes.append(line(x(bar.mark), middle - 8, x(bar.mark), middle + 8, "mark"))
    return [*shapes, text(WIDTH - EDGE, middle + 4.5, value, "tick", "end")]


def _ticks(plot: Bars, bars: Sequence[Bar], room: float) -> tuple[Tick, ...]:
    """From zero on; as many as have room beside one another."""
    values = [0.0, *finite(plot.reference, *(one for bar in bars for one in (bar.value, bar.low, bar.high, bar.mark)))]
    for about in (5, 4, 3, 2):
        found = ticks(min(values), max(values), about, plot.percent)
        apart = room / (len(found) - 1)
        if all(width(tick.label) + 6 < apart for tick in found):
            return found
    return found[:: len(found) - 1]


def _middle(wanted: float, wide: float) -> float:
    """As near to the middle of the bars as a label goes without leaving the picture."""
    return min(max(wanted, EDGE + wide / 2), WIDTH - EDGE - wide / 2)


def _tip(bar: Bar, plot: Bars) -> str:
    told = f"{bar.name}: {value_told(bar.value, bar.low, bar.high, bar.n, plot.percent)}"
    return told if bar.mark is None else f"{told}; {plot.mark_name}: {exact(bar.mark, plot.percent)}"


def _whole(bar: Bar) -> Bar:
    """Without what cannot be drawn."""
    ends = {} if len(finite(bar.low, bar.high)) == 2 else {"low": None, "high": None}
    return bar.model_copy(update=ends | ({} if finite(bar.mark) else {"mark": None}))
