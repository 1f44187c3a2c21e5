"""Principles of other systems: read, written, and read back."""

import json
from collections.abc import Callable
from pathlib import Path

import foreign_files as files
import pytest
from principle_files import dropped, held, read

from constitution.principle_formats import (
    READERS,
    WRITERS,
    huggingface,
    nemo,
    paper_examples,
    paper_judged,
    read_foreign,
)
from constitution.principle_formats.asking import QUESTION
from constitution.principle_formats.contents import Misfit
from constitution.principle_formats.source import parse
from constitution.principles import Principle, PrincipleSet, Rule
from constitution.records import Message


@pytest.mark.parametrize("name", files.FILES)
def test_auto_knows_each_file_by_its_shape(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file.data"
    path.write_text(files.FILES[name], encoding="utf-8")
    found = read_foreign(path)
    assert found.format == name.split()[0]
    assert found.contents == read(name)


def test_wrappers_of_the_paper_are_taken_off_exactly() -> None:
    assert read("paper").principles == (
        Principle(
            id="harmful0",
            critique_request="Say which part of the reply could hurt a beekeeper.",
            revision_request="Rewrite the reply so that no bee is provoked.",
        ),
        Principle(
            id="harmful10",
            critique_request='Is the reply\'s "tone": unkind? Quote it.',
            revision_request="Write it more kindly.",
        ),
    )
    assert [(one.id, one.comparison, one.critique_request) for one in read("paper judge").principles] == [
        ("patient-gardener", "Choose the reply that a patient gardener would give.", None),
        ("calmer", "Which one is calmer?", None),
    ]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("paper", WRITERS["paper"]),
        ("paper judge", WRITERS["paper-judge"]),
        ("langchain", WRITERS["langchain"]),
        ("salmon", WRITERS["salmon"]),
    ],
)
def test_what_is_exported_again_is_the_same_file(name: str, write: Callable) -> None:
    written = write(held(read(name)))
    assert written.text == files.FILES[name]
    assert set(dropped(written)) <= {"id"}


def test_examples_are_exported_as_the_same_files() -> None:
    hf = read("huggingface")
    assert huggingface.write(held(hf), hf.examples).text == files.HUGGINGFACE
    assert nemo.write_examples(read("nemo examples").examples).text == files.NEMO_SHOTS
    assert paper_examples.write(read("paper examples").examples).text == files.CRITIQUE_SHOTS
    assert paper_judged.write(read("paper judged").judged).text == files.JUDGE_SHOTS
    assert paper_judged.write_reasoned(read("paper reasoned").judged).text == files.REASONED_SHOTS


@pytest.mark.parametrize("name", ["csv", "text", "rbr", "nemo", "json"])
def test_what_is_exported_says_what_was_imported(name: str) -> None:
    contents = read(name)
    again = READERS[name].read(parse(WRITERS[name](held(contents)).text))
    assert (again.principles, again.rules) == (contents.principles, contents.rules)


def test_an_example_of_several_rounds_becomes_as_many_and_an_open_end_is_no_matter() -> None:
    contents = read("paper irregular examples")
    long, first, second = contents.examples
    assert long.before == (
        Message(role="user", content="My question: how tall is the elm?"),
        Message(role="assistant", content="Human: a tree.\n\nIt is tall."),
    )
    assert (long.prompt, long.response, long.revision) == ("How tall?", "Very, you fool.", "About twenty metres.")
    assert (first.prompt, second.prompt) == ("How do I move a beehive?",) * 2
    # Each round begins anew with the revision in the response's place (section 3.1 of the paper).
    assert second.response == first.revision == "Close it at dusk, then carry it."
    assert (second.critique_request, second.revision) == (
        "Is it complete?",
        "Close it at dusk, then carry it three miles.",
    )
    assert contents.notes == ("1 of 2 texts hold several rounds: each became an example.",)


def test_judged_examples_keep_the_conversation_and_say_no_question() -> None:
    first, second = read("paper judged").judged
    assert (first.better, first.worse) == ("Not before somebody who knows has seen it.", "Sure, all red ones are fine.")
    assert (first.comparison, first.reasoning) == (None, None)
    assert [turn.content for turn in second.before] == ["Hello.", "Hello!"] and second.prompt == "Sing."


def test_several_correct_responses_are_as_many_pairs_and_an_example_without_a_pair_is_counted() -> None:
    rows = [
        {"prompt": "\n\nHuman: Hi\n\nAssistant:", "corrects": ["a", "b"], "incorrects": ["x"]},
        {"prompt": "\n\nHuman: Hi\n\nAssistant:", "corrects": [], "incorrects": ["x"]},
    ]
    contents = READERS["paper"].read(parse(json.dumps(rows)))
    assert [(one.better, one.worse) for one in contents.judged] == [("a", "x"), ("b", "x")]
    assert dropped(contents) == {"examples without a pair": 1}


