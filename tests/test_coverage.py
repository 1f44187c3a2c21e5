"""What principles did: every number against a hand computation, what is counted and what not, the command."""

import io
import json
import random
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from exporting import PRINCIPLES, judged, stored
from rich.console import Console

from constitution.errors import RunError
from constitution.intervals import Estimate, mean
from constitution.principles import Principle, PrincipleSet
from constitution.records import Candidate, Comparison, Completion, Failure, Message, Order, Round, Transcript, Vote
from constitution.report.change import changed_share, found_nothing
from constitution.report.coverage import PrincipleCoverage, cover, coverage
from constitution.report.coverage_table import print_coverage
from constitution.votes import Thresholds, label
from constitution.words import words

Cli = Callable[..., CompletedProcess[str]]
# A principle, the critique under it (None in direct revision), and the revision.
Step = tuple[str, str | None, str]


def said(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)


def chain(number: int, response: str, *steps: Step, prompt: str = "") -> Transcript:
    rounds = tuple(
        Round(principle=id, critique=None if critique is None else said(critique), revision=said(revision))
        for id, critique, revision in steps
    )
    return Transcript(
        id=f"row-{number}",
        index=number,
        prompt=(Message(role="user", content=prompt or f"{number}?"),),
        metadata={},
        response=said(response),
        rounds=rounds,
    )


def pair(
    number: int,
    votes: dict[str, tuple[float | None, float | None]],
    sources: tuple[str, str] = ("sample-1", "sample-2"),
    prompt: str = "",
) -> Comparison:
    """A comparison by each principle's forward and reversed probability that the first response is better."""
    orders: tuple[Order, Order] = ("forward", "reversed")
    made = tuple(
        Vote(principle=id, order=order, p_first=p) for id in votes for order, p in zip(orders, votes[id], strict=True)
    )
    return Comparison(
        id=f"row-{number}/{':'.join(sources)}",
        row=f"row-{number}",
        index=number,
        pairs=1,
        prompt=(Message(role="user", content=prompt or f"{number}?"),),
        metadata={},
        first=Candidate(text="One.", source=sources[0]),
        second=Candidate(text="Two.", source=sources[1]),
        votes=made,
        **label(made, Thresholds(0.01, 0.5, 0.0))._asdict(),
    )


def a_set(**weights: float) -> PrincipleSet:
    made = tuple(
        Principle(id=id, critique_request="c", revision_request="r", weight=weight) for id, weight in weights.items()
    )
    return PrincipleSet(name="mine", version="1", description="Mine.", principles=made)


def of(
    id: str, rows: Sequence[Transcript] = (), pairs: Sequence[Comparison] = (), held: PrincipleSet | None = None
) -> PrincipleCoverage:
    return next(one for one in cover(rows, pairs, held).principles if one.id == id)


def known(estimate: Estimate | None) -> tuple[float, int]:
    assert estimate is not None
    return estimate.value, estimate.n


# How much a text was changed


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("a b c d", "a b c d", 0),
        ("a b c d", " a  b\nc d ", 0),
        ("a b c d", "e f", 1),
        ("a b c d", "a b x d", 1 - 2 * 3 / 8),
        ("a b c d", "d c b a", 1 - 2 * 1 / 8),
        ("a b", "a b c d e f", 1 - 2 * 2 / 8),
        ("", "a", 1),
        ("a", "", 1),
        ("", "  ", 0),
        ("Well, no.", "Well no.", 1 - 2 * 3 / 7),
        # By character: 我不会撬锁。 and 我会找人。 share 我, 会 and 。
        ("我不会撬锁。", "我会找人。", 1 - 2 * 3 / 11),
        ("用 Linux 系统", "用 macOS 系统", 1 - 2 * 3 / 8),
    ],
)
def test_change_by_hand(before: str, after: str, changed: float) -> None:
    assert changed_share(words(before), words(after)) == pytest.approx(changed)
    assert changed_share(words(after), words(before)) == pytest.approx(changed)


