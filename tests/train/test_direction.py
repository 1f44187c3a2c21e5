"""That `chosen` is the better response: a reward model learns it from an export of planted labels."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from planted import Planted, planted, write_run
from trainers import export_run, train

# About a fifth of the prompts is held out: some 200 are left.
ROWS = planted(255)
Pair = tuple[list[dict[str, str]], list[dict[str, str]]]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted run, exported by the program."""
    folder = tmp_path_factory.mktemp("planted")
    return export_run(write_run(folder / "run", ROWS), folder / "data", "--test-fraction", "0.2")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def accuracy(model: Path, pairs: Sequence[Pair]) -> float:
    """How often a reward model scores the first conversation of a pair above the second."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    scorer = AutoModelForSequenceClassification.from_pretrained(model).eval()

    def score(turns: list[dict[str, str]]) -> float:
        tokens = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)
        return float(scorer(**tokens).logits[0, 0])

    with torch.inference_mode():
        return sum(score(first) > score(second) for first, second in pairs) / len(pairs)


def exported_pairs(rows: Sequence[dict[str, Any]]) -> list[Pair]:
    return [(row["prompt"] + row["chosen"], row["prompt"] + row["rejected"]) for row in rows]


def planted_pairs(rows: Sequence[dict[str, Any]]) -> list[Pair]:
    """The same prompts with the two responses as they were planted, whatever the export made of them."""
    known: dict[str, Planted] = {row.prompt[0].content: row for row in ROWS}

    def conversation(row: dict[str, Any], response: str) -> list[dict[str, str]]:
        return [*row["prompt"], {"role": "assistant", "content": response}]

    found = [(row, known[row["prompt"][0]["content"]]) for row in rows]
    return [(conversation(row, plant.better), conversation(row, plant.worse)) for row, plant in found]


def test_a_reward_model_prefers_the_better_of_held_out_responses(export: Path) -> None:
    from constitution.engines.transformers.model import converted_bundle

    held_out = read(export / "reward" / "test.jsonl")
    assert len(held_out) >= 40
    # Smaller steps than the recipe's 64 pairs, as 200 pairs would be only four of them.
    flags = ["--model_name_or_path", converted_bundle(), "--gradient_accumulation_steps", "2"]
    result = train(export, "reward", *flags)
    assert result.train_rows == len(read(export / "reward" / "train.jsonl")) >= 190
    pairs = exported_pairs(held_out)
    on_export, swapped = accuracy(result.folder, pairs), accuracy(result.folder, [pair[::-1] for pair in pairs])
    on_planted = accuracy(result.folder, planted_pairs(held_out))
    print(
        f"held out: {len(held_out)} pairs, {on_export:.3f} as exported, {swapped:.3f} swapped, {on_planted:.3f} planted"
    )
    assert on_export > 0.8
    assert swapped < 0.2
    # A swap on both sides of the split would go unnoticed above, but not here.
    assert on_planted > 0.8


@pytest.mark.parametrize("swapped", [False, True])
def test_swapped_rows_teach_the_opposite(export: Path, tiny: Path, tmp_path: Path, swapped: bool) -> None:
    """The control: by the planted labels the same check fails when the files say the opposite."""
    (tmp_path / "data" / "reward").mkdir(parents=True)
    (tmp_path / "data" / "recipes").mkdir()
    recipe = "recipes/reward.yaml"
    (tmp_path / "data" / recipe).write_text((export / recipe).read_text())
    for split in ("train", "test"):
        made = read(export / "reward" / f"{split}.jsonl")
        if swapped:
            made = [row | {"chosen": row["rejected"], "rejected": row["chosen"]} for row in made]
        path = tmp_path / "data" / "reward" / f"{split}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in made))
    flags = ["--model_name_or_path", tiny, "--gradient_accumulation_steps", "2", "--learning_rate", "1e-2"]
    result = train(tmp_path / "data", "reward", *flags)
    held_out = read(tmp_path / "data" / "reward" / "test.jsonl")
    assert accuracy(result.folder, exported_pairs(held_out)) > 0.8
    on_planted = accuracy(result.folder, planted_pairs(held_out))
    assert on_planted < 0.2 if swapped else on_planted > 0.8
