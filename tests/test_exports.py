"""Training data from a run: which rows, which split, and that `datasets` loads them as they are."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from constitution import Settings, export
from constitution.engines.base import Identity
from constitution.errors import ExportError, RunError
from constitution.exports.split import split_of
from constitution.exports.trl import preference_rows, sft_rows
from constitution.records import Completion, Failure, FinishReason, Message, Round, Transcript
from constitution.store import Run, new_manifest

Lines = Callable[[Path], list[Any]]
Generated = Callable[..., Path]


def origin(row: dict[str, Any]) -> dict[str, Any]:
    """Where an exported row came from."""
    found: dict[str, Any] = json.loads(row["metadata"])
    return found


def transcript(
    number: int,
    prompt: str,
    *answers: str,
    cut: Sequence[int] = (),
    id: str = "",
    metadata: dict[str, Any] | None = None,
) -> Transcript:
    """A finished row: its answers are the initial response and the revisions; those numbered in `cut` were cut."""

    def completion(text: str, place: int | None) -> Completion:
        reason: FinishReason = "length" if place in cut else "stop"
        return Completion(text=text, finish_reason=reason, prompt_tokens=3, completion_tokens=2)

    rounds = [
        Round(
            principle=f"principle-{place}",
            critique=completion(f"Critique {place}.", None),
            revision=completion(text, place),
        )
        for place, text in enumerate(answers[1:], 1)
    ]
    return Transcript(
        id=id or f"row-{number}",
        index=number,
        prompt=(Message(role="user", content=prompt),),
        metadata=metadata or {},
        response=completion(answers[0], 0),
        rounds=tuple(rounds),
    )


def stored(folder: Path, rows: Sequence[Transcript | Failure], input: int | None = None) -> Path:
    """A run's folder that holds these rows, written as a run writes them."""
    settings = Settings(prompts="prompts.jsonl", out=str(folder), engine="scripted")
    identity = Identity(engine="scripted", model="scripted", revision="abc")
    affecting = settings.affecting() | {"principles (content)": "def", "model (identity)": identity.model_dump()}
    with Run(folder) as run:
        run.begin(new_manifest("0.1.0", "exact", input or len(rows), settings.model_dump(mode="json"), affecting))
        for row in rows:
            run.keep(row)
    return folder


def many(number: int) -> list[Transcript]:
    return [transcript(n, f"Question {n}?", f"Bad {n}.", f"Better {n}.", f"Best {n}.") for n in range(number)]


def exported_prompts(folder: Path, split: str, lines: Lines) -> set[str]:
    path = folder / "sft" / f"{split}.jsonl"
    return {row["messages"][0]["content"] for row in lines(path)} if path.exists() else set()


def front_matter(folder: Path) -> Any:
    _, header, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return YAML(typ="safe").load(header)


# Rows


def test_sft_ends_on_the_final_revision() -> None:
    (row,) = sft_rows(transcript(0, "Why?", "Bad.", "Better.", "Best."))
    assert row["messages"] == [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Best."}]


def test_sft_of_all_revisions_is_a_row_for_each_in_order_and_none_for_the_response() -> None:
    rows = sft_rows(transcript(0, "Why?", "Bad.", "Better.", "Best."), "all")
    assert [row["messages"][-1]["content"] for row in rows] == ["Better.", "Best."]
    assert [json.loads(row["metadata"])["revision"] for row in rows] == [1, 2]


def test_sft_of_all_revisions_holds_equal_revisions_once() -> None:
    rows = sft_rows(transcript(0, "Why?", "Bad.", "Good.", "Good."), "all")
    assert [row["messages"][-1]["content"] for row in rows] == ["Good."]


def test_a_preference_chooses_the_final_revision_over_the_initial_response() -> None:
    (row,) = preference_rows(transcript(0, "Why?", "Bad.", "Better.", "Best."))
    assert row["prompt"] == [{"role": "user", "content": "Why?"}]
    assert row["chosen"] == [{"role": "assistant", "content": "Best."}]
    assert row["rejected"] == [{"role": "assistant", "content": "Bad."}]


def test_a_revision_that_came_back_to_the_response_is_no_preference() -> None:
    assert preference_rows(transcript(0, "Why?", "Same.", "Other.", "Same.")) == []


def test_metadata_is_json_text_with_principles_revision_and_the_rows_own_columns() -> None:
    row = transcript(4, "Why?", "Bad.", "Better.", "Best.", cut=[2], metadata={"topic": "locks", "harmful": True})
    (sft,), (preference,) = sft_rows(row), preference_rows(row)
    expected = {
        "id": "row-4",
        "principles": ["principle-1", "principle-2"],
        "revision": 2,
        "finish_reason": "length",
        "row": {"topic": "locks", "harmful": True},
    }
    for made in (sft, preference):
        assert isinstance(made["metadata"], str)
        assert json.loads(made["metadata"]) == expected


def test_a_conversation_of_several_turns_stays_whole() -> None:
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello."),
        Message(role="assistant", content="Hi."),
        Message(role="user", content="Why?"),
    )
    row = transcript(0, "Why?", "Bad.", "Good.").model_copy(update={"prompt": turns})
    (sft,), (preference,) = sft_rows(row), preference_rows(row)
    assert preference["prompt"] == [turn.model_dump() for turn in turns]
    assert sft["messages"] == [*preference["prompt"], *preference["chosen"]]


