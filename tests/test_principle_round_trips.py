"""Principles written for other systems, and read back."""

from hypothesis import given, settings
from hypothesis import strategies as st
from principle_files import dropped

from constitution.principle_formats import READERS, WRITERS
from constitution.principle_formats.asking import asked
from constitution.principle_formats.contents import Misfit
from constitution.principle_formats.source import parse
from constitution.principles import Principle, PrincipleSet, Rule

PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
PIECES = st.lists(
    st.sampled_from(
        ["a", "B", "=", "'", '"', ";", ",", "\\", "\n", "\r", " .", ". .", "#", "- ", "id:", "tags: ", "1. "]
    ),
    min_size=1,
    max_size=12,
).map("".join)
TEXTS = st.one_of(PLAIN, PIECES).map(str.strip).filter(bool)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
WEIGHTS = st.floats(1e-6, 1e6)


@st.composite
def principle_sets(draw: st.DrawFn) -> PrincipleSet:
    ids = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    principles = []
    for id in ids:
        requests = draw(st.one_of(st.none(), st.tuples(TEXTS, TEXTS)))
        comparison = draw(TEXTS if requests is None else st.one_of(st.none(), TEXTS))
        critique, revision = requests or (None, None)
        principles.append(
            Principle(
                id=id,
                critique_request=critique,
                revision_request=revision,
                comparison=comparison,
                weight=draw(WEIGHTS),
                tags=draw(st.lists(TEXTS, max_size=2).map(tuple)),
            )
        )
    return PrincipleSet(name="n", version="1", description="d", principles=tuple(principles))


def without(principles: list[Principle], *fields: str) -> list[dict[str, object]]:
    return [one.model_dump(exclude=set(fields)) for one in principles]


@settings(max_examples=150, deadline=None)
@given(principle_sets())
def test_round_trips_lose_nothing_that_both_sides_hold(file: PrincipleSet) -> None:
    def again(name: str) -> list[Principle]:
        return list(READERS[name.split("-")[0]].read(parse(WRITERS[name](file).text)).principles)

    every = list(file.principles)
    revising = [one for one in every if one.critique_request is not None]
    judging = [one for one in every if one.comparison is not None]
    assert again("json") == again("csv") == every
    if not any(
        "\r\n" in text
        for one in every
        for text in (
            *one.model_dump(include={"critique_request", "revision_request", "comparison"}).values(),
            *one.tags,
        )
        if text
    ):
        assert again("text") == every
    if revising:
        assert without(again("paper"), "comparison", "weight", "tags") == without(
            revising, "comparison", "weight", "tags"
        )
        assert without(again("langchain"), "comparison", "weight", "tags") == without(
            revising, "comparison", "weight", "tags"
        )
        beside = ("id", "comparison", "weight", "tags")
        assert without(again("huggingface"), *beside) == without(revising, *beside)
    if judging:
        assert [one.comparison for one in again("paper-judge")] == [one.comparison for one in judging]
        # A statement becomes a question on its way back, always the same one.
        salmon = [(one.id, one.comparison, one.weight) for one in again("salmon")]
        assert salmon == [(one.id, asked(one.comparison or ""), one.weight) for one in judging]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(IDS, TEXTS), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_rules_are_read_back_from_yaml(pairs: list[tuple[str, str]]) -> None:
    rules = tuple(Rule(id=id, proposition=text) for id, text in pairs)
    file = PrincipleSet(name="n", version="1", description="d", rules=rules)
    assert READERS["rbr"].read(parse(WRITERS["rbr"](file).text)).rules == rules


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS.map(lambda text: f"Which? {text}"), min_size=1, max_size=4))
def test_a_judges_constitution_is_read_back_but_for_line_breaks(texts: list[str]) -> None:
    principles = tuple(Principle(id=f"p{n}", comparison=text) for n, text in enumerate(texts))
    file = PrincipleSet(name="n", version="1", description="d", principles=principles)
    try:
        written = WRITERS["nemo"](file)
    except Misfit as bad:
        assert "```" in str(bad)
        return
    again = READERS["nemo"].read(parse(written.text)).principles
    assert [one.comparison for one in again] == [" ".join(text.split()) for text in texts]
    folded = sum(" ".join(text.split()) != text.strip() for text in texts)
    assert dropped(written).get("line breaks", 0) == folded
