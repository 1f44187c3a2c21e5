"""How far people agree with the AI's labels and each other: published and hand computations, what does not count."""

import json
import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from exporting import comparison, judged, many, stored
from given_reviews import on_comparison, on_revision
from principle_cli import Ran

from constitution import export
from constitution.cli import main
from constitution.records import Comparison, Status
from constitution.report import agreeing
from constitution.report.agreeing import BAD, FIRST, NEITHER, SECOND, agree, kappa
from constitution.report.agreement import Agreement, agreement_lines, agreement_warnings, nameless
from constitution.reviewed import count_reviews
from constitution.reviews import FILE, Verdict

Cli = Callable[..., subprocess.CompletedProcess[str]]
Typed = Callable[..., Ran]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    """The command line, in this process."""

    def run(*args: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["constitution", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    return run


def table(counts: Sequence[Sequence[int]]) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Two judges' categories from their confusion matrix."""
    cells = [(row, column) for row, line in enumerate(counts) for column, n in enumerate(line) for _ in range(n)]
    return np.array(cells, dtype=np.float64)


def made(number: int, p: float = 0.8) -> list[Comparison]:
    """Comparisons of as many prompts; the AI prefers the first response."""
    return [comparison(n, f"Question {n}?", f"One {n}.", f"Two {n}.", p) for n in range(number)]


def reviewed(tmp_path: Path, rows: Sequence[Comparison], **people: Sequence[Verdict]) -> Path:
    """A run in which each of these people said these things, one a comparison."""
    run = judged(tmp_path / "run", rows)
    for name, verdicts in people.items():
        for one, verdict in zip(rows, verdicts, strict=False):
            on_comparison(run, one, name, verdict)
    return run


def found(run: Path) -> Agreement:
    agreed = agree(run)
    assert agreed is not None
    return agreed


# Kappa


def test_kappa_of_cohens_own_example() -> None:
    # Cohen 1960, table 1: proportions of agreement .25 + .02 + .02, by chance .20 + .09 + .06; (.29 − .35) / .65.
    assert kappa(table([[25, 13, 12], [12, 2, 16], [3, 15, 2]])) == pytest.approx(-0.06 / 0.65)


def test_kappa_of_three_categories_by_hand() -> None:
    # Of 200 they agree on 88 + 40 + 12 (.70), by chance on .60 · .50 + .30 · .30 + .10 · .20 (.41).
    assert kappa(table([[88, 14, 18], [10, 40, 10], [2, 6, 12]])) == pytest.approx(0.29 / 0.59)


def test_kappa_of_two_categories_by_hand() -> None:
    # 20 and 15 agreements of 50: observed 0.7, by chance 0.5 · 0.6 + 0.5 · 0.4 = 0.5.
    assert kappa(table([[20, 5, 0], [10, 15, 0], [0, 0, 0]])) == pytest.approx(0.4)


def test_kappa_is_one_less_the_disagreement_over_that_by_chance() -> None:
    # As scikit-learn computes it: 1 − Σ w·confusion / Σ w·expected, w being 0 on the diagonal and 1 beside it.
    chance = np.random.default_rng(1)
    for _ in range(20):
        counts = chance.integers(0, 9, (3, 3))
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
        beside = ~np.eye(3, dtype=bool)
        assert kappa(table(counts.tolist())) == pytest.approx(1 - counts[beside].sum() / expected[beside].sum())


def test_kappa_of_those_who_always_contradict_each_other_is_minus_one() -> None:
    assert kappa(table([[0, 5, 0], [5, 0, 0], [0, 0, 0]])) == -1


@pytest.mark.parametrize("category", [FIRST, SECOND, NEITHER, BAD])
def test_kappa_of_one_category_only_is_not_defined(category: int) -> None:
    assert np.isnan(kappa(np.full((7, 2), float(category))))


def test_kappa_where_one_of_two_never_varies_is_zero() -> None:
    assert kappa(table([[6, 4, 0], [0, 0, 0], [0, 0, 0]])) == 0


# What a run's folder says


def test_a_run_without_reviews_has_no_agreement(tmp_path: Path) -> None:
    assert agree(judged(tmp_path / "run", made(3))) is None


def test_agreement_with_the_ai_by_hand(tmp_path: Path) -> None:
    rows = [
        *made(4),
        *[comparison(n, f"Question {n}?", "One.", "Two.", 0.2) for n in (4, 5)],
        comparison(6, "Question 6?", "One.", "Two.", 0.505, status="tie"),
        comparison(7, "Question 7?", "One.", "Two.", 0.5),
    ]
    said: list[Verdict] = ["first", "first", "first", "second", "second", "tie", "both bad", "first"]
    agreed = found(reviewed(tmp_path, rows, ada=said))
    (pair,) = agreed.with_ai
    assert (pair.one, pair.other) == ("ada", "AI")
    assert pair.rate is not None and (pair.rate.value, pair.rate.n) == (5 / 8, 8)
    # Of ada 4 first, 2 second, 2 neither; of the AI 4, 2, 2: by chance (16 + 4 + 4) / 64.
    assert pair.kappa is not None and pair.kappa.value == pytest.approx((5 / 8 - 24 / 64) / (1 - 24 / 64))
    assert -1 <= pair.kappa.low < pair.kappa.value < pair.kappa.high <= 1
    # Both prefer a side in the first five.
    assert pair.decided is not None and (pair.decided.value, pair.decided.n) == (4 / 5, 5)
    assert agreed.between == ()
    assert (agreed.unread, agreed.outdated) == (0, 0)


def test_what_the_ai_does_not_say_is_left_out_and_counted(tmp_path: Path) -> None:
    statuses: list[Status] = ["invalid", "inconsistent", "labelled"]
    rows = [
        comparison(n, f"{n}?", "One.", "Two.", None if status == "invalid" else 0.7, status=status)
        for n, status in enumerate(statuses)
    ]
    agreed = found(reviewed(tmp_path, rows, ada=["first"] * 3, ben=["first"] * 3))
    assert agreed.unread == 2
    assert [pair.rate.n for pair in agreed.with_ai if pair.rate] == [1, 1]
    # People agree on them all the same.
    assert [pair.rate.n for pair in agreed.between if pair.rate] == [3]


def test_skips_never_count_and_the_last_answer_does(tmp_path: Path) -> None:
    rows = made(4)
    run = reviewed(tmp_path, rows, ada=["second", "skip", "first", "first"])
    on_comparison(run, rows[0], "ada", "first")
    on_comparison(run, rows[2], "ada", "skip")
    agreed = found(run)
    (ada,) = agreed.reviewers
    assert (ada.compared, ada.verdicts) == (2, {"first": 2, "skip": 2})
    assert agreed.with_ai[0].rate is not None
    assert (agreed.with_ai[0].rate.value, agreed.with_ai[0].rate.n) == (1, 2)
    counted = count_reviews(run)
    assert counted is not None and (counted.answers, counted.reviewers) == (ada.compared, 1)


def test_only_what_was_said_before_the_label_was_told_agrees_with_the_ai(tmp_path: Path) -> None:
    rows = made(4)
    run = reviewed(tmp_path, rows, ada=["second"] * 4, ben=["second", "first"])
    # Having been told what the AI prefers, ada agrees with it, and takes one back.
    for one in rows[:2]:
        on_comparison(run, one, "ada", "first", told=True)
    on_comparison(run, rows[2], "ada", "skip", told=True)
    agreed = found(run)
    assert [(pair.rate.value, pair.rate.n) for pair in agreed.with_ai if pair.rate] == [(0, 4), (0.5, 2)]
    assert agreed.majority is not None and agreed.majority.rate is not None
    assert (agreed.majority.rate.value, agreed.majority.rate.n) == (0, 3), "they were divided on one"
    # All else goes by the last word.
    assert agreed.reviewers[0].verdicts == {"first": 2, "second": 1, "skip": 1}
    assert [(pair.rate.value, pair.rate.n) for pair in agreed.between if pair.rate] == [(0.5, 2)]
    assert (agreed.unread, agreed.outdated) == (0, 0)


def test_reviews_of_other_texts_are_outdated(tmp_path: Path) -> None:
    rows = made(3)
    run = reviewed(tmp_path, rows, ada=["first"] * 3)
    changed = [rows[0], rows[1].model_copy(update={"first": rows[1].first.model_copy(update={"text": "New."})})]
    other = judged(tmp_path / "other", changed)
    (run / "comparisons.jsonl").write_bytes((other / "comparisons.jsonl").read_bytes())
    agreed = found(run)
    assert (agreed.outdated, agreed.reviewers[0].compared) == (2, 1)
    # What is said of the new text counts, and the old word stays outdated.
    on_comparison(run, changed[1], "ada", "second")
    agreed = found(run)
    assert (agreed.outdated, agreed.reviewers[0].compared) == (2, 2)


def test_two_reviewers_by_hand_and_only_where_both_answered(tmp_path: Path) -> None:
    rows = made(6)
    run = reviewed(tmp_path, rows, ada=["first", "second", "tie", "first"], ben=["first", "first", "both bad", "skip"])
    for one in rows[4:]:
        on_comparison(run, one, "cem", "first")
    agreed = found(run)
    (pair,) = agreed.between
    assert (pair.one, pair.other) == ("ada", "ben")
    # A tie and both bad are two answers; only of the AI nobody knows which one it would give.
    assert pair.rate is not None and (pair.rate.value, pair.rate.n) == (pytest.approx(1 / 3), 3)
    # ada 1, 1, 1, 0; ben 2, 0, 0, 1: by chance 2 / 9.
    assert pair.kappa is not None and pair.kappa.value == pytest.approx((1 / 3 - 2 / 9) / (1 - 2 / 9))
    assert pair.decided is not None and (pair.decided.value, pair.decided.n) == (0.5, 2)
    assert [with_ai.one for with_ai in agreed.with_ai] == ["ada", "ben", "cem"]


def test_a_reviewers_own_numbers(tmp_path: Path) -> None:
    rows, told = made(4), many(3)
    run = judged(stored(tmp_path / "run", told), rows)
    on_comparison(run, rows[0], "ada", "first", as_a="first", seconds=2.0, note="Kinder.")
    on_comparison(run, rows[1], "ada", "second", as_a="second", seconds=9.0)
    on_comparison(run, rows[2], "ada", "first", as_a="second", seconds=3.0)
    on_comparison(run, rows[3], "ada", "tie", as_a="first")
    on_revision(run, told[0], 1, "ada", "accept", seconds=4.0)
    on_revision(run, told[0], 2, "ada", "edit", text="Best of all.", note=" ")
    on_revision(run, told[1], 2, "ada", "reject")
    on_revision(run, told[2], 2, "ada", "skip")
    (ada,) = found(run).reviewers
    assert ada.verdicts == {"first": 2, "second": 1, "tie": 1}
    assert ada.revisions == {"accept": 1, "edit": 1, "reject": 1}
    assert (ada.compared, ada.seconds, ada.notes) == (4, 3.5, 1)
    assert ada.as_a is not None and (ada.as_a.value, ada.as_a.n) == (pytest.approx(2 / 3), 3)
    assert found(run).outdated == 0


def test_reviews_of_revisions_alone_say_nothing_of_agreement(tmp_path: Path) -> None:
    told = many(2)
    run = stored(tmp_path / "run", told)
    on_revision(run, told[0], 2, "ada", "accept")
    agreed = found(run)
    assert (agreed.with_ai, agreed.between, agreed.reviewers[0].revisions) == ((), (), {"accept": 1})
    assert agreement_lines(agreed) == ["reviewed by people: 1", "  ada: revisions 1 (1 accept)"]


def test_only_reviewed_rows_are_read_in_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made(200)
    run = judged(tmp_path / "run", rows)
    for place in (7, 150):
        on_comparison(run, rows[place], "ada", "first")
    read = []
    parse = agreeing.parse
    monkeypatch.setattr(agreeing, "parse", lambda *given: read.append(parse(*given)) or read[-1])
    assert found(run).reviewers[0].compared == 2
    assert [one.index for one in read] == [7, 150]


def test_the_majority_and_the_ai_by_hand(tmp_path: Path) -> None:
    rows = [*made(4), comparison(4, "Question 4?", "One.", "Two.", 0.2)]
    run = reviewed(
        tmp_path,
        rows,
        ada=["first", "first", "tie", "first", "second"],
        ben=["first", "second", "both bad", "second", "second"],
        cem=["second", "second", "first"],
    )
    pair = found(run).majority
    assert pair is not None and (pair.one, pair.other) == ("the majority of people", "AI")
    # First, second, neither, divided, second; the AI says first four times, then second.
    assert pair.rate is not None and (pair.rate.value, pair.rate.n) == (0.5, 4)
    assert pair.decided is not None and (pair.decided.value, pair.decided.n) == (pytest.approx(2 / 3), 3)
    exported = export(run, tmp_path / "data", labels="human", kinds=["preference"])
    assert sum(exported.rows["preference"].values()) == pair.decided.n
    lines = agreement_lines(found(run))
    assert lines[7].startswith("the majority of people and the AI say the same (first, second or neither): 50.0% [")
    assert "agreement is of the reviewed comparisons, not of the whole run" in lines


def test_one_reviewer_is_no_majority(tmp_path: Path) -> None:
    assert found(reviewed(tmp_path, made(3), ada=["first"] * 3, ben=["skip"])).majority is None


def test_of_many_reviewers_only_the_pairs_that_share_most_are_told(tmp_path: Path) -> None:
    # Person n answers n comparisons: 15 pairs, of which those of the first one share least.
    people: dict[str, list[Verdict]] = {f"p{n}": ["first", "second"] * n for n in range(1, 7)}
    agreed = found(reviewed(tmp_path, made(12), **people))
    assert len(agreed.between) == 15
    lines = agreement_lines(agreed)
    told = [line.split(" say the same")[0] for line in lines if "tie or both bad)" in line]
    assert len(told) == 10 and not any("p1" in pair for pair in told)
    assert told == sorted(told)
    assert "pairs of reviewers left out here, who have fewer comparisons in common: 5" in lines
    assert sum("and the AI say the same" in line for line in lines) == 7


# Intervals


def test_those_who_never_disagreed_may_yet(tmp_path: Path) -> None:
    rows = [*made(5), *[comparison(n, f"{n}?", "One.", "Two.", 0.1) for n in range(5, 10)]]
    (pair,) = found(reviewed(tmp_path, rows, ada=["first"] * 5 + ["second"] * 5)).with_ai
    assert pair.kappa is not None and pair.rate is not None
    assert (pair.kappa.value, pair.kappa.high) == (1, 1)
    assert pair.kappa.low == pytest.approx((pair.rate.low - 0.5) / 0.5) and pair.kappa.low < 0.6


def test_one_category_throughout_leaves_kappa_untold(tmp_path: Path) -> None:
    (pair,) = found(reviewed(tmp_path, made(6), ada=["first"] * 6)).with_ai
    assert pair.kappa is None and pair.rate is not None and pair.rate.value == 1
    told = "  Cohen's kappa: cannot be told: one of them always says the same"
    assert told in agreement_lines(found(tmp_path / "run"))


def test_one_who_always_says_the_same_leaves_kappa_untold(tmp_path: Path) -> None:
    # Kappa is 0 here, and in each resample: an interval of nothing but 0 would be told.
    run = reviewed(tmp_path, made(3), ada=["first"] * 3, ben=["first", "first", "second"])
    (pair,) = found(run).between
    assert (pair.kappa, pair.no_kappa) == (None, "one of them always says the same")
    assert [one.kappa for one in found(run).with_ai] == [None, None]
    assert not any("0.000 [0.000, 0.000]" in line for line in agreement_lines(found(run)))


def test_comparisons_of_one_prompt_leave_kappa_untold(tmp_path: Path) -> None:
    rows = [comparison(0, "Why?", "One.", "Two.", p, sources=("a", str(k)), pairs=2) for k, p in enumerate((0.9, 0.1))]
    (pair,) = found(reviewed(tmp_path, rows, ada=["first", "second"])).with_ai
    assert (pair.kappa, pair.no_kappa) == (None, "all comparisons are of one prompt")


def test_comparisons_of_one_prompt_are_one_witness(tmp_path: Path) -> None:
    rows = made(4)
    copies = [
        comparison(n, f"Question {n}?", f"One {n}.", f"Two {n}.", 0.8, sources=("a", str(k)), pairs=5)
        for n in range(4)
        for k in range(5)
    ]
    said: list[Verdict] = ["first", "second", "tie", "first"]
    once = found(reviewed(tmp_path / "once", rows, ada=said)).with_ai[0].rate
    often = found(reviewed(tmp_path / "often", copies, ada=[one for one in said for _ in range(5)])).with_ai[0].rate
    assert once is not None and often is not None
    assert (often.n, often.value) == (20, once.value)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_the_interval_of_kappa_holds_the_truth_nineteen_times_in_twenty() -> None:
    chance = np.random.default_rng(5)
    held, tries = 0, 60
    for _ in range(tries):
        # Both see the truth, one of three; each says it with probability 0.7, and else any of the three.
        truth = chance.integers(0, 3, 80)
        both = np.stack(
            [np.where(chance.random(80) < 0.7, truth, chance.integers(0, 3, 80)) for _ in range(2)], axis=1
        ).astype(np.float64)
        agreed = agreeing.bootstrap(kappa, both, [str(n) for n in range(80)], -1, 1)
        assert agreed is not None
        # 0.7² + (1 − 0.7²) / 3 less the third that is chance, over two thirds.
        held += agreed.low <= 0.49 <= agreed.high
    assert held / tries >= 0.88


# What is told


def test_people_who_guess_are_warned_of(tmp_path: Path) -> None:
    chance = random.Random(6)
    rows = made(40)
    guessed: list[list[Verdict]] = [[chance.choice(["first", "second"]) for _ in rows] for _ in range(2)]
    told = "\n".join(agreement_warnings(found(reviewed(tmp_path, rows, ada=guessed[0], ben=guessed[1]))))
    for pair in ("ada and the AI", "ben and the AI", "ada and ben"):
        assert f"nothing shows that {pair} prefer the same response more often than by chance" in told


@pytest.mark.parametrize(("number", "warned"), [(3, False), (19, False), (20, True)])
def test_of_a_few_comparisons_nobody_is_warned(tmp_path: Path, number: int, warned: bool) -> None:
    said: list[Verdict] = ["first" if n % 2 else "second" for n in range(number)]
    warnings = agreement_warnings(found(reviewed(tmp_path, made(number), ada=said)))
    assert any("ada and the AI prefer the same response" in warning for warning in warnings) == warned


def test_people_who_agree_are_told_without_warning(tmp_path: Path) -> None:
    rows = [comparison(n, f"{n}?", "One.", "Two.", 0.9 if n % 2 else 0.1) for n in range(24)]
    run = judged(tmp_path / "run", rows)
    for n, one in enumerate(rows):
        for name in ("ada", "ben"):
            on_comparison(run, one, name, "first" if n % 2 else "second", as_a="first" if n % 3 else "second")
    assert agreement_warnings(found(run)) == []


def test_who_only_knows_positions_is_warned_of(tmp_path: Path) -> None:
    rows = made(20)
    run = judged(tmp_path / "run", rows)
    for n, one in enumerate(rows):
        on_comparison(run, one, "ada", "first" if n % 2 else "second", as_a="second" if n % 2 else "first")
    assert "ada nearly always prefers the response shown as B" in agreement_warnings(found(run))


def test_without_names_the_same_is_told_of_numbers(tmp_path: Path) -> None:
    rows = made(3)
    run = reviewed(tmp_path, rows, Zoe=["first"] * 3, AI=["first", "second", "tie"])
    lines = "\n".join(agreement_lines(nameless(found(run))))
    assert "Zoe" not in lines
    assert "reviewer 1 and the AI say the same (first, second or neither): 33.3% [" in lines
    assert "reviewer 1 and reviewer 2 say the same (first, second, tie or both bad)" in lines


def test_the_audit_tells_agreement_after_the_judges_lines(cli: Cli, typed: Typed, tmp_path: Path) -> None:
    rows = made(8)
    run = judged(tmp_path / "run", rows)
    bare = typed("audit", run)
    assert bare.code == 0, bare.err
    before = json.loads(typed("audit", run, "--format", "json").out)
    assert before.pop("agreement") is None
    for one in rows:
        on_comparison(run, one, "a\u202eda\x1b[2J", "first", seconds=1.25)
    text = cli("audit", run)
    assert text.returncode == 0, text.stderr
    assert text.stdout.startswith(bare.out)
    added = text.stdout.removeprefix(bare.out).splitlines()
    assert added[:2] == [
        "  reviewed by people: 1",
        "    a�da�[2J: comparisons 8 (8 first); 1.2 s for an answer (median)",
    ]
    assert "  a�da�[2J and the AI say the same (first, second or neither): 100.0% [67.6, 100.0], n = 8" in added
    after = json.loads(typed("audit", run, "--format", "json").out)
    agreed = Agreement.model_validate(after.pop("agreement"))
    assert agreed == agree(run)
    assert after == before


def test_the_status_says_how_many_reviews_there_are(typed: Typed, tmp_path: Path) -> None:
    rows = made(3)
    run = reviewed(tmp_path, rows, ada=["first", "skip", "tie"], ben=["first"])
    told = typed("status", run)
    assert told.code == 0, told.err
    assert told.out.splitlines()[-1] == f"{run}: 3 reviews by people (reviewers: 2)"
    assert json.loads(typed("status", run, "--format", "json").out)["reviews"] == {"answers": 3, "reviewers": 2}


def test_a_damaged_review_stops_the_audit_and_names_its_line(typed: Typed, tmp_path: Path) -> None:
    run = reviewed(tmp_path, made(3), ada=["first"] * 3)
    content = (run / FILE).read_bytes()
    (run / FILE).write_bytes(content.replace(b'"verdict":"first"', b'"verdict":"secon"', 1))
    told = typed("audit", run)
    assert told.code == 4
    assert f"{run / FILE}:1: damaged" in told.err


def test_every_verdict_of_a_comparison_has_a_category() -> None:
    assert set(agreeing.SIDES) == set(get_args(Verdict)[:4])
