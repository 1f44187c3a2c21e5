"""TRL's rows and the recipes that train on them, without training: `tests/train` does that."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from constitution.exports.examples import Demonstration, Preference, Question, Rating, Written
from constitution.exports.recipes import MODEL, recipes
from constitution.exports.trl import FAMILY
from constitution.records import Message, Record

PROMPT = (Message(role="system", content="Be brief."), Message(role="user", content="Why?"))
TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
ORIGIN: dict[str, Any] = {"id": "a", "row": {"when": "2024-01-01", "n": 1}}
PREFERENCE = Preference(prompt=PROMPT, chosen="So.", rejected="No.", p_chosen=1, margin=0, origin=ORIGIN)
EXAMPLES: dict[str, Record] = {
    "sft": Demonstration(prompt=PROMPT, response="So.", origin=ORIGIN),
    "preference": PREFERENCE,
    "reward": PREFERENCE,
    "kto": Rating(prompt=PROMPT, response="So.", good=False, origin=ORIGIN),
    "prompts": Question(prompt=PROMPT, origin=ORIGIN),
}
PAIR = {
    "prompt": TURNS,
    "chosen": [{"role": "assistant", "content": "So."}],
    "rejected": [{"role": "assistant", "content": "No."}],
    "p_chosen": 1.0,
}
ROWS: dict[str, dict[str, Any]] = {
    "sft": {"messages": [*TURNS, {"role": "assistant", "content": "So."}]},
    "preference": PAIR,
    "reward": PAIR | {"margin": 0.0},
    "kto": {"prompt": TURNS, "completion": [{"role": "assistant", "content": "So."}], "label": False},
    "prompts": {"prompt": TURNS},
}
BOTH: Written = {kind: {"train": 9, "test": 1} for kind in ROWS}


def made(kind: str) -> dict[str, Any]:
    """The row of a kind, as it is written."""
    return FAMILY.kinds[kind].row(EXAMPLES[kind])


def settings(text: str) -> dict[str, Any]:
    """A recipe as TRL reads it: YAML 1.1, in which 1e-5 without a dot would be text."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    read: dict[str, Any] = yaml.load(text)
    return read


def recipe(name: str, written: Written = BOTH) -> dict[str, Any]:
    return settings(recipes(written, ".jsonl")[f"recipes/{name}.yaml"])


# Rows


def test_there_is_a_kind_for_each_trainer() -> None:
    # Scored responses are for whoever reads rewards: no trainer of TRL's does.
    assert list(FAMILY.kinds) == [*ROWS, "scored"]


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_holds_what_its_trainer_reads_and_metadata(kind: str) -> None:
    row = made(kind)
    assert json.loads(row.pop("metadata")) == ORIGIN
    assert row == ROWS[kind]


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_has_the_declared_columns_in_their_order(kind: str) -> None:
    assert list(made(kind)) == [column["name"] for column in FAMILY.kinds[kind].columns]


def test_probabilities_and_margins_are_written_with_a_point() -> None:
    assert '"p_chosen": 1.0, "margin": 0.0' in json.dumps(made("reward"))


