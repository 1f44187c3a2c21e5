"""Training data from a run of the SL stage: which rows, in which order, and what is left out."""

from pathlib import Path
from typing import Any

import pytest
from exporting import header, many, origin, prompts_of, refusal, rows, sides, stored, transcript

from constitution import export
from constitution.errors import RunError
from constitution.records import Failure, Message, Transcript


def exported(tmp_path: Path, kind: str, *made: Transcript, **options: Any) -> list[Any]:
    """The rows of one kind of a run of these transcripts."""
    export(stored(tmp_path / "run", made), tmp_path / "data", test_fraction=0, **options)
    return rows(tmp_path / "data", kind)


# Rows


def test_sft_ends_on_the_final_revision(tmp_path: Path) -> None:
    (row,) = exported(tmp_path, "sft", transcript(0, "Why?", "Bad.", "Better.", "Best."))
    assert row["messages"] == [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Best."}]


def test_sft_of_all_revisions_is_a_row_for_each_in_order_and_none_for_the_response(tmp_path: Path) -> None:
    made = exported(tmp_path, "sft", transcript(0, "Why?", "Bad.", "Better.", "Best."), revisions="all")
    assert [row["messages"][-1]["content"] for row in made] == ["Better.", "Best."]
    assert [origin(row)["revision"] for row in made] == [1, 2]


def test_sft_of_all_revisions_holds_equal_revisions_once(tmp_path: Path) -> None:
    made = exported(tmp_path, "sft", transcript(0, "Why?", "Bad.", "Good.", "Good."), revisions="all")
    assert [row["messages"][-1]["content"] for row in made] == ["Good."]


def test_without_a_judge_the_final_revision_is_chosen_over_the_initial_response(tmp_path: Path) -> None:
    (row,) = exported(tmp_path, "preference", transcript(0, "Why?", "Bad.", "Better.", "Best."))
    assert row["prompt"] == [{"role": "user", "content": "Why?"}]
    assert sides([row]) == [("Best.", "Bad.")]
    assert row["p_chosen"] == 1.0
    (reward,) = rows(tmp_path / "data", "reward")
    assert reward["margin"] == 0.0


def test_without_a_judge_the_final_revision_is_good_and_the_initial_response_bad(tmp_path: Path) -> None:
    made = exported(tmp_path, "kto", transcript(0, "Why?", "Bad.", "Better.", "Best."), transcript(1, "How?", "a", "a"))
    assert [(row["completion"][0]["content"], row["label"]) for row in made] == [("Best.", True), ("Bad.", False)]
    assert [origin(row)["source"] for row in made] == ["revision-2", "response"]


def test_every_distinct_prompt_is_asked_once(tmp_path: Path) -> None:
    again = transcript(2, " Why?\n", "e", "f")
    made = exported(tmp_path, "prompts", transcript(0, "Why?", "a", "b"), transcript(1, "How?", "c", "d"), again)
    assert [row["prompt"][0]["content"] for row in made] == ["Why?", "How?"]


def test_metadata_is_json_text_with_principles_revision_and_the_rows_own_columns(tmp_path: Path) -> None:
    own = {"topic": "locks", "harmful": True}
    made = transcript(4, "Why?", "Bad.", "Better.", "Best.", cut=[2], metadata=own)
    (sft,) = exported(tmp_path, "sft", made)
    assert isinstance(sft["metadata"], str)
    assert origin(sft) == {
        "id": "row-4",
        "principles": ["principle-1", "principle-2"],
        "revision": 2,
        "finish_reason": "length",
        "row": own,
    }
    (preference,) = rows(tmp_path / "data", "preference")
    assert origin(preference) == {
        "id": "row-4",
        "principles": ["principle-1", "principle-2"],
        "chosen": {"source": "revision-2", "finish_reason": "length"},
        "rejected": {"source": "response", "finish_reason": "stop"},
        "row": own,
    }


def test_a_conversation_of_several_turns_stays_whole(tmp_path: Path) -> None:
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello."),
        Message(role="assistant", content="Hi."),
        Message(role="user", content="Why?"),
    )
    made = transcript(0, "Why?", "Bad.", "Good.").model_copy(update={"prompt": turns})
    (sft,) = exported(tmp_path, "sft", made)
    (preference,) = rows(tmp_path / "data", "preference")
    assert preference["prompt"] == [turn.model_dump() for turn in turns]
    assert sft["messages"] == [*preference["prompt"], *preference["chosen"]]


