"""Draws series over a common axis."""

from collections.abc import Sequence

from markupsafe import Markup

from constitution.plots import Lines, Point, Series
from constitution.plots.frame import Drawing, Frame, Key, Scale, finite, frame, nothing
from constitution.plots.shapes import group, interval, joined, line, marker, together
from constitution.plots.ticks import Tick, exact, ticks

# How far the points of two series at one place stand apart, so that their intervals can be told apart.
APART = 7.0


def draw_lines(plot: Lines) -> Drawing:
    """Series from left to right in their order, each with its own marker and dashes."""
    series = [Series(name=one.name, points=tuple(map(_whole, filter(_drawable, one.points)))) for one in plot.series]
    points = [point for one in series for point in one.points]
    if not points:
        return nothing(plot.y)
    x, x_ticks = _axis_below(plot, points)
    values = finite(*(value for one in points for value in (one.y, one.low, one.high)))
    values += finite(plot.reference, plot.low, plot.high)
    y_ticks = ticks(min(values), max(values), percent=plot.percent)
    keys = [Key(one.name, number) for number, one in enumerate(series)] if len(series) > 1 else []
    if plot.reference_name and (plot.reference is not None or plot.diagonal):
        keys += [] if keys or not series[0].name else [Key(series[0].name, 0)]
        keys.append(Key(plot.reference_name, kind="reference"))
    axes = frame(plot.x, plot.y, x, x_ticks, y_ticks, keys)
    shapes = [axes.shapes, *_held_against(plot, axes)]
    told: list[str] = []
    for number, one in enumerate(series):
        aside = (number - (len(series) - 1) / 2) * APART if plot.ticks else 0.0
        tips = [_tip(plot, one, point) for point in one.points]
        told += tips
        shapes.append(_series(one, number, axes, aside, tips))
    return Drawing(height=axes.height, shapes=together(shapes), told=tuple(told))


def _series(one: Series, number: int, axes: Frame, aside: float, tips: Sequence[str]) -> Markup:
    places = [(axes.x(point.x) + aside, axes.y(point.y)) for point in one.points]
    marks = [
        group(
            "point",
            [
                *_interval(point, x, axes),
                marker(number, x, y),
            ],
            tip,
        )
        for point, (x, y), tip in zip(one.points, places, tips, strict=True)
    ]
    return group(f"series-{number % 5 + 1}", [joined(places, "joined"), *marks])


def _interval(point: Point, x: float, axes: Frame) -> list[Markup]:
    if point.low is None or point.high is None:
        return []
    return [interval(x, axes.y(point.low), x, axes.y(point.high))]


def _axis_below(plot: Lines, points: Sequence[Point]) -> tuple[Scale, tuple[Tick, ...]]:
    places = [point.x for point in points]
    if plot.ticks:
        named = tuple(Tick(value=place, label=name) for place, name in sorted(plot.ticks.items()))
        low, high = min(*plot.ticks, *places), max(*plot.ticks, *places)
        return Scale(low - 0.35, high + 0.35, 0, 1), named
    numbered = ticks(min(places), max(places), percent=plot.percent and plot.diagonal)
    return Scale(numbered[0].value, numbered[-1].value, 0, 1), numbered


def _held_against(plot: Lines, axes: Frame) -> list[Markup]:
    shapes = []
    if plot.reference is not None and finite(plot.reference):
        level = axes.y(plot.reference)
        shapes.append(line(axes.x.start, level, axes.x.end, level, "reference"))
    if plot.diagonal:
        low, high = max(axes.x.low, axes.y.low), min(axes.x.high, axes.y.high)
        if low < high:
            shapes.append(line(axes.x(low), axes.y(low), axes.x(high), axes.y(high), "reference"))
    return shapes


def _tip(plot: Lines, one: Series, point: Point) -> str:
    place = plot.ticks.get(int(point.x), "") if point.x == int(point.x) else ""
    at = place or exact(point.x, plot.percent and plot.diagonal)
    return f"{one.name}, {at}: {value_told(point.y, point.low, point.high, point.n, plot.percent)}"


def value_told(value: float, low: float | None, high: float | None, n: int | None, percent: bool) -> str:
    """A value with its interval and n: `62.5% (95% interval 47.0% to 75.8%, n = 40)`."""
    more = (
        [f"95% interval {exact(low, percent)} to {exact(high, percent)}"]
        if low is not None and high is not None
        else []
    )
    more += [f"n = {n:,}"] if n is not None else []
    return exact(value, percent) + (f" ({', '.join(more)})" if more else "")


def _drawable(point: Point) -> bool:
    return len(finite(point.x, point.y)) == 2


def _whole(point: Point) -> Point:
    """Without an interval that has no two ends."""
    return point if len(finite(point.low, point.high)) == 2 else point.model_copy(update={"low": None, "high": None})
