"""Figures as SVG: inside a page, or as a file of its own."""

import re
from importlib.resources import files

from markupsafe import Markup

from constitution import pages
from constitution.plots import Bars, Figure, Lines
from constitution.plots.bars import draw_bars
from constitution.plots.fonts import families
from constitution.plots.frame import WIDTH, Drawing
from constitution.plots.histogram import draw_histogram
from constitution.plots.lettering import clean
from constitution.plots.lines import draw_lines

# For pages: classes of the plots, in the colours of `pages.STYLE`, light and dark.
STYLE = files("constitution.plots").joinpath("plot.css").read_text(encoding="utf-8")

NOTHING = Markup()
_ELEMENT = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 {width} {height}"{size} '
    'aria-labelledby="{id}-title" aria-describedby="{id}-values">'
    '<title id="{id}-title">{title}</title><desc id="{id}-values">{values}</desc>{shapes}</svg>'
)


def svg(figure: Figure) -> Markup:
    """A figure's plot as an `<svg class="plot">` for a page that has `STYLE` after `pages.STYLE`.

    It has no style and no script of its own, as pages forbid both. Those who cannot see it hear the title and the
    values, which are also told where the pointer rests on a mark. Its ids begin with `figure-` and the figure's name.
    """
    drawing = _draw(figure)
    return _element(figure, drawing, "; ".join(drawing.told), drawing.shapes)


def svg_file(figure: Figure) -> str:
    """The same as a file of its own: on white, in the light colours, with the caption and the values described."""
    drawing = _draw(figure)
    size = Markup(' width="{}" height="{}"').format(round(WIDTH), round(drawing.height))
    ground = Markup('<style>{}</style><rect width="100%" height="100%" fill="#ffffff"/>').format(Markup(_light_style()))
    values = f"{figure.caption} {'; '.join(drawing.told)}"
    element = _element(figure, drawing, values, ground + drawing.shapes, size)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element}\n'


def _draw(figure: Figure) -> Drawing:
    plot = figure.plot
    if isinstance(plot, Lines):
        return draw_lines(plot)
    return draw_bars(plot) if isinstance(plot, Bars) else draw_histogram(plot)


def _element(figure: Figure, drawing: Drawing, values: str, shapes: Markup, size: Markup = NOTHING) -> Markup:
    return _ELEMENT.format(
        width=round(WIDTH),
        height=round(drawing.height),
        size=size,
        id="figure-" + re.sub(r"[^A-Za-z0-9_-]", "-", figure.name),
        title=clean(figure.title),
        values=clean(values),
        shapes=shapes,
    )


def _light_style() -> str:
    """`STYLE` with the light colours in the place of variables, which programs other than browsers do not know."""
    # The first value of each is the light one; the dark ones come after.
    colours = dict(reversed(re.findall(r"--([\w-]+): (#[0-9a-f]+)", pages.STYLE)))
    plain = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], STYLE)
    plain = re.sub(r"/\*.*?\*/\s*", "", plain).replace("transparent", "none")
    return re.sub(r"font-family: [^;]+;", f"font-family: {families()};", plain)