def test_exported_rows_hold_the_documented_columns_and_nothing_else(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [*many(20), transcript(20, "x", "a", "b", metadata={"prompt": 1, "chosen": "c"})])
    export(run, tmp_path / "data", test_fraction=0.2)
    columns = {
        "sft": {"messages", "metadata"},
        "preference": {"prompt", "chosen", "rejected", "p_chosen", "metadata"},
        "reward": {"prompt", "chosen", "rejected", "p_chosen", "margin", "metadata"},
        "kto": {"prompt", "completion", "label", "metadata"},
        "prompts": {"prompt", "metadata"},
    }
    for kind, names in columns.items():
        made = [*rows(tmp_path / "data", kind), *rows(tmp_path / "data", kind, "test")]
        assert len(made) == (42 if kind == "kto" else 21)
        for row in made:
            assert set(row) == names
            turns = [turn for value in row.values() if isinstance(value, list) for turn in value]
            assert turns
            assert all(set(turn) == {"role", "content"} for turn in turns)


def test_rows_are_in_the_order_of_the_input_whatever_the_order_they_finished_in(tmp_path: Path) -> None:
    made = exported(tmp_path, "sft", *many(30)[::-1])
    assert [origin(row)["id"] for row in made] == [f"row-{n}" for n in range(30)]


def test_only_the_kinds_that_are_named_are_written(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(4))
    told = export(run, tmp_path / "data", kinds=["kto", "sft"], test_fraction=0)
    assert told.rows == {"sft": {"train": 4}, "kto": {"train": 8}}
    assert told.files == {"sft/train.jsonl": 4, "kto/train.jsonl": 8}
    assert {path.name for path in (tmp_path / "data").iterdir() if path.is_dir()} - {"recipes"} == {"sft", "kto"}


# What is left out


def test_unchanged_rows_are_left_out_of_the_pairs_and_counted(tmp_path: Path) -> None:
    same = [transcript(n, f"Same {n}?", "Same.", "Other.", " Same.") for n in (10, 11, 12)]
    told = export(stored(tmp_path / "run", [*many(10), *same]), tmp_path / "data", test_fraction=0)
    numbers = {kind: splits["train"] for kind, splits in told.rows.items()}
    assert numbers == {"sft": 13, "preference": 10, "reward": 10, "kto": 20, "prompts": 13}
    assert told.dropped == {"pairs: identical responses": 3}
    assert {origin(row)["id"] for row in rows(tmp_path / "data", "preference")} == {f"row-{n}" for n in range(10)}


