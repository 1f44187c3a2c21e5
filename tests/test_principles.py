"""Principles: the shipped files, every way a file can be wrong, and the draws."""

import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from constitution.errors import PrinciplesError
from constitution.principles import Principle, PrincipleSet, Rule, find_principles, load_file, load_principles
from constitution.resources import shipped

SHIPPED = ["children", "harmlessness", "harmlessness.zh", "helpfulness", "honesty", "privacy"]
# Lines 1 to 4; the first principle begins on line 5.
HEAD = 'name: mine\nversion: "1"\ndescription: My principles.\nprinciples:\n'
ONE = "  - id: one\n    critique_request: Criticise.\n    revision_request: Rewrite.\n"
TWO = ONE.replace("one", "two")


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def the_error(tmp_path: Path, text: str | bytes) -> PrinciplesError:
    with pytest.raises(PrinciplesError) as caught:
        load_principles(str(write(tmp_path, text)))
    return caught.value


def principle_set(*weights: float) -> PrincipleSet:
    principles = tuple(
        Principle(id=f"p{n}", critique_request="Criticise.", revision_request="Rewrite.", weight=weight)
        for n, weight in enumerate(weights)
    )
    return PrincipleSet(name="mine", version="1", description="Mine.", principles=principles)


# --- the shipped files


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_principle_is_whole_and_has_its_own_words(name: str) -> None:
    loaded = load_principles(name)
    assert loaded.name == name
    texts = [text for p in loaded.principles for text in (p.critique_request, p.revision_request, p.comparison) if text]
    assert len(texts) == len(set(texts)) == 3 * len(loaded.principles)


def test_the_names_that_ship_are_the_files_that_ship() -> None:
    assert {path.stem for path in shipped("principles").glob("*.yaml")} == set(SHIPPED)


def test_at_least_sixteen_harmlessness_principles_can_compare() -> None:
    assert sum(principle.comparison is not None for principle in load_principles("harmlessness").principles) >= 16


# --- finding and loading


def test_a_file_is_loaded_as_written(tmp_path: Path) -> None:
    text = (
        HEAD + ONE + "  - id: two.2_b-c\n    critique_request: >-\n      Criticise\n      twice.\n"
        "    revision_request: ' Rewrite. '\n    comparison: Which?\n    weight: 2\n    tags: [a, b]\n"
    )
    loaded = load_principles(str(write(tmp_path, text)))
    assert (loaded.name, loaded.version, loaded.description) == ("mine", "1", "My principles.")
    assert loaded.principles == (
        Principle(id="one", critique_request="Criticise.", revision_request="Rewrite.", weight=1.0),
        Principle(
            id="two.2_b-c",
            critique_request="Criticise twice.",
            revision_request="Rewrite.",
            comparison="Which?",
            weight=2.0,
            tags=("a", "b"),
        ),
    )


@pytest.mark.parametrize(("written", "read"), [("1.0", "1.0"), ("2", "2"), ("1.2.3", "1.2.3"), ('"1.10"', "1.10")])
def test_a_version_needs_no_quotes(tmp_path: Path, written: str, read: str) -> None:
    assert load_principles(str(write(tmp_path, HEAD.replace('"1"', written) + ONE))).version == read


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    assert load_principles(str(write(tmp_path, b"\xef\xbb\xbf" + (HEAD + ONE).encode()))).name == "mine"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("harmlesness", "did you mean 'harmlessness'?"),
        ("Helpfulness", "did you mean 'helpfulness'?"),
        ("harmlessness.zn", "did you mean 'harmlessness.zh'?"),
        ("zzz", f"known: {', '.join(SHIPPED)}"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, advice: str) -> None:
    with pytest.raises(PrinciplesError) as caught:
        find_principles(name)
    assert caught.value.message == f"no principles called {name!r}; {advice}"
    assert "constitution principles list" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrinciplesError, match=re.escape(f"{tmp_path / 'no.yaml'}: no such file")):
        load_principles(str(tmp_path / "no.yaml"))


# --- what can be wrong with a file

