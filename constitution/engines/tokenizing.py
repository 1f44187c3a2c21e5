"""A model's tokenizer without the model: how many tokens a text is."""

import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from constitution.engines.bundled import BUNDLED, BUNDLED_PACKAGE, cache_folder
from constitution.errors import ModelError, first_line

FILE = "tokenizer.json"


def token_counter(name: str) -> Callable[[str], int]:
    """What counts a text's tokens, control tokens at its ends left out.

    Args:
        name: `smollm2`, a Hub id, a folder with a tokenizer or a .gguf file.

    Raises:
        ModelError: There is no such tokenizer, or it cannot be read.
    """
    try:
        file = _converted() if name == BUNDLED else Path(name).expanduser() / FILE
        return _from_file(file) if file and file.is_file() else _from_library(name)
    except (OSError, ValueError) as bad:
        raise ModelError(
            f"the tokenizer {name!r} cannot be loaded: {first_line(bad)}",
            f"Give --tokenizer a Hub id such as owner/name, a folder with {FILE}, or {BUNDLED}.",
        ) from None


def _converted() -> Path | None:
    """The bundled model's, once it has been run; every conversion of it has the same."""
    try:
        pattern = f"{BUNDLED}-{version(BUNDLED_PACKAGE)}-*/{FILE}"
    except PackageNotFoundError:
        return None
    return next(cache_folder().glob(pattern), None)


def _from_file(file: Path) -> Callable[[str], int]:
    """From the file alone, without the seconds that importing torch takes."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as bad:
        # The library raises nothing more exact.
        raise ValueError(first_line(bad)) from None
    # The file may say that texts are cut.
    tokenizer.no_truncation()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


def _from_library(name: str) -> Callable[[str], int]:
    import transformers

    from constitution.engines.transformers.model import BROKEN, locate

    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    path, options, _ = locate(name, None)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False, **options)
    except BROKEN as bad:
        raise ValueError(first_line(bad)) from None

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return count