def test_exported_rows_hold_the_documented_columns_and_nothing_else(tmp_path: Path, lines: Lines) -> None:
    run = stored(tmp_path / "run", [*many(20), transcript(20, "x", "a", "b", metadata={"prompt": 1, "chosen": "c"})])
    export(run, tmp_path / "data")
    columns = {
        "sft": {"messages", "metadata"},
        "preference": {"prompt", "chosen", "rejected", "metadata"},
    }
    for kind, names in columns.items():
        rows = [row for path in (tmp_path / "data" / kind).iterdir() for row in lines(path)]
        assert len(rows) == 21
        for row in rows:
            assert set(row) == names
            turns = [turn for name in names - {"metadata"} for turn in row[name]]
            assert all(set(turn) == {"role", "content"} for turn in turns)


def test_rows_are_in_the_order_of_the_input_whatever_the_order_they_finished_in(tmp_path: Path, lines: Lines) -> None:
    run = stored(tmp_path / "run", many(30)[::-1])
    export(run, tmp_path / "data", test_fraction=0)
    rows = lines(tmp_path / "data" / "sft" / "train.jsonl")
    assert [origin(row)["id"] for row in rows] == [f"row-{n}" for n in range(30)]


# What is left out


def test_unchanged_rows_are_left_out_of_the_preferences_and_counted(tmp_path: Path, lines: Lines) -> None:
    same = [transcript(n, f"Same {n}?", "Same.", "Same.") for n in (10, 11, 12)]
    exported = export(stored(tmp_path / "run", [*many(10), *same]), tmp_path / "data", test_fraction=0)
    assert exported.rows == {"sft": {"train": 13}, "preference": {"train": 10}}
    assert exported.dropped == {"preference: revision same as response": 3}
    kept = {origin(row)["id"] for row in lines(tmp_path / "data" / "preference" / "train.jsonl")}
    assert kept == {f"row-{n}" for n in range(10)}


def test_without_any_preference_none_is_declared(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Same?", "Same.", "Same.")])
    exported = export(run, tmp_path / "data", test_fraction=0)
    assert exported.rows == {"sft": {"train": 1}}
    assert [config["config_name"] for config in front_matter(tmp_path / "data")["configs"]] == ["sft"]
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"README.md", "sft"}


def test_whole_only_leaves_out_rows_with_a_cut_answer_and_counts_them(tmp_path: Path, lines: Lines) -> None:
    rows = [
        transcript(0, "Whole?", "Bad.", "Better.", "Best."),
        transcript(1, "First cut?", "Bad", "Better.", "Best.", cut=[0]),
        transcript(2, "Last cut?", "Bad.", "Better.", "Best", cut=[2]),
    ]
    run = stored(tmp_path / "run", rows)
    whole = export(run, tmp_path / "whole", whole_only=True, test_fraction=0)
    assert whole.rows == {"sft": {"train": 1}, "preference": {"train": 1}}
    assert whole.dropped == {"cut at max_tokens": 2}
    assert exported_prompts(tmp_path / "whole", "train", lines) == {"Whole?"}
    assert export(run, tmp_path / "every", test_fraction=0).rows["sft"] == {"train": 3}


def test_rows_that_failed_are_not_exported(tmp_path: Path) -> None:
    failure = Failure(id="row-9", index=9, step="respond", kind="CallError", message="hung up")
    run = stored(tmp_path / "run", [*many(3), failure], input=10)
    assert export(run, tmp_path / "data", test_fraction=0).rows["sft"] == {"train": 3}


# Nothing to export


def refusal(run: Path, to: Path, **options: Any) -> ExportError:
    with pytest.raises(ExportError) as bad:
        export(run, to, **options)
    return bad.value


