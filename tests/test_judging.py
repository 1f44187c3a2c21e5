"""How a judge is asked: the shipped questions, worked examples, and what a broken set says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from constitution.errors import TemplateError
from constitution.judging import JudgeTemplates, load_judge_templates
from constitution.principles import Principle
from constitution.records import Message
from constitution.resources import shipped
from constitution.templating import load_templates

PROMPT = (Message(role="system", content="Be brief."), Message(role="user", content="Why {{ 1 + 1 }}?"))
PRINCIPLE = Principle(id="kind", critique_request="-", revision_request="-", comparison="Which one is kinder?")


def ask(templates: JudgeTemplates, row: str = "row", reason: bool = False) -> list[Message]:
    return templates.compare(PROMPT, "Yes {% if %}.", "No.", PRINCIPLE, seed=0, row=row, reason=reason)


@pytest.fixture
def own_set(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the shipped set with some files replaced, or left out where the text is None."""

    def make(**files: str | None) -> Path:
        folder = tmp_path / "own"
        shutil.copytree(shipped("templates") / "chat", folder)
        for name, text in files.items():
            path = folder / name.replace("__", ".")
            path.unlink() if text is None else path.write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.mark.parametrize("name", ["chat", "transcript"])
def test_the_question_holds_the_conversation_both_responses_and_the_principle_in_this_order(name: str) -> None:
    (question,) = ask(load_judge_templates(name, 0))
    assert question.role == "user"
    parts = ["Be brief.", "Why {{ 1 + 1 }}?", "(A)]\n  Yes {% if %}.", "(B)]\n  No.", "Which one is kinder?"]
    places = [question.content.index(part) for part in parts]
    assert places == sorted(places)


def test_questions_under_two_principles_differ_only_at_their_end() -> None:
    templates = load_judge_templates("chat", 0)
    other = PRINCIPLE.model_copy(update={"comparison": "Is either one rude?"})
    one = ask(templates)[0].content
    two = templates.compare(PROMPT, "Yes {% if %}.", "No.", other, seed=0, row="row")[0].content
    assert one[: one.index("Which one")] == two[: two.index("Is either")]


def test_labels_are_bare_letters_with_a_space_where_the_model_goes_on_with_a_text() -> None:
    assert load_judge_templates("chat", 0).labels == ("A", "B")
    assert load_judge_templates("transcript", 0).labels == (" A", " B")


def test_a_reasoning_judge_is_asked_to_end_on_the_marker_and_then_for_the_letter() -> None:
    templates = load_judge_templates("chat", 0)
    (question,) = asked = ask(templates, reason=True)
    assert "step by step" in question.content
    assert "The answer is (A)." in question.content
    assert "step by step" not in ask(templates)[0].content
    final = templates.verdict(asked, "I think so.")
    assert [turn.role for turn in final] == ["user", "assistant", "user"]
    assert final[1].content == "I think so."


def test_examples_are_balanced_and_drawn_for_each_row() -> None:
    templates = load_judge_templates("chat", few_shots=4)
    drawn = {row: ask(templates, row) for row in map(str, range(20))}
    for turns in drawn.values():
        assert [turn.role for turn in turns] == ["user", "assistant"] * 4 + ["user"]
        answers = [turn.content for turn in turns[1::2]]
        assert sorted(answers) == ["A", "A", "B", "B"]
    assert len({turns[0].content for turns in drawn.values()}) > 2
    assert ask(templates, "7") == drawn["7"]


def test_an_examples_answer_is_where_its_better_response_stands() -> None:
    templates = load_judge_templates("chat", few_shots=4)
    better = {
        "My flatmate": "Before getting back",
        "frozen process": "Find its number",
        "I was gone": "I'm really sorry",
        "chess": "Far fewer women",
    }
    for row in map(str, range(10)):
        turns = ask(templates, row)
        for question, answer in zip(turns[:-1:2], turns[1::2], strict=True):
            words = next(words for topic, words in better.items() if topic in question.content)
            label = "A" if question.content.index(words) < question.content.index("[response (B)]") else "B"
            assert answer.content == label


def test_an_examples_reasoning_names_the_labels_as_shown() -> None:
    turns = ask(load_judge_templates("chat", few_shots=2), reason=True)
    assert [turn.role for turn in turns] == ["user", "assistant", "user", "assistant"] * 2 + ["user"]
    for thought, answer in zip(turns[1::4], turns[3::4], strict=True):
        assert thought.content.endswith(f"The answer is ({answer.content}).")
        assert "{" not in thought.content


def test_more_examples_than_there_are_is_refused() -> None:
    with pytest.raises(TemplateError, match="9 few-shot examples asked for, it holds 4") as bad:
        load_judge_templates("chat", few_shots=9)
    assert "--few-shots 4" in bad.value.hint


def test_a_set_without_a_question_says_which_file_to_copy(own_set: Callable[..., Path]) -> None:
    folder = own_set(compare__jinja=None)
    load_templates(str(folder))
    with pytest.raises(TemplateError, match=r"compare\.jinja is missing") as bad:
        load_judge_templates(str(folder), 0)
    assert str(shipped("templates") / "chat" / "compare.jinja") in bad.value.hint


def test_a_fault_in_a_question_shows_before_any_call(own_set: Callable[..., Path]) -> None:
    folder = own_set(compare__jinja="{{ response_c }}")
    with pytest.raises(TemplateError, match="response_c") as bad:
        load_judge_templates(str(folder), 0)
    assert "response_a" in bad.value.hint


@pytest.mark.parametrize(
    ("example", "told"),
    [
        ("- prompt: p\n  better: b\n  comparison: c\n  reasoning: r\n", "'worse' is missing"),
        ("- prompt: p\n  beter: b\n  worse: w\n  comparison: c\n  reasoning: r\n", "did you mean 'better'"),
    ],
)
def test_a_fault_in_an_example_is_named_with_its_line(own_set: Callable[..., Path], example: str, told: str) -> None:
    folder = own_set(compare_few_shots__yaml=example)
    with pytest.raises(TemplateError, match=told) as bad:
        load_judge_templates(str(folder), 0)
    assert "compare_few_shots.yaml:" in bad.value.message


def test_what_changes_a_label_changes_the_digest_and_nothing_of_it_touches_the_sl_stage(
    own_set: Callable[..., Path],
) -> None:
    folder = own_set()
    judging, revising = load_judge_templates(str(folder), 0).digest, load_templates(str(folder)).digest
    assert load_judge_templates(str(folder), few_shots=1).digest != judging
    (folder / "compare.jinja").write_text("{{ response_a }} or {{ response_b }}?", encoding="utf-8")
    assert load_judge_templates(str(folder), 0).digest != judging
    assert load_templates(str(folder)).digest == revising
