"""OpenRLHF 0.11.2 on our rows, with the flags that the kinds' meanings name: its reader of files and its datasets."""

from types import SimpleNamespace

import pytest
from openrlhf.datasets import PromptDataset, RewardDataset, SFTDataset
from openrlhf.datasets.utils import blending_datasets

from .expected import BETTER, MARGINS, PROMPTS, WORSE, changed, renamed, swapped

NOT_SAID = SimpleNamespace(print=lambda *_: None, is_rank_0=lambda: False)
END = "<|im_end|>\n"


def strategy(**flags):
    data = SimpleNamespace(apply_chat_template=True, **flags)
    return SimpleNamespace(args=SimpleNamespace(data=data), is_rank_0=lambda: False, print=lambda *_: None)


def read(path):
    return blending_datasets(str(path), strategy=NOT_SAID)


def pairs(path, tokenizer, is_dpo=False):
    flags = strategy(prompt_key="prompt", chosen_key="chosen", rejected_key="rejected")
    return RewardDataset(read(path), tokenizer, 4096, flags, is_dpo=is_dpo, num_processors=1)


def test_sft_learns_the_response(folder, tokenizer):
    data = SFTDataset(
        read(folder("openrlhf") / "sft" / "train.jsonl"),
        tokenizer,
        4096,
        strategy(input_key="messages", output_key=None),
        num_processors=1,
    )
    assert list(data.prompts) == PROMPTS
    assert list(data.responses) == [text + END for text in BETTER]
    for place, better in enumerate(BETTER):
        ids, _, mask = data[place]
        # The mask is of the token that is predicted, one to the left.
        learnt = [token for token, on in zip(ids[0][1:].tolist(), mask[0].tolist(), strict=False) if on]
        assert tokenizer.decode(learnt) == f"{better}<|im_end|>"


def test_the_reward_model_gets_both_responses_the_right_way_round_and_the_margin(folder, tokenizer):
    data = pairs(folder("openrlhf") / "preference" / "train.jsonl", tokenizer)
    assert list(data.prompts) == PROMPTS
    assert list(data.chosens) == [text + END for text in BETTER]
    assert list(data.rejects) == [text + END for text in WORSE]
    assert list(data.extras) == MARGINS
    chosen, _, rejected, _, margin = data[1]
    assert tokenizer.decode(chosen[0]) == f"{PROMPTS[1]}{BETTER[1]}<|im_end|>"
    assert tokenizer.decode(rejected[0]) == f"{PROMPTS[1]}{WORSE[1]}<|im_end|>"
    assert margin == MARGINS[1]


def test_dpo_knows_where_the_response_begins(folder, tokenizer):
    data = pairs(folder("openrlhf") / "preference" / "train.jsonl", tokenizer, is_dpo=True)
    for place, (prompt, better) in enumerate(zip(PROMPTS, BETTER, strict=True)):
        chosen, _, _, _, length = data[place]
        assert tokenizer.decode(chosen[0][:length]) == prompt
        assert tokenizer.decode(chosen[0][length:]) == f"{better}<|im_end|>"


def test_prompts_are_ready_for_an_answer(folder, tokenizer):
    flags = strategy(input_key="prompt", label_key=None)
    data = PromptDataset(read(folder("openrlhf") / "prompts" / "train.jsonl"), tokenizer, flags)
    assert [data[place] for place in range(len(data))] == [("default", prompt, "", None) for prompt in PROMPTS]


def test_these_checks_can_fail(folder, tokenizer, tmp_path):
    path = folder("openrlhf") / "preference" / "train.jsonl"
    other = changed(path, tmp_path / "swapped.jsonl", swapped("chosen", "rejected"))
    assert list(pairs(other, tokenizer).chosens) == [text + END for text in WORSE]
    other = changed(path, tmp_path / "no-margin.jsonl", renamed("margin", "weight"))
    assert list(pairs(other, tokenizer).extras) == [0] * len(BETTER)
    other = changed(path, tmp_path / "text.jsonl", lambda row: row | {"chosen": row["chosen"][0]["content"]})
    with pytest.raises(TypeError):
        pairs(other, tokenizer)
    other = changed(path, tmp_path / "renamed.jsonl", renamed("prompt", "question"))
    with pytest.raises(KeyError):
        pairs(other, tokenizer)