def test_an_export_of_nothing_says_how_many_rows_were_cut(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(n, f"{n}?", "a", "b", cut=[1]) for n in range(3)])
    bad = refusal(run, tmp_path / "data", whole_only=True)
    assert "nothing to export (3 done, 0 failed, 0 filtered, 0 pending; 3 left out: cut at max_tokens)" in bad.message
    assert bad.hint == f"See where the run is with: constitution status {run}"


def test_an_export_of_nothing_says_how_many_rows_are_pending(tmp_path: Path) -> None:
    assert (
        "0 done, 0 failed, 0 filtered, 7 pending"
        in refusal(stored(tmp_path / "run", [], input=7), tmp_path / "data").message
    )


def test_an_export_of_nothing_says_how_many_rows_failed(tmp_path: Path) -> None:
    failures = [Failure(id=f"row-{n}", index=n, step="respond", kind="CallError", message="hung up") for n in range(3)]
    assert "3 failed" in refusal(stored(tmp_path / "run", failures), tmp_path / "data").message


def test_a_refused_export_leaves_nothing_behind(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [], input=7)
    refusal(run, tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_export_of_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run"):
        export(tmp_path / "nothing", tmp_path / "data")


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2.0, float("nan")])
def test_a_test_fraction_that_is_no_share_is_refused(tmp_path: Path, fraction: float) -> None:
    bad = refusal(stored(tmp_path / "run", many(2)), tmp_path / "data", test_fraction=fraction)
    assert f"--test-fraction {fraction}" in bad.message


# Splits


def test_no_prompt_is_in_both_splits(tmp_path: Path, lines: Lines) -> None:
    exported = export(stored(tmp_path / "run", many(300)), tmp_path / "data", revisions="all", test_fraction=0.3)
    train, test = (exported_prompts(tmp_path / "data", split, lines) for split in ("train", "test"))
    assert not train & test
    assert len(train | test) == 300
    # Binomial, 300 draws at 0.3: mean 90, standard deviation 8.
    assert 58 < len(test) < 122
    assert exported.rows["sft"] == {"train": 2 * len(train), "test": 2 * len(test)}


def test_sft_and_preference_hold_out_the_same_prompts(tmp_path: Path, lines: Lines) -> None:
    export(stored(tmp_path / "run", many(100)), tmp_path / "data", test_fraction=0.3)
    for split in ("train", "test"):
        held = {row["prompt"][0]["content"] for row in lines(tmp_path / "data" / "preference" / f"{split}.jsonl")}
        assert held == exported_prompts(tmp_path / "data", split, lines)


def test_duplicates_of_a_prompt_are_on_the_same_side(tmp_path: Path, lines: Lines) -> None:
    spellings = ["Question {}?", "question {}?", "  QUESTION {}?\n"]
    rows = [
        transcript(3 * n + place, spelling.format(n), f"Bad {n} {place}.", f"Good {n} {place}.")
        for n in range(100)
        for place, spelling in enumerate(spellings)
    ]
    export(stored(tmp_path / "run", rows), tmp_path / "data", test_fraction=0.4)
    train, test = (exported_prompts(tmp_path / "data", split, lines) for split in ("train", "test"))
    assert len(train | test) == 300
    sides = [{prompt.strip().casefold() for prompt in side} for side in (train, test)]
    assert not sides[0] & sides[1]
    assert all(sides)


def test_a_prompt_keeps_its_side_when_the_run_grows(tmp_path: Path, lines: Lines) -> None:
    export(stored(tmp_path / "small", many(60)), tmp_path / "small-data", test_fraction=0.3)
    export(stored(tmp_path / "large", many(200)), tmp_path / "large-data", test_fraction=0.3)
    for split in ("train", "test"):
        small, large = (exported_prompts(tmp_path / f"{size}-data", split, lines) for size in ("small", "large"))
        assert small < large


def test_a_larger_fraction_only_adds_to_the_held_out_prompts() -> None:
    prompts = [(Message(role="user", content=f"Question {n}?"),) for n in range(200)]
    held = [{p for p in prompts if split_of(p, fraction, 0) == "test"} for fraction in (0.0, 0.1, 0.5)]
    assert not held[0]
    assert held[1] < held[2]


def test_another_split_seed_holds_out_other_prompts(tmp_path: Path, lines: Lines) -> None:
    run = stored(tmp_path / "run", many(100))
    held = []
    for seed in (0, 1):
        export(run, tmp_path / f"data-{seed}", test_fraction=0.3, split_seed=seed)
        held.append(exported_prompts(tmp_path / f"data-{seed}", "test", lines))
    assert held[0] != held[1]


