"""The checker in Together's package 2.10.0 on our files for hosted tuning; later releases check on the server."""

import pytest
from together.lib.utils.files import check_file

from .expected import BETTER, changed, renamed


def verdict(path):
    report = check_file(path)
    return report["is_check_passed"], report.get("message", ""), report.get("num_samples")


@pytest.mark.parametrize("kind", ["sft", "preference"])
def test_it_accepts_every_row(folder, kind):
    for split in ("train", "test"):
        assert verdict(folder("openai") / kind / f"{split}.jsonl") == (True, "Checks passed", len(BETTER))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("sft", lambda row: row | {"metadata": "{}"}),
        ("preference", lambda row: row | {"metadata": "{}"}),
        ("preference", renamed("preferred_output", "chosen")),
        ("preference", lambda row: row | {"preferred_output": row["preferred_output"][0]}),
        ("preference", lambda row: row | {"input": row["input"]["messages"]}),
        ("preference", lambda row: row | {"preferred_output": [*row["input"]["messages"], *row["preferred_output"]]}),
        ("sft", lambda row: {"messages": [turn | {"name": "x", "role": "model"} for turn in row["messages"]]}),
    ],
)
def test_it_refuses_other_rows(folder, tmp_path, kind, change):
    passed, message, _ = verdict(changed(folder("openai") / kind / "train.jsonl", tmp_path / "other.jsonl", change))
    assert not passed
    assert message
