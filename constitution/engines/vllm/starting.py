"""From settings to a running vLLM."""

import asyncio
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import subprocess
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from constitution.engines.base import Identity
from constitution.engines.vllm.guard import dismiss, guard
from constitution.errors import ConfigError, ModelError, first_line

if TYPE_CHECKING:
    from constitution.engines.transformers.encoding import Encoder
    from constitution.model_settings import ModelSettings

# Sequences at once, unless --slots says otherwise: vLLM sets memory aside for each.
MOST_SEQUENCES = 1024
# vLLM's processes get this long to end by themselves: it takes them some five, and memory is freed more surely so.
SHUTDOWN_SECONDS = 30.0
# GPUs that one copy of the model is spread over; a cluster's workers are told so.
GPUS_VARIABLE = "CONSTITUTION_GPUS"
# Seconds between two looks whether vLLM has started processes, once it is not wanted any more.
LOOK_SECONDS = 0.2
# Unless the user has set it: messages on stdout would mix with our own; a run is nobody else's business; and a forked
# process would hold on to the files that a run has open.
ENVIRONMENT = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}


@dataclass(frozen=True)
class Started:
    """vLLM with a model.

    Attributes:
        llm: A `vllm.v1.engine.async_llm.AsyncLLM`.
        encoder: The model's way to write conversations.
        identity: For the manifest.
        context: Most tokens of prompt and answer together.
        guarding: What ends vLLM's processes if this one is killed.
    """

    llm: Any
    encoder: "Encoder"
    identity: Identity
    context: int
    guarding: "subprocess.Popen[bytes]"

    def end(self) -> None:
        """End vLLM's processes; blocks until they are gone."""
        self.llm.shutdown(SHUTDOWN_SECONDS)
        dismiss(self.guarding)


def look(settings: "ModelSettings") -> None:
    """Look for vLLM, and for the model without loading it.

    Raises:
        ConfigError: vLLM is not installed.
        ModelError: The model is not there, or of a kind that it does not read.
    """
    if find_spec("vllm") is None:
        raise ConfigError(
            "the engine vllm needs vLLM, which is not installed",
            "Install it with: pip install '.[vllm]' in a checkout of constitution, or see: constitution engines",
        )
    if Path(settings.model).suffix == ".gguf":
        raise ModelError(
            f"{settings.model}: the engine vllm reads no .gguf files",
            "Give a folder or a Hub id, or leave this file to --engine transformers.",
        )
    from constitution.engines.transformers.model import find_model

    find_model(settings.model, settings.revision)


async def start(settings: "ModelSettings", chat_template: str | None) -> Started:
    """Load the model. Takes minutes where vLLM compiles it for the first time; cancelled, it ends what it has begun.

    Raises:
        ConfigError: vLLM is not installed.
        ModelError: The model cannot be found or run, or has no chat template and none is given.
    """
    look(settings)
    # Apart from loading: what fails to be imported on the way is kept by its importers, with all that is below on the
    # stack, and so would be vLLM, beyond its end.
    await asyncio.to_thread(_import_for, settings.device)
    others = set(multiprocessing.active_children())
    loading = asyncio.ensure_future(asyncio.to_thread(_load, settings, chat_template, others))
    try:
        return await asyncio.shield(loading)
    except asyncio.CancelledError:
        from vllm.utils.system_utils import kill_process_tree

        while not loading.done():
            for child in set(multiprocessing.active_children()) - others:
                kill_process_tree(child.pid)
            await asyncio.sleep(LOOK_SECONDS)
        if not loading.exception():
            await asyncio.to_thread(loading.result().end)
        raise


def _import_for(device: str) -> None:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import_module("vllm.v1.engine.async_llm")
        from vllm.platforms import current_platform
    except (ImportError, OSError, RuntimeError) as bad:
        raise ConfigError(
            f"vLLM is installed, but cannot be imported: {first_line(bad)}",
            "Its build must fit torch's, and the machine. See the traceback with: python -c 'import vllm'",
        ) from None
    _check_device(device, current_platform.device_type)


def _load(settings: "ModelSettings", chat_template: str | None, others: set[Any]) -> Started:
    """Load the model; `others` are the child processes that there are already."""
    # multiprocessing's own helper lets SIGINT through again where it starts, so it is started before.
    multiprocessing.resource_tracker.ensure_running()
    # Inherited by the processes that vLLM starts: Ctrl-C in a terminal goes to all of them, and would end the model
    # before the calls that are under way.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return _load_undisturbed(settings, chat_template, others)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _load_undisturbed(settings: "ModelSettings", chat_template: str | None, others: set[Any]) -> Started:
    from transformers import AutoTokenizer
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    from constitution.engines.transformers.encoding import Encoder
    from constitution.engines.transformers.model import locate
    from constitution.engines.transformers.no_code import wants_code

    path, _, content = locate(settings.model, settings.revision)
    revision = None if content else settings.revision
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision or "main", trust_remote_code=False)
        encoder = Encoder(tokenizer, chat_template, settings.model)
        llm = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=path,
                revision=revision,
                tokenizer_revision=revision,
                # Numbers only: its own choice falls back to pickles.
                load_format="safetensors",
                trust_remote_code=False,
                dtype=settings.dtype,
                tensor_parallel_size=int(os.environ.get(GPUS_VARIABLE, "1")),
                max_num_seqs=settings.slots or min(settings.concurrency, MOST_SEQUENCES),
                enable_prefix_caching=True,
                disable_log_stats=True,
                use_tqdm_on_load=False,
            )
        )
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as bad:
        raise wants_code(settings.model, bad) or ModelError(
            f"vLLM cannot run the model {settings.model!r}: {_reason(bad)}",
            "Where it printed errors above, the first says why; VLLM_LOGGING_LEVEL=INFO has it tell more. "
            "Other models may run with --engine transformers.",
        ) from None
    config = llm.model_config
    commit = getattr(config.hf_config, "_commit_hash", None)
    identity = Identity(
        engine="vllm",
        # The folder may be moved: its last name and its content are what it is.
        model=Path(settings.model).name if content else settings.model,
        revision=content or commit or "unknown",
        detail=str(config.dtype).removeprefix("torch."),
    )
    guarding = guard(str(child.pid) for child in set(multiprocessing.active_children()) - others)
    return Started(llm, encoder, identity, config.max_model_len, guarding)


def _check_device(device: str, there: str) -> None:
    if not there:
        raise ModelError(
            "vLLM finds no device of the kind that it was built for",
            "Use --engine transformers, or the build of vLLM for this machine.",
        )
    kind, _, number = device.partition(":")
    if kind not in ("auto", there):
        raise ModelError(
            f"--device {device}: vLLM, as it is installed here, runs on {there}",
            "Leave out --device, or use --engine transformers.",
        )
    if number:
        raise ModelError(
            f"--device {device}: vLLM takes the first devices that it is shown",
            f"Set CUDA_VISIBLE_DEVICES={number}, and leave out --device.",
        )


def _reason(error: BaseException) -> str:
    """What an error says; of one that pydantic raised, what the rule says that was broken first."""
    if isinstance(error, ValidationError) and error.errors():
        return error.errors()[0]["msg"].removeprefix("Value error, ").splitlines()[0]
    reason = first_line(error)
    return "its processes failed to load it" if "Engine core initialization failed" in reason else reason
