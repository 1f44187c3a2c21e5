"""Blind review in the view: what is shown, and what is kept."""

import shlex
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from exporting import compared, judged
from reviewing import TOKEN, Page, Tab, comparison, make_run, pages, secrets, transcript, write

from constitution.cli import main
from constitution.errors import ConfigError
from constitution.reviewed import LastWords
from constitution.reviews import Review, add_review, shown_of_comparison
from constitution.view.desk import Desk
from constitution.view.queue import key_of, read_sample
from constitution.view.sides import side_a

CHINESE = "评审员"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_a_page_and_its_source_tell_nothing_before_the_answer(run: Path) -> None:
    page = Tab(run).next()
    assert sorted(page.sides)[0].startswith("One"), "both responses are shown"
    assert not secrets(page.source + page.address)
    after = Tab(run).answer(page, "A")
    told = after.words.partition("The one before:")[2].partition("Change it")[0]
    first = side_a("ada", Tab(run).kept()[0].id) == "first"
    assert (
        told.split()
        == (
            f"You: A. The AI: {'A' if first else 'B'} with p = 0.81 (labelled). "
            f"A was {'sample-1, B was sample-2' if first else 'sample-2, B was sample-1'}."
        ).split()
    )


def test_a_skipped_comparison_stays_blind(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    after = tab.answer(page, "skip")
    again = tab.get(after.link("Change it"))
    assert "You: skip." in after.words and "You: skip." in again.words
    assert not secrets(after.source + again.source)


def test_an_answer_given_twice_from_another_page_tells_nothing_of_the_ai(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    tab.answer(page, "skip")
    conflict = tab.answer(page, "A")
    assert conflict.status == 409
    assert not secrets(conflict.source)


def test_sides_are_shown_in_either_order_and_always_the_same_way(run: Path) -> None:
    ids = [f"row-{number}/sample-1-vs-sample-2" for number in range(2000)]
    firsts = [side_a("ada", one) == "first" for one in ids]
    assert abs(sum(firsts) - 1000) < 100, "4.5 standard deviations"
    same = sum(side_a("bea", one) == side_a("ada", one) for one in ids)
    assert abs(same - 1000) < 100, "another reviewer, another order"
    one, other = Tab(run).next(), Tab(run).next()
    assert one.sides == other.sides and one.address == other.address


@pytest.mark.parametrize("button", ["A", "B", "tie", "both bad", "skip"])
def test_every_verdict_is_kept_with_the_order_undone(run: Path, button: str) -> None:
    tab = Tab(run)
    shown = [(page.form["item"], page.sides) for page in pages(tab, lambda _: button) if "item" in page.form]
    kept = tab.kept()
    assert len(kept) == len(shown) == 6
    assert {one.as_a for one in kept} == {"first", "second"}
    for review, (_, sides) in zip(kept, shown, strict=True):
        first = f"One {review.index}."
        assert sides[0 if review.as_a == "first" else 1] == first
        if button in "AB":
            assert review.verdict == ("first" if sides["AB".index(button)] == first else "second")
        else:
            assert review.verdict == button
        assert review.row == f"row-{review.index}" and review.reviewer == "ada"
        assert review.shown == shown_of_comparison(comparison(review.index))


def test_everybody_is_asked_in_the_same_order(run: Path) -> None:
    orders = [
        [page.form["item"] for page in pages(Tab(run, who), lambda _: "tie") if "item" in page.form]
        for who in ("ada", "bea")
    ]
    assert orders[0] == orders[1] and len(set(orders[0])) == 6


def test_one_text_twice_is_not_asked_about(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write(run / "comparisons.jsonl", comparison(0, "Same.", " Same.\n"), comparison(1))
    tab = Tab(run)
    assert "1 in all" in tab.start().words
    assert len(list(pages(tab, lambda _: "A"))) == 2, "one, and the end"
    assert [review.row for review in tab.kept()] == ["row-1"]


def test_a_note_and_the_time_are_kept(run: Path) -> None:
    tab = Tab(run)
    tab.answer(tab.next(), "A", note=" Line\r\nline, 😀 \u202e <b> ", seconds="12.34")
    tab.answer(tab.next(), "B", seconds="1e9")
    tab.answer(tab.next(), "B", seconds="nan")
    kept = tab.kept()
    assert kept[0].note == "Line\nline, 😀 \u202e <b>" and kept[0].seconds == 12.3
    assert [one.seconds for one in kept[1:]] == [None, None], "a page left open overnight tells no time"


def test_back_and_back_again_and_another_answer(run: Path) -> None:
    tab = Tab(run)
    first = tab.next()
    second = tab.answer(first, "A")
    third = tab.answer(second, "B")
    back = tab.get(third.link("Back to the last answered"))
    assert back.form["item"] == second.form["item"] and "You: B." in back.words
    further = tab.get(back.link("Back to the last answered"))
    assert further.form["item"] == first.form["item"]
    after = tab.answer(further, "tie", note="after all")
    assert after.form["item"] == third.form["item"], "on with what is not answered"
    assert [one.verdict for one in tab.kept()][2] == "tie" and tab.kept()[2].note == "after all"
    assert "2 of 6 answered" in after.words


def test_what_was_skipped_is_asked_again_once(run: Path) -> None:
    tab = Tab(run)
    answers = iter(["A", "skip", "B", "skip", "tie", "both bad"])
    *asked, end = pages(tab, lambda _: next(answers))
    assert len(asked) == 6 and "4 of 6 answered, 2 skipped" in end.words
    counts = Counter(dict(zip(["A", "B", "both bad", "skip", "tie"], [1, 1, 1, 2, 1], strict=True)))
    told = end.words.partition("How often")[2].partition("Go through")[0]
    assert told.split() == " ".join(f"{name} {number}" for name, number in sorted(counts.items())).split()
    again = tab.get(end.link("Go through what you skipped"))
    assert again.form["item"] == asked[1].form["item"]
    second = tab.answer(again, "skip")
    assert second.form["item"] == asked[3].form["item"], "on with the next one"
    over = tab.answer(second, "A")
    assert "5 of 6 answered, 1 skipped" in over.words, "what is skipped twice is not asked a third time"


def test_two_tabs_are_asked_which_answer_counts(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    tab.answer(page, "A", note="the first")
    conflict = tab.answer(page, "B", note="the <second>")
    assert conflict.status == 409 and len(tab.kept()) == 1
    assert all(word in conflict.words for word in ("Kept now A", "the first", "Sent from your page B", "the <second>"))
    left = tab.get(conflict.link("Leave it so"))
    assert left.form["item"] != page.form["item"] and len(tab.kept()) == 1
    replaced = tab.answer(conflict, "B")
    assert replaced.status == 200 and replaced.form["item"] == left.form["item"]
    assert [one.note for one in tab.kept()] == ["the first", "the <second>"]


def test_the_same_answer_sent_twice_is_kept_once(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    pages_after = [tab.answer(page, "A", note="so"), tab.answer(page, "A", note="so")]
    assert [one.status for one in pages_after] == [200, 200] and len(tab.kept()) == 1
    assert pages_after[0].form["item"] == pages_after[1].form["item"]


def test_a_script_is_told_in_json(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    given = page.form | {"answer": "A"}
    said = tab.client.post(f"/{TOKEN}/review/comparison", data=given, headers={"accept": "application/json"})
    assert said.status_code == 200 and tab.get(said.json()["next"]).form["item"] != page.form["item"]
    other = tab.client.post(
        f"/{TOKEN}/review/comparison", data=given | {"answer": "B"}, headers={"accept": "application/json"}
    )
    assert (other.status_code, other.json()) == (409, {"ask": True})
    wrong = tab.client.post("/other-token/review/comparison", data=given, headers={"accept": "application/json"})
    assert wrong.status_code == 404 and "json" not in wrong.headers["content-type"]


def test_a_server_that_was_stopped_goes_on_where_it_was(run: Path) -> None:
    first = Tab(run)
    page = first.answer(first.next(), "A")
    first.client.close()
    # As a killed process leaves the journal.
    with (run / "reviews.jsonl").open("ab") as file:
        file.write(b'{"id":"row-1/samp')
    second = Tab(run)
    assert second.next().form["item"] == page.form["item"]
    after = second.answer(page, "B")
    assert after.status == 200, "a page of the stopped server is answered to the new one"
    assert [one.verdict == one.as_a for one in second.kept()] == [True, False]


def test_comparisons_that_come_while_a_run_goes_on_are_asked_about(run: Path) -> None:
    tab = Tab(run)
    *_, end = pages(tab, lambda _: "A")
    assert "6 of 6 answered" in end.words
    write(run / "comparisons.jsonl", comparison(6))
    assert tab.next().texts[0] == "Question 6?"


def test_comparisons_made_anew_are_asked_again(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    tab.answer(page, "A")
    (run / "comparisons.jsonl").unlink()
    write(run / "comparisons.jsonl", *(comparison(row, f"Another one {row}.") for row in range(6)))
    again = tab.next()
    assert again.form["item"] == page.form["item"] and "about other texts" in again.words
    assert not secrets(again.source)
    assert "0 answered, 0 skipped" in tab.start().words and "1 more are about texts" in tab.start().words
    stale = tab.answer(page, "B", note="kept here")
    assert stale.status == 409 and "texts have changed" in stale.words and "kept here" in stale.source
    assert len(tab.kept()) == 1
    tab.answer(again, "B")
    assert "1 answered" in tab.start().words
    # The old texts are back: so is what was said of them, as `audit` and `export` have it.
    (run / "comparisons.jsonl").unlink()
    write(run / "comparisons.jsonl", *(comparison(row) for row in range(6)))
    start = tab.start().words
    assert "1 answered, 0 skipped" in start and "are about texts" not in start
    assert tab.next().form["item"] != page.form["item"]
    assert "Kept now A" in tab.answer(page, "B").words
    (last,) = LastWords(tab.kept()).of_comparison(comparison(int(tab.kept()[0].row.removeprefix("row-"))))
    assert last == tab.kept()[0]


def test_a_sample_tells_what_is_asked_and_in_which_order(run: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample.jsonl"
    ids = [f"row-{number}/sample-1-vs-sample-2" for number in (4, 1, 99, 3)]
    sample.write_text("".join(f'{{"id": "{one}", "p": 0.5}}\n' for one in ids), encoding="utf-8")
    tab = Tab(run, sample=sample)
    list(pages(tab, lambda _: "A"))
    assert [one.row for one in tab.kept()] == ["row-4", "row-1", "row-3"]
    words = tab.start().words
    assert "1 of the sample sample.jsonl is left out: not in this run yet, or nothing to ask" in words
    assert "There are none in this sample." in words and "none yet" not in words
    assert "There is nothing to review in this sample" in Tab(run, kind="revision", sample=sample).next().words
    assert "left out" not in Tab(run).start().words


def test_of_a_sample_what_nobody_can_be_asked_is_counted(run: Path, tmp_path: Path) -> None:
    write(run / "comparisons.jsonl", *(comparison(row, "Same.", "Same. ") for row in (6, 7)))
    write(run / "transcripts.jsonl", transcript(6, "Not revised."))
    sample = tmp_path / "sample.jsonl"
    ids = [*(f"row-{row}/sample-1-vs-sample-2" for row in (1, 6, 7)), "row-2", "row-6", "row-99"]
    sample.write_text("".join(f'{{"id": "{one}"}}\n' for one in ids), encoding="utf-8")
    words = Tab(run, sample=sample).start().words
    assert words.count("1 in all, of the sample sample.jsonl") == 2
    assert "4 of the sample sample.jsonl are left out" in words


def test_a_blind_sample_is_refused_and_the_hint_makes_one_that_is_not(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = tmp_path / "blind.jsonl"
    sample.write_text('{"blind_id": "0123", "of": "comparisons", "prompt": [], "a": "A", "b": "B"}\n')
    with pytest.raises(ConfigError) as bad:
        Tab(run, sample=sample)
    assert "a blind sample" in bad.value.message and "without --blind" in bad.value.hint
    (tmp_path / "my runs").mkdir()
    other = judged(tmp_path / "my runs" / "other", compared(3))
    with pytest.raises(ConfigError) as none:
        read_sample(tmp_path / "none.jsonl", other)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", shlex.split(none.value.hint.removeprefix("Make one with: ")))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert len(read_sample(tmp_path / "sample.jsonl", other)) == 3


def test_an_answer_of_another_reviewer_is_neither_told_nor_touched(run: Path) -> None:
    ada, bea = Tab(run), Tab(run, "bea")
    ada.answer(ada.next(), "A", note="between us")
    page = bea.next()
    assert "between us" not in page.source and "0 of 6 answered" in page.words
    assert bea.answer(page, "B").status == 200
    assert [one.reviewer for one in bea.kept()] == ["ada", "bea"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (CHINESE, CHINESE),
        ("😀", "😀"),
        ("<b>&\"'", "<b>&\"'"),
        ("a\nb", "a b"),
        ("é", "é"),
        ("O'Neil; DROP", "O'Neil; DROP"),
    ],
)
def test_odd_names_are_names(run: Path, name: str, kept: str) -> None:
    tab = Tab(run, name)
    assert "<b>" not in tab.start().source
    page = tab.next()
    assert page.form["reviewer"] == kept
    assert tab.answer(page, "A").status == 200
    assert [one.reviewer for one in tab.kept()] == [kept]


@pytest.mark.parametrize("name", ["\u202eada", "a\x00b", "a" * 65, " ", "\x1b[31m", "a\u200bb"])
def test_names_that_will_not_do_are_refused_with_the_reason(run: Path, name: str) -> None:
    tab = Tab(run, name)
    good = Tab(run).next()
    for page in (tab.start(), tab.next(), tab.answer(good, "A", reviewer=name)):
        assert page.status == 400
        assert "cannot be printed" in page.words or "1 to 64 characters" in page.words
        assert "\u202e" not in page.source and "\x1b" not in page.source and "\0" not in page.source
    assert not tab.kept()


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)></textarea></form>{{ 7*7 }}\x1b[2J\u202e"


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write(run / "comparisons.jsonl", comparison(0, HOSTILE, "Other.", id=f"{HOSTILE}/1", row=HOSTILE))
    write(run / "transcripts.jsonl", transcript(0, HOSTILE, HOSTILE + " more"))
    for kind, button in (("comparison", "A"), ("revision", "reject")):
        tab = Tab(run, kind=kind)
        page = tab.next()
        after = tab.answer(page, button, note=HOSTILE)
        assert after.status == 200
        for shown in (page, after, tab.get(after.link("Change it")), tab.answer(page, "skip", note=HOSTILE)):
            assert "<img" not in shown.source and "<script>" not in shown.source and "49" not in shown.words
    assert [one.note for one in tab.kept()] == [HOSTILE.strip()] * 2


def bad_forms(form: dict[str, str]) -> list[tuple[int, dict[str, str]]]:
    """Forms that no page sends, with the status that each gets."""
    return [
        (404, form | {"item": "0" * 16}),
        (404, form | {"item": "../../etc/passwd"}),
        (400, form | {"answer": "accept"}),
        (400, form | {"answer": "first"}),
        (400, {name: value for name, value in form.items() if name != "answer"}),
        (400, form | {"verdict": "first"}),
        (400, form | {"seconds": "soon"}),
        (409, form | {"shown": "0" * 16}),
        (413, form | {"note": "n" * 10_001}),
        (413, form | {"item": "n" * 1_001}),
    ]


def test_forms_that_no_page_sends_are_refused(run: Path) -> None:
    tab = Tab(run)
    for status, fields in bad_forms(tab.next().form | {"answer": "A"}):
        page = tab.post(fields)
        assert (page.status, "was not saved" in page.words or "cannot be shown" in page.words) == (status, True)
    assert not (run / "reviews.jsonl").exists()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 400),
        (b"item=1&item=2", "application/x-www-form-urlencoded", 400),
        (b"item=%ff", "application/x-www-form-urlencoded", 400),
        (b"item=\xff", "application/x-www-form-urlencoded", 400),
        (b"note=%ed%a0%80", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % number for number in range(30)), "application/x-www-form-urlencoded", 400),
        (b"text=" + b"n" * (32 << 20), "application/x-www-form-urlencoded", 413),
        (b"", "application/x-www-form-urlencoded", 400),
    ],
)
def test_bodies_that_no_browser_sends_are_refused(run: Path, body: bytes, kind: str, status: int) -> None:
    client = Tab(run).client
    said = client.post(f"/{TOKEN}/review/comparison", content=body, headers={"content-type": kind})
    assert said.status_code == status
    assert not (run / "reviews.jsonl").exists()


def test_pages_that_are_none(run: Path) -> None:
    tab = Tab(run)
    assert tab.get(f"/{TOKEN}/review/prompts").status == 404
    assert tab.get(f"/{TOKEN}/review/comparison?item=0123").status == 404
    assert tab.get("/other/review").status == 404


def test_other_programs_may_add_reviews_meanwhile(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    kept = Page(tab.client.get(page.address))
    tab.answer(page, "A")
    review = tab.kept()[0]
    add_review(run, Review(**(review.model_dump() | {"verdict": "tie", "at": "2026-01-01T00:00:00+00:00"})))
    assert "You: tie." in tab.get(kept.address).words


# Revisions.


def revision_form(run: Path) -> tuple[Tab, Page]:
    tab = Tab(run, kind="revision")
    return tab, tab.next()


def test_a_revision_is_shown_beside_the_initial_response(run: Path) -> None:
    _, page = revision_form(run)
    row = page.texts[0].removeprefix("Question ").removesuffix("?")
    assert "Revision 2 (the last of 2)" in page.words
    assert f"<del>Take</del><ins>Pay for</ins> {row} coats." in page.source
    assert page.form["text"] == f"Pay for {row} coats."


@pytest.mark.parametrize("button", ["accept", "reject", "skip"])
def test_a_revision_is_accepted_or_rejected(run: Path, button: str) -> None:
    tab, page = revision_form(run)
    after = tab.answer(page, button, note="why")
    (kept,) = tab.kept()
    assert (kept.verdict, kept.text, kept.as_a, kept.note) == (button, None, None, "why")
    assert kept.id == f"{kept.row} revision-2" and after.form["item"] != page.form["item"]


def test_an_edit_is_kept_as_it_was_typed(run: Path) -> None:
    tab, page = revision_form(run)
    after = tab.answer(page, "edit", text="\n Mine,\r\nwith 评 <b> lines. \r\n")
    (kept,) = tab.kept()
    assert (kept.verdict, kept.text) == ("edit", "\n Mine,\nwith 评 <b> lines. \n")
    again = tab.get(after.link("Change it"))
    assert again.form["text"] == kept.text, "the edit is what is edited further"
    assert tab.answer(again, "accept").status == 200, "and can be taken back"
    assert tab.kept()[-1].verdict == "accept"


@pytest.mark.parametrize("text", ["A\r\nb\rc \u200f\u05d0\u0007", "\n\n  Leading lines.", "</textarea><b>", "a\0\x1bb"])
@pytest.mark.parametrize("button", ["accept", "edit"])
def test_an_edit_that_changes_nothing_is_an_accept(tmp_path: Path, text: str, button: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write(run / "transcripts.jsonl", transcript(0, "Before.", text))
    tab, page = revision_form(run)
    # As a browser makes an editor's content of HTML, and sends it.
    sent = page.form["text"].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").replace("\n", "\r\n")
    tab.answer(page, button, text=sent)
    assert [(one.verdict, one.text) for one in tab.kept()] == [("accept", None)]


def test_an_empty_edit_is_refused(run: Path) -> None:
    tab, page = revision_form(run)
    for text in ("", " \r\n"):
        refused = tab.answer(page, "edit", text=text)
        assert refused.status == 400 and "cannot be empty" in refused.words
    form = {name: value for name, value in page.form.items() if name != "text"}
    assert tab.post(form | {"answer": "edit"}).status == 400
    assert tab.answer(page, "edit", text="a" * 100_100).status == 413
    assert not tab.kept()
    assert tab.answer(page, "edit", text="评" * 100_000, note="评" * 10_000).status == 200


@pytest.mark.parametrize("button", ["accept", "reject", "skip"])
def test_a_revision_may_be_as_long_as_it_is(tmp_path: Path, button: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write(run / "transcripts.jsonl", transcript(0, "Before.", "评 x\n" * 60_000))
    tab, page = revision_form(run)
    sent = page.form["text"].replace("\n", "\r\n")
    assert tab.answer(page, button, text=sent).status == 200
    assert [one.verdict for one in tab.kept()] == [button]
    edited = tab.answer(tab.get(f"/{TOKEN}/review/revision?item={page.form['item']}"), "edit", text=sent + "more")
    assert edited.status == 200 and (tab.kept()[-1].text or "").endswith("more")


def test_an_answer_that_would_lose_an_edit_is_asked_about(run: Path) -> None:
    tab, page = revision_form(run)
    asked = tab.answer(page, "accept", text="Mine.", note="so")
    assert asked.status == 409 and not tab.kept() and "Mine." in asked.source
    forms = asked.source.split('<form method="post"')
    assert 'value="edit"' in forms[1] and 'value="accept"' in forms[2]
    assert tab.answer(asked, "accept").status == 200
    assert [(one.verdict, one.text, one.note) for one in tab.kept()] == [("accept", None, "so")]


def test_rows_without_a_revision_are_not_asked_about(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write(run / "transcripts.jsonl", transcript(0, "Only a response."), transcript(1, "Same.", "Same."))
    _, page = revision_form(run)
    assert "Nothing was changed." in page.words and "0 of 1 answered" in page.words
    assert "There is nothing to review yet" in Tab(run).next().words


def test_start_pages_wait_for_no_reading_and_addresses_from_before_do(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = list(pages(Tab(run), lambda _: "A"))[-2].form["item"]
    monkeypatch.setattr("constitution.view.desk.READING", 0.0)
    tab = Tab(run, "bea")
    assert "1 so far: the run is still being read" in tab.start().words
    page = tab.get(f"/{TOKEN}/review/comparison?reviewer=bea&item={last}")
    assert page.form["item"] == last, "an address from before a restart"
    assert "6 in all" in tab.start().words
    desk = Desk(run, None)
    desk.warm()
    assert desk.progress("comparison", "bea").items == desk.progress("revision", "bea").items == 6


def test_nobody_is_asked_before_it_is_known_who_comes_first(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = sorted(key_of(comparison(row).id) for row in range(6))
    monkeypatch.setattr("constitution.view.desk.READING", 0.0)
    assert Tab(run).next().form["item"] == order[0], "also where a page reads one line"
    monkeypatch.setattr("constitution.view.desk.ORDERING", 0.0)
    tab = Tab(run, "bea")
    waiting = tab.next()
    assert "still being read" in waiting.words and "data-review" not in waiting.source
    for _ in range(6):
        waiting = tab.get(waiting.link("Look again")) if "Look again" in waiting.source else waiting
    assert waiting.form["item"] == order[0]


def test_what_comes_later_is_asked_at_its_place_so_that_reviewers_overlap(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    first = page.form["item"]
    early = next(row for row in range(6, 1000) if key_of(comparison(row).id) < first)
    write(run / "comparisons.jsonl", comparison(early))
    assert tab.answer(page, "A").texts[0] == f"Question {early}?"
    assert Tab(run, "bea").next().texts[0] == f"Question {early}?"


def test_answers_after_the_label_was_told_say_so(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    here = f"/{TOKEN}/review/comparison?item={page.form['item']}"
    for button in ("skip", "A", "B", "skip", "tie"):
        tab.answer(tab.get(here), button, **({"note": "forged"} if button == "tie" else {}))
    assert [one.told for one in tab.kept()] == [False, False, True, True, True]
    # Of other texts, it is told anew; and nobody tells anybody else.
    (run / "comparisons.jsonl").unlink()
    write(run / "comparisons.jsonl", *(comparison(row, f"Another one {row}.") for row in range(6)))
    tab.answer(tab.get(here), "A")
    bea = Tab(run, "bea")
    bea.answer(bea.next(), "A")
    assert [one.told for one in tab.kept()[5:]] == [False, False]
    # Of a revision the AI says nothing.
    revisions = Tab(run, kind="revision")
    shown = revisions.next()
    for button in ("accept", "reject"):
        revisions.answer(revisions.get(f"/{TOKEN}/review/revision?item={shown.form['item']}"), button)
    assert [one.told for one in tab.kept()[7:]] == [False, False]


def test_many_at_once_are_kept_one_by_one(run: Path) -> None:
    tab = Tab(run)
    page = tab.next()
    with ThreadPoolExecutor(8) as threads:
        same = list(threads.map(lambda _: tab.answer(page, "A").status, range(8)))
    assert same == [200] * 8 and len(tab.kept()) == 1, "pressed eight times"
    page = tab.next()
    with ThreadPoolExecutor(8) as threads:
        others = list(threads.map(lambda number: tab.answer(page, "A", note=str(number)).status, range(8)))
    assert sorted(others) == [200] + [409] * 7 and len(tab.kept()) == 2, "eight tabs"


def test_each_reviewer_is_kept_whole(run: Path) -> None:
    tabs = [Tab(run, f"reviewer {number}") for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda tab: list(pages(tab, lambda _: "B")), tabs))
    assert Counter(one.reviewer for one in tabs[0].kept()) == {tab.reviewer: 6 for tab in tabs}
