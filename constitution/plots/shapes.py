"""The few elements that plots are drawn with. Whatever they are given is escaped; looks are told by classes only.

A page that shows them forbids scripts and inline styles, so there is neither here.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from constitution.plots.lettering import clean

MARKERS = 5


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> Markup:
    """A line of text; `anchor` says which of its ends is at x: start, middle, end."""
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, _short(x), _short(y), anchor, clean(content)
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, *map(_short, (x1, y1, x2, y2)))


def rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """A rectangle."""
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, *map(_short, (x, y, max(width, 0.0), height))
    )


def joined(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    """A line through points."""
    return Markup('<polyline class="{}" points="{}"/>').format(
        kind, " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
    )


def marker(number: int, x: float, y: float) -> Markup:
    """The mark of a series: circle, square, diamond, triangle, triangle upside down."""
    corners = (
        (),
        ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
        ((0, -5), (5, 4), (-5, 4)),
        ((0, 5), (5, -4), (-5, -4)),
    )[number % MARKERS]
    if not corners:
        return Markup('<circle class="dot" cx="{}" cy="{}" r="4.5"/>').format(_short(x), _short(y))
    return Markup('<polygon class="dot" points="{}"/>').format(
        " ".join(f"{_short(x + right)},{_short(y + down)}" for right, down in corners)
    )


def interval(x1: float, y1: float, x2: float, y2: float, kind: str = "interval") -> Markup:
    """From one end of an interval to the other, upright or level, with a short stroke across each end."""
    right, down = (3.5, 0.0) if x1 == x2 else (0.0, 3.5)
    return together(
        [
            line(x1, y1, x2, y2, kind),
            line(x1 - right, y1 - down, x1 + right, y1 + down, kind),
            line(x2 - right, y2 - down, x2 + right, y2 + down, kind),
        ]
    )


def group(kind: str, shapes: Iterable[Markup], tip: str = "") -> Markup:
    """Shapes that belong together; `tip` is told where the pointer rests on them."""
    title = Markup("<title>{}</title>").format(clean(tip)) if tip else Markup()
    return Markup('<g class="{}">{}{}</g>').format(kind, title, together(shapes))


def together(shapes: Iterable[Markup]) -> Markup:
    """Shapes one after the other; later ones lie over earlier ones."""
    return Markup().join(shapes)


def _short(value: float) -> str:
    """Hundredths of a unit are finer than any screen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
