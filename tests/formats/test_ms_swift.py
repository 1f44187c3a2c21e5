"""ms-swift 4.6.0 on our files: its loader, which finds the preprocessor, and what its templates take from a row."""

import json

import pytest
from swift.dataset import load_dataset
from swift.template.template_inputs import TemplateInputs

from .expected import ASKED, BETTER, MARGINS, RATED, WORSE, changed, renamed, swapped


def load(path, **options):
    """All rows, in the order of the file."""
    train, _ = load_dataset(str(path), split_dataset_ratio=0.0, shuffle=False, num_proc=1, **options)
    return list(train)


def inputs(path):
    """What a template encodes, row by row."""
    return [TemplateInputs.from_dict(json.loads(json.dumps(row))) for row in load(path)]


def said(text):
    return {"role": "assistant", "content": text}


def with_answers(texts):
    return [[*prompt, said(text)] for prompt, text in zip(ASKED, texts, strict=True)]


def test_sft_ends_on_the_response(folder):
    assert [row["messages"] for row in load(folder("ms-swift") / "sft" / "train.jsonl")] == with_answers(BETTER)


def test_prompts_end_on_the_users_turn(folder):
    assert [row["messages"] for row in load(folder("ms-swift") / "prompts" / "train.jsonl")] == ASKED


@pytest.mark.parametrize(("kind", "margins"), [("preference", [None] * len(BETTER)), ("reward", MARGINS)])
@pytest.mark.parametrize("parquet", [False, True])
def test_pairs_are_the_right_way_round(folder, kind, margins, parquet):
    ours = folder("ms-swift", parquet=parquet)
    rows = load(ours / kind / f"train.{'parquet' if parquet else 'jsonl'}")
    assert [row["messages"] for row in rows] == with_answers(BETTER)
    assert [row["rejected_response"] for row in rows] == WORSE
    assert [row.get("margin") for row in rows] == margins
    # Its own columns, and no others, are what is left.
    assert "metadata" not in rows[0]
    made = inputs(ours / kind / f"train.{'parquet' if parquet else 'jsonl'}")
    assert [row.chosen.messages[-1]["content"] for row in made] == BETTER
    assert [row.rejected.messages[-1]["content"] for row in made] == WORSE
    assert [row.chosen.margin for row in made] == margins


def test_kto_knows_good_from_bad(folder):
    rows = load(folder("ms-swift") / "kto" / "train.jsonl")
    assert [(row["messages"], row["label"]) for row in rows] == [
        ([*ASKED[place], said(text)], good) for place, text, good in RATED
    ]
    assert {type(row["label"]) for row in rows} == {bool}


def test_these_checks_can_fail(folder, tmp_path):
    path = folder("ms-swift") / "reward" / "train.jsonl"
    other = changed(
        path, tmp_path / "same.jsonl", lambda row: row | {"rejected_response": row["messages"][-1]["content"]}
    )
    # It refuses a pair of equal responses.
    with pytest.raises(ValueError, match="rejected_response"):
        load(other, strict=True)
    other = changed(path, tmp_path / "renamed.jsonl", renamed("rejected_response", "worse"))
    assert "rejected_response" not in load(other)[0]
    other = changed(path, tmp_path / "no-margin.jsonl", renamed("margin", "weight"))
    assert "margin" not in load(other)[0]
    other = changed(path, tmp_path / "swapped.jsonl", swapped("rejected_response", "metadata"))
    assert {row["rejected_response"] for row in load(other)} == {
        row["metadata"] for row in map(json.loads, path.open())
    }
