"""verl 0.9.1 on our files: its datasets for RL and for supervised training."""

import json

import pytest
from omegaconf import OmegaConf
from samples import METADATA, examples
from verl.utils.dataset import RLHFDataset
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import collate_fn

from constitution.exports.families import load_family
from constitution.exports.writing import Files

from .expected import ASKED, BETTER, PROMPTS, changed, renamed


def prompts(path, tokenizer, tmp_path, **options):
    config = {"cache_dir": str(tmp_path / "cache"), "filter_overlong_prompts_workers": 1} | options
    return RLHFDataset(str(path), tokenizer, OmegaConf.create(config))


def demonstrations(path, tokenizer):
    config = OmegaConf.create({"max_length": 2048, "messages_key": "messages"})
    return MultiTurnSFTDataset(str(path), tokenizer, config)


@pytest.fixture
def jsonl(folder, tmp_path):
    """The prompts as JSONL, which an export of that kind alone writes."""
    kind = load_family("verl").kinds["prompts"]
    with Files(tmp_path, {"prompts": kind}, False) as files:
        for example in examples(kind.example):
            files.write("prompts", "train", kind.row(example))
    return tmp_path / "prompts" / "train.jsonl"


def check_prompts(data):
    assert len(data) == len(ASKED)
    rows = [data[place] for place in range(len(data))]
    assert [row["raw_prompt"] for row in rows] == ASKED
    assert {(row["data_source"], row["ability"]) for row in rows} == {("constitution", "harmlessness")}
    assert all(row["reward_model"] == {"style": "model", "ground_truth": ""} for row in rows)
    assert all(row["extra_info"]["metadata"] == METADATA for row in rows)
    assert len({row["index"] for row in rows}) == len(rows)
    batch = collate_fn(rows)
    assert list(batch["raw_prompt"]) == ASKED


def test_rl_reads_prompts_from_parquet(folder, tokenizer, tmp_path):
    check_prompts(prompts(folder("verl") / "prompts" / "train.parquet", tokenizer, tmp_path))


def test_rl_reads_prompts_from_jsonl(jsonl, tokenizer, tmp_path):
    check_prompts(prompts(jsonl, tokenizer, tmp_path))


def test_sft_learns_the_assistants_turns(folder, tokenizer):
    data = demonstrations(folder("verl") / "sft" / "train.parquet", tokenizer)
    assert len(data) == len(BETTER)
    for place, (prompt, better) in enumerate(zip(PROMPTS, BETTER, strict=True)):
        row = data[place]
        length = int(row["attention_mask"].sum())
        assert tokenizer.decode(row["input_ids"][:length]) == f"{prompt}{better}<|im_end|>\n"
        learnt = tokenizer.decode(row["input_ids"][row["loss_mask"].bool()])
        assert learnt.endswith(f"{better}<|im_end|>\n")
        assert learnt.count("<|im_end|>") == sum(turn["role"] == "assistant" for turn in ASKED[place]) + 1
        assert "<|im_start|>" not in learnt


def test_these_checks_can_fail(folder, jsonl, tokenizer, tmp_path):
    other = changed(jsonl, tmp_path / "renamed.jsonl", renamed("prompt", "question"))
    # Rows that it cannot read it counts as too long, and drops.
    assert len(prompts(other, tokenizer, tmp_path)) == 0
    other = changed(jsonl, tmp_path / "plain.jsonl", lambda row: row | {"extra_info": {"index": 0}})
    with pytest.raises(KeyError):
        check_prompts(prompts(other, tokenizer, tmp_path))
    text = changed(jsonl, tmp_path / "text.jsonl", lambda row: row | {"prompt": row["prompt"][-1]["content"]})
    assert json.loads(text.read_text().split("\n")[0])["prompt"] == ASKED[0][-1]["content"]
    with pytest.raises(AssertionError):
        check_prompts(prompts(text, tokenizer, tmp_path))
    # Its supervised dataset opens nothing but Parquet.
    with pytest.raises(Exception, match=r"(?i)parquet"):
        demonstrations(jsonl, tokenizer)
