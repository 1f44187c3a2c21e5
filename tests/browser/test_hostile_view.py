"""Sixty hostile payloads, wherever a person or a model may put a text, in every page of the view."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from browser.accessibility import assert_accessible, assert_fits
from browser.crawling import crawl
from browser.payloads import PAYLOADS
from browser.runs import REVIEWERS
from browser.touching import touch_everything
from browser.view_process import ViewProcess, viewing
from browser.watched_page import Watched
from constitution.printable import printable
from constitution.reviews import reviews

Watch = Callable[..., Watched]
# What a payload is put behind.
PLACES = (
    *(
        "?q=",
        '?q="',
        "?status=",
        "?principle=",
        "?tag=",
        "?low=",
        "?after=",
        "row?id=none",
        "row?as=",
        "row?q=none&id=",
    ),
    *("review?reviewer=", "review/comparison?reviewer=", "review/comparison?reviewer=ada&item=", "review/", "none/"),
)


@pytest.fixture(scope="module")
def view(hostile: Path) -> Iterator[ViewProcess]:
    """A view of the hostile run, by a hostile reviewer."""
    with viewing(hostile, "--port", 0, "--reviewer", REVIEWERS[0]) as started:
        yield started


def test_no_page_that_links_lead_to_does_anything(view: ViewProcess, watch: Watch) -> None:
    watched = watch(view.address)
    shown: dict[str, list[str]] = {}
    # How revisions are shown is below; a row is the same from whichever page of the list one comes.
    for address in crawl(watched, view.at(""), 90, but=("as=", "&before=")):
        text = watched.page.locator("main").evaluate("main => main.textContent")
        shown.setdefault(address.removeprefix(view.address).partition("?")[0], []).append(text)
    assert {"", "row", "review", "review/comparison", "review/revision"} <= set(shown)
    assert len(shown["row"]) == 65
    missing = [payload for payload in PAYLOADS if not any(printable(payload) in text for text in shown["row"])]
    assert not missing


@pytest.mark.parametrize("way", ["before", "initial", "plain"])
def test_a_row_shows_its_payloads_as_they_are(view: ViewProcess, watch: Watch, way: str) -> None:
    watched = watch(view.address)
    for number in (0, 14, 23, 28, 41, 55):
        assert watched.goto(view.at(f"row?as={way}&id={quote(PAYLOADS[number], safe='')}")) == 200
        text = watched.page.locator("main").evaluate("main => main.textContent")
        # The id, the prompt, the answers, and the metadata.
        assert text.count(printable(PAYLOADS[number])) >= 5
        assert f"column {printable(PAYLOADS[number])}" in text
        assert_fits(watched.page)
        touch_everything(watched.page)
        watched.assert_harmless()


def test_addresses_that_hold_a_payload_show_it_at_most(view: ViewProcess, watch: Watch) -> None:
    watched = watch(view.address)
    statuses = set()
    for number, payload in enumerate(PAYLOADS[::2]):
        told = quote(payload, safe="")
        statuses.add(watched.goto(view.at(PLACES[number % len(PLACES)] + told)))
        touch_everything(watched.page)
        watched.assert_harmless()
    assert statuses == {200, 400, 404}


def test_a_note_and_an_edit_are_kept_and_shown_as_they_are(view: ViewProcess, hostile: Path, watch: Watch) -> None:
    written = PAYLOADS[14]
    # Both tabs are there before either answers.
    tabs = [watch(view.address) for _ in range(2)]
    for tab in tabs:
        tab.goto(view.at("review/revision?reviewer=eve"))
    for button, tab in zip("yr", tabs, strict=True):
        tab.page.keyboard.press("n")
        tab.page.keyboard.type(written)
        tab.page.keyboard.press("Escape")
        with tab.page.expect_navigation():
            tab.page.keyboard.press(button)
        tab.page.wait_for_load_state()
        touch_everything(tab.page)
        tab.faults = [fault for fault in tab.faults if "409" not in fault]
        tab.assert_harmless()
    assert written in tabs[1].page.locator("main").evaluate("main => main.textContent")
    tabs[0].page.keyboard.press("e")
    tabs[0].page.keyboard.press("Control+a")
    tabs[0].page.keyboard.type(written)
    with tabs[0].page.expect_navigation():
        tabs[0].page.keyboard.press("Control+Enter")
    tabs[0].assert_harmless()
    eves = [review for review in reviews(hostile) if review.reviewer == "eve"]
    assert [review.verdict for review in eves] == ["accept", "edit"]
    assert (eves[0].note, eves[1].text) == (written, written)


def test_everyone_can_use_pages_of_hostile_texts(view: ViewProcess, watch: Watch) -> None:
    page = watch(view.address).page
    for path in ("", f"row?id={quote(PAYLOADS[14], safe='')}", "review", "review/comparison", "review/revision"):
        page.goto(view.at(path))
        assert_fits(page)
        assert_accessible(page)
