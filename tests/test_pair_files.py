"""Pairs of responses from files: which rows are pairs, and what is said of those that are not."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from constitution.errors import SourceError
from constitution.pair_files import PairRow, read_pairs, scan_pairs

Written = Callable[[Sequence[Any]], str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A JSONL file of these rows."""

    def write(rows: Sequence[Any]) -> str:
        path = tmp_path / "pairs.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return write


def turns(*contents: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": content} for n, content in enumerate(contents)]


def said(row: PairRow) -> tuple[list[str], list[str], str | None]:
    return [m.content for m in row.prompt.messages], [c.text for c in row.candidates], row.gold


HH = "\n\nHuman: Hi: a question\n\nAssistant: Yes?\n\nHuman: Why?\n\nAssistant: "


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": HH + "Because.", "rejected": HH + "Go away."},
        {
            "chosen": turns("Hi: a question", "Yes?", "Why?", "Because."),
            "rejected": turns("Hi: a question", "Yes?", "Why?", "Go away."),
        },
        {
            "prompt": turns("Hi: a question", "Yes?", "Why?"),
            "chosen": [{"role": "assistant", "content": "Because."}],
            "rejected": [{"role": "assistant", "content": "Go away."}],
        },
        {"prompt": HH.removesuffix("\n\nAssistant: "), "chosen": "Because.", "rejected": "Go away."},
        {"prompt": HH, "corrects": [" Because."], "incorrects": ["Go away."]},
        {
            "prompt": turns("Hi: a question", "Yes?", "Why?"),
            "response_a": "Because.",
            "response_b": "Go away.",
            "label": "A",
        },
    ],
)
def test_the_same_pair_in_every_form(written: Written, row: dict[str, Any]) -> None:
    (found,) = read_pairs(written([row]))
    assert said(found) == (["Hi: a question", "Yes?", "Why?"], ["Because.", "Go away."], "first")
    assert not found.problem


def test_a_label_says_what_people_preferred_and_may_be_absent(written: Written) -> None:
    row = {"prompt": "Why?", "response_a": "x", "response_b": "y"}
    rows = [row, row | {"label": "b"}, row | {"label": "tie"}]
    assert [one.gold for one in read_pairs(written(rows))] == [None, "second", None]


def test_every_correct_answer_meets_every_incorrect_one(written: Written) -> None:
    rows = list(read_pairs(written([{"prompt": "Why?", "corrects": ["a", "b"], "incorrects": ["x", "y"]}])))
    assert [said(row)[1] for row in rows] == [["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]]
    assert [row.index for row in rows] == [0, 1, 2, 3]
    assert len({row.id for row in rows}) == 4


def test_answers_that_are_letters_are_looked_up_in_the_question(written: Written) -> None:
    prompt = "\n\nHuman: Which reply is better?\n\nOptions:\n (A) I won't\n say.\n (B) Gladly.\n\nAssistant:"
    (row,) = read_pairs(written([{"prompt": prompt, "corrects": [" (B)"], "incorrects": [" (A)"]}]))
    assert said(row) == (["Which reply is better?"], ["Gladly.", "I won't\n say."], "first")


def test_letters_that_the_question_does_not_spell_out_are_no_pair(written: Written) -> None:
    (row,) = read_pairs(written([{"prompt": "Which?", "corrects": ["(B)"], "incorrects": ["(A)"]}]))
    assert "does not spell them out" in row.problem and row.candidates == ()


@pytest.mark.parametrize(
    ("chosen", "rejected", "problem"),
    [
        (HH + "Yes.", "\n\nHuman: Else?\n\nAssistant: No.", "differ before the last turn"),
        (HH, HH + "No.", "empty"),
        (HH + "Yes.\n\nHuman: Twice.\n\nHuman: In a row.\n\nAssistant: No.", HH + "No.", "alternate"),
        ("Yes.", "No.", "no user turn"),
    ],
)
def test_rows_that_are_no_pair_are_kept_with_the_reason(
    written: Written, chosen: str, rejected: str, problem: str
) -> None:
    (row,) = read_pairs(written([{"chosen": chosen, "rejected": rejected}]))
    assert problem in row.problem and row.candidates == ()


def test_a_file_in_no_known_form_tells_its_columns_and_the_forms(written: Written) -> None:
    file = written([{"question": "Why?", "answer": "Because."}])
    with pytest.raises(SourceError, match=r"pairs\.jsonl:1: no pair of responses; there are: question, answer") as bad:
        scan_pairs(file)
    assert "chosen, rejected" in bad.value.hint and "corrects" in bad.value.hint


@pytest.mark.parametrize("form", [("response_a", "response_b"), ("corrects", "incorrects")])
def test_answers_without_a_prompt_are_no_known_form(written: Written, form: tuple[str, str]) -> None:
    with pytest.raises(SourceError, match="no pair of responses"):
        scan_pairs(written([{form[0]: ["x"], form[1]: ["y"]}]))


def test_equal_pairs_get_ids_of_their_own_and_a_limit_counts_pairs(written: Written) -> None:
    row = {"prompt": "Why?", "chosen": "x", "rejected": "y"}
    file = written([row, row, row | {"chosen": "z"}])
    ids = [one.id for one in read_pairs(file)]
    assert len(set(ids)) == 3 and ids[1] == f"{ids[0]}-2"
    assert [one.id for one in read_pairs(file, limit=2)] == ids[:2]
    assert scan_pairs(file)[0] == 3
    assert scan_pairs(file)[1] != scan_pairs(file, 2)[1]


def test_other_columns_travel_along(written: Written) -> None:
    (row,) = read_pairs(written([{"prompt": "Why?", "chosen": "x", "rejected": "y", "topic": "t", "n": 2}]))
    assert row.prompt.metadata == {"topic": "t", "n": 2}


def test_an_empty_file_is_refused(written: Written) -> None:
    with pytest.raises(SourceError, match="no rows"):
        scan_pairs(written([]))


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"chosen": HH + "x", "rejected": HH + "y"}).encode()))
    assert [said(row)[1] for row in read_pairs(str(path))] == [["x", "y"]]
