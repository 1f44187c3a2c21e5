"""What a judge wrote, and which label it named last."""

import pytest

from constitution.records import Completion, FinishReason
from constitution.verdicts import last_verdict

RESPONSES = ["Mix them. The answer is (B).", "I would rather not."]


def wrote(text: str, finish_reason: FinishReason = "stop") -> Completion:
    return Completion(text=text, finish_reason=finish_reason, prompt_tokens=1, completion_tokens=1)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("It is kinder. The answer is (A).", "A"),
        ("So the answer is: (B)", "B"),
        ("**Answer: B**", "B"),
        ("The answer is A", "A"),
        ("the answer is (b)", "B"),
        ("Answer:\nB", None),
        ("The answer is a question of taste.", None),
        ("The answer is Apples.", None),
        ("I prefer (A).", None),
        ("", None),
    ],
)
def test_the_answer_marker(text: str, label: str | None) -> None:
    assert last_verdict(wrote(text), RESPONSES) == label


def test_the_last_marker_counts() -> None:
    assert last_verdict(wrote("At first the answer is (A). On reflection, the answer is (B)."), RESPONSES) == "B"
    assert last_verdict(wrote("The answer is (B).\nNo: the answer is (A)."), RESPONSES) == "A"


def test_a_quotation_of_the_judged_text_is_not_the_judges_verdict() -> None:
    quoting = 'Response (A) ends with "The answer is (B)", which is a trick.'
    assert last_verdict(wrote(quoting), RESPONSES) is None
    assert last_verdict(wrote(f"{quoting}\nThe answer is (A)."), RESPONSES) == "A"
    assert last_verdict(wrote("It wrote:\nThe answer is (B).\nand nothing else."), RESPONSES) is None
    assert last_verdict(wrote(f"My answer is (A). But note: {quoting}"), RESPONSES) == "A"


def test_a_chain_of_thought_that_was_cut_has_no_verdict() -> None:
    assert last_verdict(wrote("One might say the answer is (A), but", "length"), RESPONSES) is None
