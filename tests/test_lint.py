"""Lint: planted faults are found on their lines, and nothing is found in what is sound."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from planted import HEAD, PLANTED, SOUND, Planted, added, principle, ruled
from styles import FAULTY, WELL_WRITTEN

from constitution.errors import PrinciplesError
from constitution.lint import RULES, Allowance, Finding, lint
from constitution.principles import load_principles
from constitution.resources import shipped

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def no_tokenizer(name: str) -> Callable[[str], int]:
    raise AssertionError(f"the tokenizer {name} was opened")


def words_counted(name: str) -> Callable[[str], int]:
    return lambda text: len(text.split())


def found_in(text: str, off: tuple[str, ...] = (), context: int = 8192) -> list[Finding]:
    return lint(text, "p.yaml", Allowance(tokenizer="words", context=context), words_counted, off)


# What is found


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_all_that_is_found(planted: Planted) -> None:
    (found,) = found_in(planted.text)
    assert (found.rule, found.line) == (planted.rule, planted.line)
    assert found.severity is RULES[found.rule].severity
    assert found.why
    assert found.todo


def test_there_is_a_planted_fault_for_each_rule() -> None:
    assert {planted.rule for planted in PLANTED.values()} == set(RULES)


def test_faults_in_one_file_are_all_found() -> None:
    faults = {
        "double-barrelled": {"comparison": "Which response is shorter, and which is more polite to the user?"},
        "placeholder": {"revision_request": "Rewrite your last response so that TODO."},
        "schema": {"weight": "-1"},
        "rewards-evasion": {"comparison": "Which one is safer? Choose the response that refuses to answer."},
        "unpaired-request": {"revision_request": ""},
    }
    subjects = [
        "rockets above towns",
        "debts of gamblers",
        "hunting of rare birds",
        "forged passports",
        "poisoned wells",
    ]
    text = HEAD + SOUND
    for (rule, fault), about in zip(faults.items(), subjects, strict=True):
        entry = {
            "id": rule,
            "critique_request": f"Say whether your last response helps with {about}, and which part of it does.",
            "revision_request": f"Rewrite your last response so that it has no help with {about}.",
            "comparison": f"Which response is of less help with {about}?",
            "tags": "",
        }
        text += principle(**(entry | fault))
    assert [found.rule for found in found_in(text)] == list(faults)


@pytest.mark.parametrize("path", sorted(shipped("principles").glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_found_in_what_ships(path: Path) -> None:
    assert lint(path.read_text(encoding="utf-8"), path.name, Allowance(tokenizer="none"), no_tokenizer) == []


def test_nothing_is_found_in_well_written_principles_of_another_style() -> None:
    assert [f"{found.line} {found.rule} {found.why}" for found in found_in(WELL_WRITTEN)] == []


@pytest.mark.parametrize(("rule", "field", "text"), FAULTY)
def test_faults_as_people_write_them_are_found(rule: str, field: str, text: str) -> None:
    quoted = json.dumps(text)
    whole = ruled(f"{{id: mine, proposition: {quoted}}}") if field == "proposition" else added(**{field: quoted})
    assert rule in {found.rule for found in found_in(whole)}


def test_all_that_breaks_the_format_is_told_at_once() -> None:
    text = "name: n\nversion: ''\nprinciples:\n  - id: a b\n    critique: x\n    weight: 0\n  - 7\n"
    text += "rules:\n  - {id: r}\nmore: 1\n"
    told = [(found.line, found.why) for found in found_in(text) if found.rule == "schema"]
    assert [line for line, _ in told] == [1, 2, 4, 5, 6, 7, 9, 10]
    assert "the key 'description' is missing" in told[0][1]
    assert "unknown key 'critique'; did you mean 'critique_request'?" in told[3][1]
    assert "expected keys and values, found 7" in told[5][1]


@pytest.mark.parametrize(
    ("broken", "line", "told"),
    [
        ("a:\n\tb: 1", 2, "a tab at the beginning of the line"),
        ('a: "x\nb: 1\n', 1, "the quote that opens on this line is never closed"),
        ("a: 1\nb: [1, 2\nc: 3\n", 2, "is not closed by ']'"),
        ("a: b: c\n", 1, "mapping values are not allowed here"),
        ("a:\n  - id: x\n   t: y\n", 3, "indented otherwise"),
        ("a: 'it's'\n", 1, "text goes on after a closed quote"),
        ("a: @home\n", 1, "a sign that YAML keeps for itself"),
        ("a: 1\na: 2\n", 2, "found duplicate key"),
    ],
)
def test_yaml_that_cannot_be_read_is_told_in_plain_words(broken: str, line: int, told: str) -> None:
    (found,) = found_in(broken)
    assert (found.rule, found.line) == ("yaml", line)
    assert told in found.why
    assert found.todo


def test_the_line_is_that_of_the_words_within_a_folded_text() -> None:
    text = HEAD + SOUND.replace("and keep the point that it makes", "and keep\n      the point TBD that it makes")
    (found,) = found_in(text)
    assert "TBD" in text.split("\n")[found.line - 1]


def test_a_chinese_file_is_compared_by_its_characters() -> None:
    entry = "  - {id: %s, critique_request: %s, revision_request: %s, comparison: %s}\n"
    boiler = "请重写你上一条回复，%s。只写新的回复。"
    text = HEAD + "".join(
        entry
        % (
            name,
            f"请检查你上一条回复是否{what}，并指出具体是哪一句。",
            boiler % f"不再{what}",
            f"哪一条回复更少{what}？",
        )
        for name, what in (
            ("a", "教人撬锁入室盗窃"),
            ("b", "嘲笑他人的外貌或口音"),
            ("c", "编造不存在的药物剂量"),
            ("d", "泄露陌生人的住址电话"),
            ("e", "嘲笑别人的外貌和口音"),
        )
    )
    (found,) = found_in(text)
    assert (found.rule, found.line, found.also) == ("near-duplicate", 9, (6,))


def test_no_wording_of_english_is_looked_for_in_other_languages() -> None:
    german = added(
        id="feuer",
        critique_request="Prüfe, ob deine letzte Antwort erklärt, wie man ein Feuer legt, und nenne die Stelle.",
        revision_request="Schreibe deine letzte Antwort so um, dass sie kein Feuer legt; do not hesitate to name it.",
        comparison="Welche Antwort führt seltener zu einem Brand, und welche ist both höflich?",
    )
    assert found_in(german) == []


# The tokenizer


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


# Switching rules off

FAULT = principle(comparison="Which response is less {quality}?")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SOUND + "\n  # lint: off placeholder\n" + FAULT.lstrip("\n"),
        HEAD + SOUND + "\n  # Meant so.\n  #lint: off leading, placeholder\n\n" + FAULT.lstrip("\n"),
        HEAD + SOUND + FAULT.replace("tags:", "# lint: off placeholder\n    tags:"),
        HEAD + SOUND + FAULT.rstrip("\n") + " # lint: off placeholder\n",
        "# lint: off placeholder tag-typo\n" + HEAD + SOUND + FAULT,
        HEAD.replace("principles:", "# lint: off placeholder\nprinciples:") + SOUND + FAULT,
    ],
)
def test_a_comment_switches_a_rule_off(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SOUND.replace("  - id: locks", "  # lint: off placeholder\n  - id: locks") + FAULT,
        HEAD + SOUND + FAULT.replace("blaze", "x") + "\n  # lint: off leading\n",
        HEAD + SOUND + FAULT.replace("revision_request:", "revision_request: >-\n      # lint: off placeholder\n     "),
        HEAD + SOUND + FAULT.replace("danger.", "danger.#lint:off placeholder"),
        HEAD + SOUND + FAULT.replace("{quality}?", "{quality}#lint:off placeholder"),
    ],
)
def test_a_comment_elsewhere_or_a_text_switches_nothing_off(text: str) -> None:
    assert [found.rule for found in found_in(text)] == ["placeholder"]


def test_either_of_a_pair_switches_off_what_is_found_of_both() -> None:
    text = PLANTED["the same principle again"].text
    for name in ("doses", "medicines"):
        assert found_in(text.replace(f"  - id: {name}", f"  # lint: off near-duplicate\n  - id: {name}")) == []


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("placeholders", "did you mean 'placeholder'?"),
        ("", "does not say what"),
        ("schema", "cannot be switched off"),
    ],
)
def test_a_switch_that_is_none_is_told(names: str, why: str) -> None:
    (found,) = found_in(f"{HEAD}  # lint: off {names}\n{SOUND}")
    assert (found.rule, found.line) == ("unknown-rule", 5)
    assert why in found.why


# The command


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


def test_a_long_file_takes_seconds() -> None:
    one = SOUND.split("\n\n")[0]
    text = HEAD + "\n".join(one.replace("id: doses", f"id: d{n}") for n in range(300))
    began = time.process_time()
    found = found_in(text)
    assert time.process_time() - began < 10
    # Each is told once, with the one that it is likest to.
    assert len([one for one in found if one.rule == "near-duplicate"]) == 299


def test_what_lint_calls_an_error_is_what_loading_refuses(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    for name, planted in PLANTED.items():
        path.write_text(planted.text, encoding="utf-8")
        if RULES[planted.rule].severity == "error":
            with pytest.raises(PrinciplesError):
                load_principles(str(path))
        else:
            assert load_principles(str(path)).principles, name


def test_a_list_at_the_top_is_one_fault() -> None:
    (found,) = found_in("- critique_request: x\n  revision_request: y\n")
    assert (found.rule, found.line) == ("schema", 1)
    assert "found a list" in found.why
