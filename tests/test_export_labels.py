"""Exports by people's judgement: which rows, in which words, with which probabilities, and what is left out."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import (
    Row,
    compared,
    comparison,
    files,
    header,
    judged,
    many,
    origin,
    refusal,
    rows,
    sides,
    stored,
    transcript,
)
from given_reviews import on_comparison, on_revision
from test_export_margins import ranked, searched
from test_score_exports import response, row, scored

from constitution import export
from constitution.errors import RunError
from constitution.exports import Exported
from constitution.exports.families import FAMILIES
from constitution.records import Comparison, Status, Transcript
from constitution.reviews import FILE, Verdict

Cli = Callable[..., subprocess.CompletedProcess[str]]
NAMES = r"\b(ada|ben|cem)\b"


def made(tmp_path: Path, run: Path, **options: Any) -> Exported:
    """An export to `data`, nothing held out."""
    return export(run, tmp_path / "data", **{"test_fraction": 0.0, **options})


def pair(tmp_path: Path, kind: str = "preference") -> list[Row]:
    return rows(tmp_path / "data", kind)


@pytest.fixture
def pairs(tmp_path: Path) -> list[Comparison]:
    """Of six prompts; the AI prefers the first response of 0 and 5, the second of 1, and of the others nothing."""
    statuses: list[Status] = ["labelled", "labelled", "tie", "inconsistent", "invalid", "labelled"]
    ps = [0.8, 0.3, 0.5, 0.6, None, 0.9]
    return [
        comparison(n, f"Question {n}?", f"First {n}.", f"Second {n}.", p, status=status)
        for n, (p, status) in enumerate(zip(ps, statuses, strict=True))
    ]


@pytest.fixture
def run(tmp_path: Path, pairs: list[Comparison]) -> Path:
    """Ada and others contradict the AI on 0, agree on nothing about 1, and say what it does not of 2, 3 and 4."""
    folder = judged(tmp_path / "run", pairs)
    for name in ("ada", "ben"):
        on_comparison(folder, pairs[0], name, "second")
    on_comparison(folder, pairs[0], "cem", "first")
    on_comparison(folder, pairs[1], "ada", "first")
    on_comparison(folder, pairs[1], "ben", "second")
    on_comparison(folder, pairs[2], "ada", "first")
    on_comparison(folder, pairs[2], "ben", "tie")
    on_comparison(folder, pairs[2], "cem", "first")
    on_comparison(folder, pairs[3], "ada", "second")
    on_comparison(folder, pairs[4], "ada", "both bad")
    return folder


# Pairs


def test_by_people_only_what_most_of_them_prefer_is_exported(tmp_path: Path, run: Path) -> None:
    exported = made(tmp_path, run, labels="human")
    found = pair(tmp_path)
    assert sides(found) == [("Second 0.", "First 0."), ("First 2.", "Second 2."), ("Second 3.", "First 3.")]
    assert [one["p_chosen"] for one in found] == [pytest.approx(2 / 3), pytest.approx(5 / 6), 1.0]
    told = [(origin(one)["labelled_by"], origin(one)["reviewers"], origin(one)["status"]) for one in found]
    assert told == [("people", 3, "labelled"), ("people", 3, "tie"), ("people", 1, "inconsistent")]
    assert exported.dropped == {
        "pairs: people are divided": 1,
        "pairs: both bad, to people": 1,
        "pairs: not reviewed": 1,
    }
    assert exported.labelled["pairs"] == {"people": 3}
    assert not re.search(NAMES, json.dumps(found))


def test_by_both_the_ai_speaks_only_where_no_person_did(tmp_path: Path, run: Path) -> None:
    exported = made(tmp_path, run, labels="both")
    found = pair(tmp_path)
    assert sides(found)[-1] == ("First 5.", "Second 5.")
    assert (found[-1]["p_chosen"], origin(found[-1])["labelled_by"]) == (0.9, "AI")
    assert [origin(one)["labelled_by"] for one in found] == ["people"] * 3 + ["AI"]
    # Where people are divided, or prefer neither, the AI does not decide.
    assert exported.dropped == {"pairs: people are divided": 1, "pairs: both bad, to people": 1}
    assert exported.labelled["pairs"] == {"people": 3, "AI": 1}


def test_statuses_are_asked_of_the_ais_labels_only(tmp_path: Path, run: Path, pairs: list[Comparison]) -> None:
    on_comparison(run, pairs[3], "ada", "skip")
    assert made(tmp_path, run, labels="both").dropped["pairs: status inconsistent"] == 1
    exported = made(tmp_path, run, labels="both", include="inconsistent", overwrite=True)
    assert sides(pair(tmp_path))[2] == ("First 3.", "Second 3.")
    assert origin(pair(tmp_path)[2])["labelled_by"] == "AI"
    assert exported.labelled["pairs"] == {"people": 2, "AI": 2}


def test_what_the_ai_could_not_say_people_can(tmp_path: Path, pairs: list[Comparison]) -> None:
    run = judged(tmp_path / "run", pairs)
    on_comparison(run, pairs[4], "ada", "second")
    exported = made(tmp_path, run, labels="human")
    assert sides(pair(tmp_path)) == [("Second 4.", "First 4.")]
    assert origin(pair(tmp_path)[0])["status"] == "invalid"
    assert exported.dropped == {"pairs: not reviewed": 5}


def test_ties_of_people_are_left_out_by_their_own_reason(tmp_path: Path, pairs: list[Comparison]) -> None:
    run = judged(tmp_path / "run", pairs)
    for name in ("ada", "ben"):
        on_comparison(run, pairs[0], name, "tie")
    on_comparison(run, pairs[5], "ada", "tie")
    on_comparison(run, pairs[5], "ben", "both bad")
    on_comparison(run, pairs[3], "ada", "first")
    assert made(tmp_path, run, labels="human").dropped["pairs: a tie, to people"] == 2


@pytest.mark.parametrize(
    ("said", "p", "why"),
    [
        (["first", *["both bad"] * 5], None, "both bad, to people"),
        (["first", "tie", "tie"], None, "a tie, to people"),
        (["first", "tie", "both bad"], None, "a tie, to people"),
        (["first", "tie"], None, "people are divided"),
        (["first", "first", "tie", "both bad"], None, "people are divided"),
        (["first", "second", "tie"], None, "people are divided"),
        (["first", "first", "both bad"], 5 / 6, ""),
        (["first", "first", "second", "second", "second", "tie", "skip"], 3.5 / 6, ""),
    ],
)
def test_who_prefers_neither_counts_half_and_half_of_them_leave_it_out(
    tmp_path: Path, pairs: list[Comparison], said: list[Verdict], p: float | None, why: str
) -> None:
    run = judged(tmp_path / "run", pairs)
    on_comparison(run, pairs[5], "ada", "first")
    for number, verdict in enumerate(said):
        on_comparison(run, pairs[0], f"reviewer {number}", verdict)
    exported = made(tmp_path, run, labels="human", kinds=["preference"])
    assert exported.dropped == {"pairs: not reviewed": 4, **({f"pairs: {why}": 1} if why else {})}
    assert [one["p_chosen"] for one in pair(tmp_path)] == pytest.approx([p, 1.0] if p else [1.0])


def test_a_skip_takes_back_and_other_texts_say_nothing(tmp_path: Path, pairs: list[Comparison]) -> None:
    run = judged(tmp_path / "run", pairs)
    on_comparison(run, pairs[0], "ada", "second")
    on_comparison(run, pairs[0], "ada", "skip")
    on_comparison(run, pairs[1], "ada", "first", shown="of other texts")
    error = refusal(run, tmp_path / "data", labels="human", kinds=["preference"])
    assert "nothing to export as preference" in error.message
    assert "6 left out: pairs: not reviewed" in error.message
    exported = made(tmp_path, run, labels="both")
    assert exported.labelled["pairs"] == {"AI": 3}
    assert sides(pair(tmp_path))[:2] == [("First 0.", "Second 0."), ("Second 1.", "First 1.")]


def test_people_ask_for_no_margin_and_pass_every_least_one(tmp_path: Path, run: Path) -> None:
    made(tmp_path, run, labels="both", soft_labels="margin", min_margin=2.0)
    found = pair(tmp_path, "reward")
    assert [(origin(one)["labelled_by"], round(one["margin"], 3)) for one in found] == [
        *[("people", 0.0)] * 3,
        ("AI", 2.197),
    ]


def test_soft_labels_go_by_peoples_share(tmp_path: Path, run: Path) -> None:
    exported = made(tmp_path, run, labels="human", soft_labels="duplicate:3", kinds=["preference"])
    first = pair(tmp_path)[:3]
    assert sides(first) == [("Second 0.", "First 0.")] * 2 + [("First 0.", "Second 0.")]
    assert [one["p_chosen"] for one in first] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    # Copies are of one pair.
    assert (exported.rows["preference"], exported.labelled) == ({"train": 9}, {"pairs": {"people": 3}})
    made(tmp_path, run, labels="human", soft_labels="hard", overwrite=True)
    assert {one["p_chosen"] for one in pair(tmp_path)} == {1.0}


def test_the_least_confidence_is_asked_of_peoples_share(tmp_path: Path, run: Path) -> None:
    exported = made(tmp_path, run, labels="human", min_confidence=0.7)
    assert len(pair(tmp_path)) == 2
    assert exported.dropped["pairs: confidence below 0.7"] == 1


def test_peoples_pairs_come_first_of_their_prompt(tmp_path: Path) -> None:
    three = ranked()
    run = judged(tmp_path / "run", three)
    on_comparison(run, three[2], "ada", "second")
    made(tmp_path, run, labels="both", max_per_prompt=1)
    assert sides(pair(tmp_path)) == [("c", "b")]


def test_all_that_people_chose_of_a_search_for_best_and_worst_is_exported(tmp_path: Path) -> None:
    three = ranked()
    run = searched(tmp_path / "run", three)
    for one in three[:2]:
        on_comparison(run, one, "ada", "first")
    made(tmp_path, run, labels="human")
    assert sides(pair(tmp_path)) == [("a", "b"), ("a", "c")]


def test_people_choose_beside_the_best_and_the_worst_too(tmp_path: Path) -> None:
    three = ranked()
    run = searched(tmp_path / "run", three)
    on_comparison(run, three[2], "ada", "second")
    made(tmp_path, run, labels="both")
    assert sides(pair(tmp_path)) == [("c", "b")]


def test_ratings_follow_peoples_pairs(tmp_path: Path) -> None:
    def one(first: str, second: str, p: float) -> Comparison:
        return comparison(0, "Why?", first, second, p, sources=(first, second), pairs=3)

    three = [one("a", "b", 0.9), one("a", "c", 0.9), one("b", "c", 0.6)]
    run = judged(tmp_path / "run", three)
    on_comparison(run, three[0], "ada", "second")
    on_comparison(run, three[2], "ada", "first")
    exported = made(tmp_path, run, labels="both", kinds=["kto"])
    told = {
        found["completion"][0]["content"]: (
            found["label"],
            round(origin(found)["win_probability"], 3),
            origin(found)["labelled_by"],
        )
        for found in pair(tmp_path, "kto")
    }
    assert told == {
        "a": (False, 0.45, "people and AI"),
        "b": (True, 1.0, "people"),
        "c": (False, 0.05, "people and AI"),
    }
    assert exported.labelled == {"ratings": {"people and AI": 2, "people": 1}}


def test_how_fine_the_ais_label_is_says_nothing_of_peoples(tmp_path: Path, pairs: list[Comparison]) -> None:
    sampled = [one.model_copy(update={"sampled": 8}) for one in pairs]
    run = judged(tmp_path / "run", sampled)
    on_comparison(run, sampled[0], "ada", "first")
    made(tmp_path, run, labels="both")
    assert ["sampled" in origin(one) for one in pair(tmp_path)] == [False, True, True]


# Revisions


@pytest.fixture
def chains() -> list[Transcript]:
    """Five rows of two revisions each; the last answer of row 4 is cut."""
    return [*many(4), transcript(4, "Question 4?", "Bad 4.", "Better 4.", "Best", cut=[2])]


@pytest.fixture
def revised(tmp_path: Path, chains: list[Transcript]) -> Path:
    """Final revisions: 0 accepted, 1 rejected, 2 not reviewed, 3 nobody agrees on, 4 edited twice."""
    folder = stored(tmp_path / "run", chains)
    on_revision(folder, chains[0], 2, "ada", "accept")
    on_revision(folder, chains[1], 2, "ada", "reject")
    on_revision(folder, chains[1], 2, "ben", "reject")
    on_revision(folder, chains[1], 2, "cem", "accept")
    on_revision(folder, chains[2], 2, "ada", "skip")
    on_revision(folder, chains[3], 2, "ada", "edit", text="Mine 3.")
    on_revision(folder, chains[3], 2, "ben", "reject")
    on_revision(folder, chains[4], 2, "ada", "edit", text="Mine 4.")
    on_revision(folder, chains[4], 2, "ben", "edit", text="Yours 4.")
    return folder


def answers(tmp_path: Path) -> list[str]:
    return [one["messages"][-1]["content"] for one in rows(tmp_path / "data", "sft")]


def test_demonstrations_by_people_are_accepted_or_edited(tmp_path: Path, revised: Path) -> None:
    exported = made(tmp_path, revised, labels="human", kinds=["sft"])
    assert answers(tmp_path) == ["Best 0.", "Yours 4."]
    kept, edited = (origin(one) for one in rows(tmp_path / "data", "sft"))
    assert kept["labelled_by"] == "people" and kept["reviewers"] == 1 and "edited" not in kept
    assert edited["edited"] is True and edited["reviewers"] == 2
    # Who edited an answer that was cut has ended it.
    assert (edited["finish_reason"], exported.cut) == ("stop", 0)
    assert exported.dropped == {
        "demonstrations: rejected by people": 1,
        "demonstrations: not reviewed": 1,
        "demonstrations: people are divided": 1,
    }
    assert exported.labelled == {"demonstrations": {"people": 2}}


def test_demonstrations_by_both_leave_out_what_people_do_not_want(tmp_path: Path, revised: Path) -> None:
    exported = made(tmp_path, revised, labels="both", kinds=["sft"], whole_only=True)
    assert answers(tmp_path) == ["Best 0.", "Best 2.", "Yours 4."]
    assert "labelled_by" not in origin(rows(tmp_path / "data", "sft")[1])
    assert exported.dropped == {
        "demonstrations: rejected by people": 1,
        "demonstrations: people are divided": 1,
    }


def test_pairs_of_revisions_are_under_the_same_judgement(tmp_path: Path, revised: Path) -> None:
    exported = made(tmp_path, revised, labels="human", pairs="revisions", kinds=["preference", "kto"])
    assert sides(pair(tmp_path)) == [("Best 0.", "Bad 0."), ("Yours 4.", "Bad 4.")]
    assert [one["p_chosen"] for one in pair(tmp_path)] == [1.0, 1.0]
    assert [origin(one)["labelled_by"] for one in pair(tmp_path)] == ["people", "people"]
    assert origin(pair(tmp_path)[1])["chosen"] == {"source": "revision-2", "finish_reason": "stop"}
    assert exported.dropped == {
        "pairs: rejected by people": 1,
        "pairs: not reviewed": 1,
        "pairs: people are divided": 1,
    }
    assert exported.labelled == {"pairs": {"people": 2}, "ratings": {"people": 4}}
    made(tmp_path, revised, labels="both", pairs="revisions", kinds=["preference"], overwrite=True)
    assert sides(pair(tmp_path)) == [("Best 0.", "Bad 0."), ("Best 2.", "Bad 2."), ("Yours 4.", "Bad 4.")]


def test_an_edit_that_is_the_initial_response_makes_no_pair(tmp_path: Path, chains: list[Transcript]) -> None:
    run = stored(tmp_path / "run", chains)
    on_revision(run, chains[0], 2, "ada", "edit", text="Bad 0.")
    exported = made(tmp_path, run, labels="both", kinds=["preference"])
    assert exported.dropped == {"pairs: identical responses": 1}


def test_an_edit_to_nothing_is_no_demonstration(tmp_path: Path, chains: list[Transcript]) -> None:
    run = stored(tmp_path / "run", chains)
    on_revision(run, chains[0], 2, "ada", "edit", text=" \n")
    assert made(tmp_path, run, labels="both").dropped["demonstrations: edited by people until nothing was left"] == 1


def test_of_all_revisions_each_is_judged_and_equal_ones_are_one(tmp_path: Path) -> None:
    chains = [
        transcript(0, "Why?", "Bad.", "Better.", "Best."),
        transcript(1, "How?", "Bad.", "Same.", "Same."),
        transcript(2, "Who?", "Bad.", "Rude.", "Kind."),
    ]
    run = stored(tmp_path / "run", chains)
    on_revision(run, chains[0], 1, "ada", "accept")
    # Said of one of two that are the same text: it holds for that text.
    on_revision(run, chains[1], 1, "ada", "reject")
    on_revision(run, chains[2], 1, "ada", "edit", text="Kind.")
    on_revision(run, chains[2], 2, "ada", "accept")
    exported = made(tmp_path, run, labels="human", revisions="all", kinds=["sft"])
    assert answers(tmp_path) == ["Better.", "Kind."]
    assert exported.dropped == {"demonstrations: not reviewed": 1, "demonstrations: rejected by people": 1}
    made(tmp_path, run, labels="both", revisions="all", kinds=["sft"], overwrite=True)
    assert answers(tmp_path) == ["Better.", "Best.", "Kind."]


def test_the_best_scored_is_one_that_people_let_stand(tmp_path: Path) -> None:
    chains = [transcript(n, f"Question {n}?", f"Bad {n}.", f"Better {n}.", f"Best {n}.") for n in range(4)]
    run = stored(tmp_path / "run", chains)
    rewards = (("Bad", "response", 0.1), ("Better", "revision-1", 0.6), ("Best", "revision-2", 0.9))
    scored(run, [row(n, *[response(f"{word} {n}.", source, p) for word, source, p in rewards]) for n in range(4)])
    on_revision(run, chains[0], 2, "ada", "reject")
    on_revision(run, chains[0], 1, "ada", "accept")
    on_revision(run, chains[1], 2, "ada", "accept")
    on_revision(run, chains[2], 2, "ada", "edit", text="Mine 2.")
    exported = made(tmp_path, run, labels="human", revisions="best", kinds=["sft"])
    assert answers(tmp_path) == ["Better 0.", "Best 1."]
    assert exported.dropped == {
        "demonstrations: people accept none that has a reward": 1,
        "demonstrations: not reviewed": 1,
    }
    made(tmp_path, run, labels="both", revisions="best", kinds=["sft"], overwrite=True)
    assert answers(tmp_path) == ["Better 0.", "Best 1.", "Better 2.", "Best 3."]


def test_an_edited_text_has_no_reward_and_rewards_bear_no_label(tmp_path: Path, chains: list[Transcript]) -> None:
    run = stored(tmp_path / "run", chains[:2])
    scored(run, [row(n, response(f"Best {n}.", "revision-2", 0.9)) for n in range(2)])
    on_revision(run, chains[0], 2, "ada", "edit", text="Mine 0.")
    on_revision(run, chains[1], 2, "ada", "accept")
    exported = made(tmp_path, run, labels="human", min_reward=0.0, kinds=["sft", "scored"])
    assert answers(tmp_path) == ["Best 1."]
    assert exported.dropped == {"demonstrations: no reward": 1}
    assert exported.rows["scored"] == {"train": 2}
    assert "scored: all of them; --labels is not for them" in exported.notes


def test_prompts_and_chains_are_all_there_and_that_is_told(tmp_path: Path, revised: Path) -> None:
    exported = made(tmp_path, revised, labels="human")
    assert len(rows(tmp_path / "data", "prompts")) == 5
    assert exported.notes == ("prompts: all of them; --labels is not for them",)


# Revisions that were compared


def against(chain: Transcript, number: int, p: float, better: int = 0) -> Comparison:
    """A revision and another response of its chain, judged."""
    texts = [chain.responses[which].text for which in (better, number)]
    sources = (f"revision-{better}" if better else "response", f"revision-{number}")
    made = comparison(chain.index, "", *texts, p, sources=sources)
    return made.model_copy(update={"row": chain.id, "prompt": chain.prompt})


@pytest.mark.parametrize("labels", ["human", "both"])
def test_no_pair_chooses_what_people_rejected_or_edited(tmp_path: Path, labels: str) -> None:
    chains = many(5)
    run = stored(tmp_path / "run", chains)
    judged(run, [against(chain, 2, 0.1) for chain in chains])
    on_revision(run, chains[0], 2, "ada", "reject")
    on_revision(run, chains[1], 2, "ada", "edit", text="Mine 1.")
    on_revision(run, chains[2], 2, "ada", "edit", text="")
    on_revision(run, chains[3], 2, "ada", "accept")
    for chain in chains[:4]:
        on_comparison(run, against(chain, 2, 0.1), "ada", "second")
    exported = made(tmp_path, run, labels=labels, kinds=["sft", "preference", "kto"])
    left = [3] if labels == "human" else [3, 4]
    assert [chosen for chosen, _ in sides(pair(tmp_path))] == [f"Best {n}." for n in left]
    assert answers(tmp_path) == ["Mine 1.", *(f"Best {n}." for n in left)]
    good = [one["completion"][0]["content"] for one in pair(tmp_path, "kto") if one["label"]]
    assert sorted(good) == [f"Best {n}." for n in left]
    assert exported.dropped["pairs: chosen response rejected by people"] == 1
    assert exported.dropped["pairs: chosen response edited by people"] == 2


def test_no_copy_turned_round_chooses_what_people_rejected(tmp_path: Path) -> None:
    chains = many(2)
    run = stored(tmp_path / "run", chains)
    judged(run, [against(chain, 2, 0.7) for chain in chains])
    on_revision(run, chains[0], 2, "ada", "reject")
    exported = made(tmp_path, run, labels="both", soft_labels="duplicate:3", kinds=["preference"])
    assert sides(pair(tmp_path)) == [("Bad 0.", "Best 0.")] * 2 + [("Bad 1.", "Best 1.")] * 2 + [("Best 1.", "Bad 1.")]
    assert exported.dropped == {"pairs turned round by duplicate:3: rejected by people": 1}


def test_what_people_are_divided_about_may_be_chosen(tmp_path: Path) -> None:
    (chain,) = many(1)
    run = stored(tmp_path / "run", [chain])
    judged(run, [against(chain, 2, 0.1)])
    on_revision(run, chain, 2, "ada", "reject")
    on_revision(run, chain, 2, "ben", "accept")
    made(tmp_path, run, labels="both", kinds=["preference"])
    assert sides(pair(tmp_path)) == [("Best 0.", "Bad 0.")]


# What is refused, noted and left as it was


@pytest.mark.parametrize("family", FAMILIES)
def test_by_the_ai_reviews_change_no_byte(tmp_path: Path, family: str) -> None:
    chains, pairs = many(4), compared(4)
    run = judged(stored(tmp_path / "run", chains), pairs)
    before = export(run, tmp_path / "before", family=family)
    assert before.notes == ()
    for one in pairs:
        on_comparison(run, one, "ada", "second")
    for chain in chains:
        on_revision(run, chain, 2, "ada", "reject")
    after = export(run, tmp_path / "after", family=family)
    assert after.notes == (
        "the run has people's reviews, which do not count here; go by them with --labels human, or both",
    )
    assert list(files(tmp_path / "after")) == list(files(tmp_path / "before"))
    for path in files(tmp_path / "before"):
        assert (tmp_path / "after" / path).read_bytes() == (tmp_path / "before" / path).read_bytes()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_goes_by_people(tmp_path: Path, family: str) -> None:
    chains, pairs = many(4), compared(4)
    run = judged(stored(tmp_path / "run", chains), pairs)
    on_comparison(run, pairs[1], "ada", "second")
    on_revision(run, chains[2], 2, "ada", "accept")
    exported = export(run, tmp_path / "data", family=family, labels="human", test_fraction=0)
    own = {name: splits["train"] for name, splits in exported.rows.items()}
    counts = {"prompts": 4, "chains": 4, "revisions": 4, "kto": 2}
    assert own == {name: counts.get(name, 1) for name in own}
    assert header(tmp_path / "data")["configs"]
    found = [text for name in ("preference", "comparisons", "reward") for text in map(json.dumps, pair(tmp_path, name))]
    assert all("Second 1." in text for text in found)


def test_without_reviews_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(3))
    error = refusal(run, tmp_path / "data", labels="human")
    assert error.message == f"--labels human: {run} has no reviews"
    assert error.hint == f"Review it first: constitution view {run}"
    exported = made(tmp_path, run, labels="both")
    assert exported.notes[-1] == "no reviews: every label is the AI's"
    assert exported.labelled["pairs"] == {"AI": 3}


@pytest.mark.parametrize(("family", "kind"), [("trl", "prompts"), ("paper", "chains")])
def test_labels_of_what_bears_none_are_refused(tmp_path: Path, family: str, kind: str) -> None:
    run = stored(tmp_path / "run", many(2))
    for labels in ("human", "both"):
        error = refusal(run, tmp_path / "data", labels=labels, family=family, kinds=[kind])
        assert error.message == f"--labels {labels}: no demonstrations and no pairs in {kind}, and it is for these"


def test_a_damaged_journal_of_reviews_stops_only_who_goes_by_it(tmp_path: Path, run: Path) -> None:
    content = (run / FILE).read_bytes()
    (run / FILE).write_bytes(content.replace(b'"tie"', b'"tis"', 1))
    assert made(tmp_path, run, kinds=["preference"]).rows == {"preference": {"train": 3}}
    with pytest.raises(RunError, match=r"reviews\.jsonl:7: damaged"):
        export(run, tmp_path / "other", labels="both")
    assert not (tmp_path / "other").exists()


def test_rows_that_are_mixed_in_bear_no_label_of_the_runs_people(tmp_path: Path, run: Path) -> None:
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"prompt": "Q?", "chosen": "Yes.", "rejected": "No."}\n')
    exported = made(tmp_path, run, labels="human", kinds=["preference"], mix=[f"{pool}:0.34"])
    assert exported.rows == {"preference": {"train": 4}}
    assert exported.labelled == {"pairs": {"people": 3}}
    assert exported.dropped["pairs: not reviewed"] == 1


# The card and the command


def test_the_card_says_whose_labels_they_are_and_names_nobody(tmp_path: Path, run: Path) -> None:
    made(tmp_path, run, labels="both", soft_labels="margin")
    card = (tmp_path / "data" / "README.md").read_text("utf-8")
    for told in (
        "- whose labels (`--labels`): both\n",
        "- pairs labelled by people: 3\n- pairs labelled by AI: 1\n",
        "- ratings labelled by people: 6\n",
        "or, where nobody reviewed them, the judge finds better, is chosen",
        "- statuses exported: labelled; of labels of the AI\n",
        "the share of its reviewers who prefer its chosen response, those who prefer neither counted half",
        "- no pair chooses a revision that people rejected or edited\n",
        "- agreement is of the reviewed comparisons, not of the whole run\n",
        "left out, pairs: people are divided: 1",
        "## What people say of it\n\n- reviewed by people: 3\n  - reviewer 1: comparisons 5 (",
        "reviewer 1 and the AI say the same (first, second or neither):",
        "No person has checked the others but those that people reviewed (`labelled_by` in `metadata`): ",
    ):
        assert told in card
    assert not re.search(NAMES, card)


def test_the_card_of_peoples_labels_alone_says_that_the_ais_are_not_used(tmp_path: Path, run: Path) -> None:
    made(tmp_path, run, labels="human")
    card = (tmp_path / "data" / "README.md").read_text("utf-8")
    assert "## How the responses were judged, by an AI whose labels are not used\n" in card
    assert "the one that most reviewers prefer is chosen" in card
    assert "statuses exported" not in card


@pytest.mark.parametrize("family", FAMILIES)
def test_the_card_says_where_labels_are_told_only_where_they_are(tmp_path: Path, family: str) -> None:
    run = judged(stored(tmp_path / "run", many(2)), compared(2))
    on_comparison(run, compared(2)[0], "ada", "first")
    on_revision(run, many(2)[0], 2, "ada", "accept")
    exported = export(run, tmp_path / "data", family=family, labels="human", test_fraction=0)
    told = "(`labelled_by` in `metadata`)" in (tmp_path / "data" / "README.md").read_text("utf-8")
    bear = exported.rows.keys() & {"sft", "preference", "comparisons", "reward", "kto"}
    found = [one.get("metadata") for name in bear for one in pair(tmp_path, name)]
    assert told == all(isinstance(one, str) and "labelled_by" in json.loads(one) for one in found)
    assert told == (family not in ("openai", "argilla"))


def test_the_command_prints_who_labelled_what(cli: Cli, tmp_path: Path, run: Path) -> None:
    told = cli("export", run, "--to", "data", "--labels", "both", "--kind", "preference")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert "pairs labelled by people: 3" in lines
    assert "pairs labelled by AI: 1" in lines
    assert "left out, pairs: people are divided: 1" in lines
    (run / FILE).unlink()
    told = cli("export", run, "--to", "more", "--labels", "human")
    assert told.returncode == 2
    assert told.stderr == f"error: --labels human: {run} has no reviews\n  Review it first: constitution view {run}\n"