def test_a_kind_without_rows_is_not_declared_but_told(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Same?", "Same.", "Same.")])
    told = export(run, tmp_path / "data", test_fraction=0)
    assert told.rows == {"sft": {"train": 1}, "prompts": {"train": 1}}
    assert told.empty == ("preference", "reward", "kto")
    assert [config["config_name"] for config in header(tmp_path / "data")["configs"]] == ["sft", "prompts"]
    assert not (tmp_path / "data" / "preference").exists()


def test_whole_only_leaves_out_what_holds_a_cut_answer_and_counts_it(tmp_path: Path) -> None:
    made = [
        transcript(0, "Whole?", "Bad.", "Better.", "Best."),
        transcript(1, "First cut?", "Bad", "Better.", "Best.", cut=[0]),
        transcript(2, "Last cut?", "Bad.", "Better.", "Best", cut=[2]),
    ]
    run = stored(tmp_path / "run", made)
    whole = export(run, tmp_path / "whole", whole_only=True, test_fraction=0)
    numbers = {kind: splits["train"] for kind, splits in whole.rows.items()}
    assert numbers == {"sft": 2, "preference": 1, "reward": 1, "kto": 2, "prompts": 3}
    assert whole.dropped == {"demonstrations: cut at max_tokens": 1, "pairs: cut at max_tokens": 2}
    assert whole.cut == 0
    assert prompts_of(tmp_path / "whole", "sft", "train") == {"Whole?", "First cut?"}
    every = export(run, tmp_path / "every", test_fraction=0)
    assert every.rows["sft"] == {"train": 3}
    assert every.cut == 2


def test_a_cut_revision_in_between_counts_only_where_it_is_exported(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Why?", "Bad.", "Cut in mid", "Good.", cut=[1])])
    assert export(run, tmp_path / "final").cut == 0
    assert export(run, tmp_path / "all", revisions="all").cut == 1
    whole = export(run, tmp_path / "whole", revisions="all", whole_only=True, test_fraction=0)
    assert whole.rows["sft"] == {"train": 1}


def test_rows_that_failed_are_not_exported(tmp_path: Path) -> None:
    failure = Failure(id="row-9", index=9, step="respond", kind="CallError", message="hung up")
    run = stored(tmp_path / "run", [*many(3), failure], input=10)
    told = export(run, tmp_path / "data", test_fraction=0)
    assert told.rows["sft"] == {"train": 3}
    assert told.counts["revise"].equation == "10 rows = 3 done + 1 failed + 0 filtered + 6 pending"


# Nothing to export


def test_an_export_of_nothing_says_how_many_were_cut(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(n, f"{n}?", "a", "b", cut=[1]) for n in range(3)])
    bad = refusal(run, tmp_path / "data", whole_only=True, kinds=["sft", "preference"])
    assert bad.message == (
        f"{run}: nothing to export as sft, preference (revise: 3 done, 0 failed, 0 filtered, 0 pending; "
        "3 left out: demonstrations: cut at max_tokens; 3 left out: pairs: cut at max_tokens)"
    )


def test_an_export_of_nothing_says_how_many_rows_are_pending_and_what_to_type(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [], input=7)
    bad = refusal(run, tmp_path / "data")
    assert "0 done, 0 failed, 0 filtered, 7 pending" in bad.message
    assert bad.hint == f"See where the run is with: constitution status {run}"


def test_an_export_of_nothing_says_how_many_rows_failed(tmp_path: Path) -> None:
    failures = [Failure(id=f"row-{n}", index=n, step="respond", kind="CallError", message="hung up") for n in range(3)]
    assert "3 failed" in refusal(stored(tmp_path / "run", failures), tmp_path / "data").message


def test_a_refused_export_leaves_nothing_behind(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [], input=7)
    refusal(run, tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_export_of_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        export(tmp_path / "nothing", tmp_path / "data")


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2.0, float("nan")])
def test_a_test_fraction_that_is_no_share_is_refused(tmp_path: Path, fraction: float) -> None:
    bad = refusal(stored(tmp_path / "run", many(2)), tmp_path / "data", test_fraction=fraction)
    assert f"--test-fraction {fraction}" in bad.message


# Chains


def test_a_chain_holds_the_texts_of_the_principles_that_it_drew(tmp_path: Path) -> None:
    made = transcript(0, "Why?", "Bad.", "Better.", "Best.")
    (row,) = exported(tmp_path, "chains", made, family="paper", kinds=["chains"])
    assert [part["cst_key"] for part in row["cst"]] == ["principle-1", "principle-2"]
    assert "Revise 2." in row["cst"][1]["cst_value"]["edit_request"]
    # The name of the prompts, and not the folders of whoever made the run.
    assert row["comparison_dataset"] == "prompts.jsonl"


def test_a_run_that_did_not_keep_its_principles_gives_no_chains(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(2), principles=None)
    bad = refusal(run, tmp_path / "data", family="paper")
    assert "does not hold the text of principle 'principle-1'" in bad.message
    assert "--fork NEW" in bad.hint
    assert not (tmp_path / "data").exists()


def test_whole_only_leaves_out_chains_with_a_cut_answer(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [*many(2), transcript(2, "Cut?", "Bad.", "Better", "Best.", cut=[1])])
    told = export(run, tmp_path / "data", family="paper", kinds=["chains"], whole_only=True, test_fraction=0)
    assert told.rows == {"chains": {"train": 2}}
    assert told.dropped == {"chains: cut at max_tokens": 1}
