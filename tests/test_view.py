"""The pages of a view: who gets them, what they show, and that what rows say stays text."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from viewing import TOKEN, View, begin, comparison, transcript, viewed, write

from constitution.records import Candidate, Failure, Filtered, Vote
from constitution.reviews import Review, add_review
from constitution.view import browse
from constitution.view.app import HEADERS

ODD_IDS = (
    "a/b",
    "..",
    "?x=1&y",
    "#top",
    "100%",
    "a b+c",
    "quote\"'<b>",
    "line\nfeed",
    "评审/é",
    "\x1b[31m",
    " ",
    "%2F",
)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>{{ 7 * 7 }}\x1b]0;x\x07\u202e"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Rows of all kinds."""
    run = begin(tmp_path / "run", 200, compared=True)
    write(
        run / "transcripts.jsonl",
        transcript(0, "Pay ten coins now.", "Pay two coins now.", "Ask before you pay.", topic="shop", deep={"a": [1]}),
        transcript(1, "The same.", "The same."),
        transcript(2, HOSTILE, HOSTILE + " more", id=HOSTILE, asked=HOSTILE, **{HOSTILE: HOSTILE}),
        *(transcript(number, "Numbered text.", "Another text.") for number in range(10, 130)),
        *(transcript(150 + number, "Odd.", "Even.", id=id) for number, id in enumerate(ODD_IDS)),
    )
    write(run / "failures.jsonl", Failure(id="row-4", index=4, step="respond", kind="CallError", message="no answer"))
    write(run / "filtered.jsonl", Filtered(id="row-5", index=5, reason="empty prompt", message="it asks nothing"))
    votes = tuple(
        Vote(principle="privacy", order=order, p_first=p) for order, p in (("forward", 0.25), ("reversed", 0.5))
    )
    write(run / "comparisons.jsonl", comparison(0, 0.375, "Left text.", "Right text.", votes=votes))
    return run


@pytest.fixture
def view(run: Path) -> Iterator[View]:
    with viewed(run) as view:
        yield view


def test_who_does_not_know_the_token_is_told_nothing(view: View) -> None:
    for address in ("/", "/other/", "/other/row?id=row-0", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "/static/view.css"):
        page = view.get(address)
        assert (page.status, page.source) == (404, "Not Found"), address
    assert view.get("").status == 200
    assert view.client.post(f"/{TOKEN}/").status_code == 405


def test_another_host_gets_no_answer(view: View) -> None:
    for host in ("evil.example", "evil.example:8477", "127.0.0.1.evil.example", "", "[::1]"):
        page = view.get("", host=host)
        assert page.status == 400 and "row" not in page.source, host
    for host in ("127.0.0.1", "127.0.0.1:8477", "localhost:1"):
        assert view.get("", host=host).status == 200


def test_every_answer_forbids_what_pages_may_not_do(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ValueError("a bug")

    answers = [view.get(one) for one in ("", "row?id=row-0", "static/view.js", "shared.css", "nothing", "?low=x", "/")]
    answers.append(view.get("", host="evil.example"))
    monkeypatch.setattr(browse, "read_overview", bug)
    answers.append(view.get(""))
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 404, 400, 404, 400, 500]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "a bug" not in answer.source and "Traceback" not in answer.source
    assert "'unsafe" not in HEADERS["Content-Security-Policy"]


def test_what_rows_say_is_text(view: View) -> None:
    listed = view.get("?q=onerror")
    (address,) = listed.rows
    shown = [view.get(f"{address}&as={way}") for way in browse.WAYS]
    searched = view.get('?q="><script>alert(1)</script>')
    missing = view.get("row?id=<script>alert(1)</script>")
    for page in (listed, *shown, searched, missing):
        assert not re.search(r"<(script>|img|svg)", page.source)
        assert "49" not in page.words.split()
        assert not set("\x1b\x07\u202e") & set(page.source)
    for page in (*shown, missing):
        assert "<script>alert(1)</script>" in page.words


def test_a_row_has_an_address_whatever_its_id_holds(view: View) -> None:
    links = view.get("?q=odd&status=changed").rows
    assert len(links) == len(ODD_IDS)
    for link, id in zip(links, ODD_IDS, strict=True):
        page = view.get(link)
        assert page.status == 200 and "Even." in page.words, id
    there = view.get(links[0])
    seen = 1
    while there.link("next"):
        there = view.get(there.link("next"))
        seen += 1
    assert seen == len(ODD_IDS), "next stays among the rows that were found"
    assert view.get(there.link("prev")).link("next")


