"""Principles files as the program writes them."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.principle_files.writing import file_text
from constitution.principles import Principle, PrincipleSet, Rule, load_principles, parse_principles

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    st.lists(
        st.sampled_from(
            [
                "a",
                "word",
                "#no",
                "- dash",
                "key: value",
                "'",
                '"',
                "yes",
                "1.0",
                "\n",
                "  ",
                "批评",
                "{}",
                "&x",
                "*y",
                "%",
                "!",
            ]
        ),
        min_size=1,
        max_size=40,
    ).map(" ".join),
).filter(lambda text: bool(text.strip()))
TAGS = st.lists(TEXTS, max_size=3).map(tuple)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.floats(0.001, 1e6), TAGS, TEXTS)
def test_whatever_is_written_is_read_back(
    critique: str, revision: str, comparison: str, weight: float, tags, text: str
):
    principle = Principle(
        id="one",
        critique_request=critique,
        revision_request=revision,
        comparison=comparison,
        weight=weight,
        tags=tags,
    )
    rule = Rule(id="rule", proposition=text, weight=-weight, tags=tags)
    held = PrincipleSet(name=text, version="1.0", description=critique, principles=(principle,), rules=(rule,))
    assert parse_principles(file_text(held, "A comment.\n\nIts end."), Path("x.yaml")) == held


def test_long_texts_are_folded_and_what_is_usual_is_left_out():
    held = load_principles("harmlessness")
    written = file_text(held)
    assert parse_principles(written, Path("x.yaml")) == held
    assert max(map(len, written.splitlines())) <= 92
    assert "weight" not in written.partition("\nrules:")[0]
    assert 'version: "1.0"' in written
    assert "    tags: [crime]\n\n  - id: violence\n    critique_request: >-\n      Check your last response" in written
