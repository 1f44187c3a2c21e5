"""`constitution export` as it is typed: what it prints, families by name, what is refused."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROGRAM
from exporting import compared, comparison, judged, many, rows, stored

from constitution.exports.families import FAMILIES, load_family

Cli = Callable[..., subprocess.CompletedProcess[str]]

PLUGIN = """
from constitution.exports.examples import Demonstration, Family, Kind


def row(example):
    return {"question": example.prompt[-1].content, "answer": example.response}


TEXT = [{"name": "question", "dtype": "string"}, {"name": "answer", "dtype": "string"}]
FAMILY = Family(kinds={"plain": Kind(Demonstration, row, TEXT, "questions and answers")}, stacks="a stack of mine")
WRONG = Family(kinds={"plain": Kind(Demonstration, row, TEXT[:1], "questions and answers")}, stacks="a stack of mine")
"""


@pytest.fixture
def plugged(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package of a third party is installed."""
    site = tmp_path / "site"
    (site / "plugin-1.0.dist-info").mkdir(parents=True)
    (site / "plugin.py").write_text(PLUGIN)
    (site / "plugin-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (site / "plugin-1.0.dist-info" / "entry_points.txt").write_text(
        "[constitution.exporters]\nmine = plugin:FAMILY\nwrong = plugin:WRONG\n"
    )
    return os.environ | {"PYTHONPATH": str(site)}


def typed(environment: dict[str, str], *args: object) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), "export", *map(str, args)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=100)


def test_the_help_names_every_family(cli: Cli) -> None:
    told = " ".join(cli("export", "--help").stdout.replace("-\n", "-").split()).replace("- ", "-")
    assert all(f"{name}," in told or f"{name}." in told for name in FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_says_what_reads_it_and_what_its_kinds_are(name: str) -> None:
    family = load_family(name)
    assert family.stacks
    assert family.kinds
    assert all(kind.meaning and kind.columns for kind in family.kinds.values())


def test_every_family_is_exported_by_its_name(cli: Cli, tmp_path: Path) -> None:
    run = judged(stored(tmp_path / "run", many(4)), compared(4))
    for name in ("openai", "verl"):
        result = cli("export", run, "--to", name, "--for", name, "--test-fraction", 0)
        assert result.returncode == 0, result.stderr
        printed = {line.split(": ")[0] for line in result.stdout.splitlines()}
        found = [path for path in (tmp_path / name).rglob("train.*")]
        assert found
        assert printed == {str(path.relative_to(tmp_path)) for path in found}


def test_what_is_left_out_mixed_in_and_empty_is_printed(cli: Cli, tmp_path: Path) -> None:
    made = [*compared(6), comparison(6, "Tie?", "a", "b", 0.5, status="tie")]
    run = judged(tmp_path / "run", made, input=9)
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"prompt": "Q?", "chosen": "Yes.", "rejected": "No."}\n')
    result = cli("export", run, "--to", "data", "--mix", f"{pool}:1", "--kind", "sft", "--kind", "preference")
    assert result.returncode == 0, result.stderr
    told = result.stdout.splitlines()
    assert "sft: no rows" in told
    assert "left out, pairs: status tie: 1" in told
    assert "mixed in, pool.jsonl: 1 pair, 1 for each of the run's, which would be 6: it has no more" in told
    assert "the RL stage is not whole: 9 rows = 7 done + 0 failed + 0 filtered + 2 pending" in told
    assert result.stderr == 'Load it: datasets.load_dataset("data", "preference")\n'


def test_all_options_reach_the_export(cli: Cli, tmp_path: Path) -> None:
    made = [comparison(n, f"{n}?", "a", "b", p, status="tie") for n, p in enumerate((0.95, 0.85, 0.6))]
    run = judged(stored(tmp_path / "run", many(3)), made)
    options = ("--pairs", "comparisons", "--include", "tie", "--soft-labels", "margin:2", "--min-confidence", 0.8)
    more = ("--max-per-prompt", 1, "--license", "mit", "--seed", 3, "--kind", "reward", "--test-fraction", 0)
    result = cli("export", run, "--to", "data", "--format", "json", *options, *more)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["rows"] == {"reward": {"train": 2}}
    assert told["dropped"] == {"pairs: confidence below 0.8": 1}
    assert told["counts"]["compare"] == {"input": 3, "done": 3, "failed": 0, "filtered": 0}
    assert told["url"] is None
    assert [round(row["margin"], 3) for row in rows(tmp_path / "data", "reward")] == [5.889, 3.469]
    assert "license: mit" in (tmp_path / "data" / "README.md").read_text()


def test_a_third_partys_family_is_found_by_its_entry_point(tmp_path: Path, plugged: dict[str, str]) -> None:
    run = stored(tmp_path / "run", many(3))
    result = typed(plugged, run, "--to", tmp_path / "data", "--for", "mine", "--test-fraction", 0)
    assert result.returncode == 0, result.stderr
    assert rows(tmp_path / "data", "plain")[1] == {"question": "Question 1?", "answer": "Best 1."}
    assert "a stack of mine" in (tmp_path / "data" / "README.md").read_text()


def test_a_family_whose_rows_are_not_as_declared_is_refused(tmp_path: Path, plugged: dict[str, str]) -> None:
    result = typed(plugged, stored(tmp_path / "run", many(3)), "--to", tmp_path / "data", "--for", "wrong")
    assert result.returncode == 2
    assert "a row with the columns question, answer, declared are question" in result.stderr
    assert not (tmp_path / "data").exists()


def test_an_unknown_family_lists_them_all(tmp_path: Path, plugged: dict[str, str]) -> None:
    result = typed(plugged, stored(tmp_path / "run", many(3)), "--to", tmp_path / "data", "--for", "torchtune")
    assert result.returncode == 2
    assert "--for 'torchtune': no such family" in result.stderr
    assert all(name in result.stderr for name in (*FAMILIES, "mine", "wrong"))


def test_an_unknown_kind_lists_the_familys(cli: Cli, tmp_path: Path) -> None:
    result = cli("export", stored(tmp_path / "run", many(3)), "--to", "data", "--kind", "dpo")
    assert result.returncode == 2
    assert "--kind 'dpo': trl has no such kind of row" in result.stderr
    assert "sft, preference, reward, kto, prompts" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--soft-labels", "softly"), "--soft-labels 'softly'"),
        (("--include", "invalid"), "--include invalid"),
        (("--mix", "pool.jsonl:none"), "--mix pool.jsonl:none"),
        (("--min-confidence", "2"), "--min-confidence 2"),
    ],
)
def test_what_is_wrong_is_told_in_two_lines(cli: Cli, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    result = cli("export", judged(tmp_path / "run", compared(3)), "--to", "data", *options)
    assert result.returncode == 2
    first, hint = result.stderr.splitlines()
    assert first.startswith(f"error: {told}")
    assert hint.startswith("  ")
    assert not (tmp_path / "data").exists()


def test_the_public_interface_takes_every_option_of_the_command() -> None:
    import inspect

    from constitution.cli.data import export as command
    from constitution.exports import export

    renamed = {"kind": "kinds", "push": "push_to"}
    typed = {renamed.get(name, name) for name in inspect.signature(command).parameters} - {"format"}
    assert typed == set(inspect.signature(export).parameters)
