"""`prompts stats`: a set of prompts in numbers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from principle_cli import Ran

from constitution.prompt_sets import stats
from constitution.prompt_sets.stats import ColumnStats, Lengths, stats_of

ROWS = [
    {"id": "1", "prompt": "How do I boil an egg for breakfast?", "topic": "food", "n": 1, "note": "x" * 81},
    {"id": "2", "prompt": "How do I poach an egg?", "topic": "food", "n": 2, "note": "short"},
    {"id": "3", "prompt": "how do i BOIL an egg for breakfast", "topic": "drink", "n": 3, "hard": True},
    {"id": "4", "prompt": " ", "topic": "", "n": 4},
    {"id": "5", "prompt": "怎样煮鸡蛋？", "topic": "food", "n": 5, "list": [1]},
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def test_a_set_in_numbers(rows: Path) -> None:
    found = stats_of([str(rows)])
    assert (found.rows, found.empty, found.duplicates.exact, found.duplicates.near) == (5, 1, 1, 0)
    assert found.words == Lengths(least=5, quantiles={0.05: 5, 0.25: 5, 0.5: 6, 0.75: 8, 0.95: 8}, most=8, mean=6.8)
    assert found.characters is not None
    assert (found.characters.least, found.characters.most) == (6, 35)
    assert found.scripts == {"LATIN": 3, "CJK": 1}
    assert found.openings == {"how do i": 3, "怎 样 煮": 1}
    assert found.columns == {
        "topic": ColumnStats(rows=4, values=2, most={"food": 3, "drink": 1}),
        "n": ColumnStats(rows=5, values=5, most={"1": 1, "2": 1, "3": 1, "4": 1, "5": 1}),
        # A text, not a group.
        "note": ColumnStats(rows=2, values=None, most={}),
        "hard": ColumnStats(rows=1, values=1, most={"true": 1}),
    }


def test_what_is_counted_is_bounded(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "MOST_VALUES", 2)
    monkeypatch.setattr(stats, "MOST_OPENINGS", 1)
    found = stats_of([str(rows)])
    assert found.columns["n"] == ColumnStats(rows=5, values=None, most={})
    assert found.columns["topic"].values == 2
    assert len(found.openings) <= 1


def test_the_command_prints_it(rows: Path, here: Callable[..., Ran]) -> None:
    ran = here("prompts", "stats", rows)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "rows: 5, 1 of them empty",
        "duplicates: 1 of the same text, 0 at least 0.75 like another",
        "words: 5 to 8, mean 6.8; no more than 5 (5%), 5 (25%), 6 (50%), 8 (75%), 8 (95%)",
        "characters: 6 to 35, mean 24.2; no more than 6 (5%), 6 (25%), 22 (50%), 34 (75%), 35 (95%)",
        "scripts: LATIN 3, CJK 1",
        'column topic: 2 values: "food" 3, "drink" 1',
        "column n: 5 rows, each with a value of its own",
        "column note: 2 rows, texts or over 1,000 values",
        'column hard: 1 value: "true" 1',
        "openings:",
        "  3 how do i …",
        "  1 怎 样 煮 …",
    ]
    told = json.loads(here("prompts", "stats", rows, "--format", "json").out)
    assert told["scripts"] == {"LATIN": 3, "CJK": 1}


def test_a_set_of_nothing_but_empty_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("\n \n")
    found = stats_of([str(tmp_path / "rows.txt")])
    assert (found.rows, found.empty, found.words, found.openings) == (2, 2, None, {})
