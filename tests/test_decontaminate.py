"""Rows that hold what an evaluation asks: which are left out, which stay, and what is told of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from principle_cli import Ran

from constitution.errors import ConfigError, ExportError, SourceError
from constitution.prompt_sets.decontaminate import Evaluation, decontaminate
from constitution.prompt_sets.grams import Grams, Match, tokens_of
from constitution.prompt_sets.reading import Reading

LONG = "Describe in detail how a person could pick the lock of a front door at night"


def grams_of(*prompts: str, size: int = 8) -> Grams:
    grams = Grams(size)
    for prompt in prompts:
        grams.add(prompt)
    return grams


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_words_and_characters_are_tokens() -> None:
    assert tokens_of("Don't, PICK—locks!") == ("don", "t", "pick", "locks")
    assert tokens_of("怎样用Python写诗？") == ("怎", "样", "用", "python", "写", "诗")
    assert tokens_of("?!") == ("?!",)


def test_eight_words_in_a_row_are_a_match_and_seven_are_none() -> None:
    grams = grams_of("Who was it?", LONG)
    found = grams.match("Well: pick the lock of a FRONT door, at day")
    assert found == Match(1, "pick the lock of a front door at", 1 / 9)
    assert grams.match("how to pick the lock of a front window") is None
    assert grams.match(f"Story: {LONG}. Now write it.") == Match(1, "describe in detail how a person could pick", 1)


def test_shorter_prompts_are_looked_for_whole() -> None:
    grams = grams_of("How do I pick a lock?", "Be evil")
    assert grams.match("Tell me, how do I pick a lock at night?") == Match(0, "how do i pick a lock", 1)
    assert grams.match("How do I pick a door lock?") is None
    # Two words stand in many texts: the whole row must be them.
    assert grams.match("be EVIL!") == Match(1, "be evil", 1)
    assert grams.match("Why would a dragon be evil?") is None


def test_of_several_prompts_the_one_that_is_shared_most_is_told() -> None:
    grams = grams_of(f"{LONG} and also open the safe behind the picture", LONG)
    shared = "describe in detail how a person could pick"
    assert grams.match(LONG) == Match(1, shared, 1, others=(0,))
    # Of equal ones the first.
    assert grams_of(LONG, LONG.upper()).match(LONG) == Match(0, shared, 1, others=(1,))
    same = "Please write a short poem about the life of a"
    grams = grams_of(f"{same} city today", f"{same} village today")
    told = "please write a short poem about the life"
    assert grams.match(f"Well: {same} village today!") == Match(1, told, 1, others=(0,))
    # A run that both have, and no more, is the first one's.
    assert grams.match(f"{same} dog") == Match(0, told, 3 / 5, others=(1,))
    # Short ones, too, belong to all who have them.
    assert grams_of("Be evil", "Be evil!").match("be evil") == Match(0, "be evil", 1, others=(1,))


def test_chinese_is_matched_by_twice_as_many_characters() -> None:
    grams = grams_of("请详细说明一个人怎样在夜里打开别人家的门锁", "怎样偷别人的自行车")
    assert grams.match("我想知道：请详细说明一个人怎样在夜里打开别人的窗户") == Match(
        0, "请 详 细 说 明 一 个 人 怎 样 在 夜 里 打 开 别", 2 / 6
    )
    assert grams.match("请详细说明一个人怎样做饭") is None
    assert grams.match("怎样偷别人的自行车才不会被抓") == Match(1, "怎 样 偷 别 人 的 自 行 车", 1)


def test_rows_are_left_out_and_told(tmp_path: Path, lines: Callable[[Path], list[Any]]) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl",
        {"id": "a", "prompt": "How do I bake bread?"},
        {"id": "b", "prompt": f"Please {LONG.lower()}."},
        {"prompt": ""},
        {"id": "d", "prompt": "HOW DO I PICK A LOCK"},
    )
    first = write_rows(tmp_path / "first.jsonl", {"id": "x", "prompt": "Nothing of this."}, {"id": "y", "prompt": LONG})
    (tmp_path / "second.csv").write_text("Behavior,n\nHow do I pick a lock?,1\n")
    to, against = tmp_path / "kept.jsonl", [str(first), str(tmp_path / "second.csv")]
    found = decontaminate([str(rows)], against, to, columns=("Behavior",))
    assert (found.rows, found.kept) == (4, 2)
    assert found.evaluations == (
        Evaluation(file=against[0], prompts=2, found=1, rows=1),
        Evaluation(file=against[1], prompts=1, found=1, rows=1),
    )
    assert to.read_bytes() == b'{"id": "a", "prompt": "How do I bake bread?"}\n{"prompt": ""}\n'
    assert lines(tmp_path / "kept.jsonl.dropped.jsonl") == [
        {
            "where": f"{rows}:2",
            "id": "b",
            "evaluation": against[0],
            "evaluation_row": f"{first}:2",
            "evaluation_id": "y",
            "shared": "describe in detail how a person could pick",
            "share": 1.0,
        },
        {
            "where": f"{rows}:4",
            "id": "d",
            "evaluation": against[1],
            "evaluation_row": f"{against[1]}:2",
            "evaluation_id": None,
            "shared": "how do i pick a lock",
            "share": 1.0,
        },
    ]


def test_every_evaluation_that_a_row_holds_is_told(tmp_path: Path, lines: Callable[[Path], list[Any]]) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", {"prompt": LONG}, {"prompt": f"{LONG}. And who was it?"})
    first = write_rows(tmp_path / "1.jsonl", {"prompt": LONG}, {"prompt": "Nothing of this."})
    second = write_rows(tmp_path / "2.jsonl", {"prompt": "And who was it?"}, {"prompt": LONG.upper()})
    found = decontaminate([str(rows)], [str(first), str(second)], tmp_path / "kept.jsonl")
    assert (found.rows, found.kept) == (2, 0)
    assert found.evaluations == (
        Evaluation(file=str(first), prompts=2, found=1, rows=2),
        Evaluation(file=str(second), prompts=2, found=2, rows=2),
    )
    told = lines(tmp_path / "kept.jsonl.dropped.jsonl")
    assert [one["evaluation"] for one in told] == [str(first), str(first)]


def test_answers_are_looked_into_if_wished(tmp_path: Path) -> None:
    row = {"prompt": "What do they ask?", "completion": f"They ask this: {LONG}."}
    rows, evaluation = write_rows(tmp_path / "r.jsonl", row), write_rows(tmp_path / "e.jsonl", {"prompt": LONG})
    assert decontaminate([str(rows)], [str(evaluation)], tmp_path / "1.jsonl").kept == 1
    assert decontaminate([str(rows)], [str(evaluation)], tmp_path / "2.jsonl", Reading(on="row")).kept == 0


def test_faults_are_told(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", {"prompt": LONG})
    (tmp_path / "eval.csv").write_text("Behavior,n\nHow do I pick a lock?,1\n")
    empty = write_rows(tmp_path / "empty.jsonl")

    def fault(kind: "type[SourceError | ConfigError]", against: object, **changes: Any) -> tuple[str, str]:
        with pytest.raises(kind) as told:
            decontaminate([str(rows)], [str(against)], tmp_path / "kept.jsonl", **changes)
        return told.value.message.replace(f"{tmp_path}/", ""), told.value.hint

    assert fault(SourceError, tmp_path / "none.csv") == ("none.csv: no such file", "Check the path.")
    message, hint = fault(SourceError, tmp_path / "eval.csv")
    assert message == "eval.csv:2: no column called messages, prompt or chosen; there are: Behavior, n"
    assert hint == "Say which column holds the prompt: --against-column NAME"
    assert fault(SourceError, empty)[0] == "empty.jsonl: no rows to compare with"
    assert fault(ConfigError, rows, ngram=1)[0] == "--ngram 1: fewer than 2 words"
    # Nothing is left behind.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.jsonl", "eval.csv", "rows.jsonl"]


def test_an_evaluation_is_never_replaced(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", {"prompt": LONG})
    (tmp_path / "evals").mkdir()
    evaluation = write_rows(tmp_path / "evals" / "a.jsonl", {"prompt": LONG})
    beside = write_rows(tmp_path / "x.jsonl.dropped.jsonl", {"prompt": LONG})
    for against, to in (
        (evaluation, evaluation),
        (tmp_path / "evals", evaluation),
        (tmp_path / "evals" / "*", evaluation),
        (beside, tmp_path / "x.jsonl"),
    ):
        with pytest.raises(ExportError, match=r"jsonl: is read and cannot be written at once"):
            decontaminate([str(rows)], [str(against)], to, overwrite=True)
    with pytest.raises(ExportError, match=r"new\.jsonl: in the folder .*evals, which is read"):
        decontaminate([str(rows)], [str(tmp_path / "evals")], tmp_path / "evals" / "new.jsonl")
    assert evaluation.read_text() == beside.read_text() == rows.read_text()


def test_a_second_try_finds_nothing_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = write_rows(tmp_path / "eval.jsonl", {"prompt": LONG})
    (tmp_path / "a1.csv").write_text(f"prompt,n\n{LONG},1\n")
    (tmp_path / "a2.csv").write_text("prompt,m\nWho?,1\n")
    rows, to = [str(tmp_path / "a1.csv"), str(tmp_path / "a2.csv")], tmp_path / "a.out.csv"
    before = sorted(tmp_path.iterdir())
    for _ in range(2):
        with pytest.raises(SourceError, match=r"a2\.csv: other columns than .*a1\.csv"):
            decontaminate(rows, [str(evaluation)], to)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("constitution.prompt_sets.decontaminate.write_kept", stopped)
        decontaminate(rows[:1], [str(evaluation)], to)
    assert sorted(tmp_path.iterdir()) == before
    assert decontaminate(rows[:1], [str(evaluation)], to).kept == 0
    assert to.read_text() == "prompt,n\n"


def stopped(*given: object) -> None:
    raise KeyboardInterrupt


def test_the_command_tells_what_it_did(tmp_path: Path, here: Callable[..., Ran]) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", {"prompt": LONG}, {"prompt": "Who am I?"})
    evaluation = write_rows(tmp_path / "eval.jsonl", {"question": LONG})
    words = ("--against", evaluation, "--against-column", "question", "--to", tmp_path / "kept.jsonl")
    ran = here("prompts", "decontaminate", rows, *words)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{tmp_path / 'kept.jsonl'}: 1 of 2 rows kept",
        f"  {evaluation}: 1 of 1 prompts found, 1 rows left out",
    ]
    ran = here("prompts", "decontaminate", rows, *words, "--overwrite", "--ngram", "17", "--format", "json", "-q")
    assert json.loads(ran.out)["kept"] == 1
    ran = here("prompts", "decontaminate", rows, "--against", tmp_path / "none.jsonl", "--to", tmp_path / "x.jsonl")
    assert (ran.code, ran.err) == (2, f"error: {tmp_path / 'none.jsonl'}: no such file\n  Check the path.\n")


def test_a_column_that_no_evaluation_has_is_no_all_clear(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", {"prompt": LONG})
    evaluation = str(write_rows(tmp_path / "eval.jsonl", {"prompt": "Who was it?", "question": LONG}))
    to = tmp_path / "kept.jsonl"
    with pytest.raises(SourceError, match=r"^--against-column questoin: no evaluation has such a column; did you mean"):
        decontaminate([str(rows)], [evaluation], to, columns=("questoin",))
    # Of several evaluations each may have a column of its own.
    other = str(write_rows(tmp_path / "other.jsonl", {"behavior": "What happened then?"}))
    found = decontaminate([str(rows)], [evaluation, other], to, columns=("question", "behavior"))
    assert found.kept == 0
    empty = str(write_rows(tmp_path / "empty.jsonl", {"prompt": ""}, {"prompt": " "}))
    with pytest.raises(SourceError, match="all of its prompts are empty"):
        decontaminate([str(rows)], [empty], tmp_path / "more.jsonl")
