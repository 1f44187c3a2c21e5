"""A person reviews with the keyboard; the server goes and comes back; what they said is in reviews.jsonl."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page
from viewing import begin as begin_run
from viewing import transcript, write

from browser.accessibility import assert_accessible, assert_fits
from browser.view_process import free_port, viewing
from browser.watched_page import Watched
from constitution.reviews import Review, reviews
from constitution.store import comparisons, transcripts

Watch = Callable[..., Watched]
KEYS = {"A": "1", "B": "2", "tie": "t", "both bad": "x", "skip": "s"}


def sides(page: Page) -> dict[str, str]:
    """The texts of the two responses on the page, by their letters."""
    return {letter: page.locator(f"[aria-labelledby=side-{letter}] .text").text_content() or "" for letter in "AB"}


def answer(page: Page, button: str) -> None:
    """By its key; until the next page is there."""
    with page.expect_navigation():
        page.keyboard.press(KEYS[button])


def standing(run: Path) -> dict[str, Review]:
    """The last review of each thing."""
    return {review.id: review for review in reviews(run)}


def begin(page: Page, kind: str) -> None:
    """From the start page, with the keyboard, to the first item."""
    link = page.locator(f"section[aria-labelledby={kind}] a.go")
    link.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_ten_comparisons_by_keyboard_land_in_the_journal_over_a_crash(reviewed: Path, watch: Watch) -> None:
    port = free_port()
    given: list[tuple[dict[str, str], str, str]] = []
    plan = ["A", "B", "tie", "both bad", "skip", "A", "A", "B", "B", "tie"]
    with viewing(reviewed, "--port", port, "--reviewer", "ada") as view:
        watched = watch(view.address)
        page = watched.page
        watched.goto(view.at("review"))
        begin(page, "comparison")
        for number, button in enumerate(plan[:5]):
            note = f"because of {number}\nand more"
            if number % 2:
                page.keyboard.press("n")
                page.keyboard.type(note)
                page.keyboard.press("Escape")
            given.append((sides(page), button, note if number % 2 else ""))
            answer(page, button)
        assert "You: skip" in page.locator("[role=status]").inner_text()
        watched.assert_harmless()
        view.stop(hard=True)
    with viewing(reviewed, "--port", port, "--reviewer", "ada") as view:
        watched = watch(view.address)
        page = watched.page
        watched.goto(view.at("review"))
        # The run is read anew; until that is done, the page tells of what has been read so far.
        while "still being read" in (told := page.locator("section[aria-labelledby=comparison]").inner_text()):
            page.reload()
        assert "4 answered, 1 skipped" in told
        begin(page, "comparison")
        for button in plan[5:]:
            given.append((sides(page), button, ""))
            answer(page, button)
        # Back to the last one, which was a tie, to call it both bad.
        with page.expect_navigation():
            page.keyboard.press("u")
        assert sides(page) == given[-1][0]
        given[-1] = (given[-1][0], "both bad", "")
        answer(page, "both bad")
        watched.assert_harmless()
    kept = standing(reviewed)
    assert len(kept) == 10
    assert len(list(reviews(reviewed))) == 11
    compared = {(one.first.text, one.second.text): one for one in comparisons(reviewed)}
    for shown, button, note in given:
        turned = (shown["B"], shown["A"]) in compared
        comparison = compared[(shown["B"], shown["A"]) if turned else (shown["A"], shown["B"])]
        review = kept[comparison.id]
        verdicts = {"A": "second" if turned else "first", "B": "first" if turned else "second"}
        assert review.verdict == verdicts.get(button, button)
        assert (review.as_a, review.note, review.reviewer) == ("second" if turned else "first", note, "ada")
        assert review.seconds is not None and 0 <= review.seconds < 60
    # Both orders are there: the letters tell nothing about the sources.
    assert {review.as_a for review in kept.values()} == {"first", "second"}


def test_the_label_is_hidden_until_it_is_answered(reviewed: Path, watch: Watch) -> None:
    with viewing(reviewed, "--reviewer", "ada") as view:
        watched = watch(view.address)
        page = watched.page
        watched.goto(view.at("review"))
        begin(page, "comparison")
        source = page.content()
        for told in ("revision-2", "revision-1", '"response"', "p = 0", "(labelled", "inconsistent"):
            assert told not in source
        answer(page, "A")
        assert "The AI:" in page.locator("[role=status]").inner_text()


def test_two_tabs_on_one_comparison(reviewed: Path, watch: Watch) -> None:
    with viewing(reviewed, "--reviewer", "ada") as view:
        one, other = watch(view.address), watch(view.address)
        one.goto(view.at("review"))
        begin(one.page, "comparison")
        other.goto(one.page.url)
        address, letters = one.page.url, sides(one.page)
        assert sides(other.page) == letters
        answer(one.page, "A")
        answer(other.page, "B")
        assert "answered" in other.page.locator("h1").inner_text()
        (first,) = reviews(reviewed)
        with other.page.expect_navigation():
            other.page.get_by_role("button", name="Put this in its place").click()
        one.goto(address)
        assert sides(one.page) == letters
        assert "You: B" in one.page.locator("main").inner_text()
        both = list(reviews(reviewed))
        assert [review.id for review in both] == [first.id] * 2
        assert {both[0].verdict, both[1].verdict} == {"first", "second"}
        one.assert_harmless()


def test_a_note_survives_a_server_that_is_gone(reviewed: Path, watch: Watch) -> None:
    port = free_port()
    with viewing(reviewed, "--port", port, "--reviewer", "ada") as view:
        watched = watch(view.address)
        page = watched.page
        watched.goto(view.at("review"))
        begin(page, "comparison")
        page.keyboard.press("n")
        page.keyboard.type("Not lost.")
        page.keyboard.press("Escape")
        view.stop()
        page.keyboard.press("1")
        page.locator("#kept").wait_for(state="visible")
        assert page.locator("#note").input_value() == "Not lost."
    assert list(reviews(reviewed)) == []


def test_revisions_are_accepted_rejected_and_edited(reviewed: Path, watch: Watch) -> None:
    with viewing(reviewed, "--reviewer", "ada") as view:
        watched = watch(view.address)
        page = watched.page
        watched.goto(view.at("review"))
        begin(page, "revision")
        for key in "yr":
            with page.expect_navigation():
                page.keyboard.press(key)
        page.keyboard.press("e")
        page.keyboard.press("Control+a")
        page.keyboard.type("As it should be.\nWith a second line.")
        with page.expect_navigation():
            page.keyboard.press("Control+Enter")
        watched.assert_harmless()
    given = list(reviews(reviewed))
    assert [review.verdict for review in given] == ["accept", "reject", "edit"]
    assert given[2].text == "As it should be.\nWith a second line."
    rows = {transcript.id for transcript in transcripts(reviewed)}
    assert {review.row for review in given} <= rows
    assert all(review.id == f"{review.row} revision-2" for review in given)


@pytest.mark.parametrize("revision", ["Plain words. \n" * 8_000, "a\0b \x1b[31m\r\nc\rd"], ids=["long", "odd"])
def test_a_revision_that_nobody_touches_is_accepted_whatever_it_holds(
    tmp_path: Path, watch: Watch, revision: str
) -> None:
    run = begin_run(tmp_path / "run", 2)
    write(run / "transcripts.jsonl", *(transcript(row, "Before.", revision) for row in range(2)))
    with viewing(run, "--reviewer", "ada") as view:
        page = watch(view.address).page
        page.goto(view.at("review/revision"))
        for _ in range(2):
            with page.expect_navigation():
                page.keyboard.press("y")
        assert "All revisions are answered" in page.locator("h1").inner_text()
        # And as a browser without scripts sends it.
        bare = watch(view.address, java_script_enabled=False).page
        bare.goto(view.at("review/revision?reviewer=bea"))
        bare.get_by_role("button", name="Reject").click()
        assert "1 of 2 answered" in bare.locator("main").inner_text()
    assert [(one.verdict, one.text) for one in reviews(run)] == [("accept", None)] * 2 + [("reject", None)]


def test_an_answer_that_cannot_be_kept_stays_in_the_page(reviewed: Path, watch: Watch) -> None:
    with viewing(reviewed, "--reviewer", "ada") as view:
        page = watch(view.address).page
        page.goto(view.at("review"))
        begin(page, "comparison")
        (reviewed / ".reviews.lock").mkdir()
        page.keyboard.press("1")
        told = page.locator("#kept")
        told.wait_for(state="visible")
        assert "cannot be written" in told.inner_text() and "Send it again" in told.inner_text()
        # A fault that nobody foresaw.
        page.route("**/review/comparison", lambda route: route.fulfill(status=500, body="Internal Server Error"))
        told.get_by_role("button", name="Send it again").click()
        told.get_by_text("status 500").wait_for()
        assert "token" not in told.inner_text()
        page.unroute_all()
        (reviewed / ".reviews.lock").rmdir()
        with page.expect_navigation():
            told.get_by_role("button", name="Send it again").click()
    assert [one.verdict == one.as_a for one in reviews(reviewed)] == [True]


@pytest.mark.parametrize("name", ["", "a" * 65, "\u202eada"])
def test_a_name_that_cannot_be_kept_is_refused_on_the_page(reviewed: Path, watch: Watch, name: str) -> None:
    with viewing(reviewed, "--reviewer", "ada") as view:
        page = watch(view.address).page
        page.goto(view.at("review"))
        # As a browser would send it without the field's own limits.
        page.locator("#reviewer").evaluate("(field, name) => { field.maxLength = 999; field.value = name }", name)
        with page.expect_navigation():
            page.locator("form.who").evaluate("form => { form.noValidate = true; form.requestSubmit() }")
        assert page.locator("[role=alert]").inner_text().startswith("reviewer '")
        assert page.locator("a.go").count() == 0
    assert list(reviews(reviewed)) == []


def test_everyone_can_review(reviewed: Path, watch: Watch) -> None:
    with viewing(reviewed, "--port", 0, "--reviewer", "ada") as view:
        watched = watch(view.address)
        page = watched.page
        watched.goto(view.at("review"))
        assert_fits(page)
        assert_accessible(page)
        for kind, key in (("comparison", "1"), ("revision", "y")):
            watched.goto(view.at("review"))
            begin(page, kind)
            assert_fits(page)
            assert_accessible(page)
            # Opened for that; closed, the keys are as they were.
            page.reload()
            page.keyboard.press("?")
            assert page.locator("#keys").is_visible()
            page.reload()
            for _ in range(12):
                with page.expect_navigation():
                    page.keyboard.press(key)
            assert "answered" in page.locator("h1").inner_text()
            assert_fits(page)
            assert_accessible(page)
        watched.assert_harmless()
        assert watched.goto(view.at("review/comparison?reviewer=ada&item=none")) == 404
        assert_accessible(page)
    assert len(standing(reviewed)) == 24
