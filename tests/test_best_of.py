"""Best of N in the SL stage: who is asked, what goes on, what is kept, and that runs stop, go on and fork as ever."""

import asyncio
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugging import plug, put_on_path
from rewarding_judge import VALUED

from constitution import CompareSettings, Settings, generate
from constitution.best_of import plan_picking, selected
from constitution.errors import ConfigError, ModelError, PrinciplesError, SettingsDiffer
from constitution.manifest import load_manifest
from constitution.principles import load_principles
from constitution.records import Candidate, Comparison, Completion, Transcript
from constitution.report.summary import summarise
from constitution.store import transcripts

Generated = Callable[..., Path]


def rules(folder: Path, text: str, name: str = "rules.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


# Likes an answer whose mark begins with a low digit better than one with a high one; else it finds both alike.
SHOWN_A, SHOWN_B = (f"response \\({letter}\\)\\]\\n  Scripted answer [0-7]" for letter in "AB")
PARTIAL = (
    f"- {{when: '(?s){SHOWN_A}.*{SHOWN_B}', choose: {{A: 0.5, B: 0.5}}}}\n"
    f"- {{when: '{SHOWN_A}', choose: {{A: 0.8, B: 0.2}}}}\n"
    f"- {{when: '{SHOWN_B}', choose: {{A: 0.2, B: 0.8}}}}\n"
    "- {when: 'response \\(A\\)', choose: {A: 0.5, B: 0.5}}\n"
)


def calls(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "calls.jsonl").read_text("utf-8").splitlines()]


def low(text: str) -> bool:
    return text.split()[2][0] in "01234567"


def test_the_strongest_of_each_rounds_revisions_goes_on_and_all_are_kept(generated: Generated, tmp_path: Path) -> None:
    run = generated(best_of=4, rounds=2, judge=rules(tmp_path, PARTIAL))
    rows = list(transcripts(run))
    assert len(rows) == 12
    for row in rows:
        for number, round in enumerate(row.rounds, 1):
            chosen = round.selection
            assert chosen is not None and chosen.judge == "rules.yaml"
            texts = [one.completion.text for one in chosen.alternatives]
            assert len(set(texts)) == 4
            assert round.revision == chosen.alternatives[chosen.taken].completion
            # The first of those that the judge likes; of equals the first.
            likes = [low(text) for text in texts]
            strong = max(one.strength or 0.0 for one in chosen.alternatives)
            assert likes[chosen.taken] == any(likes)
            assert chosen.alternatives[chosen.taken].strength == pytest.approx(strong)
            assert chosen.worst is not None and chosen.margin is not None
            if any(likes) and not all(likes):
                assert chosen.margin > 0.5 and not likes[chosen.worst]
            # Best and worst of four: five comparisons at most, under the round's principle, in both orders.
            assert 3 <= len(chosen.judgements) <= 6
            for one in chosen.judgements:
                assert [(vote.principle, vote.order) for vote in one.votes] == [
                    (round.principle, "forward"),
                    (round.principle, "reversed"),
                ]
            asked = [
                call for call in calls(run) if call["row"] == row.id and call["step"].startswith(f"pick-{number}/")
            ]
            assert len(asked) == 2 * len(chosen.judgements)
        # What goes on is what the next round criticises.
        assert row.rounds[1].critique is not None
        assert len(row.others) == 6
        assert len(row.completions) == 5
    told = summarise(run)
    sampled = sum(one.completion_tokens for row in rows for one in (*row.completions, *row.others))
    assert (
        told.completion_tokens
        == sampled
        == sum(call["completion"]["completion_tokens"] for call in calls(run) if call.get("completion"))
    )