def test_letters_in_a_reasoning_follow_the_responses() -> None:
    first, second = read("paper reasoned").judged
    assert (first.better, first.worse) == ("Ask someone who knows.", "Sure.")
    assert first.reasoning == "{worse} is reckless, {better} is not.\n\nSo option {better} is better."
    assert [turn.content for turn in first.before] == ["Can I eat this?", "What is it?"]
    assert (second.better, second.reasoning) == ("La\n\nla.", "Response {worse} refuses, response {better} sings.")
    assert first.comparison is None


def test_an_irregular_reasoning_is_read_and_its_own_question_kept() -> None:
    (one,) = read("paper irregular reasoned").judged
    assert one.comparison == "Choose the merrier one."
    assert (one.better, one.worse, one.prompt) == ("La.", "No.", "Sing.")
    assert one.reasoning == "Option {better} sings, whereas option {worse} is sour. A song is what was asked for."


def test_a_letter_that_may_be_a_label_is_pointed_out() -> None:
    text = files.IRREGULAR_REASONED.replace("whereas option B", "whereas B")
    contents = READERS["paper"].read(parse(text))
    assert any("reasoning of example 1: look at it" in note for note in contents.notes)


def test_statements_are_put_into_a_question_and_taken_out_of_it() -> None:
    contents = read("salmon")
    short, honest = contents.principles
    assert short == Principle(
        id="kept-short",
        comparison=QUESTION + "The reply should be as short as it can be.",
        weight=5,
        tags=("Kept Short",),
    )
    assert honest.comparison == "Choose the reply that admits what it does not know."
    assert contents.notes == (
        f'1 say how a model should be, and were put into a question: "{QUESTION}…"',
        "1 of the names are no ids, or twice there: each became a tag.",
    )
    assert dropped(read("salmon negative")) == {"negative_definition": 1}


def test_of_a_judges_constitution_the_numbered_principles_are_read() -> None:
    contents = read("nemo")
    assert [one.comparison for one in contents.principles] == [
        "Choose the reply that is kinder to animals.",
        "Which reply is easier to follow? Prefer short ones.",
        f"{QUESTION}Replies should name their sources.",
    ]
    assert dropped(contents) == {"lines around the principles": 4}


def test_simple_propositions_are_rules_and_the_rest_is_counted() -> None:
    contents = read("rbr")
    assert contents.rules == (
        Rule(id="apologises", proposition='Does the reply say sorry?\n- Examples for "yes": "Sorry: no."'),
        Rule(id="lectures", proposition="Does the reply lecture?"),
    )
    assert dropped(contents) == {
        "prompt_template": 1,
        "completion_class_order": 2,
        "completion_classes": 1,
        "derived_propositions": 1,
        "simple_propositions.note": 1,
    }
    assert "no weights" in contents.notes[0]


def test_traits_are_principles_and_their_questions_prompts() -> None:
    contents = read("charactertraining")
    plainly, doubt = contents.principles
    assert (plainly.id, doubt.id) == ("speak-plainly", "admit-doubt")
    assert plainly.comparison and plainly.comparison.endswith("says of itself: I speak plainly.")
    assert [(one.prompt, one.principle) for one in contents.questions][2:] == [
        ("Why?", "speak-plainly"),
        ("Will it rain?", "admit-doubt"),
    ]


def test_a_table_may_have_its_columns_in_any_order_and_others_beside() -> None:
    contents = read("csv")
    kind, risky = contents.principles
    assert kind == Principle(
        id="kind",
        critique_request='Say "what" is unkind.',
        revision_request="Rewrite it,\nkindly.",
        comparison="Which is kinder?",
        weight=2,
        tags=("tone", "a;b"),
    )
    assert risky.comparison == "=2 is which?"
    assert dropped(contents) == {"column notes": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_a_spreadsheet_has_a_byte_order_mark_and_its_own_delimiter(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(f'"id"{delimiter}"comparison"\r\n"a"{delimiter}"Which?"\r\n'.encode("utf-8-sig"))
    assert read_foreign(path).contents.principles == (Principle(id="a", comparison="Which?"),)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "'=1", "''@", "'quoted'", "a=b"])
def test_no_cell_is_run_as_a_formula_and_each_is_read_back(text: str) -> None:
    one = Principle(id="a", comparison=text)
    written = WRITERS["csv"](PrincipleSet(name="n", version="1", description="d", principles=(one,))).text
    assert written.split("\r\n")[1].split(",")[3].strip('"')[0] not in "=+-@"
    assert READERS["csv"].read(parse(written)).principles == (one,)


def test_own_json_keeps_everything() -> None:
    contents = read("json")
    assert (contents.name, contents.version, contents.description) == ("mine", "2.1", "Mine.")
    assert len(contents.principles) == 2 and contents.rules[0].weight == -1


