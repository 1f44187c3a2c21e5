"""What plots with two axes share: axes, labels, and a legend that takes as many lines as it needs."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from constitution.plots.lettering import SIZE, clean, clip, width, wrap
from constitution.plots.shapes import group, line, marker, text, together
from constitution.plots.ticks import Tick

# Units of the picture: a little over what a telephone has, so that letters stay legible there.
WIDTH = 440.0
LINE = 17.0
EDGE = 6.0
INSIDE = 190.0
SAMPLE = 26.0
STROKE = 6.0


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to units of the picture from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True)
class Drawing:
    """A plot as shapes: how high it is in units, and what its marks tell, for those who do not see them."""

    height: float
    shapes: Markup
    told: tuple[str, ...]


@dataclass(frozen=True)
class Key:
    """One entry of a legend: a series by its number from 0, or a kind of line or stroke."""

    name: str
    series: int | None = None
    kind: str = ""


@dataclass(frozen=True)
class Frame:
    """Axes with nothing on them yet."""

    x: Scale
    y: Scale
    height: float
    shapes: Markup


def frame(
    x_label: str, y_label: str, x: Scale, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick], keys: list[Key]
) -> Frame:
    """Draw axes, labels and the legend.

    Args:
        x_label: Under the axis below.
        y_label: Over the axis at the side, level, so that it is read without turning one's head.
        x: What the axis below spans; where it starts and ends is decided here.
        x_ticks: Left out where they would touch.
        y_ticks: The first and the last are the ends of the axis.
        keys: Of the legend; none is drawn of none.
    """
    left = max(EDGE + 4 + max(width(tick.label) for tick in y_ticks), 28.0)
    right = WIDTH - EDGE - 10
    heads = wrap(clean(y_label), WIDTH - 2 * EDGE)
    top = LINE * len(heads) + 3
    legend_shapes, legend_height = legend(keys, top)
    top += legend_height + 10
    bottom = top + INSIDE
    across, up = Scale(x.low, x.high, left, right), Scale(y_ticks[0].value, y_ticks[-1].value, bottom, top)
    feet = wrap(clean(x_label), right - left)
    shapes = [
        *(text(EDGE, SIZE + LINE * number, head, "label") for number, head in enumerate(heads)),
        legend_shapes,
        *(line(left, up(tick.value), right, up(tick.value), "rule") for tick in y_ticks),
        *(text(left - 6, up(tick.value) + 4.5, tick.label, "tick", "end") for tick in y_ticks),
        line(left, bottom, right, bottom, "axis"),
        *_below(across, x_ticks, bottom),
        *(
            text((left + right) / 2, bottom + 2 * LINE + 6 + LINE * number, foot, "label", "middle")
            for number, foot in enumerate(feet)
        ),
    ]
    return Frame(x=across, y=up, height=bottom + 2 * LINE + 12 + LINE * (len(feet) - 1), shapes=together(shapes))


def legend(keys: Sequence[Key], top: float) -> tuple[Markup, float]:
    """A legend from `top` on, and how high it is."""
    if not keys:
        return Markup(), 0.0
    shapes: list[Markup] = []
    x, y = EDGE, top + LINE / 2 + 2
    for key in keys:
        name = clip(clean(key.name), WIDTH - 2 * EDGE - SAMPLE - 6)
        sample = STROKE if key.kind == "mark" else SAMPLE
        wide = sample + 6 + width(name) + 14
        if x > EDGE and x + wide - 14 > WIDTH - EDGE:
            x, y = EDGE, y + LINE
        shapes += [_sample(key, x, y), text(x + sample + 6, y + 4.5, name)]
        x += wide
    return together(shapes), y + LINE / 2 - top


def finite(*values: float | None) -> list[float]:
    """Those of the values that are there, and can be drawn."""
    return [value for value in values if value is not None and math.isfinite(value)]


def nothing(label: str) -> Drawing:
    """A plot without a value."""
    shape = text(WIDTH / 2, 3 * LINE, "no data", "tick", "middle")
    return Drawing(
        height=5 * LINE,
        shapes=together([text(EDGE, SIZE, clip(clean(label), WIDTH - 2 * EDGE), "label"), shape]),
        told=("no data",),
    )


def _below(across: Scale, x_ticks: Sequence[Tick], bottom: float) -> Iterable[Markup]:
    widest = max((width(tick.label) for tick in x_ticks), default=0.0)
    apart = abs(across.end - across.start) / max(1, len(x_ticks) - 1) if len(x_ticks) > 1 else math.inf
    every = max(1, math.ceil(min(widest + 8, 120.0) / apart))
    room = apart * every - 4
    for number, tick in enumerate(x_ticks):
        at = across(tick.value)
        yield line(at, bottom, at, bottom + 4, "axis")
        if number % every == 0:
            yield text(
                at, bottom + LINE + 2, clip(clean(tick.label), min(room, 2 * min(at, WIDTH - at))), "tick", "middle"
            )


def _sample(key: Key, x: float, y: float) -> Markup:
    middle = x + SAMPLE / 2
    if key.series is not None:
        kind = f"series-{key.series % 5 + 1}"
        return group(kind, [line(x, y, x + SAMPLE, y, "joined"), marker(key.series, middle, y)])
    if key.kind == "mark":
        return line(x + STROKE / 2, y - 6, x + STROKE / 2, y + 6, "mark")
    return line(x, y, x + SAMPLE, y, key.kind)