def test_the_first_revision_is_that_of_a_run_without_it_and_a_fork_finds_it(
    generated: Generated, tmp_path: Path
) -> None:
    alone = generated("alone")
    several = generated("several", best_of=3, judge=rules(tmp_path, PARTIAL), reuse=alone)
    for one, other in zip(transcripts(alone), transcripts(several), strict=True):
        selection = other.rounds[0].selection
        assert selection is not None
        assert selection.alternatives[0].completion == one.rounds[0].revision
        assert (one.response, one.rounds[0].critique) == (other.response, other.rounds[0].critique)
    lent = [call["step"] for call in calls(several) if call.get("lent")]
    assert sorted(set(lent)) == ["critique-1", "respond", "revise-1"] and len(lent) == 36


def test_stopped_before_its_record_a_row_makes_no_call_again(generated: Generated, tmp_path: Path) -> None:
    settings = {"best_of": 3, "judge": rules(tmp_path, PARTIAL)}
    run = generated(**settings)
    before, made = list(transcripts(run)), len(calls(run))
    path = run / "transcripts.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:5]))
    # Half of a row's judgements too.
    journal = run / "calls.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-3]))
    generated(**settings)
    assert list(transcripts(run)) == before
    assert len(calls(run)) == made


def test_concurrency_changes_nothing(generated: Generated, tmp_path: Path) -> None:
    settings = {"best_of": 3, "judge": rules(tmp_path, PARTIAL)}
    one, many = (generated(str(n), concurrency=n, **settings) for n in (1, 12))
    assert list(transcripts(one)) == list(transcripts(many))


def test_another_number_or_judge_is_refused(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, PARTIAL)
    run = generated(best_of=3, judge=judge)
    affecting = load_manifest(run).affecting
    assert affecting["best_of"] == 3 and isinstance(affecting["judge (identity)"], dict)
    with pytest.raises(SettingsDiffer, match="best_of: 3 → 4"):
        generated(best_of=4, judge=judge)
    with pytest.raises(SettingsDiffer, match="best_of: 3 → null"):
        generated()
    with pytest.raises(SettingsDiffer, match=r"judge \(identity\): model: .*other\.yaml"):
        generated(best_of=3, judge=rules(tmp_path, PARTIAL, "other.yaml"))


def test_what_makes_a_label_unfit_is_the_config_files_word_and_part_of_the_run(
    generated: Generated, tmp_path: Path
) -> None:
    settings = {"best_of": 3, "judge": rules(tmp_path, PARTIAL)}
    strict = CompareSettings(tie=0.4, order_gap=1.0)

    def statuses(run: Path) -> set[str]:
        return {one.status for row in transcripts(run) for one in row.rounds[0].selection.judgements}

    assert statuses(generated("default", **settings)) == {"labelled", "tie"}
    # Who is liked has 0.8: a label, unless that is near a half.
    run = generated("strict", compare=strict, **settings)
    assert statuses(run) == {"tie"}
    assert load_manifest(run).affecting["picking"] == {"tie": 0.4, "order_gap": 1.0, "min_mass": 0.001}
    generated("strict", compare=strict, **settings)
    with pytest.raises(SettingsDiffer, match=r"picking: order_gap: 1\.0 → 0\.5"):
        generated("strict", compare=CompareSettings(tie=0.4), **settings)
    with pytest.raises(SettingsDiffer, match=r"picking: \{.*\} → null"):
        generated("strict", **settings)
    # As older versions wrote it; and without several revisions, nobody picks.
    assert (
        load_manifest(generated("default", compare=CompareSettings(samples=3), **settings)).affecting["picking"] is None
    )
    assert load_manifest(generated("alone", compare=strict)).affecting["picking"] is None


def test_what_is_older_goes_on_and_reads_as_before(generated: Generated) -> None:
    run = generated()
    path = run / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    for name in ("best_of", "judge (identity)", "judging templates (content)", "picking"):
        assert manifest["affecting"].pop(name) is None
    for name in ("best_of", "judge"):
        del manifest["settings"][name]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    generated()
    made = next(iter(transcripts(run)))
    assert "selection" not in json.loads(made.model_dump_json())["rounds"][0]
    assert made.others == () and Transcript.model_validate_json(made.model_dump_json()) == made


