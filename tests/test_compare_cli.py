"""`compare` and `audit` as they are typed: what is printed where, exit codes, and that the help stays light."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Finished = subprocess.CompletedProcess[str]
Cli = Callable[..., Finished]
Generated = Callable[..., Path]
PAIRS = [
    {"chosen": f"\n\nHuman: {n}?\n\nAssistant: Yes, {n}.", "rejected": f"\n\nHuman: {n}?\n\nAssistant: Nah, {n}."}
    for n in range(8)
]


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Eight pairs that people judged."""
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS), encoding="utf-8")
    return path


@pytest.fixture
def partial(tmp_path: Path) -> str:
    """A judge that prefers an answer that begins with Yes."""
    path = tmp_path / "judge.yaml"
    path.write_text(
        "- {when: '\\(A\\)\\]\\n  Yes', choose: {A: 0.9, B: 0.1}}\n"
        "- {when: '\\(B\\)\\]\\n  Yes', choose: {A: 0.1, B: 0.9}}\n",
        encoding="utf-8",
    )
    return str(path)


def test_compare_prints_what_came_of_it_and_goes_on_when_repeated(generated: Generated, cli: Cli) -> None:
    run = generated()
    first = cli("compare", run, "--samples", 3)
    assert first.returncode == 0, first.stderr
    assert f"{run}: comparing: 12 rows = 12 done + 0 failed + 0 filtered + 0 pending" in first.stdout
    assert "36 comparisons by 288 votes" in first.stdout
    assert "constitution audit" in first.stderr and "constitution export" in first.stderr
    assert cli("compare", run, "--samples", 3, "--quiet").stdout == first.stdout


def test_compare_prints_json_for_scripts(generated: Generated, cli: Cli) -> None:
    told = json.loads(cli("compare", generated(), "--format", "json", "-q").stdout)
    assert told["counts"] == {"input": 12, "done": 12, "failed": 0, "filtered": 0}
    assert sum(told["statuses"].values()) == told["comparisons"] == 12