def test_without_held_out_rows_there_is_no_test_split(tmp_path: Path) -> None:
    exported = export(stored(tmp_path / "run", many(50)), tmp_path / "data", test_fraction=0)
    assert exported.rows == {"sft": {"train": 50}, "preference": {"train": 50}}
    assert not list((tmp_path / "data").rglob("test*"))
    for config in front_matter(tmp_path / "data")["configs"]:
        assert [files["split"] for files in config["data_files"]] == ["train"]


@pytest.mark.parametrize("number", [1, 3, 9])
def test_every_declared_split_has_a_file_with_rows_and_the_other_way_round(tmp_path: Path, number: int) -> None:
    export(stored(tmp_path / "run", many(number)), tmp_path / "data", test_fraction=0.3)
    declared = {
        files["path"] for config in front_matter(tmp_path / "data")["configs"] for files in config["data_files"]
    }
    there = {str(path.relative_to(tmp_path / "data")) for path in (tmp_path / "data").rglob("*.jsonl")}
    assert declared == there
    assert all((tmp_path / "data" / path).stat().st_size for path in there)


# Folders


def test_a_folder_that_is_not_empty_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(3))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("mine")
    bad = refusal(run, tmp_path / "data")
    assert "not empty, and not an export" in bad.message
    assert (tmp_path / "data" / "README.md").read_text() == "mine"


def test_an_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(3))
    export(run, tmp_path / "data")
    assert "--overwrite" in refusal(run, tmp_path / "data").hint
    before = sorted(path.name for path in (tmp_path / "data").rglob("*"))
    export(run, tmp_path / "data", overwrite=True)
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    export(stored(tmp_path / "run", many(3)), tmp_path / "data", test_fraction=0)
    assert (tmp_path / "data" / "sft" / "train.jsonl").stat().st_size


def test_overwrite_replaces_an_export_whole(tmp_path: Path) -> None:
    export(stored(tmp_path / "old", many(40)), tmp_path / "data", test_fraction=0.5)
    assert (tmp_path / "data" / "sft" / "test.jsonl").exists()
    exported = export(stored(tmp_path / "new", many(5)), tmp_path / "data", test_fraction=0, overwrite=True)
    assert exported.rows["sft"] == {"train": 5}
    assert not list((tmp_path / "data").rglob("test*"))


def test_overwrite_by_an_export_of_nothing_keeps_the_old_one(tmp_path: Path, lines: Lines) -> None:
    export(stored(tmp_path / "old", many(4)), tmp_path / "data", test_fraction=0)
    refusal(stored(tmp_path / "new", [], input=3), tmp_path / "data", overwrite=True)
    assert len(lines(tmp_path / "data" / "sft" / "train.jsonl")) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [("notes.txt", "mine"), ("README.md", "# My own project\n"), ("sft/checkpoint.bin", "weights")],
)
def test_overwrite_replaces_nothing_but_an_export(tmp_path: Path, name: str, text: str) -> None:
    run = stored(tmp_path / "run", many(3))
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ExportError):
        export(run, tmp_path / "data", overwrite=True)
    assert path.read_text() == text


def test_overwrite_never_replaces_a_run_or_what_holds_it(tmp_path: Path, lines: Lines) -> None:
    run = stored(tmp_path / "runs" / "first", many(3))
    other = stored(tmp_path / "other", many(2))
    for to in (run, tmp_path / "runs", other):
        assert re.search("holds the run|not an export", refusal(run, to, overwrite=True).message)
    assert len(lines(run / "transcripts.jsonl")) == 3
    assert len(lines(other / "transcripts.jsonl")) == 2


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert "a file, not a folder" in refusal(stored(tmp_path / "run", many(3)), tmp_path / "data").message


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refusal(stored(tmp_path / "run", many(3)), tmp_path / "file" / "data").message


# The card


def test_the_card_tells_what_was_made_how(tmp_path: Path) -> None:
    export(stored(tmp_path / "run", many(7)), tmp_path / "data", test_fraction=0, revisions="all")
    text = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    for told in (
        "model: `scripted`, revision `abc`",
        "principles: `harmlessness`, content hash `def`",
        "rounds: 2 (critique, then revision); sft revisions: all",
        "temperature 0.7, top-p 1.0, at most 256 tokens, seed 0",
        "| 14 | 0 |",
        "| 7 | 0 |",
    ):
        assert told in text
    assert [config.get("default") for config in front_matter(tmp_path / "data")["configs"]] == [True, None]


# Loading


def load(folder: Path, kind: str, cache: Path) -> Any:
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset(str(folder), kind, cache_dir=str(cache))


