"""Pictures of figures, for programs that do not read SVG."""

import resvg_py

from constitution.errors import ExportError
from constitution.plots.fonts import FONTS, families

# Of 440 units: 1,760 pixels, which are 300 a inch at 15 cm, and 530 in a column of 8.4 cm.
ZOOM = 4
# resvg draws what it has no letter for as the sign for that; this code point is nobody's.
NOBODY = "\U0010fffd"


def png(drawing: str) -> bytes:
    """A picture of an SVG file's text (`svg.svg_file`), on white.

    Letters are the machine's: of the fonts of `fonts.FONTS` the first that is there.

    Raises:
        ExportError: None is, so that there would be no words in the picture; or it is no SVG.
    """
    check_fonts()
    return _draw(drawing, ZOOM)


def check_fonts(system: bool = True) -> None:
    """Whether there is any of the fonts that figures name.

    Args:
        system: Look among the fonts of the system; there are no others.

    Raises:
        ExportError: There is none.
    """
    # A font that is not there is no error to resvg: it leaves the words out.
    if _draw(_words("Ag"), 1, system) == _draw(_words(""), 1, system):
        raise ExportError(
            f"pictures of figures need one of these fonts, and none is installed: {', '.join(FONTS)}",
            "On Debian and Ubuntu: apt install fonts-dejavu-core",
        )


def missing_letters(text: str) -> str:
    """The characters of a text that no font of this machine has, each once; in a picture they are empty boxes."""
    none = _draw(_words(NOBODY), 1)
    return "".join(one for one in dict.fromkeys(text) if not one.isascii() and _draw(_words(one), 1) == none)


def _draw(drawing: str, zoom: int, system: bool = True) -> bytes:
    try:
        return resvg_py.svg_to_bytes(svg_string=drawing, zoom=zoom, background="white", skip_system_fonts=not system)
    except ValueError as bad:
        raise ExportError(
            f"a figure cannot be drawn: {bad}", "This is a fault of the program: please report it."
        ) from None


def _words(text: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">'
        f"<style>text {{ font: 20px {families()}; }}</style>"
        f'<text x="4" y="22">{text}</text></svg>'
    )