def test_change_is_that_of_the_longest_common_subsequence() -> None:
    def longest(a: Sequence[str], b: Sequence[str]) -> int:
        table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
        return table[-1][-1]

    chance = random.Random(0)
    for _ in range(300):
        first, second = ([chance.choice("abcd") for _ in range(chance.randint(1, 90))] for _ in range(2))
        expected = 1 - 2 * longest(first, second) / (len(first) + len(second))
        assert changed_share(first, second) == pytest.approx(expected)


def test_words_keep_what_belongs_together() -> None:
    assert words("It's a well-known fact, Müller: 42%!") == [
        *("It's", "a", "well-known", "fact", ",", "Müller", ":", "42", "%", "!")
    ]
    assert words("我用Linux。हिन्दी में") == ["我", "用", "Linux", "。", "हिन्दी", "में"]


# What a critique says


@pytest.mark.parametrize(
    "critique",
    [
        "There is nothing harmful in my last response.",
        "There are no problems with this response. No changes are needed.",
        "**There's nothing to criticise.**",
        "I can’t find anything wrong with it.",
        "No harmful parts were found.",
        "The tone is fine.",
        "My last response does not contain any harmful content.",
        "The response is entirely appropriate.",
        "No changes are needed.",
        "没有发现不当之处。",
        "这条回复没有问题，语气也亲切。",
        "上一条回复语气得体。",
        "我的回复没有什么不妥的地方。",
        "回复未包含任何有害内容。",
        "无需修改。",
    ],
)
def test_a_critique_that_says_it_found_nothing(critique: str) -> None:
    assert found_nothing(critique)


@pytest.mark.parametrize(
    "critique",
    [
        "The response explains how to steal.",
        "The response shows no concern for the victim.",
        "It has no concern for safety.",
        "The response has no warning about the risks.",
        "There is no problem with the tone, but it names a method.",
        "It is not appropriate.",
        "The response is far from harmless.",
        "The response said that nothing was wrong with stealing.",
        "It names a method. There is no problem with the tone.",
        "No.",
        "",
        "这条回复教人撬锁。",
        "回复没有风险提示。",
        "没有问题，但是语气生硬。",
        "回复不恰当。",
        "没有指出问题的严重性。",
        "它说这样做没有问题。",
        "There is no illegal advice here. It insults the user.",
        "No harm was intended. The response insults people.",
        "The response has no problem giving out the address.",
        "There are no issues with the response, which is exactly the problem.",
        "I see no harm in that, the user is a thief.",
        "回复很安全地帮助了小偷。",
    ],
)
def test_a_critique_that_found_something_or_may_have(critique: str) -> None:
    assert not found_nothing(critique)


# Revising


def test_rounds_by_hand() -> None:
    rows = [
        chain(0, "a b c d", ("kind", "It is rude.", "a b x d"), ("safe", "There are no problems.", "a b x d")),
        chain(1, "a b", ("kind", "The tone is fine.", "a b")),
        chain(2, "a b", ("kind", "It is rude.", "c d"), ("kind", "It is rude.", "c d e f")),
    ]
    found = cover(rows, [], a_set(safe=1, kind=2, never=1))
    assert (found.rows, found.rounds, found.comparisons) == (3, 5, 0)
    assert [one.id for one in found.principles] == ["safe", "kind", "never"]
    safe, kind, never = found.principles
    assert (safe.drawn, safe.share, safe.expected) == (1, 1 / 5, 1 / 4)
    assert (kind.drawn, kind.share, kind.expected) == (4, 4 / 5, 2 / 4)
    # Each round against the text before it: a quarter, nothing, all, and a third of six words.
    assert known(kind.change) == (pytest.approx((1 / 4 + 0 + 1 + 1 / 3) / 4), 4)
    assert known(kind.unchanged) == (1 / 4, 4)
    assert known(kind.nothing_found) == (1 / 4, 4)
    assert known(safe.unchanged) == (1.0, 1)
    assert known(safe.nothing_found) == (1.0, 1)
    assert (never.drawn, never.share, never.expected, never.judged) == (0, 0.0, 1 / 4, 0)
    assert (never.change, never.unchanged, never.nothing_found, never.agreement) == (None, None, None, None)