def test_a_list_is_paged_both_ways_without_losing_a_row(view: View) -> None:
    page, ids, pages = view.get("?status=done"), [], []
    while True:
        ids += page.rows
        pages.append(page.rows)
        if not page.link("next"):
            break
        page = view.get(page.link("next"))
    assert len(ids) == len(set(ids)) == 3 + 120 + len(ODD_IDS)
    assert page.words.count(f"{len(ids)} rows of 137") == 1
    back = [page.rows]
    while page.link("prev"):
        page = view.get(page.link("prev"))
        back.insert(0, page.rows)
    assert [[_named(row) for row in rows] for rows in back] == [[_named(row) for row in rows] for rows in pages]


def _named(address: str) -> str:
    """The row that an address is of."""
    return re.findall(r"id=[^&]*", address)[0]


def test_one_comes_back_to_where_one_was_in_the_list(view: View) -> None:
    second = view.get(view.get("?status=done").link("next"))
    row = view.get(second.rows[10])
    assert view.get(row.back).rows == second.rows
    assert f'id="{row.back.partition("#")[2]}">' in second.source.partition(_named(second.rows[9]))[2]
    # As one reads on, the row leaves that page.
    for _ in range(50):
        row = view.get(row.link("next"))
    there = view.get(row.back)
    assert _named(there.rows[0]) == _named(view.get(second.link("next")).rows[10])
    assert there.link("prev") and "rows of 137" in there.words
    assert view.get("row?id=row-0").back.startswith(f"/{TOKEN}/#at-0-")


def test_a_row_is_shown_with_all_that_is_known_of_it(run: Path) -> None:
    given = {"id": "row-0/x", "row": "row-0", "index": 0, "shown": "", "reviewer": "bea", "at": "2026-01-02"}
    add_review(run, Review.model_validate(given | {"verdict": "tie", "note": "hard to say"}))
    with viewed(run) as view:
        page = view.get("row?id=row-0")
        assert "Pay <del>ten</del><ins>two</ins> coins now." in page.source
        for words in (
            "Question 0?",
            "Round 2 privacy",
            "That is unkind.",
            "Left text.",
            "P(sample-1 is better) = 0.375",
            "2 votes, from 0.250 to 0.500",
            "privacyA0.250 privacyB0.500",
            "bea tie",
        ):
            assert words in page.words, words
        assert "hard to say" in page.words and 'deep{"a": [1]}' in page.words and "topicshop" in page.words
        principle = browse.read_principles(run).revising["privacy"]
        assert principle.critique_request and principle.critique_request in page.words
        initial, plain = (view.get(f"row?id=row-0&as={way}") for way in ("initial", "plain"))
        before, since = (one.source.partition("Round 2")[2] for one in (page, initial))
        assert "two" in before and "ten" not in before, "the last revision and the one before it"
        assert "ten" in since and "two" not in since, "the last revision and the initial response"
        assert "<del>" not in plain.source and "Ask before you pay." in plain.words
        assert "unchanged" in view.get("row?id=row-1").words


def test_a_comparison_names_responses_as_the_rest_of_the_row_does(run: Path) -> None:
    first, second = (Candidate(text=text, source=source) for text, source in (("A.", "response"), ("B.", "revision-2")))
    unread = Vote(principle="privacy", order="reversed", p_first=None)
    more = {"first": first, "second": second, "p_reversed": None, "votes": (unread,), "gold": "first"}
    write(run / "comparisons.jsonl", comparison(1, 0.123, id="row-1/x", **more))
    with viewed(run) as view:
        words = view.get("row?id=row-1").words
    assert "Which is better: initial response or revision 2?" in words and "people preferred initial response" in words
    assert "P(initial response is better) = 0.123 shown as A 0.123, as B unreadable" in words
    assert "1 vote, 1 unreadable" in words and "privacyBunreadable" in words


def test_rows_that_are_not_done_say_why(view: View) -> None:
    assert "Failed at respond: CallError: no answer" in view.get("row?id=row-4").words
    assert "Filtered: empty prompt: it asks nothing" in view.get("row?id=row-5").words
    page = view.get("row?id=row-999")
    assert page.status == 404 and "No such row" in page.words and "all rows" in page.words
    listed = view.get("?status=failed")
    assert "no answer" in listed.words and "1 row of 137" in listed.words


