"""The fonts of figures as files, by their names: resvg knows no general ones such as `sans-serif`."""

# One of them is on nearly every Linux, macOS and Windows.
FONTS = (
    "DejaVu Sans",
    "Liberation Sans",
    "Arial",
    "Helvetica",
    "Noto Sans",
    "Segoe UI",
    "Roboto",
    "Ubuntu",
    "Open Sans",
    "Cantarell",
    "FreeSans",
    "Noto Sans CJK SC",
)


def families() -> str:
    """As CSS writes them."""
    return ", ".join([*(f'"{name}"' for name in FONTS), "sans-serif"])
