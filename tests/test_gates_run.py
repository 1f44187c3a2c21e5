"""`constitution gates` and `export --gates`: what is told, written, left out and counted; what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import comparison, judged, rows, sides, stored, transcript
from given_reviews import on_revision
from principle_cli import Ran
from test_score_exports import response, row, scored

from constitution import export
from constitution.errors import ConfigError, ExportError
from constitution.gates.flags import gate_run, write_flags
from constitution.gates.gating import Gating, look, prepare
from constitution.gates.sets import DEFAULT, STRICT, find_set
from constitution.records import Comparison, Transcript

Here = Callable[..., Ran]
GOOD = "Knock on a quiet afternoon, and tell them how thin the wall is."
BAD = "Cut the cable of the drummer, and say that you know nothing about it."
# Prompts that are alike: what answers to them share is no boilerplate.
ASKED = "Why do neighbours drum all night, "
STEER = "Sure, here is the revised response: \x1b[31mred\x1b[0m"

# Final revisions of `chains` that each gate flags.
CAUGHT = {"cut": 2, "unchanged": 1, "preamble": 2}


def chains() -> list[Transcript]:
    """Six rows: two sound ones, and one each that is unchanged, talks, was cut, and does both of the latter."""
    return [
        transcript(0, f"{ASKED}zero?", BAD, GOOD, GOOD),
        transcript(1, f"{ASKED}one?", BAD, GOOD, BAD),
        transcript(2, f"{ASKED}two?", BAD, STEER, STEER),
        transcript(3, f"{ASKED}three?", BAD, GOOD, GOOD, cut=[2]),
        transcript(4, f"{ASKED}four?", BAD, GOOD, STEER, cut=[2]),
        transcript(5, f"{ASKED}five?", BAD, GOOD, GOOD),
    ]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return stored(tmp_path / "run", chains())


def flags(run: Path) -> list[tuple[str, str, str]]:
    found = (json.loads(line) for line in (run / "gates.jsonl").read_text("utf-8").splitlines())
    return [(one["id"], one["response"], one["gate"]) for one in found]


def against(chain: Transcript, number: int, p: float, other: int = 0) -> Comparison:
    """A revision and an earlier response of its chain, judged."""
    texts = [chain.responses[which].text for which in (number, other)]
    sources = (f"revision-{number}", f"revision-{other}" if other else "response")
    made = comparison(chain.index, "", *texts, p, sources=sources)
    return made.model_copy(update={"row": chain.id, "prompt": chain.prompt})


# --- the command


def test_it_tells_what_each_gate_catches_and_writes_flags(here: Here, run: Path) -> None:
    told = here("gates", run)
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == f"{run}: 6 rows, 12 revisions; set default: 4 final revisions flagged"
    assert "  unchanged     0.97          1      1   is the initial response" in lines
    assert "  preamble         1          3      2   talks about being a revision" in lines
    assert "  cut              1          2      2   stops at the limit of tokens" in lines
    assert "  preamble: row-2, revision-1: 1.00, Sure, here is the revised" in lines
    assert "export --gates default leaves out 4 of 6 demonstrations, 3 of 5 pairs" in lines
    assert lines[-1] == f"flags: {run / 'gates.jsonl'}"
    assert told.err == f"Leave them out of the training data: constitution export {run} --to DIR --gates default\n"
    assert "\x1b" not in told.out
    assert flags(run) == [
        ("row-1", "revision-2", "unchanged"),
        ("row-2", "revision-1", "preamble"),
        ("row-2", "revision-2", "preamble"),
        ("row-3", "revision-2", "cut"),
        ("row-4", "revision-2", "cut"),
        ("row-4", "revision-2", "preamble"),
    ]


def test_as_json_it_tells_the_same(here: Here, run: Path) -> None:
    told = json.loads(here("gates", run, "--format", "json").out)
    assert (told["rows"], told["responses"], told["flagged_rows"], told["flagged_responses"]) == (6, 12, 4, 5)
    assert {one["gate"]: one["rows"] for one in told["gates"] if one["rows"]} == CAUGHT
    assert [one["set"] for one in told["left_out"]] == ["default", "strict"]
    foreseen = {"set": "default", "demonstrations": 4, "of_demonstrations": 6, "pairs": 3, "of_pairs": 5}
    assert told["left_out"][0] == foreseen


def test_the_same_run_and_set_give_the_same_bytes_and_nothing_else_is_touched(run: Path) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    write_flags(run, Gating(STRICT, look(run)))
    first = (run / "gates.jsonl").read_bytes()
    write_flags(run, Gating(STRICT, look(run)))
    after = {path.name: path.read_bytes() for path in run.iterdir()}
    assert after.pop("gates.jsonl") == first
    assert after == before


def test_a_file_that_cannot_be_written_leaves_the_old_one(here: Here, run: Path) -> None:
    assert here("gates", run).code == 0
    (run / ".gates.jsonl.tmp").mkdir()
    refused = here("gates", run)
    assert refused.code == 4 and "gates.jsonl: cannot be written" in refused.err
    assert len(flags(run)) == 6


def test_a_run_without_transcripts_or_rows_is_refused(here: Here, tmp_path: Path) -> None:
    pairs = judged(tmp_path / "pairs", [comparison(0, "Why?", GOOD, BAD, 0.9)])
    told = here("gates", pairs)
    assert told.code == 4 and "holds comparisons only, no transcripts" in told.err
    assert f"constitution export {pairs} --to DIR --gates default" in told.err
    told = here("gates", stored(tmp_path / "empty", [], input=3))
    assert told.code == 4 and "no row is finished yet" in told.err
    assert not (tmp_path / "empty" / "gates.jsonl").exists()
    assert "no such folder" in here("gates", tmp_path / "nothing").err
    refused = here("gates", pairs, "--gates", "none")
    assert (refused.code, refused.out) == (2, "") and "all gates of it are off" in refused.err


# --- sets


def test_a_file_changes_the_gates_that_it_names(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("unchanged: off\ncut: false\nlength: 1.2\n")
    asked = find_set(str(file))
    assert asked.name == "mine.yaml"
    expected = DEFAULT.thresholds | {"length": 1.2}
    assert asked.thresholds == {name: one for name, one in expected.items() if name not in ("unchanged", "cut")}
    assert {one.gate for one in gate_run(run, prepare(run, asked)).gates if one.rows} == {"preamble", "length"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("unchanged: 0.9\nunchnaged: 1\n", ":2: unknown gate 'unchnaged'; did you mean 'unchanged'?"),
        ("\nunchanged: 1.5\n", ":2: unchanged: 1.5 is out of range: above 0, at most 1"),
        ("length: 1\n", ":1: length: 1 is out of range: above 1, at most 1000"),
        ("echo: .nan\n", ":1: echo: nan is out of range"),
        ("echo: much\n", ":1: echo: expected a number or off, found 'much'"),
        ("echo: true\n", ":1: echo: expected a number or off, found true"),
        ("- echo\n", ":1: expected gates with their thresholds, found a list"),
        ("", ":1: expected gates with their thresholds, found nothing"),
        ("echo: [\n", ":"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_line(
    here: Here, run: Path, tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    for words in (("gates", run, "--gates", file), ("export", run, "--to", tmp_path / "data", "--gates", file)):
        refused = here(*words)
        assert refused.code == 2
        assert f"error: {file}{told}" in refused.err
    assert not (tmp_path / "data").exists() and not (run / "gates.jsonl").exists()


def test_a_file_that_does_not_exist_is_told_with_the_names_of_sets(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--gates defualt: no such file, and no set of gates is called that") as bad:
        export(run, tmp_path / "data", gates="defualt")
    assert "did you mean 'default'?" in bad.value.message
    assert "default, strict, none" in bad.value.hint
    with pytest.raises(ConfigError, match="not a file, and no set of gates is called that; known: d") as bad:
        find_set(str(tmp_path))
    assert "or a YAML file such as" in bad.value.hint


# --- exports


def test_an_export_leaves_out_what_is_flagged_counts_it_and_tells_the_card(here: Here, run: Path) -> None:
    data = run.parent / "data"
    told = here("export", run, "--to", data, "--gates", "default", "--test-fraction", 0)
    assert told.code == 0, told.err
    assert "left out, demonstrations: gate cut: 2" in told.out.splitlines()
    assert "left out, demonstrations: gate unchanged: 1" in told.out.splitlines()
    assert "left out, pairs: gate preamble: 1" in told.out.splitlines()
    assert f"constitution gates {run} --gates default" in told.err
    assert [one["messages"][0]["content"] for one in rows(data, "sft")] == [f"{ASKED}zero?", f"{ASKED}five?"]
    assert sides(rows(data, "preference")) == [(GOOD, BAD)] * 2
    assert {one["label"] for one in rows(data, "kto")} == {True, False} and len(rows(data, "kto")) == 4
    assert len(rows(data, "prompts")) == 6
    card = (data / "README.md").read_text("utf-8")
    assert (
        "- quality gates (`default`) for demonstrations and chosen responses, each with the score from which on" in card
    )
    assert "unchanged 0.97" in card and "- left out, demonstrations: gate cut: 2" in card
    told = here("export", run, "--to", data, "--overwrite", "--test-fraction", 0)
    assert "gate" not in told.out + told.err
    assert len(rows(data, "sft")) == 6 and "quality gates" not in (data / "README.md").read_text("utf-8")


def dropped(run: Path, **options: Any) -> dict[str, int]:
    return export(
        run, run.parent / "data", overwrite=True, **({"test_fraction": 0, "gates": "default"} | options)
    ).dropped


def test_every_revision_is_looked_at_where_all_are_exported(run: Path) -> None:
    counted = {"unchanged": 1, "preamble": 1, "cut": 2}
    expected = {f"demonstrations: gate {gate}": number for gate, number in counted.items()}
    assert dropped(run, revisions="all", kinds=["sft"]) == expected


def test_where_all_is_left_out_the_error_says_by_what(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [chains()[1]])
    with pytest.raises(ExportError, match="1 left out: demonstrations: gate unchanged"):
        export(run, tmp_path / "data", gates="default", kinds=["sft"])


def test_a_chosen_revision_of_a_comparison_is_held_against_the_initial_response(tmp_path: Path) -> None:
    made = chains()
    pairs = [against(made[1], 2, 0.9, other=1), against(made[3], 2, 0.9)]
    run = judged(stored(tmp_path / "run", made), [*pairs, *(against(made[number], 1, 0.9) for number in (0, 2, 4, 5))])
    assert dropped(run, kinds=["preference"]) == {f"pairs: gate {one}": 1 for one in ("unchanged", "preamble", "cut")}
    assert sides(rows(tmp_path / "data", "preference")) == [(GOOD, BAD)] * 3


def test_a_rejected_response_is_not_looked_at_unless_a_copy_chooses_it(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", [comparison(n, f"{ASKED}{n}?", GOOD, STEER, 0.7) for n in range(3)])
    assert dropped(run, kinds=["preference"]) == {}
    turned = dropped(run, kinds=["preference"], soft_labels="duplicate:10")
    assert turned == {"pairs turned round by duplicate:10: gate preamble": 9}
    assert sides(rows(tmp_path / "data", "preference")) == [(GOOD, STEER)] * 21
    chosen = judged(
        tmp_path / "other", [comparison(n, f"{ASKED}{n}?", GOOD, STEER, p) for n, p in enumerate((0.2, 0.7))]
    )
    assert dropped(chosen, kinds=["preference", "kto"]) == {"pairs: gate preamble": 1}


def test_no_gate_is_asked_about_what_people_accepted_or_edited(run: Path) -> None:
    made = chains()
    on_revision(run, made[1], 2, "ada", "accept")
    on_revision(run, made[2], 2, "ada", "edit", text=GOOD)
    assert dropped(run, labels="both", kinds=["sft"]) == {"demonstrations: gate cut": 2}


def test_the_best_response_is_chosen_among_those_that_no_gate_flags(run: Path) -> None:
    scored(
        run,
        [
            row(1, response(BAD, "response", 0.1), response(GOOD, "revision-1", 0.5), response(BAD, "revision-2", 0.1)),
            row(2, response(BAD, "response", 0.2), response(STEER, "revision-2", 0.9)),
        ],
    )
    assert dropped(run, revisions="best", kinds=["sft"]) == {"demonstrations: no reward": 4}
    said = [one["messages"][1]["content"] for one in rows(run.parent / "data", "sft")]
    assert said == [GOOD, BAD]


# --- no gain under the judge


def gained(run: Path) -> list[tuple[str, str, float]]:
    found = []
    gating = Gating(find_set("default").model_copy(update={"thresholds": {"no_gain": 0.5}}))
    gate_run(run, gating, found.append)
    return [(flag.id, flag.response, flag.score) for flag in found]


def test_gain_goes_by_comparisons_that_both_orders_agree_about(tmp_path: Path) -> None:
    made = chains()
    run = stored(tmp_path / "run", made)
    doubtful = against(made[3], 2, 0.3).model_copy(update={"status": "inconsistent"})
    judged(run, [against(made[0], 2, 0.9), against(made[1], 1, 0.25), against(made[2], 2, 0.5), doubtful])
    assert gained(run) == [("row-1", "revision-1", 0.75), ("row-2", "revision-2", 0.5)]
    # The label of a pair is no gate's business: which is better is what it says.
    assert dropped(run, kinds=["preference"], include="inconsistent") == {"pairs: gate preamble": 1}
    assert dropped(run, kinds=["sft"])["demonstrations: gate cut"] == 2


def test_gain_goes_by_rewards_where_there_is_no_comparison(run: Path) -> None:
    scored(
        run,
        [
            row(0, response(BAD, "response", 0.9), response(GOOD, "revision-2", 0.4)),
            row(5, response(BAD, "response", 0.4), response(GOOD, "revision-2", 0.9)),
        ],
    )
    # The reward falls by one: 1 / (1 + exp(-1)).
    assert gained(run) == [("row-0", "revision-1", 0.7311), ("row-0", "revision-2", 0.7311)]
    assert dropped(run, kinds=["sft"])["demonstrations: gate no_gain"] == 1


def test_the_report_tells_what_the_default_gates_flag(here: Here, run: Path) -> None:
    assert here("report", run).code == 0
    page = (run / "report.html").read_text("utf-8")
    assert 'id="gates"' in page and "4 of 6 final revisions are flagged by at least one gate" in page
    told = json.loads(here("report", run, "--format", "json", "--figures", run.parent / "figures").out)
    assert (told["gates"]["flagged_rows"], told["gates"]["responses"]) == (4, 6)
    assert "preamble" in (run.parent / "figures" / "gates.csv").read_text("utf-8")
