"""The two programs, run as a user runs them, and what TRL's trainers say of themselves."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

PROGRAM, TRL = (Path(sys.executable).with_name(name) for name in ("constitution", "trl"))


def export_run(run: Path, to: Path, *flags: str) -> Path:
    """Export a run with the installed program; returns `to`."""
    command = [PROGRAM, "export", run, "--to", to, *flags]
    done = subprocess.run([str(word) for word in command], capture_output=True, encoding="utf-8", timeout=100)
    assert done.returncode == 0, done.stderr
    return to


@dataclass(frozen=True)
class Trained:
    """A training that went to its end.

    Attributes:
        folder: The trained model.
        train_rows: What the trainer counted before its first step, after all of its own filters.
        eval_rows: Likewise at each evaluation.
        history: What it logged while it trained, a dict a step.
        eval_losses: The loss of each evaluation.
        seconds: Wall time, imports included.
    """

    folder: Path
    train_rows: int
    eval_rows: list[int]
    history: list[dict[str, Any]]
    eval_losses: list[float]
    seconds: float

    def logged(self, name: str) -> list[float]:
        """Every value logged under a name."""
        return [entry[name] for entry in self.history if name in entry]


def train(export: Path, recipe: str, *flags: object) -> Trained:
    """Run `trl RECIPE --config recipes/RECIPE.yaml FLAGS` in the export's folder, on the CPU; every step is logged.

    Raises:
        AssertionError: With the end of its output, if it did not train to the end.
    """
    command = [TRL, recipe, "--config", f"recipes/{recipe}.yaml", "--use_cpu"]
    command += ["--logging_steps", "1", "--log_level", "info", *flags]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(export.parent / "cache")}
    start = time.monotonic()
    done = subprocess.run(
        [str(word) for word in command],
        cwd=export,
        env=os.environ | offline,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=1200,
    )
    seconds = time.monotonic() - start
    assert done.returncode == 0, done.stdout[-6000:]
    # "Num examples = 1,234" stands under a heading that says what for.
    counted = re.findall(r"Running (training|Evaluation) \*+\n.*?Num examples = ([\d,]+)", done.stdout, re.DOTALL)
    rows = [(what, int(number.replace(",", ""))) for what, number in counted]
    saved = re.findall(r"Model saved to (\S+)\.\n", done.stdout)
    folder = export / saved[-1]
    (state,) = folder.glob("checkpoint-*/trainer_state.json")
    trained = Trained(
        folder=folder,
        train_rows=next(number for what, number in rows if what == "training"),
        eval_rows=[number for what, number in rows if what == "Evaluation"],
        history=json.loads(state.read_text())["log_history"],
        # The last checkpoint is written before the evaluation that follows it: only the output has that.
        eval_losses=[float(loss) for loss in re.findall(r"'eval_loss': '([^']+)'", done.stdout)],
        seconds=seconds,
    )
    losses = ", ".join(f"{loss:.4g}" for loss in trained.logged("loss"))
    print(
        f"{recipe}: {seconds:.0f} s, rows {trained.train_rows} + {trained.eval_rows}, loss {losses}, "
        f"held out {trained.eval_losses}"
    )
    return trained


def tiny_model(folder: Path) -> Path:
    """Save a random model of two layers, with the bundled model's tokenizer and the chat template of Qwen 2.5.

    That is the template of the model that the recipes name, as TRL knows it.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    from constitution.engines.transformers.model import converted_bundle

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(converted_bundle())
    tokenizer.chat_template = (files("trl") / "chat_templates" / "qwen2_5.jinja").read_text()
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder
