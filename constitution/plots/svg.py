"""Figures as SVG: inside a page, or as a file of its own."""

from markupsafe import Markup

from constitution.plots import Figure

# For pages: classes of the plots, in the colours of `pages/style.css`.
STYLE = ""


def svg(figure: Figure) -> Markup:
    """A figure's plot as an `<svg class="plot">` for a page that has `STYLE` in its stylesheet."""
    return Markup('<svg class="plot" role="img" viewBox="0 0 440 260"></svg>')


def svg_file(figure: Figure) -> str:
    """The same as a file of its own, in colours for a white background."""
    return str(svg(figure))
