"""What this machine has, and what to type for what it lacks."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from constitution.errors import ModelError
from constitution.records import Record

PACKAGES = ("torch", "transformers", "datasets", "accelerate", "gguf")


class Finding(Record):
    """One thing looked at.

    Attributes:
        what: Its name.
        found: What is there.
        ok: Whether that will do.
        required: Whether nothing runs without it.
        hint: What to type, if something is missing or slow.
    """

    what: str
    found: str
    ok: bool = True
    required: bool = False
    hint: str = ""


def examine() -> list[Finding]:
    """Look at everything, in the order in which a run needs it."""
    return [
        Finding(what="python", found=platform.python_version()),
        *(_package(name) for name in PACKAGES),
        _device(),
        _bundled_model(),
        _folder("model cache", _cache(), "Set CONSTITUTION_CACHE to a folder that you may write."),
        _folder("Hugging Face cache", _hugging_face_cache(), "Set HF_HOME to a folder that you may write."),
        _folder("runs", Path("outputs").absolute(), "Give --out a folder that you may write."),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(what=name, found=version(name))
    except PackageNotFoundError:
        return Finding(what=name, found="not installed", ok=False, required=True, hint=f"pip install {name}")


def _device() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding(what="device", found="unknown without torch", ok=False, required=True, hint="pip install torch")
    accelerator = torch.accelerator.current_accelerator()
    if accelerator:
        return Finding(what="device", found=f"{accelerator}, {torch.accelerator.device_count()} of them, bfloat16")
    # Without these instructions a CPU emulates bfloat16, slower than float32.
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() or platform.machine() == "arm64"
    hint = "" if fast else "This CPU emulates bfloat16: --dtype float32 may be faster."
    return Finding(what="device", found=f"cpu, {torch.get_num_threads()} threads, bfloat16", hint=hint)


def _bundled_model() -> Finding:
    from constitution.engines.transformers.model import bundled_file

    try:
        return Finding(what="bundled model smollm2", found=str(bundled_file()))
    except ModelError as missing:
        return Finding(what="bundled model smollm2", found="not installed", ok=False, hint=missing.hint)


def _cache() -> Path:
    from constitution.engines.transformers.model import cache_folder

    return cache_folder()


def _hugging_face_cache() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME)


def _folder(what: str, path: Path, hint: str) -> Finding:
    exists = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(exists, os.W_OK):
        return Finding(what=what, found=f"{path} (may not be written)", ok=False, hint=hint)
    held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if what == "model cache" else 0
    size = f" ({held / 1e6:.0f} MB)" if held else "" if path.exists() else " (not made yet)"
    return Finding(what=what, found=f"{path}{size}")
