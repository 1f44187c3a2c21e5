"""`score` as it is typed, and what `status` and `show` tell of scores."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
Generated = Callable[..., Path]


@pytest.fixture
def judge(tmp_path: Path) -> str:
    """Finds every rule true with probability 3/4, but for one that it does not answer."""
    path = tmp_path / "judge.yaml"
    path.write_text(
        "- {when: 'number 3[^~]*apologises', choose: {'Yes': 1.0e-9, 'No': 1.0e-9}}\n"
        "- {when: 'Is the statement true', choose: {'Yes': 0.6, 'No': 0.2}}\n"
    )
    return str(path)


def test_score_prints_what_came_of_it_and_goes_on_when_repeated(generated: Generated, cli: Cli, judge: str) -> None:
    run = generated()
    first = cli("score", run, "--judge", judge)
    assert first.returncode == 0, first.stderr
    assert f"{run}: scoring: 12 rows = 12 done + 0 failed + 0 filtered + 0 pending" in first.stdout
    assert "judge judge.yaml: 24 responses (initial and revised) by 8 rules" in first.stdout
    assert "2 of them without a reward: the judge did not answer yes or no" in first.stdout
    assert "gained by revision: 0.000 [0.000, 0.000], n = 11" in first.stdout
    table = [line.split() for line in first.stdout.splitlines()]
    assert ["over-refuses", "-1", "24", "0.750", "1.000", "0.750", "0.750", "0"] in table
    assert ["apologises-needlessly", "-0.25", "22", "0.750", "1.000", "0.750", "0.750", "2"] in table
    assert "192/192 calls" in first.stderr and f"constitution export {run} --to DIR --min-reward X" in first.stderr
    assert cli("score", run, "--judge", judge, "-q").stdout == first.stdout
    status = cli("status", run).stdout
    assert first.stdout.splitlines()[0] in status and "apologises-needlessly" in status


def test_score_and_status_print_json_for_scripts(generated: Generated, cli: Cli, judge: str) -> None:
    run = generated()
    told = json.loads(
        cli("score", run, "--judge", judge, "--only", "offers-alternative", "--on", "final", "--format", "json").stdout
    )
    assert told["counts"] == {"input": 12, "done": 12, "failed": 0, "filtered": 0}
    assert [(rule["rule"], rule["n"], rule["invalid"]) for rule in told["rules"]] == [("offers-alternative", 12, 0)]
    assert told["reward"]["value"] == pytest.approx(0.75) and told["gain"] is None
    assert json.loads(cli("status", run, "--format", "json").stdout)["scoring"] == told


def test_one_prompt_gives_all_that_is_possible_as_interval(generated: Generated, cli: Cli, judge: str) -> None:
    run = generated()
    flags = ("score", run, "--judge", judge, "--only", "offers-alternative", "--limit", 1)
    printed = cli(*flags).stdout
    assert "  mean reward: 0.750 [0.000, 1.000], n = 2" in printed
    assert "  gained by revision: 0.000 [-1.000, 1.000], n = 1" in printed
    told = json.loads(cli(*flags, "--format", "json").stdout)
    assert told["reward"] == {"value": pytest.approx(0.75), "low": 0, "high": 1, "n": 2}


def test_show_prints_the_scores_of_a_row(generated: Generated, cli: Cli, judge: str) -> None:
    run = generated()
    cli("score", run, "--judge", judge, "-q")
    shown = cli("show", run, "row-03").stdout
    assert "scores · response · no reward" in shown and "apologises-needlessly: invalid" in shown
    assert "scores · revision-1 · reward" in cli("show", run, "row-04").stdout
    told = json.loads(cli("show", run, "row-04", "--format", "json").stdout)
    assert [one["source"] for one in told["scores"]] == ["response", "revision-1"]
    assert told["scores"][0]["reward"] == pytest.approx(-5.25 * 0.75)


def test_exit_codes_and_refusals(generated: Generated, cli: Cli, judge: str, tmp_path: Path) -> None:
    run = generated()
    unknown = cli("score", run, "--only", "over-refusse")
    assert unknown.returncode == 2 and "did you mean 'over-refuses'?" in unknown.stderr
    assert cli("score", run, "--min-mass", 2).returncode == 2
    assert cli("score", tmp_path / "none").returncode == 4
    assert cli("score", run, "--judge", judge, "-q").returncode == 0
    other = cli("score", run, "--judge", judge, "--only", "offers-alternative")
    assert other.returncode == 4 and "rules: demeans: {" in other.stderr
    assert f"constitution score {run} … --replace" in other.stderr
    replaced = cli("score", run, "--judge", judge, "--only", "offers-alternative", "--replace")
    assert replaced.returncode == 0 and f"{run / 'replaced' / '1'}" in replaced.stderr
    Path(judge).write_text("- {when: 'number 7', error: hung up}\n")
    failed = cli("score", run, "--judge", judge, "--replace", "-q")
    assert failed.returncode == 5 and "1 row failed" in failed.stderr and "--retry-failed" in failed.stderr
    assert cli("score", run, "--judge", judge, "-q", "--fail-on", "2").returncode == 0


def test_what_a_file_says_cannot_steer_the_terminal(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text('name: n\nversion: 1\ndescription: d\nrules: [{id: a, proposition: "\\e[31mIt is."}]\n')
    run = generated()
    cli("score", run, "--principles", rules, "-q")
    changed = cli("score", run, "--judge", "scripted", "-q")
    assert changed.returncode == 4 and "\x1b" not in changed.stderr + changed.stdout


def test_export_heeds_scores_and_says_what_it_left_out(generated: Generated, cli: Cli, judge: str) -> None:
    run = generated()
    lacking = cli("export", run, "--to", "data", "--min-reward", "0.5")
    assert lacking.returncode == 2 and f"constitution score {run}" in lacking.stderr
    Path(judge).write_text(
        "- {when: 'number [0-4]\\?[^~]*offers a safe', choose: {'Yes': 0.9, 'No': 0.1}}\n"
        "- {when: 'offers a safe', choose: {'Yes': 0.1, 'No': 0.9}}\n"
    )
    cli("score", run, "--judge", judge, "--only", "offers-alternative", "-q")
    made = cli("export", run, "--to", "data", "--min-reward", "0.8", "--test-fraction", "0")
    assert made.returncode == 0, made.stderr
    assert "data/sft/train.jsonl: 5 rows" in made.stdout and "data/scored/train.jsonl: 24 rows" in made.stdout
    assert "left out, demonstrations: reward below 0.8: 7" in made.stdout
    assert cli("export", run, "--to", "best", "--revisions", "best", "--kind", "sft").returncode == 0