def features(kind: str) -> Any:
    from datasets import Features, Value

    text, turns = Value("string"), [{"role": Value("string"), "content": Value("string")}]
    conversations = {"sft": ["messages"], "preference": ["prompt", "chosen", "rejected"]}[kind]
    return Features(dict.fromkeys(conversations, turns) | {"metadata": text})


@pytest.mark.parametrize("kind", ["sft", "preference"])
def test_datasets_loads_an_export_with_declared_features(tmp_path: Path, generated: Generated, kind: str) -> None:
    exported = export(generated(rounds=2), tmp_path / "data", test_fraction=0.3)
    loaded = load(tmp_path / "data", kind, tmp_path / "cache")
    assert {split: len(rows) for split, rows in loaded.items()} == exported.rows[kind]
    assert sum(exported.rows[kind].values()) == 12
    assert set(exported.rows[kind]) == {"train", "test"}
    for rows in loaded.values():
        assert rows.features == features(kind)
        assert all(rows[0].values())


def test_datasets_loads_sft_when_no_config_is_named(tmp_path: Path) -> None:
    import datasets

    export(stored(tmp_path / "run", many(4)), tmp_path / "data", test_fraction=0)
    loaded = datasets.load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].column_names == ["messages", "metadata"]


ODD = [
    "Grüße, 你好, नमस्ते, 👩‍👩‍👧, e\u0301",
    "a line\nanother\r\nand\ta tab",
    "\"quoted\" 'twice' \\ back\\slash \\n \\u0041",
    "2024-01-01T00:00:00Z",
    "2024-01-01",
    "12",
    "1.0",
    "null",
    "true",
    "[]",
    '{"role": "user"}',
    "line\u2028separators\u2029and\u0085next",
    "\x00\x1b[31m\x07\x7f",
    "﻿a byte-order mark",
    "--- \nconfigs: [x]\n---",
    "{{ principle }} {% raw %}",
    "long " * 100_000,
]


def check_round_trip(tmp_path: Path, texts: list[str]) -> None:
    rows = [
        transcript(n, text, text, f"{text} {n}", id=text[:500], metadata={"note": text}) for n, text in enumerate(texts)
    ]
    export(stored(tmp_path / "run", rows), tmp_path / "data", test_fraction=0)
    sft = load(tmp_path / "data", "sft", tmp_path / "cache")["train"]
    preference = load(tmp_path / "data", "preference", tmp_path / "cache")["train"]
    assert sft.features == features("sft")
    assert preference.features == features("preference")
    assert len(sft) == len(preference) == len(texts)
    for n, text in enumerate(texts):
        user, answer = {"role": "user", "content": text}, {"role": "assistant", "content": f"{text} {n}"}
        assert sft[n]["messages"] == [user, answer]
        assert (preference[n]["prompt"], preference[n]["chosen"]) == ([user], [answer])
        assert preference[n]["rejected"] == [{"role": "assistant", "content": text}]
        assert origin(sft[n])["id"] == origin(preference[n])["id"] == text[:500]
        assert json.loads(sft[n]["metadata"])["row"] == {"note": text}


def test_odd_content_comes_back_word_for_word(tmp_path: Path) -> None:
    check_round_trip(tmp_path, ODD)


@pytest.mark.parametrize("texts", [["1", "2"], ["1.0"], ["true", "false"], ["null"]])
def test_text_that_looks_like_another_type_on_every_row_stays_text(tmp_path: Path, texts: list[str]) -> None:
    check_round_trip(tmp_path, texts)


@pytest.mark.parametrize("dates", [["2024-01-01T00:00:00Z", "2024-01-02T10:11:12Z"], ["2024-01-01"]])
def test_ids_and_columns_that_are_all_dates_stay_text(tmp_path: Path, dates: list[str]) -> None:
    rows = [transcript(n, f"Prompt {n}", "No.", "Yes.", id=date, metadata={"on": date}) for n, date in enumerate(dates)]
    export(stored(tmp_path / "run", rows), tmp_path / "data", test_fraction=0)
    loaded = load(tmp_path / "data", "sft", tmp_path / "cache")["train"]
    assert [(origin(row)["id"], origin(row)["row"]["on"]) for row in loaded] == [(date, date) for date in dates]


def test_a_cut_revision_in_between_counts_only_where_it_is_exported(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Why?", "Bad.", "Cut in mid", "Good.", cut=[1])])
    assert export(run, tmp_path / "final").cut == 0
    assert export(run, tmp_path / "all", revisions="all").cut == 1
    assert export(run, tmp_path / "whole", whole_only=True).rows["sft"] == {"train": 1}
