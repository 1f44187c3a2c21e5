"""Lint: planted faults are found on their lines, and nothing is found in what is sound."""

import json
import time
from pathlib import Path

import pytest
from linting import found_in, no_tokenizer
from planted import HEAD, PLANTED, POLITE, SOUND, Planted, added, principle, ruled
from styles import FAULTY, HARMLESS, WELL_WRITTEN

from constitution.errors import PrinciplesError
from constitution.lint import RULES, Allowance, lint
from constitution.principles import load_principles
from constitution.resources import shipped


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_all_that_is_found(planted: Planted) -> None:
    (found,) = found_in(planted.text)
    assert (found.rule, found.line) == (planted.rule, planted.line)
    assert found.severity is RULES[found.rule].severity
    assert found.why
    assert found.todo


def test_there_is_a_planted_fault_for_each_rule() -> None:
    # A file of thousands of entries is made elsewhere.
    assert {planted.rule for planted in PLANTED.values()} == set(RULES) - {"not-compared"}


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


def in_a_file(field: str, text: str) -> str:
    """A file with the text in a principle or rule of its own."""
    quoted = json.dumps(text)
    return ruled(POLITE, f"{{id: mine, proposition: {quoted}}}") if field == "proposition" else added(**{field: quoted})


@pytest.mark.parametrize(("field", "text"), HARMLESS)
def test_nothing_is_found_in_what_only_looks_like_a_fault(field: str, text: str) -> None:
    assert found_in(in_a_file(field, text)) == []


@pytest.mark.parametrize(("rule", "field", "text"), FAULTY)
def test_faults_as_people_write_them_are_found(rule: str, field: str, text: str) -> None:
    assert rule in {found.rule for found in found_in(in_a_file(field, text))}


@pytest.mark.parametrize("top", ["- a\n- {id: b}\n", "[]\n", "7\n", ""])
def test_a_file_without_keys_at_its_top_is_told(top: str) -> None:
    (found,) = found_in(top)
    assert (found.rule, found.line) == ("schema", 1)
    assert "expected keys and values at the top" in found.why


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
