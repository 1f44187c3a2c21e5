"""Models are data: none of them runs code of its own, neither Python files nor pickles that are weights."""

import json
from pathlib import Path
from typing import Any

from constitution.errors import ModelError, command, first_line

_ELSEWHERE = (
    f"Choose another one, or have a server that you trust with it run it: {command('generate')} --engine openai"
)


def check_files(folder: Path) -> None:
    """Check that a model's folder holds weights that are nothing but numbers.

    Raises:
        ModelError: It holds no safetensors, or is an adapter.
    """
    if (folder / "adapter_config.json").exists():
        # The library would load whatever model the adapter names.
        raise ModelError(
            f"{folder}: an adapter (adapter_config.json), not a model",
            "Merge it into its model (peft: merge_and_unload, then save_pretrained), and give that folder.",
        )
    if any(folder.glob("*.safetensors")):
        _check_index(folder / "model.safetensors.index.json")
        return
    pickles = sorted(path.name for ending in ("bin", "pt", "pth", "ckpt") for path in folder.glob(f"*.{ending}"))
    if pickles:
        raise ModelError(
            f"{folder}: its weights are pickles ({pickles[0]}), which can run code when they are read",
            "If you trust them, load the model with transformers and save it again (save_pretrained): that writes "
            "safetensors.",
        )
    raise ModelError(f"{folder}: no weights (*.safetensors)", "Give a folder that save_pretrained wrote.")


def _check_index(index: Path) -> None:
    """Check that what says which weights are in which file names files of numbers in its own folder."""
    try:
        names = {str(name) for name in json.loads(index.read_bytes())["weight_map"].values()}
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as bad:
        raise ModelError(f"{index}: cannot be read: {first_line(bad)}", "Download the model again.") from None
    for name in sorted(names):
        if not name.endswith(".safetensors") or Path(name).name != name:
            raise ModelError(
                f"{index}: names {name!r}, which is no .safetensors file of this folder", "Choose another model."
            )


def check_config(name: str, config: Any) -> None:
    """Check that a configuration asks for no code on the Hub.

    Raises:
        ModelError: It does.
    """
    attention = getattr(config, "_attn_implementation", None)
    if isinstance(attention, str) and "/" in attention:
        raise ModelError(f"the model {name!r} wants code from the Hub for its attention ({attention})", _ELSEWHERE)


def wants_code(name: str, bad: BaseException) -> ModelError | None:
    """What to say where the library refused to run code that came with a model; None if that is not what it says."""
    if "trust_remote_code" not in str(bad):
        return None
    return ModelError(f"the model {name!r} needs Python code that comes with it, which is never run here", _ELSEWHERE)
