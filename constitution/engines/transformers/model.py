"""Find and load a language model and its tokenizer."""

import hashlib
import io
import logging
import pickle
import shutil
import struct
import tempfile
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from constitution.digests import digest
from constitution.engines import engine_names
from constitution.engines.base import Identity
from constitution.engines.bundled import BUNDLED, BUNDLED_PACKAGE, bundled_file, cache_folder
from constitution.engines.transformers.kinds import class_of, context_of, opening_of, unsupported
from constitution.engines.transformers.no_code import check_config, check_files, wants_code
from constitution.errors import ModelError, first_line
from constitution.yamlfile import nearest

# A file is known by its name, its size and this many blocks spread over it: seconds even for hundreds of gigabytes,
# and weights that were changed differ nearly everywhere.
BLOCKS = 256
BLOCK_BYTES = 1 << 14
# What reading broken weights raises, beside OSError and ValueError; the last where the library met a pickle with code.
BROKEN = (
    *(KeyError, ImportError, RuntimeError, AttributeError, EOFError, TypeError),
    *(struct.error, SafetensorError, pickle.UnpicklingError),
)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run.

    Attributes:
        model: A `transformers` decoder or encoder-decoder in evaluation mode, on its device.
        tokenizer: Its tokenizer.
        context: Most tokens of prompt and answer together; of an encoder-decoder, of each of them.
        ends: Ids of the tokens that end a turn.
        identity: For the manifest.
        opening: Ids of the tokens that an encoder-decoder's answer begins with, before its first own; else empty.
    """

    model: Any
    tokenizer: Any
    context: int
    ends: frozenset[int]
    identity: Identity
    opening: tuple[int, ...] = ()


def load_model(name: str, revision: str | None = None, dtype: str = "auto", device: str = "auto") -> LoadedModel:
    """Load a model by name.

    Args:
        name: `smollm2`, a Hub id, a local folder or a .gguf file.
        revision: Of a Hub model.
        dtype: `auto`, `bfloat16`, `float16` or `float32`.
        device: A torch device, or `auto`.

    Raises:
        ModelError: It is not there, is of an unsupported kind, or cannot be run on that device.
    """
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    # Without a network it warns at each retry; what it comes to is in our own error.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        where = torch.device(_device(device))
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as bad:
        raise ModelError(
            f"--device {device}: {first_line(bad)}", "constitution doctor shows the devices there are."
        ) from None
    try:
        path, options, content = locate(name, revision)
        # A .gguf file holds quantised numbers, so there is no format that it was saved in.
        number = torch.bfloat16 if dtype == "auto" and "gguf_file" in options else dtype
        dequantise = {"quantization_config": transformers.GgufConfig(dequantize=True)} if "gguf_file" in options else {}
        with _without_bars() if "gguf_file" in options else nullcontext():
            config = transformers.AutoConfig.from_pretrained(path, trust_remote_code=False, **options)
            check_config(name, config)
            kind = class_of(name, config)
            tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False, **options)
            # A .gguf file is numbers as it is.
            only = {} if "gguf_file" in options else {"use_safetensors": True}
            options |= {"config": config, "output_loading_info": True, "trust_remote_code": False}
            model, loading = kind.from_pretrained(path, dtype=number, **options, **dequantise, **only)
        model = model.to(where).eval()
    except torch.OutOfMemoryError as bad:
        raise ModelError(
            f"{name} does not fit on {where}: {first_line(bad)}", "Try --device cpu, or a smaller model."
        ) from None
    except (OSError, ValueError, *BROKEN) as bad:
        raise _unloadable(name, bad) from None
    if loading["missing_keys"]:
        # The library fills them with random numbers.
        raise unsupported(name, config, f"its files lack {', '.join(sorted(loading['missing_keys'])[:3])}")
    ends = model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    commit = getattr(model.config, "_commit_hash", None)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        context=context_of(config, tokenizer),
        ends=frozenset(ends),
        identity=Identity(
            engine="transformers",
            # The folder may be moved: its last name and its content are what it is.
            model=Path(name).name if content else name,
            revision=content or commit or "unknown",
            detail=str(model.dtype).removeprefix("torch."),
        ),
        opening=opening_of(model) if config.is_encoder_decoder else (),
    )


def find_model(name: str, revision: str | None) -> None:
    """Look for a model without loading it.

    Raises:
        ModelError: There are no such files, and no such model on the Hub; or it is of an unsupported kind.
    """
    import transformers

    if name == BUNDLED:
        bundled_file()
        return
    path, options, _ = locate(name, revision)
    # What a .gguf file holds is not read in a moment.
    if "gguf_file" not in options:
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        try:
            config = transformers.AutoConfig.from_pretrained(path, trust_remote_code=False, **options)
        except (OSError, ValueError, *BROKEN) as bad:
            raise _unloadable(name, bad) from None
        check_config(name, config)
        class_of(name, config)


def _unloadable(name: str, bad: BaseException) -> ModelError:
    return wants_code(name, bad) or ModelError(
        f"the model {name!r} cannot be loaded: {first_line(bad)}",
        f"Give a Hub id such as owner/name, a folder with config.json, a .gguf file, or {BUNDLED}.",
    )


def locate(name: str, revision: str | None) -> tuple[str, dict[str, Any], str]:
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
        check_files(path)
        files = [
            file
            for file in sorted(path.iterdir())
            if file.is_file() and file.suffix in {".json", ".safetensors", ".bin", ".model", ".jinja"}
        ]
        return str(path), {}, _content_digest(files)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{path}: no such folder", "Check the path given to --model.")
    engine, colon, _ = name.partition(":")
    if colon:
        # No id on the Hub holds one.
        raise ModelError(
            f"no engine called {engine!r}, as {name!r} names one; {nearest(engine, engine_names())}",
            "See what is installed: constitution engines",
        )
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
        with _without_bars():
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


def _without_bars() -> AbstractContextManager[object]:
    """Keeps stderr free of the progress bars of reading .gguf files, which no setting turns off."""
    return redirect_stderr(io.StringIO())


def _content_digest(files: list[Path]) -> str:
    """Hash of names, sizes, and blocks spread evenly over each file."""
    parts: list[Any] = []
    for file in files:
        size = file.stat().st_size
        hashed = hashlib.blake2b(digest_size=8)
        with file.open("rb") as opened:
            for place in range(BLOCKS):
                opened.seek(max(0, size - BLOCK_BYTES) * place // (BLOCKS - 1))
                hashed.update(opened.read(BLOCK_BYTES))
        parts.append([file.name, size, hashed.hexdigest()])
    return digest(parts)


def _device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator.type if accelerator else "cpu"