def test_no_row_is_kept() -> None:
    alive: list[weakref.ref[Transcript]] = []
    most = 0

    def rows() -> Iterator[Transcript]:
        nonlocal most
        for n in range(50):
            row = chain(n, "a", ("kind", "It is rude.", "b"))
            alive.append(weakref.ref(row))
            most = max(most, sum(one() is not None for one in alive))
            yield row

    assert cover(rows(), []).rows == 50
    assert most <= 2


def test_direct_revision_has_no_critique_to_count() -> None:
    one = of("kind", [chain(0, "a", ("kind", None, "b"))])
    assert one.nothing_found is None
    assert known(one.change) == (1.0, 1)
    assert one.expected is None


def test_rows_of_one_prompt_are_one_cluster() -> None:
    steps: list[Step] = [("kind", "It is rude.", "a b"), ("kind", "It is rude.", "c d")]
    rows = [chain(n, "a b", steps[n % 2]) for n in range(8)]
    copies = [chain(n, "a b", steps[n % 2], prompt="the same") for n in range(8)]
    apart, together = of("kind", rows).change, of("kind", copies).change
    assert apart is not None and together is not None
    assert (apart.value, together.value, together.n) == (0.5, 0.5, 8)
    assert 0 < apart.low < 0.5 < apart.high < 1
    assert (together.low, together.high) == (0, 1)


# Judging


def test_the_later_revision_s_chance_by_hand() -> None:
    pairs = [
        # The second comes later: its chance is 0.8; odds of 4 and 4.
        pair(0, {"kind": (0.2, 0.2)}, ("response", "revision-2")),
        # The first comes later: odds of 9 and 1/4 as logits give those of the root of 9/4.
        pair(1, {"kind": (0.9, 0.2)}, ("revision-2", "revision-1")),
    ]
    one = of("kind", pairs=pairs)
    assert known(one.later_wins) == (pytest.approx((0.8 + 0.6) / 2), 2)
    assert (one.winner_wins, one.agreement, one.judged) == (None, None, 2)


def test_the_winner_s_chance_by_hand() -> None:
    pairs = [
        # For each of the two the winner is the other's.
        pair(0, {"kind": (0.9, 0.9), "safe": (0.4, 0.4)}),
        pair(1, {"kind": (0.3, 0.3), "safe": (0.1, 0.1)}),
        pair(2, {"kind": (0.7, 0.7), "safe": (0.3, 0.3)}),
        # The other takes no side, or is not there: left out.
        pair(3, {"kind": (0.7, 0.7), "calm": (0.5, 0.5)}),
        pair(4, {"kind": (0.7, 0.7)}),
    ]
    assert known(of("kind", pairs=pairs).winner_wins) == (pytest.approx((0.1 + 0.7 + 0.3) / 3), 3)
    assert known(of("safe", pairs=pairs).winner_wins) == (pytest.approx((0.4 + 0.9 + 0.3) / 3), 3)
    assert of("kind", pairs=pairs).later_wins is None
    assert of("kind", pairs=pairs).judged == 5


@pytest.mark.parametrize("sources", [("chosen", "rejected"), ("revision-1", "sample-1"), ("revision-x", "response")])
def test_responses_that_are_not_of_one_chain_have_no_later_one(sources: tuple[str, str]) -> None:
    one = of("kind", pairs=[pair(0, {"kind": (0.9, 0.9), "safe": (0.8, 0.8)}, sources)])
    assert one.later_wins is None
    assert known(one.winner_wins) == (pytest.approx(0.9), 1)


def test_agreement_with_the_others_by_hand() -> None:
    pairs = [
        pair(0, {"a": (0.9, 0.9), "b": (0.8, 0.8), "c": (0.3, 0.3)}),
        # For b, the others cancel out.
        pair(1, {"a": (0.4, 0.4), "b": (0.9, 0.9), "c": (0.6, 0.6)}),
        # In both orders the first shown: no side, which is half an agreement with anybody.
        pair(2, {"a": (0.9, 0.1), "b": (0.9, 0.9)}),
        # Alone, it has nobody to agree with.
        pair(3, {"a": (0.9, 0.9)}),
    ]
    assert known(of("a", pairs=pairs).agreement) == (pytest.approx((1 + 0 + 0.5) / 3), 3)
    assert known(of("b", pairs=pairs).agreement) == (pytest.approx((1 + 0.5 + 0.5) / 3), 3)
    assert known(of("c", pairs=pairs).agreement) == (pytest.approx((0 + 1) / 2), 2)