BAD = {
    "an unknown key": (HEAD + ONE + "    wieght: 2\n", 8, ["unknown key 'wieght'", "did you mean 'weight'?"]),
    "an unknown key at the top": (
        HEAD + ONE + "descripton: x\n",
        8,
        ["unknown key 'descripton'", "did you mean 'description'?"],
    ),
    "an unknown key like no other": (
        HEAD + ONE + "    zzz: 2\n",
        8,
        ["'zzz'", "known: comparison, critique_request, id, revision_request, tags, weight"],
    ),
    "a required key misspelt": (
        HEAD + ONE + TWO.replace("critique_request", "critique_reqest"),
        9,
        ["unknown key 'critique_reqest'", "did you mean 'critique_request'?"],
    ),
    "a required key misspelt at the top": (
        HEAD.replace("description", "desription") + ONE,
        3,
        ["unknown key 'desription'", "did you mean 'description'?"],
    ),
    "a key given twice": (HEAD + ONE + "    id: two\n", 8, ['duplicate key "id"']),
    "an id given twice": (HEAD + ONE + TWO + ONE, 11, ["'one'", "line 5"]),
    "an empty text": (HEAD + ONE.replace("Criticise.", '""'), 6, ["critique_request"]),
    "a blank text": (HEAD + ONE + TWO.replace("Rewrite.", "'  '"), 10, ["revision_request"]),
    "a text left out": (HEAD + ONE.replace("Criticise.", ""), 5, ["'critique_request' is missing"]),
    "a missing key": (HEAD + ONE + "  - id: two\n    critique_request: c\n", 8, ["'revision_request' is missing"]),
    "a revision of no critique": (
        HEAD + ONE + "  - id: two\n    revision_request: r\n    comparison: c\n",
        8,
        ["'critique_request' is missing"],
    ),
    "a principle that asks nothing": (HEAD + ONE + "  - id: two\n    weight: 2\n", 8, ["nor 'comparison'"]),
    "a missing key at the top": (HEAD.replace('version: "1"\n', "") + ONE, 1, ["'version' is missing"]),
    "a negative weight": (HEAD + ONE + "    weight: -1\n", 8, ["weight", "greater than 0"]),
    "no weight at all": (HEAD + ONE + "    weight: 0\n", 8, ["weight", "greater than 0"]),
    "an infinite weight": (HEAD + ONE + "    weight: .inf\n", 8, ["weight", "finite"]),
    "a weight beyond all measure": (HEAD + ONE + "    weight: 1.0e+7\n", 8, ["weight", "1000000"]),
    "a rule of a weight beyond all measure": (
        HEAD + ONE + "rules:\n  - id: r\n    proposition: P.\n    weight: -1.0e+308\n",
        11,
        ["weight", "-1000000"],
    ),
    "a weight that is a switch": (HEAD + ONE + "    weight: true\n", 8, ["weight", "expected a number, found true"]),
    "a version that is a switch": (HEAD.replace('"1"', "true") + ONE, 2, ["version", "expected text, found true"]),
    "a weight in words": (HEAD + ONE + "    weight: heavy\n", 8, ["weight", "number"]),
    "broken YAML": (HEAD + ONE.replace("Criticise.", "Note: this"), 6, ["mapping values are not allowed here"]),
    "a tab": (HEAD + "\t- id: one\n", 5, ["a tab at the beginning of the line"]),
    "a control character": (HEAD + ONE.replace("Criticise.", "\x07"), 6, ["character"]),
    "a list at the top": (ONE.replace("    ", "  ").replace("  - ", "- "), 1, ["keys and values"]),
    "text at the top": ("hello\n", 1, ["keys and values"]),
    "nothing": ("# no principles yet\n", 1, ["keys and values"]),
    "no principle": (HEAD.replace("principles:", "principles: []"), 4, ["neither a principle nor a rule"]),
    "an id with a blank": (HEAD + ONE + TWO.replace("two", "two words"), 8, ["id"]),
    "an id that is a path": (HEAD + ONE.replace("one", "../one"), 5, ["id"]),
    "a principle in one line": (HEAD + ONE + "  - Be kind.\n", 8, ["principles.1"]),
    "two documents": (HEAD + ONE + "---\n" + HEAD, 8, ["a second document"]),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_named_by_file_line_and_rule(tmp_path: Path, fault: str) -> None:
    text, line, words = BAD[fault]
    error = the_error(tmp_path, text)
    assert error.message.startswith(f"{tmp_path / 'mine.yaml'}:{line}: ")
    assert [word for word in words if word not in error.message] == []


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_told_in_words_of_yaml_and_not_of_python(tmp_path: Path, fault: str) -> None:
    message = the_error(tmp_path, BAD[fault][0]).message
    assert re.findall("Commented|NoneType|tuple|Tuple|instance|dictionary", message) == []


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    error = the_error(tmp_path, HEAD.encode() + b"  - id: caf\xe9\n")
    assert error.message.startswith(f"{tmp_path / 'mine.yaml'}: not UTF-8")
    assert "UTF-8" in error.hint


# --- draws

WEIGHTS = st.lists(st.floats(0.1, 10), min_size=1, max_size=8)
ROWS = st.text(max_size=20)


@given(WEIGHTS, st.integers(0, 2**64), ROWS, st.integers(1, 100))
@hypothesis_settings(deadline=None)
def test_the_same_seed_row_and_round_draw_the_same_principle(
    weights: list[float], seed: int, row: str, round: int
) -> None:
    drawn = principle_set(*weights).draw(seed, row, round)
    assert drawn in principle_set(*weights).principles
    assert principle_set(*weights).draw(seed, row, round) == drawn


@given(WEIGHTS, st.integers(0, 2**64), ROWS)
@hypothesis_settings(deadline=None)
def test_without_replacement_a_row_meets_every_principle_once(weights: list[float], seed: int, row: str) -> None:
    principles = principle_set(*weights)
    drawn = [principles.draw(seed, row, n, replacement=False).id for n in range(1, len(weights) + 1)]
    assert sorted(drawn) == [p.id for p in principles.principles]
    with pytest.raises(PrinciplesError, match=f"round {len(weights) + 1} .* only {len(weights)} principles") as caught:
        principles.draw(seed, row, len(weights) + 1, replacement=False)
    assert "--rounds" in caught.value.hint


@given(WEIGHTS, st.integers(0, 2**64), ROWS, st.randoms())
@hypothesis_settings(deadline=None)
def test_without_replacement_neither_the_files_order_nor_a_new_principle_moves_the_others(
    weights: list[float], seed: int, row: str, random: Random
) -> None:
    def order(principles: PrincipleSet) -> list[str]:
        count = len(principles.principles)
        return [principles.draw(seed, row, n, replacement=False).id for n in range(1, count + 1)]

    principles = principle_set(*weights)
    shuffled = list(principles.principles)
    random.shuffle(shuffled)
    assert order(principles.model_copy(update={"principles": tuple(shuffled)})) == order(principles)
    assert [id for id in order(principle_set(*weights, 1.0)) if id != f"p{len(weights)}"] == order(principles)


@pytest.mark.parametrize("replacement", [True, False])
def test_a_rows_draws_do_not_depend_on_other_rows(replacement: bool) -> None:
    principles = principle_set(1, 2, 3)
    rows = [f"row-{n}" for n in range(50)]
    all_rows = {row: [principles.draw(7, row, n, replacement).id for n in (1, 2)] for row in rows}
    some = {row: [principles.draw(7, row, n, replacement).id for n in (2, 1)][::-1] for row in rows[::-7]}
    assert some == {row: all_rows[row] for row in some}


@pytest.mark.parametrize("replacement", [True, False])
def test_seeds_rows_and_rounds_each_change_draws(replacement: bool) -> None:
    principles = principle_set(*[1.0] * 16)

    def drawn(seed: int, rows: str, round: int) -> list[str]:
        return [principles.draw(seed, f"{rows}-{n}", round, replacement).id for n in range(20)]

    draws = [drawn(0, "a", 1), drawn(1, "a", 1), drawn(0, "b", 1), drawn(0, "a", 2)]
    assert all(one != other for n, one in enumerate(draws) for other in draws[:n])


@pytest.mark.parametrize("replacement", [True, False])
def test_the_first_draw_follows_the_weights(replacement: bool) -> None:
    principles = principle_set(1, 2, 5, 0.5)
    drawn = Counter(principles.draw(0, f"row-{n}", 1, replacement).id for n in range(20_000))
    # Four standard errors at most 0.014 here.
    assert [drawn[f"p{n}"] / 20_000 for n in range(4)] == pytest.approx(
        [1 / 8.5, 2 / 8.5, 5 / 8.5, 0.5 / 8.5], abs=0.014
    )


def test_with_replacement_a_row_may_meet_a_principle_twice_and_rounds_are_independent() -> None:
    principles = principle_set(1, 3)
    pairs = Counter(tuple(principles.draw(0, f"row-{n}", r).id for r in (1, 2)) for n in range(20_000))
    shares = [pairs[pair] / 20_000 for pair in (("p0", "p0"), ("p0", "p1"), ("p1", "p0"), ("p1", "p1"))]
    assert shares == pytest.approx([1 / 16, 3 / 16, 3 / 16, 9 / 16], abs=0.014)


def test_without_replacement_the_second_draw_follows_the_weights_that_are_left() -> None:
    principles = principle_set(1, 2, 5)
    draws = [[principles.draw(0, f"row-{n}", r, replacement=False).id for r in (1, 2)] for n in range(20_000)]
    second = Counter(second for first, second in draws if first == "p2")
    assert second["p1"] / second.total() == pytest.approx(2 / 3, abs=0.018)


@pytest.mark.parametrize("change", ["critique_request", "revision_request", "comparison", "weight", "id"])
def test_the_digest_follows_what_can_change_a_row(change: str) -> None:
    principles = principle_set(1, 2)
    first, second = principles.principles
    changed = first.model_copy(update={change: 3.0 if change == "weight" else "other"})
    assert principles.model_copy(update={"principles": (changed, second)}).digest != principles.digest


def test_the_digest_does_not_follow_labels() -> None:
    principles = principle_set(1, 2)
    first, second = principles.principles
    labelled = principles.model_copy(
        update={"name": "new", "principles": (first.model_copy(update={"tags": ("a",)}), second)}
    )
    assert labelled.digest == principles.digest


RULES = "rules:\n  - id: judges\n    proposition: The response judges the user.\n    weight: -0.5\n    tags: [tone]\n"


def test_a_file_may_hold_rules_beside_principles_or_alone(tmp_path: Path) -> None:
    both = load_file(str(write(tmp_path, HEAD + ONE + RULES)))
    assert both.rules == (Rule(id="judges", proposition="The response judges the user.", weight=-0.5, tags=("tone",)),)
    # What a row is made of does not change with them.
    assert both.digest == load_file(str(write(tmp_path, HEAD + ONE))).digest
    path = write(tmp_path, HEAD.replace("principles:\n", "") + RULES)
    assert load_file(str(path)).principles == ()
    with pytest.raises(PrinciplesError, match="holds rules and no principle") as caught:
        load_principles(str(path))
    assert "constitution score" in caught.value.hint


def test_ids_are_unique_over_principles_and_rules(tmp_path: Path) -> None:
    with pytest.raises(PrinciplesError, match=r"mine\.yaml:9: the id 'one' is already used on line 5"):
        load_file(str(write(tmp_path, HEAD + ONE + RULES.replace("judges", "one"))))


def test_a_rule_of_weight_0_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrinciplesError, match=r"rules\.0\.weight: a rule of weight 0"):
        load_file(str(write(tmp_path, HEAD + ONE + RULES.replace("-0.5", "0"))))


JUDGES = "  - id: judged\n    comparison: Which response is calmer?\n"


def test_a_principle_may_be_for_a_judge_only_but_nobody_revises_by_it(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + ONE + JUDGES)
    judged = load_file(str(path)).principles[1]
    assert judged == Principle(id="judged", comparison="Which response is calmer?")
    with pytest.raises(PrinciplesError, match=r"these have none: judged$") as caught:
        load_principles(str(path))
    assert "compare RUN --principles" in caught.value.hint


def test_the_digest_of_principles_with_requests_is_what_it_always_was() -> None:
    # Runs that were begun before comparisons could stand alone must go on.
    assert principle_set(1, 2).digest == "c3ecfcd3a9bdc517"
