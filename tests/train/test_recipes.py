"""Every recipe trains as it is written, one after the other as a pipeline, on every row that was exported."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted import odd, planted, write_run
from trainers import Trained, export_run, train

KINDS = {"sft": "sft", "reward": "reward", "dpo": "preference", "kto": "kto", "grpo": "prompts"}
# Rows a step, by the recipe: batch times accumulation; for grpo 64 responses, 8 of them to a prompt.
STEP = {"sft": 32, "reward": 64, "dpo": 32, "kto": 32, "grpo": 8}
# Two recipes begin with a model from the Hub: another is named. Responses are cut for speed. Nothing else is changed.
COMPLETION = 16


def exported(folder: Path, *flags: str) -> Path:
    """A run of planted and odd rows, exported by the program, then moved."""
    run = write_run(folder / "run", [*planted(40), *odd()])
    return Path(shutil.move(export_run(run, folder / "data", *flags), folder / "moved"))


def rows(export: Path, kind: str, split: str) -> list[dict[str, Any]]:
    """The rows of a file of an export."""
    return [json.loads(line) for line in (export / kind / f"{split}.jsonl").read_bytes().split(b"\n") if line]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with a fifth held out."""
    return exported(tmp_path_factory.mktemp("pipeline"), "--test-fraction", "0.2")


@pytest.fixture(scope="module")
def trained(export: Path, tiny: Path) -> Callable[[str], Trained]:
    """Train by a recipe, and by those that go before it; each once."""
    flags: dict[str, list[object]] = {
        "sft": ["--model_name_or_path", tiny],
        "reward": ["--model_name_or_path", tiny],
        "grpo": ["--max_completion_length", COMPLETION],
    }
    before = {"sft": [], "reward": [], "dpo": ["sft"], "kto": ["sft"], "grpo": ["sft", "reward"]}
    done: dict[str, Trained] = {}

    def run(name: str) -> Trained:
        for first in [*before[name], name]:
            if first not in done:
                done[first] = train(export, first, *flags.get(first, []))
        return done[name]

    return run


@pytest.mark.parametrize("name", KINDS)
def test_a_recipe_trains_on_every_row_that_was_exported(
    export: Path, trained: Callable[[str], Trained], name: str
) -> None:
    result, there = trained(name), rows(export, KINDS[name], "train")
    assert len(there) >= 30
    assert result.train_rows == len(there)
    assert result.eval_rows == [len(rows(export, KINDS[name], "test"))]
    # One whole epoch: as many steps as the rows fill.
    assert result.history[-1]["step"] == math.ceil(len(there) / STEP[name])
    assert result.history[-1]["epoch"] == 1


@pytest.mark.parametrize("name", KINDS)
def test_every_logged_loss_is_finite_and_teaches_something(trained: Callable[[str], Trained], name: str) -> None:
    losses = trained(name).logged("loss")
    assert len(losses) == trained(name).history[-1]["step"]
    assert len(trained(name).eval_losses) == 1
    assert all(map(math.isfinite, losses + trained(name).eval_losses))
    # The loss of grpo is about 0 by its nature: that there is something to learn shows in the gradient.
    slopes = trained(name).logged("grad_norm")
    assert len(slopes) == len(losses)
    assert all(math.isfinite(slope) and slope > 0.01 for slope in slopes)


def conversations(name: str, row: dict[str, Any]) -> list[list[dict[str, str]]]:
    """What a model reads of a row."""
    match name:
        case "sft":
            return [row["messages"]]
        case "reward" | "dpo":
            return [row["prompt"] + row["chosen"], row["prompt"] + row["rejected"]]
        case "kto":
            return [row["prompt"] + row["completion"]]
        case _:
            return [row["prompt"]] * 8


@pytest.mark.parametrize("name", KINDS)
def test_no_row_is_cut(export: Path, trained: Callable[[str], Trained], tiny: Path, name: str) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    lengths = [
        len(tokenizer.apply_chat_template(turns, add_generation_prompt=name == "grpo", return_dict=False))
        for row in rows(export, KINDS[name], "train")
        for turns in conversations(name, row)
    ]
    result = trained(name)
    if name == "grpo":
        # A random model does not end its turn by itself.
        assert set(result.logged("completions/min_length")) == {COMPLETION}
        lengths = [length + COMPLETION for length in lengths]
    else:
        assert max(lengths) > 1024
    assert result.logged("num_tokens")[-1] == sum(lengths)


def test_the_trainers_own_length_limit_would_leave_a_pair_out(export: Path, tiny: Path) -> None:
    flags = ["--model_name_or_path", tiny, "--max_length", "1024", "--max_steps", "1", "--output_dir", "models/short"]
    assert train(export, "reward", *flags).train_rows == len(rows(export, "reward", "train")) - 1


def test_margins_in_parquet_train_a_reward_model_without_a_test_split(tmp_path: Path, tiny: Path) -> None:
    import pyarrow.parquet

    export = exported(tmp_path, "--soft-labels", "margin", "--parquet", "--test-fraction", "0")
    margins = pyarrow.parquet.read_table(export / "reward" / "train.parquet")["margin"].to_pylist()
    assert min(margins) > 1
    result = train(export, "reward", "--model_name_or_path", tiny)
    assert result.train_rows == len(margins) == 43
    assert result.eval_rows == []
    # An untrained model tells nothing apart: the loss is that of being behind by the margin.
    behind = sum(math.log1p(math.exp(margin)) for margin in margins) / len(margins)
    assert result.logged("loss")[0] == pytest.approx(behind, rel=0.05)
