"""Mixtures that cannot be: each refused with the value, the rule and what to type, and nothing written."""

import json
from pathlib import Path
from typing import Any

import pytest
from exporting import compared, judged, many, refusal, stored

from constitution import export
from constitution.errors import SourceError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return judged(stored(tmp_path / "run", many(5)), compared(5))


def pool(path: Path, *made: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "much", ""])
def test_a_weight_that_is_no_positive_number_is_refused(tmp_path: Path, run: Path, weight: str) -> None:
    file = pool(tmp_path / "pairs.jsonl", {"prompt": "Q?", "chosen": "Yes.", "rejected": "No."})
    bad = refusal(run, tmp_path / "data", mix=[f"{file}:{weight}"])
    assert f"the weight {weight!r} is not a number above 0" in bad.message
    assert "FILE:WEIGHT" in bad.hint


def test_a_file_without_a_weight_is_refused(tmp_path: Path, run: Path) -> None:
    assert "no weight" in refusal(run, tmp_path / "data", mix=["pairs.jsonl"]).message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, run: Path) -> None:
    assert "no such file" in refusal(run, tmp_path / "data", mix=[f"{tmp_path}/nothing.jsonl:1"]).message


def test_a_file_of_another_form_is_refused(tmp_path: Path, run: Path) -> None:
    (tmp_path / "rows.csv").write_text("prompt\nQ?\n")
    bad = refusal(run, tmp_path / "data", mix=[f"{tmp_path}/rows.csv:1"])
    assert "neither JSONL nor Parquet" in bad.message
    assert ".jsonl" in bad.hint


def test_an_empty_file_is_refused(tmp_path: Path, run: Path) -> None:
    assert "no rows" in refusal(run, tmp_path / "data", mix=[f"{pool(tmp_path / 'rows.jsonl')}:1"]).message


def test_columns_that_feed_no_kind_are_named_with_those_that_are_wanted(tmp_path: Path, run: Path) -> None:
    file = pool(tmp_path / "rows.jsonl", {"question": "Q?", "answer": "Yes."})
    bad = refusal(run, tmp_path / "data", mix=[f"{file}:1"])
    assert f"{file}:1: columns that cannot be mixed in: question, answer" in bad.message
    assert "chosen and rejected" in bad.hint


def test_columns_that_feed_other_kinds_than_those_exported_are_refused(tmp_path: Path, run: Path) -> None:
    file = pool(tmp_path / "rows.jsonl", {"prompt": "Q?", "chosen": "Yes.", "rejected": "No."})
    assert "columns that cannot" in refusal(run, tmp_path / "data", mix=[f"{file}:1"], kinds=["sft"]).message


def test_a_later_row_with_other_columns_is_named(tmp_path: Path, run: Path) -> None:
    file = pool(tmp_path / "rows.jsonl", {"prompt": "Q?", "chosen": "Yes.", "rejected": "No."}, {"prompt": "Q?"})
    bad = refusal(run, tmp_path / "data", mix=[f"{file}:1"])
    assert f"{file}:2: columns that cannot be mixed in: prompt" in bad.message


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompt": 3, "chosen": "Yes.", "rejected": "No."}, ":1: prompt is 3; it must be text or a list of messages"),
        ({"prompt": "Q?", "chosen": {"role": "assistant"}, "rejected": "No."}, ":1: chosen is {"),
        ({"prompt": [{"from": "human"}], "chosen": "Yes.", "rejected": "No."}, ":1: prompt: not a list of messages"),
        ({"prompt": "Q\ud800?", "chosen": "Yes.", "rejected": "No."}, ":1: prompt: half of a surrogate pair"),
        ({"messages": [{"role": "user", "content": "\udc00"}]}, ":1: messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, ":1: messages: not a list of messages"),
        ({"prompt": "Q?", "completion": "Yes.", "label": 1}, ":1: label is 1; it must be true or false"),
        ({"prompt": "Q?", "chosen": "Yes.", "rejected": "No.", "p_chosen": 1.5}, ":1: p_chosen is 1.5"),
        ({"prompt": "Q?", "chosen": "Yes.", "rejected": "No.", "margin": "wide"}, ":1: margin is 'wide'"),
    ],
)
def test_values_that_are_no_conversation_are_named_with_their_place(
    tmp_path: Path, run: Path, row: dict[str, Any], told: str
) -> None:
    file = pool(tmp_path / "rows.jsonl", row)
    assert told in refusal(run, tmp_path / "data", mix=[f"{file}:1"]).message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl", "run"]


def test_a_line_that_is_no_json_is_named(tmp_path: Path, run: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "Q?"}\n{"prompt": \n')
    with pytest.raises(SourceError, match=r"rows\.jsonl:2: not a JSON object"):
        export(run, tmp_path / "data", mix=[f"{file}:1"])


def test_a_chosen_answer_without_a_rejected_one_is_a_prompt_with_a_column_more(tmp_path: Path, run: Path) -> None:
    file = pool(tmp_path / "rows.jsonl", {"prompt": "Q?", "chosen": "Yes."})
    assert export(run, tmp_path / "data", mix=[f"{file}:1"], kinds=["prompts"]).mixed[0].startswith("rows.jsonl")