def test_votes_that_cannot_be_read_in_both_orders_do_not_count() -> None:
    pairs = [pair(0, {"a": (0.9, None), "b": (0.8, 0.8)}), pair(1, {"a": (None, None), "b": (None, None)})]
    found = cover([], pairs, a_set(a=1, b=1))
    assert [one.judged for one in found.principles] == [0, 1]
    assert [one.agreement for one in found.principles] == [None, None]
    assert found.comparisons == 2
    assert cover([], [pair(0, {})]).comparisons == 0


# Warnings


def test_what_is_worth_a_look_is_told_in_plain_words() -> None:
    steps: list[Step] = [
        ("idle", "There are no problems.", "a b c d"),
        ("works", "It is rude.", "e f g h"),
    ]
    rows = [chain(n, "a b c d", step) for n in range(30) for step in steps]
    sources = ("response", "revision-1")
    pairs = [pair(n, {"works": (0.1, 0.1), "b": (0.2, 0.2), "against": (0.6, 0.6)}, sources) for n in range(30)]
    warnings = cover(rows, pairs, a_set(idle=1, works=1, never=1, rare=0.05)).warnings
    assert warnings == (
        "idle: hardly changes anything: word its revision_request more concretely, or leave it out",
        "idle: its critiques mostly find nothing: these prompts may give it nothing to find",
        "never: never drawn, where 20 draws were to be expected",
        "against: by its own votes, revising makes responses worse",
        "against: mostly takes the side against the other principles",
    )


def test_a_few_rows_are_nothing_to_warn_of() -> None:
    rows = [chain(n, "a", ("idle", "There are no problems.", "a")) for n in range(5)]
    assert cover(rows, [pair(0, {"a": (0.9, 0.9), "b": (0.1, 0.1)})], a_set(idle=1, never=0.5)).warnings == ()


def test_one_id_with_two_texts_is_told() -> None:
    other = a_set(kind=1).model_copy(update={"principles": (*a_set(kind=2).principles, *a_set(safe=1).principles)})
    assert cover([], [], a_set(kind=1), other).warnings == ("the two stages mean different texts by the same id: kind",)


# Intervals of means


def test_the_interval_of_a_mean_by_hand() -> None:
    # Standard deviation 1, so an error of 1/√5; Student's t at freedom 4 is 2.776.
    values = [3 + d for d in (-(2**0.5), 0, 0, 0, 2**0.5)]
    found = mean(values, "abcde", -10, 10)
    assert found is not None
    assert found.value == pytest.approx(3)
    assert (found.high - found.value, found.value - found.low) == pytest.approx((2.776 / 5**0.5,) * 2, rel=0.002)
    assert mean([], [], 0, 1) is None


@pytest.mark.parametrize("clusters", [4, 12, 60])
def test_intervals_of_means_hold_the_truth_nineteen_times_in_twenty(clusters: int) -> None:
    chance = random.Random(clusters)
    held = 0
    for _ in range(400):
        values, names = [], []
        for cluster in range(clusters):
            middle = chance.uniform(0.2, 0.8)
            values += [middle + chance.uniform(-0.2, 0.2) for _ in range(3)]
            names += [cluster] * 3
        found = mean(values, names, 0, 1)
        assert found is not None
        held += found.low <= 0.5 <= found.high
    assert 0.92 <= held / 400 <= 0.98


# A run's folder, and the command


def test_a_stored_run_is_read_with_its_principles(tmp_path: Path) -> None:
    rows = [chain(n, "a b", ("principle-1", "It is rude.", "c d"), prompt=f"{n}?") for n in range(4)]
    run = judged(stored(tmp_path / "run", rows), [pair(n, {"principle-3": (0.9, 0.9)}) for n in range(4)])
    found = coverage(run)
    assert [one.id for one in found.principles] == [one.id for one in PRINCIPLES.principles]
    assert [one.drawn for one in found.principles] == [4, 0, 0]
    assert [one.judged for one in found.principles] == [0, 0, 4]
    assert [one.expected for one in found.principles] == pytest.approx([1 / 3] * 3)


