"""Two principles of one file: revision requests in the wrong places, and files too long to compare."""

from itertools import pairwise

import pytest
from linting import found_in
from planted import POLITE, ruled

from constitution.errors import PrinciplesError
from constitution.lint import Severity, pairs
from constitution.lint.mismatches import mismatches
from constitution.lint.reading import Entry, document
from constitution.resources import shipped
from constitution.yamlfile import parse_yaml

# Exchanges of two neighbours' revision requests that are found, with both named, and how many there are.
EXCHANGES = {
    "children": (6, 11),
    "harmlessness": (17, 19),
    "harmlessness.zh": (3, 11),
    "helpfulness": (6, 7),
    "honesty": (7, 11),
    "privacy": (9, 11),
}


def principles_of(name: str) -> list[Entry]:
    path = shipped("principles") / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    return document(text, parse_yaml(text, path, PrinciplesError)).of("principle")


def with_revision(entry: Entry, other: Entry) -> Entry:
    """The entry with another one's revision request on the line of its own."""
    words = other.passage("revision_request")
    assert words
    passages = (
        passage.model_copy(update={"text": words.text}) if passage.field == "revision_request" else passage
        for passage in entry.passages
    )
    return entry.model_copy(update={"passages": tuple(passages)})


def revision_line(entry: Entry) -> int:
    passage = entry.passage("revision_request")
    assert passage
    return passage.line


def test_an_exchange_is_expected_of_each_shipped_file() -> None:
    assert set(EXCHANGES) == {path.stem for path in shipped("principles").glob("*.yaml")}


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchanged_revision_requests_are_found_and_told_once(name: str) -> None:
    entries = principles_of(name)
    assert list(mismatches(entries)) == []
    found = 0
    for one, other in pairwise(range(len(entries))):
        changed = list(entries)
        changed[one], changed[other] = (
            with_revision(entries[one], entries[other]),
            with_revision(entries[other], entries[one]),
        )
        told = list(mismatches(changed))
        assert len(told) <= 1
        found += [finding.lines for finding in told] == [(revision_line(entries[one]), revision_line(entries[other]))]
    assert (found, len(entries) - 1) == EXCHANGES[name]


def test_two_exchanges_in_one_file_are_both_found() -> None:
    entries = principles_of("harmlessness")
    changed = list(entries)
    for one, other in ((0, 3), (5, 9)):
        changed[one] = with_revision(entries[one], entries[other])
        changed[other] = with_revision(entries[other], entries[one])
    assert [finding.lines for finding in mismatches(changed)] == [
        (revision_line(entries[one]), revision_line(entries[other])) for one, other in ((0, 3), (5, 9))
    ]


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"MOST_MATCHED": 2}, [(21, "the first 2 of 3 principles")]),
        ({"MOST_TEXTS": 1}, [(13, "the first 1 of 3 principles"), (30, "the first 1 of 2 rules")]),
        ({}, []),
    ],
)
def test_what_is_not_compared_is_told(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], told: list[tuple[int, str]]
) -> None:
    for name, most in limits.items():
        monkeypatch.setattr(pairs, name, most)
    found = found_in(ruled(POLITE, "{id: hotline, proposition: The response names a hotline.}"))
    assert [(one.line, one.rule, one.severity) for one in found] == [
        (line, "not-compared", Severity.hint) for line, _ in told
    ]
    assert all(words in one.why for one, (_, words) in zip(found, told, strict=True))
