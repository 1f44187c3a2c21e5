"""What a judge of two constitutions is asked: what both ask, neither favoured."""

import pytest

from constitution.errors import PrinciplesError
from constitution.joined_principles import joined, questions
from constitution.principles import Principle, PrincipleSet


def principle(id: str, comparison: str | None = None, weight: float = 1.0, tags: tuple[str, ...] = ()) -> Principle:
    return Principle(
        id=id,
        critique_request=f"Criticise {id}.",
        revision_request=f"Mend {id}.",
        comparison=comparison,
        weight=weight,
        tags=tags,
    )


def file(*principles: Principle) -> PrincipleSet:
    return PrincipleSet(name="mine", version="1", description="Mine.", principles=principles)


def asked(a: PrincipleSet, b: PrincipleSet) -> dict[str, tuple[str | None, float, tuple[str, ...]]]:
    return {one.id: (one.comparison, one.weight, one.tags) for one in joined(a, b, "a.yaml", "b.yaml").principles}


def test_both_files_weigh_the_same_whatever_they_hold() -> None:
    a = file(principle("one", "First?", 3), principle("two", "Second?", 1), principle("mute"))
    b = file(principle("three", "Third?", 5))
    assert asked(a, b) == {"one": ("First?", 0.75, ()), "two": ("Second?", 0.25, ()), "three": ("Third?", 1.0, ())}


def test_what_both_ask_is_asked_once_and_belongs_to_both() -> None:
    a = file(principle("one", "First?", tags=("x",)), principle("two", "Second?"))
    b = file(principle("one", "First?", tags=("y",)))
    assert asked(a, b) == {"one": ("First?", 1.5, ("x", "y")), "two": ("Second?", 0.5, ())}
    assert questions(b) == {"First?"}


def test_one_id_with_two_texts_keeps_both() -> None:
    found = asked(file(principle("one", "First?")), file(principle("one", "Which is best?")))
    assert [comparison for comparison, *_ in found.values()] == ["First?", "Which is best?"]
    assert all(id.startswith("one.") and len(id) == 10 for id in found)


def test_exchanging_the_files_asks_the_same() -> None:
    a = file(principle("one", "First?", 2), principle("two", "Second?"), principle("b-name", "Third?", tags=("q", "p")))
    b = file(principle("one", "Other?"), principle("a-name", "Third?", 3))
    assert asked(a, b) == asked(b, a)
    assert {"one", "b-name"} & asked(a, b).keys() == set()
    assert "a-name" in asked(a, b)


def test_a_file_that_cannot_judge_is_refused() -> None:
    with pytest.raises(PrinciplesError, match=r"^b\.yaml: none of its principles has a `comparison`") as refused:
        joined(file(principle("one", "First?")), file(principle("two")), "a.yaml", "b.yaml")
    assert "--judge-principles" in refused.value.hint