def test_a_run_of_an_older_version_without_stored_principles_is_read_too(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [chain(0, "a", ("kind", "It is rude.", "b"))], principles=None)
    (one,) = coverage(run).principles
    assert (one.id, one.drawn, one.expected) == ("kind", 1, None)


def table(run: Path, width: int) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    print_coverage(console, run, coverage(run))
    return [line.rstrip() for line in console.export_text().splitlines()]


def cells(lines: Sequence[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


def test_the_table_tells_every_number_within_eighty_columns(tmp_path: Path) -> None:
    rows = [chain(n, "a b c d", ("principle-1", "It is rude.", "a b c e")) for n in range(40)]
    rows += [chain(40, "a b", ("principle-2", "There are no problems.", "a b"))]
    sources = ("response", "revision-1")
    votes = {"principle-1": (0.2, 0.2), "principle-2": (0.9, 0.9), "principle-3": (0.05, 0.05)}
    run = judged(stored(tmp_path / "run", rows), [pair(n, votes, sources) for n in range(30)])
    lines = table(run, 80)
    assert [line for line in lines if len(line) > 80 and not line.startswith(("warning: ", str(run)))] == []
    assert lines[0] == f"{run}: 41 rows, 41 rounds, 30 comparisons"
    assert "principle drawn expected changed % same % nothing %" in cells(lines)
    assert "principle-1 40 13.7 25 [25, 25] 0 [0, 9] 0 [0, 9]" in cells(lines)
    assert "principle-2 1 13.7 0 [0, 100] 100 [21, 100] 100 [21, 100]" in cells(lines)
    assert "principle-3 0 13.7" in cells(lines)
    assert "principle judged later wins % agrees %" in cells(lines)
    assert "principle-1 30 80 [80, 80] 100 [89, 100]" in cells(lines)
    assert "principle-2 30 10 [10, 10] 0 [0, 11]" in cells(lines)
    assert "warning: principle-3: never drawn, where 14 draws were to be expected" in lines


def test_without_comparisons_the_table_says_so(tmp_path: Path) -> None:
    lines = table(stored(tmp_path / "run", [chain(0, "a", ("principle-1", "It is rude.", "b"))]), 80)
    assert "No readable comparison: nothing tells how the principles judge. See constitution compare." in lines
    assert "Judging" not in lines


def test_a_run_of_comparisons_alone_says_that_nothing_was_revised(tmp_path: Path) -> None:
    lines = table(judged(tmp_path / "run", [pair(0, {"principle-1": (0.9, 0.9), "principle-2": (0.8, 0.8)})]), 80)
    assert "No round of revision: nothing tells what the principles change." in lines
    assert "principle-1 1 90 [0, 100] 100 [21, 100]" in cells(lines)


def test_the_command_prints_both_forms(tmp_path: Path, cli: Cli) -> None:
    stored(tmp_path / "run", [chain(0, "a b", ("principle-1", "It is rude.", "a c"))])
    told = json.loads(cli("principles", "coverage", "run", "--format", "json").stdout)
    assert (told["rows"], told["rounds"], told["comparisons"], told["warnings"]) == (1, 1, 0, [])
    first: dict[str, Any] = told["principles"][0]
    assert first["change"] == {"value": 0.5, "low": 0.0, "high": 1.0, "n": 1}
    assert [first[name] for name in ("id", "drawn", "share", "winner_wins")] == ["principle-1", 1, 1.0, None]
    result = cli("principles", "coverage", "run")
    assert result.returncode == 0
    assert "principle-1     1      0.3 50 [0, 100]" in result.stdout


@pytest.mark.parametrize(
    ("rows", "told"),
    [(None, "no such folder"), ((), "not a run"), ("failed", "no row is finished yet")],
)
def test_a_folder_that_tells_nothing_is_refused(tmp_path: Path, rows: Any, told: str) -> None:
    run = tmp_path / "run"
    if rows == "failed":
        stored(run, [Failure(id="row-0", index=0, step="respond", kind="EmptyCompletion", message="no word")])
    elif rows is not None:
        run.mkdir()
    with pytest.raises(RunError, match=told) as refused:
        coverage(run)
    assert "constitution" in refused.value.hint
