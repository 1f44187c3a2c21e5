"""Where the files that ship with the program are: principles, templates, probes, example prompts."""

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).parent


def shipped(kind: Literal["principles", "templates", "probes", "examples"]) -> Path:
    """The folder of shipped files: inside an installed wheel, else at the top of the checkout."""
    packaged = PACKAGE / "_data" / kind
    return packaged if packaged.is_dir() else PACKAGE.parent / kind
