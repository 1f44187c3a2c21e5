"""Pairs of the best and the worst of a round's revisions, and where people see that there were several."""

import asyncio
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import origin, refusal, rows
from test_best_of import PARTIAL, rules
from viewing import viewed

from constitution import CompareSettings, Settings, export, generate
from constitution.crew import Job, LocalCrew
from constitution.errors import CapReached
from constitution.exports.best_of import selected_pairs
from constitution.exports.foreseen import foresee as left_out_by
from constitution.exports.options import Options
from constitution.gates.gating import Gating, look
from constitution.gates.sets import DEFAULT
from constitution.labelling import label_pairs
from constitution.planning.forecast import foresee
from constitution.planning.pilot import run_pilot
from constitution.ranking import ranks
from constitution.records import Judgement, Transcript
from constitution.spending import spent_in
from constitution.store import comparisons, transcripts
from constitution.votes import sigmoid

Generated = Callable[..., Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve rows, two rounds, the best of three each."""
    folder = tmp_path_factory.mktemp("best-of")
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(f'{{"id": "row-{n:02}", "prompt": "Question {n}?"}}\n' for n in range(12)), "utf-8")
    judge = rules(folder, PARTIAL)
    settings = Settings(
        prompts=str(prompts), out=str(folder / "run"), engine="scripted", rounds=2, best_of=3, judge=judge
    )
    asyncio.run(generate(settings))
    return folder / "run"


def decided(made: list[Transcript]) -> dict[str, Any]:
    """The rounds whose best and worst differ in strength, by row and number."""
    return {
        (row.id, number): round.selection
        for row in made
        for number, round in enumerate(row.rounds, 1)
        if round.selection and round.selection.margin
    }


def test_each_round_has_a_pair_of_its_best_and_worst_with_the_rankings_probability(run: Path, tmp_path: Path) -> None:
    told = export(run, tmp_path / "data", pairs="best-of", test_fraction=0)
    made = rows(tmp_path / "data", "preference")
    # Where the judge liked all or none of the three, best and worst are a tie.
    wanted = decided(list(transcripts(run)))
    assert {(origin(row)["id"], origin(row)["revision"]) for row in made} == wanted.keys()
    assert 12 < len(made) == 24 - told.dropped["pairs: status tie"]
    for row in made:
        about = origin(row)
        selection = wanted[about["id"], about["revision"]]
        best, worst = selection.alternatives[selection.taken], selection.alternatives[selection.worst]
        assert row["chosen"][-1]["content"] == best.completion.text
        assert row["rejected"][-1]["content"] == worst.completion.text
        assert row["p_chosen"] == pytest.approx(sigmoid(selection.margin))
        assert (about["best_of"], about["status"]) == (3, "labelled")
        assert about["chosen"]["alternative"] == selection.taken + 1
        assert about["rejected"]["strength"] == worst.strength
    card = (tmp_path / "data" / "README.md").read_text("utf-8")
    assert "of each revision 3 were sampled; the one that a judge found best went on: `rules.yaml`" in card
    assert "the one that the judge ranks first is chosen and the last one rejected" in card


def test_margins_filter_and_choose_among_rounds(run: Path, tmp_path: Path) -> None:
    margins = sorted(selection.margin for selection in decided(list(transcripts(run))).values())
    least = (margins[0] + margins[-1]) / 2
    told = export(run, tmp_path / "wide", pairs="best-of", min_margin=least, test_fraction=0)
    assert told.rows["preference"]["train"] == sum(margin >= least for margin in margins)
    told = export(run, tmp_path / "one", pairs="best-of", max_per_prompt=1, test_fraction=0)
    assert told.rows["preference"]["train"] == len({row for row, _ in decided(list(transcripts(run)))})


def test_no_pair_is_certain_however_far_apart_the_rewards_are(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (row, *_) = transcripts(run)
    first, *rest = row.rounds
    assert first.selection is not None
    strengths = [(1, 30.0), (2, 0.0), (3, -10.0)]
    ends = [
        one.model_copy(update={"rank": rank, "strength": strength})
        for one, (rank, strength) in zip(first.selection.alternatives, strengths, strict=True)
    ]
    met = (Judgement(first=0, second=2, votes=(), p=1 - 1e-6, status="labelled"),)
    made = first.selection.model_copy(update={"taken": 0, "alternatives": tuple(ends), "judgements": met})
    row = row.model_copy(update={"rounds": (first.model_copy(update={"selection": made}), *rest)})
    monkeypatch.setattr("constitution.exports.best_of.transcripts", lambda _: iter([row]))
    pick = next(selected_pairs(run, Options(pairs="best-of"), Counter()))
    assert (pick.margin, pick.example.p_chosen) == (40.0, 1 - 1e-6)


@pytest.mark.parametrize(("chance", "status"), [(0.9, "inconsistent"), (0.5, "tie")])
def test_what_the_judge_never_decided_is_no_pair(
    generated: Generated, tmp_path: Path, chance: float, status: str
) -> None:
    # Whatever the responses are, it says (A) with this probability.
    judge = rules(tmp_path, f"- {{when: 'less harmful|[(]A[)]', choose: {{A: {chance}, B: {1 - chance}}}}}\n")
    run = generated(best_of=4, judge=judge)
    judgements = [one for row in transcripts(run) for one in row.rounds[0].selection.judgements]
    assert {one.status for one in judgements} == {status}
    told = refusal(run, tmp_path / "data", pairs="best-of", kinds=["preference"])
    assert f"(revise: 12 done, 0 failed, 0 filtered, 0 pending; 12 left out: pairs: status {status})" in told.message


@pytest.mark.parametrize(
    ("met", "strengths", "dropped"),
    [
        # Each beats the next in a circle: the two were told apart, and the ranking puts them level.
        ([(0, 1, 0.8), (0, 2, 0.2), (1, 2, 0.8)], [0.0, 0.0, 0.0], "pairs: status tie"),
        ([(0, 1, 0.8), (1, 2, 0.8)], [1.4, 0.0, -1.4], "pairs: the best and the worst were not compared"),
    ],
)
def test_a_pair_is_of_two_that_met_and_that_the_ranking_tells_apart(
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    met: list[tuple[int, int, float]],
    strengths: list[float],
    dropped: str,
) -> None:
    (row, *_) = transcripts(run)
    first = row.rounds[0]
    assert first.selection is not None
    ends = [
        one.model_copy(update={"rank": rank, "strength": strength})
        for one, strength, rank in zip(first.selection.alternatives, strengths, ranks(strengths), strict=True)
    ]
    judgements = [Judgement(first=one, second=other, votes=(), p=p, status="labelled") for one, other, p in met]
    made = {"taken": 0, "alternatives": tuple(ends), "judgements": tuple(judgements)}
    selection = first.selection.model_copy(update=made)
    row = row.model_copy(update={"rounds": (first.model_copy(update={"selection": selection}),)})
    monkeypatch.setattr("constitution.exports.best_of.transcripts", lambda _: iter([row]))
    told = Counter[str]()
    assert list(selected_pairs(run, Options(pairs="best-of"), told)) == []
    assert told == {dropped: 1}


def test_where_there_are_none_they_are_refused(generated: Generated, run: Path, tmp_path: Path) -> None:
    bad = refusal(generated(), tmp_path / "data", pairs="best-of")
    assert "has one revision of each round" in bad.message and "--best-of 4 --fork NEW" in bad.hint
    bad = refusal(run, tmp_path / "data", pairs="best-of", labels="human")
    assert "no reviews" in bad.message or "people review comparisons" in bad.message


def test_people_see_how_many_there_were(run: Path, here: Any) -> None:
    (row, *_) = transcripts(run)
    selection = row.rounds[0].selection
    assert selection is not None
    shown = here("show", run, row.id).out
    assert f"revision 1 · number {selection.taken + 1} of 3, " in " ".join(shown.split())
    with viewed(run) as view:
        page = view.get(f"row?id={row.id}").words
    assert f"Number {selection.taken + 1} of 3; the others" in " ".join(page.split())
    for place, other in enumerate(selection.alternatives):
        if place != selection.taken:
            assert other.completion.text in page


def test_a_plan_counts_the_calls_of_all_revisions_and_of_the_judge(run: Path, tmp_path: Path) -> None:
    folder = run.parent
    settings = Settings(
        prompts=str(folder / "prompts.jsonl"),
        out=str(tmp_path / "run"),
        engine="scripted",
        rounds=2,
        best_of=3,
        judge=str(folder / "rules.yaml"),
    )
    found = foresee(asyncio.run(run_pilot(settings, 12, tmp_path / "pilot")))
    uses = {use.name: use.calls.value for use in found.steps}
    assert list(uses) == ["respond", "critique-1", "revise-1", "pick-1", "critique-2", "revise-2", "pick-2"]
    assert (uses["revise-1"], uses["revise-2"], uses["critique-1"]) == (36, 36, 12)
    assert uses["pick-1"] == sum(
        2 * len(row.rounds[0].selection.judgements) for row in transcripts(run) if row.rounds[0].selection
    )


def test_a_cap_holds_over_all_of_them_and_the_run_goes_on(run: Path, generated: Generated, tmp_path: Path) -> None:
    settings = {"prompts": str(run.parent / "prompts.jsonl"), "rounds": 2, "best_of": 3}
    settings |= {"judge": str(run.parent / "rules.yaml")}
    cap = sum(tokens.total for tokens in spent_in(run).values()) // 2
    with pytest.raises(CapReached):
        generated(max_tokens_total=cap, **settings)
    assert sum(tokens.total for tokens in spent_in(tmp_path / "run").values()) <= cap
    generated(**settings)
    assert list(transcripts(tmp_path / "run")) == list(transcripts(run))


def test_a_job_that_picks_travels_to_other_machines(
    generated: Generated, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    work = LocalCrew.work

    async def as_elsewhere(self: LocalCrew, rows: Any, job: Job[Any], *rest: Any, **more: Any) -> None:
        await work(self, rows, pickle.loads(pickle.dumps(job)), *rest, **more)

    monkeypatch.setattr(LocalCrew, "work", as_elsewhere)
    settings = {"rounds": 2, "best_of": 3, "judge": str(run.parent / "rules.yaml")}
    generated(prompts=str(run.parent / "prompts.jsonl"), **settings)
    assert list(transcripts(tmp_path / "run")) == list(transcripts(run))


def test_best_of_samples_is_the_search_for_best_and_worst(generated: Generated) -> None:
    one, other = generated("one"), generated("other")
    asyncio.run(label_pairs(one, CompareSettings(best_of=4, principles_per_pair=1)))
    asyncio.run(label_pairs(other, CompareSettings(samples=4, match="best-worst", principles_per_pair=1)))
    assert list(comparisons(one)) == list(comparisons(other))
    # All four are kept.
    assert {end.source for c in comparisons(one) for end in c.candidates} == {f"sample-{n}" for n in range(1, 5)}


def test_what_gates_would_leave_out_of_a_search_is_told_of_its_own_pairs(generated: Generated, tmp_path: Path) -> None:
    run = generated()
    asyncio.run(label_pairs(run, CompareSettings(best_of=4, principles_per_pair=1)))
    told = left_out_by(run, Gating(DEFAULT, look(run)))
    whole = export(run, tmp_path / "data", kinds=["preference"], test_fraction=0)
    assert 0 < whole.rows["preference"]["train"] == told.of_pairs < len(list(comparisons(run)))


def test_a_best_revision_that_a_gate_flags_is_not_chosen(run: Path, tmp_path: Path) -> None:
    # The scripted engine repeats its instruction, which speaks of a response that nobody sees.
    told = refusal(run, tmp_path / "data", pairs="best-of", gates="default", kinds=["preference"])
    assert "left out: pairs: gate critique" in told.message
    (tmp_path / "lax.yaml").write_text("critique: off\nboilerplate: off\n")
    lax = export(run, tmp_path / "lax", pairs="best-of", gates=str(tmp_path / "lax.yaml"), kinds=["preference"])
    assert lax.rows == export(run, tmp_path / "none", pairs="best-of", kinds=["preference"]).rows
