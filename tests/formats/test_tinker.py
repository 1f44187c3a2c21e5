"""Tinker's cookbook 0.6.1 on our files: its builders of comparisons, of DPO pairs and of conversations."""

import pytest
from samples import TEXTS, TURNS, dicts, examples
from tinker_cookbook.exceptions import DataFormatError
from tinker_cookbook.preference.dpo_datasets import DPODatasetBuilderFromComparisons
from tinker_cookbook.preference.preference_datasets import ComparisonBuilderFromJsonl
from tinker_cookbook.recipes.preference.datasets import hhh_example_to_comparison
from tinker_cookbook.supervised.data import FromConversationFileBuilder
from tinker_cookbook.supervised.types import ChatDatasetBuilderCommonConfig

from constitution.exports.examples import Preference
from constitution.exports.families import load_family
from constitution.exports.writing import Files

from .expected import ASKED, BETTER, WORSE, changed, renamed, rows


@pytest.fixture
def common(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    return ChatDatasetBuilderCommonConfig(
        model_name_for_tokenizer=str(tmp_path / "tokenizer"),
        renderer_name="role_colon",
        max_length=4096,
        batch_size=len(BETTER),
    )


def comparisons(path):
    made, held_out = ComparisonBuilderFromJsonl(train_path=str(path), test_path=str(path)).get_labeled_comparisons()
    assert made == held_out
    return made


def better_and_worse(labelled):
    a, b = (
        completion[0]["content"] for completion in (labelled.comparison.completion_A, labelled.comparison.completion_B)
    )
    return {"A": (a, b), "B": (b, a)}[labelled.label]


def texts(datums, tokenizer):
    """The whole of each datum, and the part that has weight."""
    made = []
    for datum in datums:
        targets, weights = (datum.loss_fn_inputs[name].data for name in ("target_tokens", "weights"))
        made.append(tokenizer.decode([token for token, weight in zip(targets, weights, strict=True) if weight]))
    return made


def test_labels_name_the_better_completion(folder):
    made = comparisons(folder("tinker") / "comparisons" / "train.jsonl")
    assert [one.comparison.prompt_conversation for one in made] == ASKED
    assert [better_and_worse(one) for one in made] == list(zip(BETTER, WORSE, strict=True))


def test_the_better_completion_is_now_a_now_b(tmp_path):
    kind = load_family("tinker").kinds["comparisons"]
    told = [
        one.model_copy(update={"chosen": f"Yes {n}", "rejected": "No"})
        for n in range(5)
        for one in examples(Preference)
    ]
    with Files(tmp_path, {"comparisons": kind}, False) as files:
        for one in told:
            files.write("comparisons", "train", kind.row(one))
    made = comparisons(tmp_path / "comparisons" / "train.jsonl")
    assert {one.label for one in made} == {"A", "B"}
    assert [better_and_worse(one) for one in made] == [(one.chosen, "No") for one in told]


def test_dpo_trains_on_the_better_completion_first(folder, common, tokenizer):
    builder = ComparisonBuilderFromJsonl(train_path=str(folder("tinker") / "comparisons" / "train.jsonl"))
    train, _ = DPODatasetBuilderFromComparisons(comparison_builder=builder, common_config=common)()
    learnt = texts(train.get_batch(0), tokenizer)
    assert len(learnt) == 2 * len(BETTER)
    for better, worse, first, second in zip(BETTER, WORSE, learnt[::2], learnt[1::2], strict=True):
        assert (first.strip().removesuffix("User:").strip(), second.strip().removesuffix("User:").strip()) == (
            better.strip(),
            worse.strip(),
        )


def test_conversations_load(folder, common, tokenizer):
    builder = FromConversationFileBuilder(
        file_path=str(folder("tinker") / "sft" / "train.jsonl"), common_config=common, shuffle_seed=None
    )
    train, held_out = builder()
    assert held_out is None
    learnt = texts(train.get_batch(0), tokenizer)
    assert [better in text for better, text in zip(BETTER, learnt, strict=True)] == [True] * len(BETTER)


def test_its_reader_of_hh_rlhf_reads_our_text(folder):
    made = [hhh_example_to_comparison(row) for row in rows(folder("hh-rlhf") / "preference" / "train.jsonl")]
    assert [better_and_worse(one) for one in made] == [(better.strip(), worse.strip()) for _, better, worse in TEXTS]
    for (turns, _, _), one in zip(TEXTS, made, strict=True):
        asked = dicts(turns)
        if turns is TURNS:
            asked = [{"role": "user", "content": "Be brief.\n\nHello."}, *asked[2:]]
        assert one.comparison.prompt_conversation == [turn | {"content": turn["content"].strip()} for turn in asked]


def test_these_checks_can_fail(folder, tmp_path, common):
    path = folder("tinker") / "comparisons" / "train.jsonl"
    flip = {"A": "B", "B": "A"}
    other = changed(path, tmp_path / "flipped.jsonl", lambda row: row | {"label": flip[row["label"]]})
    assert [better_and_worse(one) for one in comparisons(other)] == list(zip(WORSE, BETTER, strict=True))
    # A row that it does not know it drops.
    assert comparisons(changed(path, tmp_path / "renamed.jsonl", renamed("label", "better"))) == []
    other = changed(folder("tinker") / "sft" / "train.jsonl", tmp_path / "sft.jsonl", renamed("messages", "turns"))
    with pytest.raises(DataFormatError):
        FromConversationFileBuilder(file_path=str(other), common_config=common)()
    same = {"chosen": "\n\nHuman: Why?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Why?\n\nAssistant: Yes."}
    assert hhh_example_to_comparison(same) is None
