"""The baselines' rows: the same prompts as an export of the program, other responses or labels."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from errors import LoopError
from exports import first_shown_wins, initial_responses, one_order_labels, rows_of
from generations import caught, caught_on_same
from people import read_lines

from constitution.store import comparisons, transcripts

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(generated: Callable[..., Path]) -> Path:
    return generated()


def export(cli: Cli, run: Path, to: Path, *flags: str) -> Path:
    assert cli("export", run, "--to", to, "--test-fraction", 0, *flags).returncode == 0
    return to


def test_initial_responses_take_the_place_of_revisions_and_nothing_else_changes(
    run: Path, cli: Cli, tmp_path: Path
) -> None:
    made = export(cli, run, tmp_path / "made", "--kind", "sft")
    assert initial_responses(run, made, tmp_path / "initial") == 12
    first = {one.id: one for one in transcripts(run)}
    rows, theirs = (read_lines(folder / "sft" / "train.jsonl") for folder in (tmp_path / "initial", made))
    for row, other in zip(rows, theirs, strict=True):
        told = first[json.loads(row["metadata"])["id"]]
        assert row["metadata"] == other["metadata"]
        assert row["messages"][:-1] == other["messages"][:-1]
        assert row["messages"][-1] == {"role": "assistant", "content": told.response.text}
        assert other["messages"][-1]["content"] == told.responses[-1].text != told.response.text
    recipe = "recipes/sft.yaml"
    assert (tmp_path / "initial" / recipe).read_bytes() == (made / recipe).read_bytes()


def test_labels_of_one_order_are_what_the_judge_said_of_the_first_shown(run: Path, cli: Cli, tmp_path: Path) -> None:
    flags = ("--principles-per-pair", 1, "--include", "tie,inconsistent")
    assert cli("compare", run, *flags[:2]).returncode == 0
    made = export(cli, run, tmp_path / "made", "--kind", "preference", "--pairs", "comparisons", *flags[2:])
    recipe = made / "recipes" / "dpo.yaml"
    told = {one.row: one for one in comparisons(run) if one.p_forward is not None}
    assert one_order_labels(run, recipe, tmp_path / "labels") == len(told) == 12
    chosen_first = 0
    for row in read_lines(tmp_path / "labels" / "preference" / "train.jsonl"):
        one = told[json.loads(row["metadata"])["id"]]
        first = row["chosen"] == [{"role": "assistant", "content": one.first.text}]
        assert first == (one.p_forward >= 0.5)
        assert row["rejected"] == [{"role": "assistant", "content": (one.second if first else one.first).text}]
        assert row["p_chosen"] == max(one.p_forward, 1 - one.p_forward)
        chosen_first += first
    assert first_shown_wins(run) == (chosen_first, 12)
    assert 0 < chosen_first < 12
    assert (tmp_path / "labels" / "recipes" / "dpo.yaml").read_bytes() == recipe.read_bytes()


def test_an_export_without_rows_says_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="no sft rows are left to train on") as refused:
        rows_of(tmp_path, "sft")
    assert "--from export" in refused.value.hint


def test_what_was_laid_out_before_is_gone(run: Path, cli: Cli, tmp_path: Path) -> None:
    made = export(cli, run, tmp_path / "made", "--kind", "sft")
    initial_responses(run, made, tmp_path / "initial")
    left: Any = tmp_path / "initial" / "sft" / "test.jsonl"
    left.write_text("{}\n")
    initial_responses(run, made, tmp_path / "initial")
    assert not left.exists()


def test_gates_count_both_generations_on_the_prompts_that_both_hold(generated: Callable[..., Path]) -> None:
    # The same rows in both, and more in the first: what differs is which of them are counted.
    first, second = generated("first"), generated("second", limit=5)
    assert caught(first, "strict")["rows"] == 12
    both = caught_on_same(first, second, "strict")
    assert both["first"] == both["second"]
    assert both["second"] == {name: caught(second, "strict")[name] for name in ("rows", "flagged")}
    assert both["second"]["rows"] == 5
