"""Ids of principles that come from systems that have other names, or none."""

import json
from pathlib import Path

import foreign_files as files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from principle_files import held, put

from constitution.principle_formats import READERS, WRITERS
from constitution.principle_formats.importing import import_principles
from constitution.principle_formats.naming import Names, slug
from constitution.principle_formats.source import parse
from constitution.principles import Principle, PrincipleSet, Rule, load_file


def test_names_that_are_there_twice_get_ids_of_their_own() -> None:
    rows = [
        {"name": "Constitutional Principle", "critique_request": f"C{n}", "revision_request": "R"} for n in range(3)
    ]
    contents = READERS["langchain"].read(parse(json.dumps(rows)))
    assert [one.id for one in contents.principles] == [
        "constitutional-principle",
        "constitutional-principle-2",
        "constitutional-principle-3",
    ]
    assert json.loads(WRITERS["langchain"](held(contents)).text) == rows


def test_ids_of_texts_are_telling_and_unique() -> None:
    texts = ["Choose the kinder reply.", "Which reply is kinder?", "哪个更好？", "哪个更差？"]
    principles = READERS["text"].read(parse("\n".join(texts))).principles
    assert [one.id for one in principles] == ["kinder", "kinder-2", "哪个更好", "哪个更差"]
    # A text of another language is not put into an English question.
    assert [one.comparison for one in READERS["text"].read(parse("更友善。")).principles] == ["更友善。"]


@pytest.mark.parametrize("id", ["véa", "中文", "ひらがな", "हिंदी", "Ünïcode-2.x_y", "1", "Ⅷ"])
@pytest.mark.parametrize("format", ["paper", "langchain", "salmon", "csv", "text", "json"])
def test_ids_of_any_script_are_read_back(id: str, format: str) -> None:
    one = Principle(id=id, critique_request="C", revision_request="R", comparison="Which?")
    written = WRITERS[format](PrincipleSet(name="n", version="1", description="d", principles=(one,)))
    (again,) = READERS[format].read(parse(written.text)).principles
    assert (again.id, again.tags) == (id, ())


def test_rules_keep_ids_of_any_script() -> None:
    file = PrincipleSet(name="n", version="1", description="d", rules=(Rule(id="中文", proposition="P."),))
    assert READERS["rbr"].read(parse(WRITERS["rbr"](file).text)).rules == file.rules


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Véa más", "vea-mas"),
        ("Straße", "straße"),
        ("友善 与 安全", "友善-与-安全"),
        ("ひらがな", "ひらがな"),
        ("हिंदी में", "हिंदी-में"),
        ("ﬁne ①", "fine-1"),
        ("don't", "dont"),
        ("\u0301x \u0301 y", "x-y"),
        ("!?", ""),
    ],
)
def test_names_become_ids_in_their_own_script(text: str, made: str) -> None:
    assert slug(text) == made
    assert not made or Principle(id=made, comparison="Q?").id == made


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_every_name_gets_an_id(text: str) -> None:
    made = Names()
    for id in (made.of_label(text)[0], made.of_text(text), made.of_label(text)[0]):
        assert Principle(id=id, comparison="Q?").id == id


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("paper", files.CRITIQUES.replace("harmful10", "No id")),
        ("langchain", '[{"name": "No id", "critique_request": "C", "revision_request": "R"}]'),
        ("salmon", '[{"dimension": "No id", "definition": "Which?"}]'),
        ("rbr", "simple_propositions: {No id: {prompt: P.}}"),
    ],
)
def test_a_name_that_became_a_tag_is_told(format: str, text: str, tmp_path: Path) -> None:
    made = import_principles(put(tmp_path, "source", text), tmp_path / "a.yaml", format)
    assert "1 of the names are no ids, or twice there: each became a tag." in made.notes
    entries = load_file(str(tmp_path / "a.yaml"))
    assert [one.id for one in (*entries.principles, *entries.rules) if one.tags == ("No id",)] == ["no-id"]
