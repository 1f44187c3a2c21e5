"""`constitution principles export`: what is written, and what has no place there."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import foreign_files as files
from principle_files import put, untouched

from constitution.principle_formats.exporting import export_principles
from constitution.principle_formats.importing import import_principles
from constitution.principles import load_principles

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_exports_tell_what_has_no_place_in_them(tmp_path: Path) -> None:
    made = export_principles("harmlessness", tmp_path / "a.json", "paper")
    assert made.entries == 20
    counts = {one.field: one.count for one in made.dropped}
    assert counts.pop("comparison") == 20 and counts.pop("tags") == 20
    assert counts == {"name": 1, "version": 1, "description": 1, "rules": 8}
    rules = put(tmp_path, "rules.yaml", "name: n\nversion: 1\ndescription: d\nrules: [{id: a, proposition: P.}]\n")
    told = "nothing to write as paper: no principle has a critique_request"
    untouched(tmp_path, told, lambda: export_principles(str(rules), tmp_path / "b.json", "paper"), "principles show")
    untouched(tmp_path, "does not tell which format", lambda: export_principles("harmlessness", tmp_path / "b.json"))
    untouched(
        tmp_path, "names the file to write", lambda: export_principles("harmlessness", Path("paper")), "--for paper"
    )
    untouched(tmp_path, "did you mean 'salmon'", lambda: export_principles("harmlessness", tmp_path / "b", "salmn"))
    untouched(tmp_path, "already there", lambda: export_principles("harmlessness", tmp_path / "a.json", "paper"))
    untouched(
        tmp_path,
        "no examples beside principles",
        lambda: export_principles("harmlessness", tmp_path / "b", "paper", few_shots=rules),
    )


def test_a_shipped_file_comes_back_whole_from_a_table_text_and_json(tmp_path: Path) -> None:
    for name in ("table.csv", "lines.txt", "own.json"):
        export_principles("harmlessness", tmp_path / name, "json" if name == "own.json" else None)
        import_principles(tmp_path / name, tmp_path / f"{name}.yaml")
        assert load_principles(str(tmp_path / f"{name}.yaml")).principles == load_principles("harmlessness").principles


def test_the_commands_print_results_and_what_was_dropped_apart(tmp_path: Path, cli: Cli) -> None:
    put(tmp_path, "csv.csv", files.CSV)
    told = cli("principles", "import", "csv.csv", "--to", "mine.yaml")
    assert (told.returncode, told.stdout) == (0, "mine.yaml: 2 principles\n")
    assert "csv.csv: csv, table\ndropped, and how often: column notes 1\n" in told.stderr
    told = cli("principles", "export", "mine.yaml", "--for", "paper-judge", "--to", "judge.json", "--format", "json")
    assert json.loads(told.stdout)["dropped"][0] == {"field": "id", "count": 2}
    assert json.loads((tmp_path / "judge.json").read_text()) == [
        "\nWhich is kinder? Options:",
        "\n=2 is which? Options:",
    ]
    told = cli("principles", "import", "judge.json", "--to", "mine.yaml")
    assert told.returncode == 2 and "already there" in told.stderr and not told.stdout