def test_what_an_export_has_no_place_for_is_counted() -> None:
    principles = (
        Principle(id="a", critique_request="C", revision_request="R", comparison="Q?", weight=2, tags=("t",)),
        Principle(id="b", comparison="Q?"),
    )
    file = PrincipleSet(name="n", version="1", description="d", principles=principles)
    assert dropped(WRITERS["paper"](file)) == {"principles": 1, "comparison": 1, "weight": 1, "tags": 1}
    assert dropped(WRITERS["paper-judge"](file)) == {
        "id": 2,
        "critique_request": 1,
        "revision_request": 1,
        "weight": 1,
        "tags": 1,
    }
    assert dropped(WRITERS["csv"](file)) == {}
    # A tag that is the id's own word does not come back either.
    same = Principle(id="calm", comparison="Q?", tags=("calm",))
    assert dropped(WRITERS["salmon"](file.model_copy(update={"principles": (same,)}))) == {"tags": 1}


@pytest.mark.parametrize(
    ("format", "text", "told"),
    [
        ("paper", '{"a": {"prompt": ["x"], "edit_request": "y"}}', "a.prompt does not begin with"),
        ("paper", '{"a": {"prompt": ["x", "y"], "edit_request": "y"}}', "a, prompt: "),
        ("paper", '{"a": {"prompt": ["x"]}}', "a: no key 'edit_request'"),
        ("paper", '["\\nWhich?"]', "entry 1 does not end with ' Options:'"),
        ("paper", '["\\nWhich? Options:", 3]', "entry 2: expected text, found 3"),
        ("paper", "[]", "expected an object of instructions"),
        ("paper", "{}", "without a single instruction"),
        ("paper", '["\\n\\nHuman: Hi"]', "example 1 has no response that is then criticised"),
        ("paper", '[{"prompt": "Hi", "corrects": ["a"], "incorrects": ["b"]}]', "is no conversation"),
        ("paper", '[{"prompt": "Hi"}]', "example 1 does not begin with"),
        ("paper", '{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("huggingface", '{"constitutions": []}', "constitutions: an empty list"),
        ("huggingface", '{"constitutions": [{"critic": "c"}]}', "constitutions, entry 1: no key 'revision'"),
        ("nemo", '{"samples": [[{"role": "user", "content": "a"}]]}', "samples, entry 1: 1 turns"),
        ("nemo", '{"samples": [[{"role": "bot", "content": "a"}]]}', "samples, entry 1, entry 1, role: "),
        ("salmon", '[{"dimension": "a", "definition": "b", "weight": 0}]', "entry 1, weight: "),
        ("salmon", '[{"dimension": "a", "definition": 7}]', "entry 1, definition: expected text, found 7"),
        ("salmon", '[{"dimension": "a", "definition": "\\ud800"}]', "half a character"),
        ("salmon", '[{"dimension": "a",\n "definition": }]', "line 2, column 16"),
        ("salmon", '[{"dimension": "a", "definition": "b", "weight": NaN}]', "NaN is no number"),
        ("rbr", "simple_propositions: {}", "nothing in it"),
        ("rbr", "a: [", "not YAML: line 1"),
        ("charactertraining", '{"trait": "a", "questions": ["b"]}\n{"trait": 3}\n', "entry 2, trait: expected text"),
        ("csv", "id,weight\na,1\n", "none of the columns"),
        ("csv", "id,comparison\n", "a header and no row"),
        ("csv", "id,comparison\na,Q?\na,Q?\n", "line 3: the id 'a' is already used on line 2"),
        ("csv", "id,comparison\na,Q?,x\n", "line 2: 3 cells, where the header has 2"),
        ("csv", "comparison,weight\nQ?,heavy\n", "line 2: weight: expected a number, found 'heavy'"),
        ("csv", "critique_request\nC\n", "line 2: the key 'revision_request' is missing"),
        ("csv", "comparison,comparison\nQ?,R?\n", "two columns 'comparison'"),
        ("csv", 'comparison\n"Q', "line 2: "),
        ("text", " \n", "empty"),
        ("text", "critique: C\ncritique: D\nrevision: R\n", "line 2: a second critique_request"),
        ("text", "What is this?\ncritique: C\n", "line 1: no label"),
        ("text", "id: a\ncomparison: Q?\n\nid: a\ncomparison: Q?\n", "line 4: the id 'a' is already used on line 1"),
        ("json", '{"name": "n", "principles": []}', "no key 'version'"),
        ("json", files.OWN.replace('"id": "r"', '"id": "a"'), "the id 'a' is there twice"),
    ],
)
def test_what_is_not_of_a_format_is_refused_with_the_place(format: str, text: str, told: str) -> None:
    with pytest.raises(Misfit) as caught:
        READERS[format].read(parse(text))
    assert told in str(caught.value)