def test_a_filter_that_there_is_not_is_an_error_with_a_way_out(view: View) -> None:
    for query in (
        "low=x",
        "high=2",
        "low=nan",
        "low=-1",
        "status=odd",
        "principle=odd",
        "tag=odd",
        "judged=odd",
        "after=x",
        "before=1-",
        "after=1-" + "9" * 30,
    ):
        page = view.get(f"?{query}")
        assert page.status == 400 and query.partition("=")[2] in page.words, query
    assert view.get("row?id=row-0&as=odd").status == 400


def test_a_damaged_journal_is_named_and_the_others_are_shown(run: Path) -> None:
    path = run / "comparisons.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Left", b"Lost"))
    warned: list[str] = []
    with viewed(run, warned.append) as view:
        assert len(warned) == 1 and warned[0].startswith(f"{path}:1: damaged") and "truncate -s 0" in warned[0]
        page = view.get("")
        assert "comparing: cannot be told: comparisons.jsonl is damaged, see below" in page.words
        assert "200 rows = 135 done" in page.words and page.words.count("pending") == 1
        assert f"{path}:1: damaged" in page.words and "truncate -s 0" in page.words
        assert len(page.rows) == 50
        transcripts = run / "transcripts.jsonl"
        transcripts.write_bytes(b" " * transcripts.stat().st_size)
        assert f"{transcripts}: damaged: the line at byte 0 is not as it was written" in view.get("").words
        (run / "manifest.json").write_text("{")
        broken = view.get("")
        assert broken.status == 500 and "manifest.json: damaged" in broken.words


def test_a_list_shows_where_the_words_stand(run: Path) -> None:
    write(
        run / "transcripts.jsonl",
        transcript(
            190, "Long ago. " * 30 + "Three purple herons. " + "Later on. " * 30, "很久以前，这里有一只紫色的鸟。"
        ),
    )
    with viewed(run) as view:
        shown = view.get('?q="purple HERONS"')
        assert "Three <mark>purple herons</mark>. Later" in shown.source and "…" in shown.words
        assert "<mark>purp</mark>le" in view.get("?q=purp*").source
        assert "<mark>紫色</mark>的鸟" in view.get("?q=紫色").source
        assert "<mark>" not in view.get("").source
        assert view.get("?q=onerror").source.count("<mark>onerror</mark>") == 1


def test_a_list_tells_of_all_comparisons_or_of_those_that_were_looked_for(run: Path) -> None:
    other = next(id for id in browse.read_principles(run).comparing if id != "privacy")
    votes = (Vote(principle=other, order="forward", p_first=0.5),)
    write(run / "comparisons.jsonl", comparison(0, 0.91, id="row-0/b", votes=votes), comparison(0, 0.95, id="row-0/c"))
    with viewed(run) as view:
        assert "p 0.38 to 0.95" in view.get("").words
        assert "p 0.91 to 0.95" in view.get("?low=0.9").words
        assert not re.search(rf'class="principle">{other}<', view.get("").source), "nothing is revised under it"
        assert "p 0.38 to" not in view.get("?high=0.5").words and "p 0.38" in view.get("?high=0.5").words


def test_a_row_is_left_by_another_search_within_the_same_filters(view: View) -> None:
    page = view.get("row?id=row-0&q=coins&status=done&high=0.5")
    (form,) = re.findall(r'<form class="find".*?</form>', page.source, re.S)
    fields = re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', form)
    assert fields == [("q", "coins"), ("status", "done"), ("high", "0.5")] and 'data-key="/"' in form


def test_a_line_that_is_changed_after_it_was_indexed_is_named(run: Path) -> None:
    path = run / "transcripts.jsonl"
    good = path.read_bytes()
    begins = good.rindex(b"\n", 0, good.index(b"The same.")) + 1
    with viewed(run) as view:
        path.write_bytes(good.replace(b"The same.", b"The other", 1))
        for address in ("", "row?id=row-1"):
            page = view.get(address)
            assert f"{path}: damaged: the line at byte {begins} is not as it was written" in page.words
            assert "The other" not in page.words
        assert "damaged" not in view.get("row?id=row-0").words
