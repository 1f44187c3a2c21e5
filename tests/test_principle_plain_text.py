"""Principles as plain text: labelled paragraphs, lists, lines."""

import foreign_files as files
import pytest
from principle_files import dropped, read

from constitution.principle_formats import READERS, WRITERS
from constitution.principle_formats.asking import asks
from constitution.principle_formats.contents import Misfit
from constitution.principle_formats.source import parse
from constitution.principles import Principle, PrincipleSet


def test_labelled_text_keeps_lines_weights_and_tags() -> None:
    kind, calm = read("text").principles
    assert kind.revision_request == "Rewrite it:\nfirst line\n\nlast line"
    assert (kind.weight, kind.tags, calm.id) == (2.5, ("tone", "a;b"), "calmer")
    assert [one.comparison for one in read("text lines").principles] == [
        "Choose the calmer reply.",
        "Which reply is shorter?",
    ]
    assert [one.comparison for one in read("text paragraphs").principles] == [
        "Choose the reply that is calmer, and does not shout.",
        "Which is shorter?",
    ]


def comparisons(text: str) -> list[str | None]:
    return [one.comparison for one in READERS["text"].read(parse(text)).principles]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (
            "1. Which response is\nsafer for all?\n2. Which is\nkinder?\n",
            ["Which response is safer for all?", "Which is kinder?"],
        ),
        ("- Which is\n  safer?\n\n- Which is\n\n  kinder?\n", ["Which is safer?", "Which is kinder?"]),
        (
            "- Which is safer?\n  - for children\n- Which is kinder?\n",
            ["Which is safer? - for children", "Which is kinder?"],
        ),
        ("  * Which is safer?\n    Really?\n  * Which is kinder?", ["Which is safer? Really?", "Which is kinder?"]),
        (
            "Which is\nshort?\n\n- Which is kinder?\n\nWhich is safer?",
            ["Which is short?", "Which is kinder?", "Which is safer?"],
        ),
        ("- Which is safer?\n# Kindness\nWhich is kinder?\n", ["Which is safer?", "Which is kinder?"]),
        (
            "Which is\nsafer?\n# Kindness\nWhich is kinder?\n\nWhich is calmer?",
            ["Which is safer?", "Which is kinder?", "Which is calmer?"],
        ),
        ("Which is safer?\n# Kindness\nWhich is kinder?", ["Which is safer?", "Which is kinder?"]),
    ],
    ids=["wrapped", "loose", "nested", "indented", "around", "head", "head in blocks", "head in lines"],
)
def test_a_line_without_a_mark_goes_on_with_the_entry_of_a_list(text: str, entries: list[str]) -> None:
    assert comparisons(text) == entries


def test_lines_that_were_joined_are_told() -> None:
    contents = READERS["text"].read(parse("1. Which is\nsafer?\n2. Which is kinder?\n"))
    assert contents.notes == ("1 of its lines have no mark of the list, and go on with the text above.",)
    assert READERS["text"].read(parse(files.LINES)).notes == ()


def test_a_heading_between_labelled_paragraphs_is_no_part_of_a_text() -> None:
    text = "id: calm\ncritique: Say it.\nrevision: Do it.\n# Section two\n\nid: b\ncomparison: Which?\n"
    contents = READERS["text"].read(parse(text))
    assert [one.revision_request for one in contents.principles] == ["Do it.", None]
    assert dropped(contents) == {"lines that begin with #": 1}
    with pytest.raises(Misfit, match="line 3: no label"):
        READERS["text"].read(parse("comparison: Which?\n# Two\nis it?\n"))
    # In a text of several lines it is indented.
    one = Principle(id="a", comparison="Which?\n# Not a heading\n#nor this")
    written = WRITERS["text"](PrincipleSet(name="n", version="1", description="d", principles=(one,))).text
    assert READERS["text"].read(parse(written)).principles == (one,)


def test_a_chinese_question_to_a_judge_is_one() -> None:
    assert asks("请选择更有礼貌的回复。") and asks("两条回复里，哪一条更有礼貌？") and asks("比较这两条回复。")
    assert not asks("要有礼貌。")
