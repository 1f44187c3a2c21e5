"""Axolotl 0.19.0 on our folder: its loader and prompt strategies, by the lines that we write for its configuration."""

import json

import pytest
import yaml
from axolotl.prompt_strategies import load as load_sft
from axolotl.prompt_strategies.dpo import load as load_dpo
from axolotl.prompt_strategies.kto import load as load_kto
from axolotl.utils.data.rl import _map_dataset
from axolotl.utils.data.shared import load_dataset_with_config
from axolotl.utils.dict import DictDefault

from .expected import BETTER, PROMPTS, RATED, WORSE, changed, renamed, swapped

IGNORED = -100


def configuration(folder, kind):
    return DictDefault(yaml.safe_load((folder / "axolotl" / f"{kind}.yaml").read_text()) | {"sequence_len": 4096})


def rows(folder, kind, key="datasets"):
    (dataset,) = configuration(folder, kind)[key]
    return load_dataset_with_config(DictDefault(dataset), use_auth_token=False)


def transformed(folder, kind, load, tokenizer, monkeypatch, key="datasets"):
    """What its RL trainers get."""
    monkeypatch.chdir(folder)
    config = configuration(folder, kind)
    strategy = load(config[key][0]["type"], config, dataset_idx=0)
    function, arguments = strategy if isinstance(strategy, tuple) else (strategy, {})
    return _map_dataset(config, rows(folder, kind, key), function, tokenizer, **arguments)


def mutated(folder, to, kind, change):
    changed(folder / kind / "train.jsonl", to / kind / "train.jsonl", change)
    (to / "axolotl").mkdir()
    (to / "axolotl" / f"{kind}.yaml").write_bytes((folder / "axolotl" / f"{kind}.yaml").read_bytes())
    return to


@pytest.mark.parametrize("parquet", [False, True])
@pytest.mark.parametrize("key", ["datasets", "test_datasets"])
def test_sft_learns_the_response(folder, tokenizer, monkeypatch, key, parquet):
    ours = folder("axolotl", parquet=parquet)
    monkeypatch.chdir(ours)
    config = configuration(ours, "sft")
    strategy = load_sft(config[key][0]["type"], tokenizer, config, config[key][0])
    made = [strategy.tokenize_prompt(row) for row in rows(ours, "sft", key)]
    assert [tokenizer.decode(row["input_ids"]) for row in made] == [
        f"{prompt}{better}<|im_end|>\n" for prompt, better in zip(PROMPTS, BETTER, strict=True)
    ]
    for row, better in zip(made, BETTER, strict=True):
        learnt = tokenizer.decode([token for token in row["labels"] if token != IGNORED])
        assert learnt.endswith(f"{better}<|im_end|>")
        assert "user" not in learnt


def test_dpo_gets_both_responses_the_right_way_round(folder, tokenizer, monkeypatch):
    data = transformed(folder("axolotl"), "preference", load_dpo, tokenizer, monkeypatch)
    assert list(data["prompt"]) == PROMPTS
    assert list(data["chosen"]) == [f"{text}<|im_end|>" for text in BETTER]
    assert list(data["rejected"]) == [f"{text}<|im_end|>" for text in WORSE]


def test_kto_knows_good_from_bad(folder, tokenizer, monkeypatch):
    data = transformed(folder("axolotl"), "kto", load_kto, tokenizer, monkeypatch)
    assert list(data["prompt"]) == [PROMPTS[place] for place, _, _ in RATED]
    assert list(data["completion"]) == [f"{text}<|im_end|>" for _, text, _ in RATED]
    assert list(data["label"]) == [good for _, _, good in RATED]


@pytest.mark.parametrize("kind", ["sft", "preference", "kto"])
def test_its_schema_accepts_the_configuration_and_changes_nothing(folder, kind):
    from axolotl.utils.schemas.config import AxolotlInputConfig

    ours = dict(configuration(folder("axolotl"), kind))
    needed = {"base_model": "x", "micro_batch_size": 1, "gradient_accumulation_steps": 1, "learning_rate": 1e-5}
    made = AxolotlInputConfig(**json.loads(json.dumps(ours)), **needed).model_dump(exclude_none=True)
    for key in ours.keys() - {"sequence_len", "datasets", "test_datasets"}:
        assert made[key] == ours[key]
    for key in ("datasets", "test_datasets"):
        assert dict(ours[key][0]).items() <= made[key][0].items()


def test_these_checks_can_fail(folder, tokenizer, tmp_path, monkeypatch):
    ours = folder("axolotl")
    other = mutated(ours, tmp_path / "swapped", "preference", swapped("chosen", "rejected"))
    data = transformed(other, "preference", load_dpo, tokenizer, monkeypatch)
    assert list(data["chosen"]) == [f"{text}<|im_end|>" for text in WORSE]
    other = mutated(ours, tmp_path / "renamed", "preference", renamed("prompt", "messages"))
    with pytest.raises(ValueError, match="Column to remove"):
        transformed(other, "preference", load_dpo, tokenizer, monkeypatch)
    other = mutated(ours, tmp_path / "short", "kto", lambda row: row | {"completion": row["completion"][-1:]})
    data = transformed(other, "kto", load_kto, tokenizer, monkeypatch)
    assert set(data["prompt"]) == {"<|im_start|>assistant\n"}