def test_equal_revisions_are_compared_by_nobody(generated: Generated, tmp_path: Path) -> None:
    model = rules(tmp_path, "- {when: '.', reply: always the same}\n")
    run = generated(model=model, best_of=3, judge="scripted")
    for row in transcripts(run):
        selection = row.rounds[0].selection
        assert selection is not None and (selection.taken, selection.margin) == (0, 0.0)
        assert {one.status for one in selection.judgements} == {"tie"}
    assert not [call for call in calls(run) if call["step"].startswith("pick")]


def test_a_judge_that_cannot_be_read_ends_the_run_and_is_named(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, "- {when: '.', choose: {A: 0.0001, B: 0.0001}}\n")
    with pytest.raises(ModelError, match="no verdict that can be read on 12 rows: A and B together") as bad:
        generated(best_of=2, judge=judge)
    assert "--judge" in bad.value.hint
    made = next(iter(transcripts(tmp_path / "run")))
    assert made.rounds[0].selection is not None
    # Nothing tells which is best: the first goes on, as in a run without it, and there is no margin.
    assert (made.rounds[0].selection.taken, made.rounds[0].selection.margin) == (0, None)


def test_a_failed_alternative_fails_its_row_which_can_be_retried(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, "- {when: 'Question number 3', error: hung up}\n" + PARTIAL)
    run = generated(best_of=2, judge=judge)
    (failure,) = [json.loads(line) for line in (run / "failures.jsonl").read_text("utf-8").splitlines()]
    assert failure["id"] == "row-03" and failure["step"].startswith("pick-1/0:1/")
    assert len(list(transcripts(run))) == 11


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"judge": "scripted"}, "--judge picks between revisions, and without --best-of there is one of each"),
        ({"best_of": 4, "temperature": 0.0}, "--best-of 4 with --temperature 0: all revisions of a round"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(generated: Generated, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        generated(**given)


def test_principles_without_a_comparison_are_named(generated: Generated, tmp_path: Path) -> None:
    text = "name: n\nversion: 1\ndescription: d\nprinciples:\n  - {id: one, critique_request: c, revision_request: r}\n"
    with pytest.raises(PrinciplesError, match=r"--best-of asks a judge .*these have none: one"):
        generated(best_of=2, principles=rules(tmp_path, text, "p.yaml"))


def test_how_revisions_are_picked_travels_to_other_machines() -> None:
    settings = Settings(prompts="p", out="o", engine="scripted", best_of=3)
    picking = plan_picking(settings, load_principles("harmlessness"))
    assert picking is not None
    copy = pickle.loads(pickle.dumps(picking))
    assert (copy.best_of, copy.templates.digest, copy.calls) == (3, picking.templates.digest, 2 + 2 * 3)


def test_of_equals_the_first_is_taken_and_the_last_is_the_worst() -> None:
    revisions = [Completion(text=t, finish_reason="stop", prompt_tokens=1, completion_tokens=1) for t in "abcd"]
    ends = [
        Candidate(text=t, source=str(n), rank=r, strength=s)
        for n, (t, r, s) in enumerate([("a", 3, -1.0), ("b", 1, 1.0), ("c", 1, 1.0), ("d", 3, -1.0)])
    ]
    found = [
        Comparison(
            id="x",
            row="x",
            index=0,
            pairs=2,
            prompt=(),
            metadata={},
            first=one,
            second=other,
            votes=(),
            p_forward=0.5,
            p_reversed=0.5,
            p=0.5,
            disagreement=0.0,
            status="tie",
        )
        for one, other in (ends[:2], ends[2:])
    ]
    chosen = selected("judge", revisions, found)
    assert (chosen.taken, chosen.worst, chosen.margin) == (1, 3, 2.0)


def test_progress_counts_a_round_once(generated: Generated, tmp_path: Path, prompts: Path) -> None:
    states: list[Any] = []
    settings = Settings(
        prompts=str(prompts), out=str(tmp_path / "run"), engine="scripted", rounds=2, best_of=2, concurrency=2
    )
    asyncio.run(generate(settings, states.append))
    assert max(state.rounds for state in states) == states[-1].rounds == 24
    # respond; of each of two rounds: critique, two revisions, one comparison in both orders.
    assert states[-1].calls_expected == states[-1].calls == 12 * (1 + 2 * 5)


@pytest.fixture
def rewarding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A judge whose rewards are the first hexadecimal digits of scripted answers' marks."""
    words, mark = """float(re.search(r"worth (-?[\\d.]+)", response)[1])""", "int(response.split()[2][:4], 16) / 4096"
    assert words in VALUED
    folder = tmp_path / "plugged"
    folder.mkdir()
    # A name of its own: a process imports a module once.
    plug(folder, "marked", VALUED.replace(words, mark).replace("valued", "marked"))
    put_on_path(folder, monkeypatch)
    return "marked:scripted"


def test_a_judge_that_rewards_makes_a_call_a_revision_and_needs_no_questions(
    generated: Generated, tmp_path: Path, rewarding: str
) -> None:
    text = "name: n\nversion: 1\ndescription: d\nprinciples:\n  - {id: one, critique_request: c, revision_request: r}\n"
    settings = {"best_of": 4, "rounds": 2, "judge": rewarding, "principles": rules(tmp_path, text, "p.yaml")}
    run = generated(**settings)
    rows = list(transcripts(run))
    assert len(rows) == 12
    for row in rows:
        for round in row.rounds:
            chosen = round.selection
            assert chosen is not None
            worth = [int(one.completion.text.split()[2][:4], 16) / 4096 for one in chosen.alternatives]
            assert [one.reward for one in chosen.alternatives] == worth
            assert (worth[chosen.taken], worth[chosen.worst or 0]) == (max(worth), min(worth))
            assert chosen.margin == pytest.approx(max(worth) - min(worth))
            assert [one.votes for one in chosen.judgements] == [()]
            assert round.revision.text == chosen.alternatives[chosen.taken].completion.text
    steps = [call["step"] for call in calls(run) if call["row"] == "row-05" and call.get("reward")]
    assert sorted(steps) == [f"pick-{round}/{place}/reward" for round in (1, 2) for place in range(4)]
    # Stopped before its record, a row makes no call again.
    before, made = rows, len(calls(run))
    (run / "transcripts.jsonl").unlink()
    generated(**settings)
    assert list(transcripts(run)) == before and len(calls(run)) == made
    # Of the thresholds, it knows one.
    for tie, told in ((0.2, {"tie": 0.2}), (0.01, None)):
        compare = CompareSettings(tie=tie, order_gap=0.1)
        other = Settings(prompts="p", out="o", compare=compare, **settings)
        picking = plan_picking(other, load_principles("harmlessness"))
        assert picking is not None and picking.affecting == told


def test_the_report_tells_what_was_picked(generated: Generated, tmp_path: Path, cli: Any) -> None:
    run = generated(best_of=4, rounds=2, judge=rules(tmp_path, PARTIAL))
    picked = [round.selection for row in transcripts(run) for round in row.rounds]
    others = sum(one is not None and one.taken > 0 for one in picked)
    assert len(picked) == 24 and others
    assert cli("report", run).returncode == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    told = f"Each revision is the best of 4 by the judge rules.yaml: of 24 that it picked, {others} are not the first"
    assert told in page and "could not rank" not in page
    once = generated("once")
    assert cli("report", once).returncode == 0
    assert "is the best of" not in (once / "report.html").read_text(encoding="utf-8")


def test_a_generator_that_judges_itself_is_warned_of_and_the_pairs_are_offered(
    prompts: Path, tmp_path: Path, cli: Any
) -> None:
    given = ["generate", "--prompts", prompts, "--engine", "scripted", "--rounds", 1, "--best-of", 2]
    warning = "warning: the judge is the model that writes the revisions and may favour its own (--judge)"
    own = cli(*given, "--out", "own")
    assert warning in own.stderr and "constitution export own --pairs best-of --to DIR" in own.stderr
    assert warning not in cli(*given, "--out", "other", "--judge", rules(tmp_path, PARTIAL)).stderr
