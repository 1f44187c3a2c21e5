"""`constitution principles lint`: what it prints, and the tokenizer that it opens."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from linting import no_tokenizer
from planted import HEAD, PLANTED, SOUND, added, principle

from constitution.lint import RULES, Allowance, Finding, lint

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_lint_tells_lines_and_ends_with_a_code_for_scripts(tmp_path: Path, cli: Cli) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(HEAD + SOUND, encoding="utf-8")
    bad.write_text(PLANTED["a variable"].text, encoding="utf-8")
    told = cli("principles", "lint", "harmlessness", good)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "2 files: nothing found\n")
    told = cli("principles", "lint", good, bad)
    assert told.returncode == 6
    line = PLANTED["a variable"].line
    assert told.stdout.startswith(f"{bad}:{line}: placeholder (warning): '{{quality}}' in the comparison")
    assert told.stderr == "2 files: 1 warning\n"
    assert cli("principles", "lint", bad, "--fail-on", "error").returncode == 0
    assert cli("principles", "lint", bad, "--off", "placeholder").returncode == 0


def test_findings_as_json(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(PLANTED["the same principle again"].text, encoding="utf-8")
    (found,) = json.loads(cli("principles", "lint", path, "--format", "json").stdout)
    assert found["file"] == str(path)
    assert (found["rule"], found["severity"], found["line"]) == ("near-duplicate", "warning", 29)
    assert found["also"] == [5]
    assert 0.45 <= found["score"] <= 1
    assert set(found) == set(Finding.model_fields)


def test_findings_as_annotations(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "a,b: 100%.yaml"
    path.write_text(added(weigth="5%") + principle(id="more", comparison='"{x}%"'), encoding="utf-8")
    told = cli("principles", "lint", path, "--format", "github", "--off", "near-duplicate", "--off", "copied-text")
    assert told.returncode == 6
    error, warning = told.stdout.splitlines()
    where = str(path).replace(":", "%3A")[: -len("a,b%3A 100%.yaml")] + "a%2Cb%3A 100%25.yaml"
    assert error.startswith(f"::error file={where},line=34,title=schema::unknown key 'weigth'; did you mean 'weight'?")
    assert warning.startswith(f"::warning file={where},line=39,title=placeholder::'{{x}}' in the comparison")


def test_the_table_of_rules_is_printed(cli: Cli) -> None:
    text = cli("principles", "lint", "--rules")
    assert text.returncode == 0
    assert all(f"{rule.id} ({rule.severity}" in text.stdout for rule in RULES.values())
    told = json.loads(cli("principles", "lint", "--rules", "--format", "json").stdout)
    assert [rule["id"] for rule in told] == list(RULES)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give the principles files"),
        (("nowhere.yaml",), "no such file"),
        (("harmlesness",), "did you mean 'harmlessness'?"),
        (("harmlessness", "--off", "placeholders"), "did you mean 'placeholder'?"),
        (("harmlessness", "--off", "yaml"), "is always on"),
    ],
)
def test_wrong_use_is_told(cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    refused = cli("principles", "lint", *arguments)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


def test_lint_loads_no_heavy_package_and_takes_little_time() -> None:
    code = """
import sys, time
from constitution.cli import main
sys.argv[1:] = ["principles", "lint", "harmlessness"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print(*[name for name in ("torch", "transformers", "tokenizers", "datasets") if name in sys.modules])
"""
    began = time.monotonic()
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
    assert time.monotonic() - began < 5


def test_the_tokenizer_is_opened_only_for_texts_of_more_bytes_than_tokens_are_allowed() -> None:
    text = added(critique_request="Say whether any of these is named - " + "ash " * 100)
    assert lint(text, "p", Allowance(tokenizer="x", context=4 * 500), no_tokenizer) == []
    with pytest.raises(AssertionError, match="the tokenizer x was opened"):
        lint(text, "p", Allowance(tokenizer="x", context=4 * 200), no_tokenizer)
    assert lint(text, "p", Allowance(tokenizer="x", context=4 * 200), no_tokenizer, ["too-long"]) == []


def test_tokens_are_those_of_the_named_tokenizer(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(added(critique_request="Say whether any of these is named - " + "ash " * 400), encoding="utf-8")
    told = cli("principles", "lint", path, "--context", 1024)
    assert told.returncode == 6
    assert "the critique_request has 408 tokens of smollm2, more than a quarter of a context of 1,024" in told.stdout
    refused = cli("principles", "lint", path, "--context", 1024, "--tokenizer", "./nowhere")
    assert refused.returncode == 3
    assert refused.stderr.startswith("error: nowhere: no such folder")


def test_a_file_that_is_not_there_hides_nothing_of_the_others(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: x\n", encoding="utf-8")
    result = cli("principles", "lint", "nowhere.yaml", "broken.yaml", "--format", "github")
    assert result.returncode == 2
    told = result.stdout.splitlines()
    assert told[0].startswith("::error file=nowhere.yaml,line=1,") and "no such file" in told[0]
    assert any("file=broken.yaml" in line for line in told[1:])