def test_settings_come_from_the_section_of_a_file(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("compare:\n  samples: 3\n  principles_per_pair: 1\n", encoding="utf-8")
    told = cli("compare", generated(), "--config", config, "--principles-per-pair", 2)
    assert "36 comparisons by 144 votes" in told.stdout


def test_other_settings_exit_with_4_and_say_how_to_replace(generated: Generated, cli: Cli) -> None:
    run = generated()
    cli("compare", run, "-q")
    refused = cli("compare", run, "--samples", 3)
    assert refused.returncode == 4
    assert "samples: 2 → 3" in refused.stderr and f"constitution compare {run} … --replace" in refused.stderr
    assert cli("compare", run, "--samples", 3, "--replace", "-q").returncode == 0


def test_failed_rows_exit_with_5(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    judge = tmp_path / "judge.yaml"
    judge.write_text("- {when: 'number 3', error: hung up}\n", encoding="utf-8")
    told = cli("compare", generated(), "--pairs", "revisions", "--judge", judge)
    assert told.returncode == 5
    assert "1 row failed" in told.stderr and "failed: 1 × CallError" in told.stdout


def test_a_judge_that_cannot_be_read_exits_with_3(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    judge = tmp_path / "judge.yaml"
    judge.write_text("- {when: '.', choose: {A: 0.0001, B: 0.0001}}\n", encoding="utf-8")
    told = cli("compare", generated(), "--judge", judge)
    assert told.returncode == 3
    assert "gave no verdict that can be read" in told.stderr and "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--samples", 1], "--samples: "),
        (["--pairs", "both"], "--pairs: "),
        (["--principles-per-pair", 99], "--principles-per-pair 99: more than there are principles in"),
        (["--pairs", "file"], "--pairs file: which one?"),
        (["--between", "0:last"], "--between has no effect on this comparison"),
        (["--pairs", "revisions", "--samples", 3], "It goes with --pairs samples"),
        (["--cot-tokens", 9], "It goes with --cot"),
        (["--few-shots", 9], "9 few-shot examples asked for"),
    ],
)
def test_wrong_input_exits_with_2(generated: Generated, cli: Cli, arguments: list[Any], told: str) -> None:
    refused = cli("compare", generated(), *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    # The run's own model judges here, and what is only told by its files comes after the word on that.
    before, _, error = refused.stderr.partition("error: ")
    assert before in ("", "warning: the judge is the model that wrote the responses and may favour its own (--judge)\n")
    assert told in error


def test_status_and_show_tell_of_comparisons(generated: Generated, cli: Cli) -> None:
    run = generated()
    cli("compare", run, "-q")
    assert "comparing: 12 rows" in cli("status", run).stdout
    assert json.loads(cli("status", run, "--format", "json").stdout)["comparing"]["comparisons"] == 12
    shown = cli("show", run, "row-05").stdout
    assert "initial response" in shown and "sample-1 : sample-2 · " in shown and ", reversed: 0." in shown
    (comparison,) = json.loads(cli("show", run, "row-05", "--format", "json").stdout)["comparisons"]
    assert comparison["row"] == "row-05"


def test_a_run_of_a_file_of_pairs_can_be_looked_at_audited_and_exported(
    cli: Cli, gold: Path, partial: str, tmp_path: Path
) -> None:
    run = tmp_path / "labels"
    made = cli("compare", run, "--pairs", "file", "--file", gold, "--engine", "scripted", "--judge", partial)
    assert made.returncode == 0, made.stderr
    assert "comparing: 8 rows = 8 done" in cli("status", run).stdout
    assert "chosen : rejected · labelled" in cli("show", run).stdout
    assert "no compared row 'nothing'" in cli("show", run, "nothing").stderr
    audited = cli("audit", run)
    assert "agrees with people: 100.0%" in audited.stdout and "warning" not in audited.stdout
    exported = cli("export", run, "--to", tmp_path / "data", "--test-fraction", 0)
    assert exported.returncode == 0, exported.stderr
    rows = [json.loads(line) for line in (tmp_path / "data/preference/train.jsonl").read_text("utf-8").splitlines()]
    assert [row["chosen"][0]["content"] for row in rows] == [f"Yes, {n}." for n in range(8)]
    assert [row["p_chosen"] for row in rows] == pytest.approx([0.9] * 8)


def test_audit_has_the_judge_label_gold_pairs_once(
    generated: Generated, cli: Cli, gold: Path, partial: str, lines: Callable[[Path], list[Any]]
) -> None:
    run = generated()
    cli("compare", run, "--judge", partial, "--principles-per-pair", 2, "-q")
    before = (run / "comparisons.jsonl").read_bytes()
    some = cli("audit", run, "--gold", gold, "--limit", 5)
    assert some.returncode == 0, some.stderr
    assert "agrees with people: 100.0% [" in some.stdout and "n = 5" in some.stdout
    calls = run / "gold" / "gold.jsonl" / "compare-calls.jsonl"
    assert len(lines(calls)) == 5 * 4
    assert "n = 8" in cli("audit", run, "--gold", gold, "--limit", 0).stdout
    assert len(lines(calls)) == 8 * 4
    told = json.loads(cli("audit", run, "--gold", gold, "--limit", 0, "--format", "json").stdout)
    assert told["accuracy"]["value"] == 1 and told["reliability"][0]["n"] == 8
    assert (run / "comparisons.jsonl").read_bytes() == before


def test_a_gold_file_in_no_known_form_exits_with_2(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    run, file = generated(), tmp_path / "gold.jsonl"
    cli("compare", run, "-q")
    file.write_text('{"question": "Why?"}\n', encoding="utf-8")
    refused = cli("audit", run, "--gold", file)
    assert refused.returncode == 2
    assert "no pair of responses; there are: question" in refused.stderr and "corrects" in refused.stderr


def test_an_audit_of_a_run_without_comparisons_says_how_to_make_them(generated: Generated, cli: Cli) -> None:
    run = generated()
    refused = cli("audit", run)
    assert refused.returncode == 4
    assert "holds no comparisons yet" in refused.stderr and f"constitution compare {run}" in refused.stderr


def test_generate_tells_of_its_second_stage_and_of_rows_that_failed_there(
    cli: Cli, prompts: Path, tmp_path: Path
) -> None:
    judge, config = tmp_path / "judge.yaml", tmp_path / "c.yaml"
    judge.write_text("[]", encoding="utf-8")
    config.write_text(f"compare: {{judge: {judge}}}\n", encoding="utf-8")
    arguments = ["--prompts", prompts, "--engine", "scripted", "--rounds", 1, "--config", config]
    told = cli("generate", *arguments, "--out", "run")
    assert told.returncode == 0 and "comparing: 12 rows = 12 done" in told.stdout, told.stderr
    judge.write_text("- {when: '(?s)number 3.*one letter', error: hung up}\n", encoding="utf-8")
    told = cli("generate", *arguments, "--out", "other")
    assert told.returncode == 5
    assert "comparing: 12 rows = 11 done + 1 failed" in told.stdout
    assert "1 row failed (see other/compare-failures.jsonl)" in told.stderr


def test_gold_files_of_one_beginning_are_kept_apart_and_failures_are_told(
    generated: Generated, cli: Cli, gold: Path, partial: str, tmp_path: Path
) -> None:
    run, other = generated(), tmp_path / "gold.more.jsonl"
    cli("compare", run, "--judge", partial, "-q")
    other.write_text(gold.read_text("utf-8").replace("3?", "odd?"), encoding="utf-8")
    assert cli("audit", run, "--gold", gold).returncode == cli("audit", run, "--gold", other).returncode == 0
    Path(partial).write_text("- {when: 'odd', error: hung up}\n" + Path(partial).read_text("utf-8"), encoding="utf-8")
    cli("compare", run, "--judge", partial, "--replace", "-q")
    told = cli("audit", run, "--gold", other)
    assert told.returncode == 5
    assert "8 rows = 7 done + 1 failed" in told.stdout and "failed; --retry-failed runs them again" in told.stderr


def test_gold_pairs_that_say_nothing_of_people_are_refused(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    run, file = generated(), tmp_path / "pairs.jsonl"
    cli("compare", run, "-q")
    file.write_text('{"prompt": "Why?", "response_a": "x", "response_b": "y"}\n', encoding="utf-8")
    refused = cli("audit", run, "--gold", file)
    assert refused.returncode == 2 and "none of 1 pair that the judge was asked about" in refused.stderr


def test_an_audit_of_nothing_yet_says_so(generated: Generated, cli: Cli) -> None:
    run = generated()
    cli("compare", run, "-q")
    (run / "comparisons.jsonl").write_bytes(b"")
    refused = cli("audit", run)
    assert refused.returncode == 4 and "no comparison is finished yet" in refused.stderr


def test_what_is_replaced_is_told(generated: Generated, cli: Cli) -> None:
    run = generated()
    assert "bring them back" not in cli("compare", run).stderr
    assert f"{run / 'replaced' / '1'}" in cli("compare", run, "--tie", 0.1, "--replace").stderr


def test_an_export_whose_pairs_were_all_unfit_says_what_to_try(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    run, judge = generated(), tmp_path / "judge.yaml"
    judge.write_text("- {when: '.', choose: {A: 0.9, B: 0.1}}\n", encoding="utf-8")
    cli("compare", run, "--judge", judge, "-q")
    told = cli("export", run, "--to", tmp_path / "data")
    assert told.returncode == 0
    assert "left out, pairs: status inconsistent: 12" in told.stdout and "--pairs revisions" in told.stderr
    card = (tmp_path / "data" / "README.md").read_text("utf-8")
    assert "judge: `judge.yaml`" in card and "nearly always prefers the response shown as (A)" in card


def test_gold_pairs_are_judged_under_the_principles_that_the_run_was(
    generated: Generated, cli: Cli, gold: Path, partial: str, tmp_path: Path
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: own\nversion: 1\ndescription: d\nprinciples:\n"
        "  - {id: mine, critique_request: c, revision_request: r, comparison: Which is mine?}\n",
        encoding="utf-8",
    )
    run = generated(principles=str(file))
    cli("compare", run, "--judge", partial, "--principles-per-pair", 1, "-q")
    file.unlink()
    told = cli("audit", run, "--gold", gold)
    assert told.returncode == 0, told.stderr
    made = (run / "gold" / "gold.jsonl" / "comparisons.jsonl").read_text("utf-8").splitlines()
    assert {vote["principle"] for line in made for vote in json.loads(line)["votes"]} == {"mine"}