@pytest.mark.parametrize("kind", ROWS)
def test_datasets_finds_the_declared_types_by_itself_in_a_kinds_own_folder(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe names the subfolder, where no card declares them."""
    import datasets

    datasets.disable_progress_bars()
    (tmp_path / kind).mkdir()
    for split in ("train", "test"):
        (tmp_path / kind / f"{split}.jsonl").write_text(json.dumps(made(kind)) + "\n")
    monkeypatch.chdir(tmp_path)
    loaded = datasets.load_dataset(recipe(trainer(kind))["dataset_name"], cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 1, "test": 1}
    types = {str: "string", float: "float64", bool: "bool"}
    turns = [{"role": datasets.Value("string"), "content": datasets.Value("string")}]
    expected = {
        name: turns if isinstance(value, list) else datasets.Value(types[type(value)])
        for name, value in made(kind).items()
    }
    assert loaded["train"].features == datasets.Features(expected)
    assert loaded["train"][0] == made(kind)


# Recipes


def trainer(kind: str) -> str:
    """The trainer of a kind of row."""
    return {"preference": "dpo", "prompts": "grpo"}.get(kind, kind)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_every_kind_has_a_recipe(suffix: str) -> None:
    assert set(recipes(BOTH, suffix)) == {f"recipes/{name}.yaml" for name in ("sft", "reward", "dpo", "kto", "grpo")}


@pytest.mark.parametrize("kind", ROWS)
def test_a_recipe_reads_its_kinds_folder_and_leaves_a_model_of_its_own(kind: str) -> None:
    read = recipe(trainer(kind))
    assert read["dataset_name"] == f"./{kind}"
    assert read["output_dir"] == f"models/{trainer(kind)}"


@pytest.mark.parametrize("kind", ROWS)
def test_the_first_line_is_what_to_type(kind: str) -> None:
    name = trainer(kind)
    first = recipes(BOTH, ".jsonl")[f"recipes/{name}.yaml"].splitlines()[0]
    assert first.endswith(f": trl {name} --config recipes/{name}.yaml")


@pytest.mark.parametrize("kind", ROWS)
def test_numbers_are_numbers(kind: str) -> None:
    read = recipe(trainer(kind))
    assert 0 < read["learning_rate"] < 1e-4
    assert isinstance(read["warmup_steps"], float)
    assert read["eval_strategy"] == "epoch"


@pytest.mark.parametrize("kind", ["sft", "preference", "reward", "kto"])
def test_no_length_limit_leaves_rows_out(kind: str) -> None:
    read = recipe(trainer(kind))
    assert "max_length" in read
    assert read["max_length"] is None


@pytest.mark.parametrize("kind", ROWS)
def test_without_a_test_split_nothing_is_evaluated(kind: str) -> None:
    assert recipe(trainer(kind), {kind: {"train": 9} for kind in ROWS})["eval_strategy"] == "no"


def test_a_kind_without_rows_to_train_on_has_no_recipe() -> None:
    assert recipes({}, ".jsonl") == {}
    assert set(recipes({"sft": {"train": 2}, "kto": {"test": 2}}, ".jsonl")) == {"recipes/sft.yaml"}


def test_the_pipeline_begins_with_a_model_from_the_hub_and_goes_on_with_its_own() -> None:
    begins = {name: recipe(name)["model_name_or_path"] for name in ("sft", "reward", "dpo", "kto", "grpo")}
    after_sft = recipe("sft")["output_dir"]
    assert begins == {"sft": MODEL, "reward": MODEL, "dpo": after_sft, "kto": after_sft, "grpo": after_sft}
    assert recipe("grpo")["reward_model_name_or_path"] == recipe("reward")["output_dir"]
    first = recipes(BOTH, ".jsonl")["recipes/grpo.yaml"].splitlines()[0]
    assert "after sft and reward" in first


def test_without_sft_rows_the_others_begin_with_the_model_from_the_hub() -> None:
    written: Written = {kind: {"train": 9} for kind in ROWS if kind != "sft"}
    assert {recipe(name, written)["model_name_or_path"] for name in ("reward", "dpo", "kto", "grpo")} == {MODEL}
    assert "after sft" not in recipes(written, ".jsonl")["recipes/dpo.yaml"]


def test_there_is_no_grpo_without_rows_for_its_reward_model() -> None:
    assert set(recipes({"prompts": {"train": 9}}, ".jsonl")) == set()


def test_grpo_leaves_no_prompt_out() -> None:
    """A batch of generations is one prompt's: an epoch's last batch is never an incomplete one, which TRL drops."""
    read = recipe("grpo")
    assert read["per_device_train_batch_size"] * read["steps_per_generation"] == read["num_generations"]
    assert read["per_device_eval_batch_size"] % read["num_generations"] == 0
