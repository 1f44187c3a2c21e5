"""Train by an export's recipe, with TRL's own command, and stop where it goes wrong.

A step that was stopped begins again: each takes minutes, and a checkpoint with its optimizer is three times the model.
"""

import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from errors import TrainingStopped
from settings import Training

TRL = Path(sys.executable).with_name("trl")
# As the trainers log them, a step a line: {'loss': '0.69', 'grad_norm': '12.1', …}.
_LOGGED = re.compile(r"'(loss|grad_norm)': '?([^',}]+)")
# A single batch may be a hard one: so many steps are averaged.
WINDOW = 3
# The trainer's launcher tells in words how the process below it ended.
_NO_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|bad_alloc|MemoryError|SIGKILL", re.IGNORECASE
)
# How the system ends a process that takes all memory.
KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL}


class Watch:
    """Follows the losses that a trainer logs.

    Args:
        factor: The mean of the last steps' losses may be so many times the first one, which no update has touched. A
            language model that has lost all it knew predicts every token alike, and its loss, the logarithm of the
            vocabulary, is only two to five times that of a sound one.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.losses: list[float] = []

    def read(self, line: str) -> str | None:
        """Take in a line of output; returns why training should stop, or None."""
        for name, text in _LOGGED.findall(line):
            try:
                value = float(text)
            except ValueError:
                continue
            step = len(self.losses) + (name == "loss")
            if not math.isfinite(value):
                return f"{name} is {text} at step {step}"
            if name == "loss":
                self.losses.append(value)
        if len(self.losses) <= WINDOW:
            return None
        start, last = self.losses[0], math.fsum(self.losses[-WINDOW:]) / WINDOW
        if start > 0 and last > self.factor * start:
            return f"the loss rose from {start:.3g} to {last:.3g} by step {len(self.losses)}"
        return None


def train(
    recipe: str,
    data: Path,
    start: str | Path,
    to: Path,
    settings: Training,
    *,
    diverged: float,
    seed: int,
    cuda: bool,
    log: Path,
    tell: Callable[[str], None],
    go_on: str,
    more: tuple[object, ...] = (),
) -> dict[str, Any]:
    """Train a model on an export, which is left as it is.

    Args:
        recipe: sft, reward or dpo.
        data: The export's folder, or one that is laid out like it.
        start: The model to begin with.
        to: The folder of the trained model: whole or not there.
        settings: In place of the recipe's.
        diverged: See `Watch`.
        seed: Of the rows' order.
        cuda: Whether there is a GPU.
        log: What the trainer prints.
        tell: Is given a line at a time.
        go_on: What to type after an error.
        more: Other flags of the trainer.

    Returns:
        How many steps there were, and the loss of each.

    Raises:
        TrainingStopped: It diverged, ran out of memory, or failed.
    """
    aside = to.with_name(f".{to.name}.training")
    for folder in (aside, to):
        shutil.rmtree(folder, ignore_errors=True)
    command = [TRL, recipe, "--config", f"recipes/{recipe}.yaml", "--model_name_or_path", start]
    command += [
        "--output_dir",
        aside.absolute(),
        "--save_strategy",
        "no",
        "--seed",
        seed,
        *_flags(settings, cuda),
        *more,
    ]
    words = [str(word) for word in command]
    tell(f"$ {shlex.join(['trl', *words[1:]])}")
    watch = Watch(diverged)
    code, why = _run(words, data, log, watch)
    if why or code != 0 or not (aside / "model.safetensors").exists():
        shutil.rmtree(aside, ignore_errors=True)
        raise _stopped(recipe, why, code, log, go_on)
    aside.rename(to)
    return {"steps": len(watch.losses), "losses": [round(loss, 4) for loss in watch.losses]}


def _flags(settings: Training, cuda: bool) -> list[object]:
    flags: list[object] = ["--learning_rate", settings.learning_rate, "--num_train_epochs", settings.epochs]
    flags += ["--per_device_train_batch_size", settings.batch, "--gradient_accumulation_steps", settings.accumulate]
    # The trainer's own filter would write a mean in the place of a loss that is no number.
    flags += ["--logging_steps", 1, "--logging_nan_inf_filter", "false", "--disable_tqdm", "true"]
    if settings.steps is not None:
        flags += ["--max_steps", settings.steps]
    if not cuda:
        # Of processors, few compute bfloat16 as fast as float32; and so small a model needs no second forward pass.
        flags += ["--use_cpu", "--bf16", "false", "--gradient_checkpointing", "false"]
    return flags


def _run(words: list[str], data: Path, log: Path, watch: Watch) -> tuple[int, str | None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    own = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str((log.parent / "datasets").absolute())}
    # Into a pipe, its losses would come some hundred lines at a time, and be watched long after they diverged.
    own["PYTHONUNBUFFERED"] = "1"
    with (
        log.open("w", encoding="utf-8") as out,
        # A session of its own: the trainer starts processes that have to end with it.
        subprocess.Popen(
            words,
            cwd=data,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout
        try:
            for line in process.stdout:
                out.write(line)
                out.flush()
                if why := watch.read(line):
                    return 0, why
            return process.wait(), None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _stopped(recipe: str, why: str | None, code: int, log: Path, go_on: str) -> TrainingStopped:
    if why:
        return TrainingStopped(
            f"training ({recipe}) diverged: {why}; see {log}",
            f"Lower {recipe}.learning_rate in the settings, then: {go_on}",
        )
    told = log.read_text(encoding="utf-8", errors="replace")
    if code in KILLED or _NO_MEMORY.search(told):
        return TrainingStopped(
            f"training ({recipe}) ran out of memory; see {log}",
            f"Halve {recipe}.batch and double {recipe}.accumulate in the settings, then: {go_on}",
        )
    last = next((line for line in reversed(told.splitlines()) if line.strip()), "it printed nothing")
    return TrainingStopped(
        f"training ({recipe}) failed ({code}): {last.strip()[:300]}; see {log}", f"To go on: {go_on}"
    )
