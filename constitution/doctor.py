"""What this machine has, and what to type for what it lacks."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from constitution.engines import ENGINES
from constitution.engines.bundled import bundled_file, cache_folder
from constitution.engines.installed import built_in
from constitution.engines.number_formats import SLOW, bfloat16_slowness
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
        *(_engine(name) for name, engine in ENGINES.items() if engine.extra),
        _device(),
        _dtype(),
        _bundled_model(),
        _folder("model cache", cache_folder(), "Set CONSTITUTION_CACHE to a folder that you may write."),
        _folder("Hugging Face cache", _hugging_face_cache(), "Set HF_HOME to a folder that you may write."),
        _folder("runs", Path("outputs").absolute(), "Give --out a folder that you may write."),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(what=name, found=version(name))
    except PackageNotFoundError:
        return Finding(what=name, found="not installed", ok=False, required=True, hint=f"pip install {name}")


def _engine(name: str) -> Finding:
    """An engine that not every installation has."""
    engine = built_in(name, ENGINES[name])
    found = engine.needs if engine.usable else "not installed (optional)"
    return Finding(what=f"engine {name}", found=found, ok=engine.usable, hint=engine.hint)


def _device() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding(what="device", found="unknown without torch", ok=False, required=True, hint="pip install torch")
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator:
        return Finding(what="device", found=f"{accelerator.type}, {torch.accelerator.device_count()} of them")
    return Finding(what="device", found=f"cpu, {torch.get_num_threads()} threads")


def _dtype() -> Finding:
    """Whether the bundled model's number format, bfloat16, is native or emulated."""
    try:
        import torch
    except ImportError:
        return Finding(what="number format", found="unknown without torch", ok=False)
    if torch.accelerator.current_accelerator(check_available=True):
        return Finding(what="number format", found="bfloat16 (--dtype auto)")
    ratio = bfloat16_slowness()
    found = f"bfloat16 (--dtype auto), {ratio:.1f} times float32's time"
    if ratio < SLOW:
        return Finding(what="number format", found=found)
    hint = "This CPU is slow at bfloat16: --dtype float32 is faster, in twice the memory."
    return Finding(what="number format", found=found, ok=False, hint=hint)


def _bundled_model() -> Finding:
    try:
        return Finding(what="bundled model smollm2", found=str(bundled_file()))
    except ModelError as missing:
        return Finding(what="bundled model smollm2", found="not installed", ok=False, hint=missing.hint)


def _hugging_face_cache() -> Path:
    # As huggingface_hub finds it; asked here without importing it, as it may be what is missing.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("HF_HOME") or cache / "huggingface")


def _folder(what: str, path: Path, hint: str) -> Finding:
    exists = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(exists, os.W_OK):
        return Finding(what=what, found=f"{path} (may not be written)", ok=False, hint=hint)
    held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if what == "model cache" else 0
    size = f" ({held / 1e6:.0f} MB)" if held else "" if path.exists() else " (not made yet)"
    return Finding(what=what, found=f"{path}{size}")
