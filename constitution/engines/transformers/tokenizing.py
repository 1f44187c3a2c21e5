"""A model's tokenizer without the model: how many tokens a text is."""

import logging
from collections.abc import Callable
from pathlib import Path

from constitution.engines.transformers.model import BROKEN, locate
from constitution.errors import ModelError, first_line


def token_counter(name: str) -> Callable[[str], int]:
    """What counts a text's tokens, control tokens at its ends left out.

    Args:
        name: `smollm2`, a Hub id, a folder with a tokenizer or a .gguf file.

    Raises:
        ModelError: There is no such tokenizer, or it cannot be read.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    folder = Path(name).expanduser()
    try:
        # A tokenizer may be there without its model, which `locate` asks for.
        alone = folder.is_dir() and (folder / "tokenizer.json").is_file()
        path, options, _ = (str(folder), {}, "") if alone else locate(name, None)
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False, **options)
    except (OSError, ValueError, *BROKEN) as bad:
        raise ModelError(
            f"the tokenizer {name!r} cannot be loaded: {first_line(bad)}",
            "Give --tokenizer a Hub id such as owner/name, a folder with tokenizer.json, or smollm2.",
        ) from None

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return count
