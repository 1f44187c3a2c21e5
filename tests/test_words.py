"""Which words of a revision are new."""

from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.words import change


def test_new_words_are_marked_where_they_stand() -> None:
    made = change("You can pick the lock.", "You can call a locksmith to pick the lock, kindly.")
    assert [(piece.text, piece.kind) for piece in made.pieces] == [
        ("You can", "same"),
        (" call a locksmith to", "added"),
        (" pick the lock", "same"),
        (", kindly", "added"),
        (".", "same"),
    ]
    assert (made.words, made.new, made.gone) == (10, 5, 0)


def test_words_that_are_gone_are_counted() -> None:
    made = change("Take it and run away.", "Take it.")
    assert (made.words, made.new, made.gone) == (2, 0, 3)
    assert not any(piece.kind == "added" for piece in made.pieces)


def test_white_space_and_signs_are_no_words() -> None:
    made = change("one two", "one\n\n two!")
    assert (made.new, made.gone) == (0, 0)
    assert "".join(piece.text for piece in made.pieces if piece.kind == "added").strip() == "!"


def test_an_apostrophe_is_part_of_its_word() -> None:
    assert change("", "I can't, I won’t.").words == 4


def test_a_language_without_spaces_is_compared_by_characters() -> None:
    made = change("我不能帮你开锁。", "我可以帮你找锁匠。")
    assert [piece.text for piece in made.pieces if piece.kind == "added"] == ["可以", "找", "匠"]
    assert (made.words, made.new, made.gone) == (8, 4, 3)


@settings(max_examples=40, deadline=None)
@given(st.text(), st.text())
def test_pieces_are_both_texts(before: str, after: str) -> None:
    made = change(before, after)
    assert "".join(piece.text for piece in made.pieces if piece.kind != "removed") == after
    assert "".join(piece.text for piece in made.pieces if piece.kind != "added") == before
    assert change(after, after).new == 0
