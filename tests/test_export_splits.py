"""Which prompts an export holds out, and that two exports of a run are alike to the byte."""

from pathlib import Path
from typing import Any

import pytest
from exporting import compared, files, header, judged, many, prompts_of, stored, transcript

from constitution import export
from constitution.exports.split import split_of
from constitution.records import Message


def test_no_prompt_is_in_both_splits(tmp_path: Path) -> None:
    exported = export(stored(tmp_path / "run", many(300)), tmp_path / "data", revisions="all", test_fraction=0.3)
    train, test = (prompts_of(tmp_path / "data", "sft", split) for split in ("train", "test"))
    assert not train & test
    assert len(train | test) == 300
    # Binomial, 300 draws at 0.3: mean 90, standard deviation 8.
    assert 58 < len(test) < 122
    assert exported.rows["sft"] == {"train": 2 * len(train), "test": 2 * len(test)}


def test_all_kinds_hold_out_the_same_prompts(tmp_path: Path) -> None:
    export(stored(tmp_path / "run", many(100)), tmp_path / "data", test_fraction=0.3)
    for split in ("train", "test"):
        held = {kind: prompts_of(tmp_path / "data", kind, split) for kind in ("sft", "preference", "kto", "prompts")}
        assert held["sft"]
        assert all(prompts == held["sft"] for prompts in held.values())


def test_duplicates_of_a_prompt_are_on_the_same_side(tmp_path: Path) -> None:
    spellings = ["Question {}?", "question {}?", "  QUESTION {}?\n"]
    rows = [
        transcript(3 * n + place, spelling.format(n), f"Bad {n} {place}.", f"Good {n} {place}.")
        for n in range(100)
        for place, spelling in enumerate(spellings)
    ]
    export(stored(tmp_path / "run", rows), tmp_path / "data", test_fraction=0.4)
    train, test = (prompts_of(tmp_path / "data", "sft", split) for split in ("train", "test"))
    assert len(train | test) == 300
    sides = [{prompt.strip().casefold() for prompt in side} for side in (train, test)]
    assert not sides[0] & sides[1]
    assert all(sides)


def test_a_prompt_keeps_its_side_when_the_run_grows(tmp_path: Path) -> None:
    export(stored(tmp_path / "small", many(60)), tmp_path / "small-data", test_fraction=0.3)
    export(stored(tmp_path / "large", many(200)), tmp_path / "large-data", test_fraction=0.3)
    for split in ("train", "test"):
        small, large = (prompts_of(tmp_path / f"{size}-data", "sft", split) for size in ("small", "large"))
        assert small < large


def test_a_larger_fraction_only_adds_to_the_held_out_prompts() -> None:
    prompts = [(Message(role="user", content=f"Question {n}?"),) for n in range(200)]
    held = [{p for p in prompts if split_of(p, fraction, 0) == "test"} for fraction in (0.0, 0.1, 0.5)]
    assert not held[0]
    assert held[1] < held[2]


def test_another_split_seed_holds_out_other_prompts(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(100))
    held = []
    for seed in (0, 1):
        export(run, tmp_path / f"data-{seed}", test_fraction=0.3, split_seed=seed)
        held.append(prompts_of(tmp_path / f"data-{seed}", "sft", "test"))
    assert held[0] != held[1]


def test_without_held_out_rows_there_is_no_test_split(tmp_path: Path) -> None:
    exported = export(stored(tmp_path / "run", many(50)), tmp_path / "data", test_fraction=0)
    assert exported.rows["sft"] == exported.rows["preference"] == {"train": 50}
    assert not list((tmp_path / "data").rglob("test*"))
    for config in header(tmp_path / "data")["configs"]:
        assert [files["split"] for files in config["data_files"]] == ["train"]


@pytest.mark.parametrize("number", [1, 3, 9])
@pytest.mark.parametrize("parquet", [False, True])
def test_every_declared_split_has_a_file_with_rows_and_the_other_way_round(
    tmp_path: Path, number: int, parquet: bool
) -> None:
    told = export(stored(tmp_path / "run", many(number)), tmp_path / "data", test_fraction=0.3, parquet=parquet)
    declared = {file["path"] for config in header(tmp_path / "data")["configs"] for file in config["data_files"]}
    suffix = ".parquet" if parquet else ".jsonl"
    assert declared == set(told.files) == {file for file in files(tmp_path / "data") if file.endswith(suffix)}
    assert all((tmp_path / "data" / path).stat().st_size for path in declared)
    assert all(told.files.values())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"parquet": True},
        {"soft_labels": "sample", "max_per_prompt": 1, "revisions": "all"},
        {"soft_labels": "duplicate:3"},
        {"family": "paper"},
        {"family": "verl"},
    ],
)
def test_two_exports_of_a_run_are_alike_to_the_byte(tmp_path: Path, options: dict[str, Any]) -> None:
    run = judged(stored(tmp_path / "run", many(40)), compared(40))
    mixed = export(run, tmp_path / "pool", kinds=["preference"], parquet=True, test_fraction=0)
    assert mixed.rows["preference"] == {"train": 40}
    for name in ("one", "two"):
        mix = [f"{tmp_path / 'pool' / 'preference' / 'train.parquet'}:0.5"]
        export(run, tmp_path / name, test_fraction=0.2, mix=mix, **options)
    names = list(files(tmp_path / "one"))
    assert names == list(files(tmp_path / "two"))
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
