"""Mixtures: how many rows of another file, which, where, and what the file must look like."""

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from exporting import compared, judged, many, origin, prompts_of, rows, stored

from constitution import export


def pool(path: Path, made: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


def helpful_pairs(number: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Help {n}?", "chosen": f"Yes {n}.", "rejected": f"Meh {n}."} for n in range(number)]


def mixed(tmp_path: Path, file: Path, weight: float = 1, own: int = 20, **options: Any) -> dict[str, int]:
    """Rows of the file by kind, in an export of `own` transcripts and as many comparisons."""
    run = judged(stored(tmp_path / "run", many(own)), compared(own))
    export(run, tmp_path / "data", mix=[f"{file}:{weight}"], **({"test_fraction": 0} | options))
    kinds = ("sft", "preference", "reward", "kto", "prompts")
    found = {kind: [*rows(tmp_path / "data", kind), *rows(tmp_path / "data", kind, "test")] for kind in kinds}
    return {kind: sum(origin(row).get("file") == file.name for row in made) for kind, made in found.items()}


def single(text: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


# How many


@pytest.mark.parametrize(("weight", "number"), [(1, 20), (0.5, 10), (2, 40), (0.15, 3)])
def test_the_weight_is_rows_for_each_of_our_own(tmp_path: Path, weight: float, number: int) -> None:
    told = mixed(tmp_path, pool(tmp_path / "pairs.jsonl", helpful_pairs(60)), weight)
    # Each of our comparisons gives two ratings.
    assert told == {"sft": 0, "preference": number, "reward": number, "kto": 2 * number, "prompts": number}


def test_a_file_with_fewer_rows_gives_all_of_them_and_that_is_told(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(20))
    file = pool(tmp_path / "pairs.jsonl", helpful_pairs(7))
    told = export(run, tmp_path / "data", mix=[f"{file}:1.5"], kinds=["preference"], test_fraction=0)
    assert told.rows == {"preference": {"train": 27}}
    assert told.mixed == ("pairs.jsonl: 7 pairs, 1.5 for each of the run's, which would be 30: it has no more",)
    assert told.mixed[0] in (tmp_path / "data" / "README.md").read_text()


def test_a_file_that_feeds_some_kinds_only_says_which_not(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(4))
    file = pool(tmp_path / "pairs.jsonl", helpful_pairs(9))
    told = export(run, tmp_path / "data", mix=[f"{file}:1"], test_fraction=0)
    assert told.mixed == (
        "pairs.jsonl: it holds no demonstrations",
        "pairs.jsonl: 4 pairs, 1 for each of the run's",
        "pairs.jsonl: 8 ratings, 1 for each of the run's",
        "pairs.jsonl: 4 prompts, 1 for each of the run's",
    )


def test_the_copies_of_soft_labels_count_as_rows_and_the_mixture_is_not_copied(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(5))
    file = pool(tmp_path / "pairs.jsonl", helpful_pairs(40))
    told = export(
        run, tmp_path / "data", mix=[f"{file}:1"], kinds=["preference"], soft_labels="duplicate:4", test_fraction=0
    )
    assert told.rows == {"preference": {"train": 40}}
    made = [row for row in rows(tmp_path / "data", "preference") if origin(row).get("file")]
    assert len({row["prompt"][0]["content"] for row in made}) == 20
    assert all(row["p_chosen"] == 1.0 for row in made)


def test_several_files_each_have_their_weight(tmp_path: Path) -> None:
    one = pool(tmp_path / "one.jsonl", helpful_pairs(30))
    two = pool(tmp_path / "two.jsonl", [{"prompt": f"Other {n}?", "completion": f"Sure {n}."} for n in range(30)])
    run = stored(tmp_path / "run", many(10))
    export(run, tmp_path / "data", mix=[f"{one}:2", f"{two}:0.5"], test_fraction=0)
    preference = [origin(row).get("file") for row in rows(tmp_path / "data", "preference")]
    assert (preference.count("one.jsonl"), preference.count("two.jsonl")) == (20, 0)
    sft = [origin(row).get("file") for row in rows(tmp_path / "data", "sft")]
    assert (sft.count("one.jsonl"), sft.count("two.jsonl")) == (0, 5)


# Which, and where


def test_which_rows_are_taken_follows_from_the_seed(tmp_path: Path) -> None:
    file = pool(tmp_path / "pairs.jsonl", helpful_pairs(60))
    run = judged(tmp_path / "run", compared(20))
    taken = {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        export(run, tmp_path / name, mix=[f"{file}:1"], seed=seed, kinds=["preference"], test_fraction=0)
        taken[name] = [origin(row) for row in rows(tmp_path / name, "preference")]
    assert taken["one"] == taken["again"] != taken["other"]


def test_mixed_rows_lie_all_over_ours_and_both_keep_their_order(tmp_path: Path) -> None:
    mixed(tmp_path, pool(tmp_path / "pairs.jsonl", helpful_pairs(200)), own=200)
    made = [origin(row) for row in rows(tmp_path / "data", "preference")]
    foreign = [place for place, row in enumerate(made) if "file" in row]
    assert len(foreign) == 200
    # Hypergeometric: of the first half, 100 are expected, with a standard deviation of 5.
    assert 75 < sum(place < 200 for place in foreign) < 125
    assert max(later - place for place, later in pairwise(foreign)) < 40
    numbers = [row["row"] for row in made if "file" in row]
    assert numbers == sorted(numbers)
    own = [int(row["id"].removeprefix("row-")) for row in made if "file" not in row]
    assert own == list(range(200))


def test_mixed_rows_are_split_by_prompt_like_ours(tmp_path: Path) -> None:
    made = [
        *helpful_pairs(100),
        *[{"prompt": f"Question {n}?", "chosen": "Yes.", "rejected": "No."} for n in range(99)],
    ]
    mixed(tmp_path, pool(tmp_path / "pairs.jsonl", made), 2, own=100, test_fraction=0.3)
    train, test = (prompts_of(tmp_path / "data", "preference", split) for split in ("train", "test"))
    assert not train & test
    assert {prompt.split()[0] for prompt in train} == {prompt.split()[0] for prompt in test} == {"Help", "Question"}


def test_a_prompt_is_asked_once_even_if_the_file_asks_it_too(tmp_path: Path) -> None:
    asked = [{"prompt": f"Question {n}?"} for n in range(30)] * 2
    run = stored(tmp_path / "run", many(20))
    told = export(
        run, tmp_path / "data", mix=[f"{pool(tmp_path / 'p.jsonl', asked)}:1"], kinds=["prompts"], test_fraction=0
    )
    assert told.rows == {"prompts": {"train": 30}}
    assert len(prompts_of(tmp_path / "data", "prompts", "train")) == 30


# What a file may look like

PAIR_FORMS: list[dict[str, Any]] = [
    {"prompt": "Q?", "chosen": "Yes.", "rejected": "No."},
    {"prompt": single("Q?"), "chosen": single("Yes.", "assistant"), "rejected": single("No.", "assistant")},
    {
        "prompt": "Q?",
        "chosen": [*single("Q?"), *single("Yes.", "assistant")],
        "rejected": [*single("Q?"), *single("No.", "assistant")],
    },
    {"chosen": "\n\nHuman: Q?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Q?\n\nAssistant: No."},
    {
        "chosen": [*single("Q?"), *single("Yes.", "assistant")],
        "rejected": [*single("Q?"), *single("No.", "assistant")],
        "score_chosen": 4.0,
    },
    {"prompt": "\n\nHuman: Q?\n\nAssistant:", "chosen": " Yes.", "rejected": " No."},
]


@pytest.mark.parametrize("form", PAIR_FORMS)
def test_pairs_of_every_form_become_our_rows(tmp_path: Path, form: dict[str, Any]) -> None:
    assert mixed(tmp_path, pool(tmp_path / "pairs.jsonl", [form])) == {
        "sft": 0,
        "preference": 1,
        "reward": 1,
        "kto": 2,
        "prompts": 1,
    }
    (row,) = [row for row in rows(tmp_path / "data", "reward") if "file" in origin(row)]
    assert row["prompt"] == single("Q?")
    assert (row["chosen"][0]["content"].strip(), row["rejected"][0]["content"].strip()) == ("Yes.", "No.")
    assert (row["p_chosen"], row["margin"]) == (1.0, 0.0)
    assert origin(row) == {"file": "pairs.jsonl", "row": 1}
    ratings = [row for row in rows(tmp_path / "data", "kto") if "file" in origin(row)]
    assert {(row["completion"][0]["content"].strip(), row["label"]) for row in ratings} == {
        ("Yes.", True),
        ("No.", False),
    }


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"messages": [*single("Q?"), *single("Yes.", "assistant")]}, {"sft": 1, "prompts": 1}),
        ({"prompt": "Q?", "completion": "Yes."}, {"sft": 1, "prompts": 1}),
        ({"prompt": single("Q?"), "completion": single("Yes.", "assistant")}, {"sft": 1, "prompts": 1}),
        ({"prompt": "Q?", "completion": "Yes.", "label": False}, {"kto": 1, "prompts": 1}),
        ({"prompt": "Q?"}, {"prompts": 1}),
    ],
)
def test_rows_of_other_kinds_feed_what_their_columns_allow(
    tmp_path: Path, form: dict[str, Any], expected: dict[str, int]
) -> None:
    told = mixed(tmp_path, pool(tmp_path / "rows.jsonl", [form]))
    assert {kind: number for kind, number in told.items() if number} == expected
    if "sft" in expected:
        (row,) = [row for row in rows(tmp_path / "data", "sft") if "file" in origin(row)]
        assert row["messages"] == [*single("Q?"), *single("Yes.", "assistant")]
    if "kto" in expected:
        (row,) = [row for row in rows(tmp_path / "data", "kto") if "file" in origin(row)]
        assert row["label"] is False


def test_an_export_of_ours_can_be_mixed_in_with_its_probabilities(tmp_path: Path) -> None:
    export(judged(tmp_path / "old", compared(30, p=0.7)), tmp_path / "pool", parquet=True, test_fraction=0)
    told = mixed(tmp_path, tmp_path / "pool" / "reward" / "train.parquet", own=20)
    assert told["reward"] == 20
    assert {row["p_chosen"] for row in rows(tmp_path / "data", "reward")} == {0.7, 0.8}


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in helpful_pairs(9)).encode()))
    assert mixed(tmp_path, file)["preference"] == 9


def test_rows_of_no_use_are_passed_over(tmp_path: Path) -> None:
    useless = [
        {"prompt": "Same?", "chosen": "Yes.", "rejected": "Yes. "},
        {"prompt": "Empty?", "chosen": "", "rejected": "No."},
        {"prompt": "  ", "chosen": "Yes.", "rejected": "No."},
    ]
    file = pool(tmp_path / "pairs.jsonl", [*useless, *helpful_pairs(3)])
    assert mixed(tmp_path, file) == {"sft": 0, "preference": 3, "reward": 3, "kto": 6, "prompts": 3}
