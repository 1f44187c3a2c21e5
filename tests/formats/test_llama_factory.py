"""LLaMA-Factory 0.9.5 on our folder: its index reader, loader, converter and processors, for each stage it trains.

It imports torchaudio for multimodal rows. There is no such package for this release of torch, so an empty module
stands in while it is imported: rows of text never reach it.
"""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from .expected import ASKED, BETTER, RATED, WORSE, changed, renamed, swapped

if "llamafactory.data" not in sys.modules:
    import peft  # noqa: F401  # It asks whether torchaudio is installed, so it has to come before the stand-in.

    sys.modules["torchaudio"] = ModuleType("torchaudio")
from llamafactory.data.loader import _get_preprocessed_dataset, _load_single_dataset
from llamafactory.data.parser import get_dataset_list
from llamafactory.data.template import get_template_and_fix_tokenizer

del sys.modules["torchaudio"]
IGNORED = -100
ARGUMENTS = {
    "streaming": False,
    "preprocessing_num_workers": None,
    "preprocessing_batch_size": 100,
    "overwrite_cache": True,
    "max_samples": None,
    "media_dir": ".",
    "template": "chatml",
    "train_on_prompt": False,
    "tool_format": None,
    "default_system": None,
    "mask_history": False,
    "packing": False,
    "neat_packing": False,
    "cutoff_len": 4096,
}
MODEL = SimpleNamespace(cache_dir=None, hf_hub_token=None)
TRAINING = SimpleNamespace(local_process_index=0, should_log=False, predict_with_generate=False)


def aligned(folder, name):
    """A dataset of the index in the consumer's own form."""
    (attributes,) = get_dataset_list([name], str(folder))
    return _load_single_dataset(attributes, MODEL, SimpleNamespace(dataset_dir=str(folder), **ARGUMENTS), TRAINING)


def processed(folder, name, stage, tokenizer):
    """What its trainer gets."""
    arguments = SimpleNamespace(dataset_dir=str(folder), **ARGUMENTS)
    template = get_template_and_fix_tokenizer(tokenizer, arguments)
    return _get_preprocessed_dataset(aligned(folder, name), arguments, TRAINING, stage, template, tokenizer)


def learnt(labels, tokenizer):
    return [tokenizer.decode([token for token in row if token != IGNORED]) for row in labels]


def dialogue(rows):
    """Prompts and system prompts, put together as they were."""
    return [
        [*([{"role": "system", "content": row["_system"]}] if row["_system"] else []), *row["_prompt"]] for row in rows
    ]


def told(text):
    return f"{text}<|im_end|>\n"


def mutated(folder, to, kind, change):
    """A copy of the folder in which one kind's rows are changed."""
    changed(folder / kind / "train.jsonl", to / kind / "train.jsonl", change)
    (to / "dataset_info.json").write_bytes((folder / "dataset_info.json").read_bytes())
    return to


@pytest.mark.parametrize("split", ["", "_test"])
def test_every_dataset_of_the_index_loads_whole(folder, split):
    data = aligned(folder("llama-factory"), f"sft{split}")
    assert dialogue(data) == ASKED
    assert [row["_response"] for row in data] == [[{"role": "assistant", "content": text}] for text in BETTER]
    data = aligned(folder("llama-factory"), f"preference{split}")
    assert dialogue(data) == ASKED
    assert [[one["content"] for one in row["_response"]] for row in data] == [
        [better, worse] for better, worse in zip(BETTER, WORSE, strict=True)
    ]
    data = aligned(folder("llama-factory"), f"kto{split}")
    assert dialogue(data) == [ASKED[place] for place, _, _ in RATED]
    # Its converter tells good from bad by which of the two places holds the response.
    assert [[one["content"] for one in row["_response"]] for row in data] == [
        [text, ""] if good else ["", text] for _, text, good in RATED
    ]


def test_sft_learns_the_response(folder, tokenizer):
    data = processed(folder("llama-factory"), "sft", "sft", tokenizer)
    assert len(data) == len(BETTER)
    # Earlier answers of a conversation are learnt as well, unless it is told otherwise.
    assert [text.endswith(told(better)) for text, better in zip(learnt(data["labels"], tokenizer), BETTER, strict=True)]
    assert learnt(data["labels"], tokenizer)[0] == told(BETTER[0])


def test_the_reward_model_and_dpo_get_both_responses_the_right_way_round(folder, tokenizer):
    data = processed(folder("llama-factory"), "preference", "rm", tokenizer)
    assert learnt(data["chosen_labels"], tokenizer) == [told(text) for text in BETTER]
    assert learnt(data["rejected_labels"], tokenizer) == [told(text) for text in WORSE]


def test_kto_knows_good_from_bad(folder, tokenizer):
    data = processed(folder("llama-factory"), "kto", "kto", tokenizer)
    assert list(data["kto_tags"]) == [good for _, _, good in RATED]
    assert learnt(data["labels"], tokenizer) == [told(text) for _, text, _ in RATED]


def test_parquet_loads_as_jsonl_does(folder):
    parquet = folder("llama-factory", parquet=True)
    assert json.loads((parquet / "dataset_info.json").read_text())["preference"]["file_name"].endswith(".parquet")
    for name in ("sft", "preference", "kto_test"):
        assert aligned(parquet, name).to_list() == aligned(folder("llama-factory"), name).to_list()


def test_these_checks_can_fail(folder, tokenizer, tmp_path):
    ours = folder("llama-factory")
    other = mutated(ours, tmp_path / "swapped", "preference", swapped("chosen", "rejected"))
    data = processed(other, "preference", "rm", tokenizer)
    assert learnt(data["chosen_labels"], tokenizer) == [told(text) for text in WORSE]
    # The trap: with lists there are no pairs, and the prompt's last turn is what would be learnt.
    other = mutated(ours, tmp_path / "lists", "preference", lambda row: row | {"chosen": [row["chosen"]]})
    assert [row["_response"] for row in aligned(other, "preference")] == [prompt[-1:] for prompt in ASKED]
    other = mutated(ours, tmp_path / "renamed", "preference", renamed("rejected", "worse"))
    with pytest.raises(KeyError):
        aligned(other, "preference")
    other = mutated(ours, tmp_path / "text", "kto", lambda row: row | {"label": str(row["label"])})
    assert all(len(row["_response"]) == 1 for row in aligned(other, "kto"))
