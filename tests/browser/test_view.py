"""A person looks through a run: keys, search, filters, links, and rows that come while they look."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from plugging import start

from browser.accessibility import assert_accessible, assert_fits
from browser.runs import peaceful_run
from browser.view_process import ViewProcess, viewing
from browser.watched_page import Watched

Watch = Callable[..., Watched]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewProcess]:
    """A view of a run of 120 rows, which is more than a page of the list."""
    with viewing(peaceful_run(tmp_path_factory.mktemp("many"), rows=120, rounds=1), "--port", 0) as started:
        yield started


def found(page: Page) -> str:
    """How many rows the list has."""
    return page.locator("#found").inner_text()


def press(page: Page, *keys: str) -> None:
    """Keys of which the last one leads to another page."""
    for key in keys[:-1]:
        page.keyboard.press(key)
    with page.expect_navigation():
        page.keyboard.press(keys[-1])


def test_keys_go_through_the_list_and_through_its_rows(view: ViewProcess, watch: Watch) -> None:
    watched = watch(view.address)
    page = watched.page
    watched.goto(view.at(""))
    assert found(page) == "120 rows"
    first = page.locator(".rows .start a").first.inner_text()
    press(page, "ArrowRight")
    assert page.locator(".rows .start a").first.inner_text() != first
    press(page, "ArrowLeft")
    assert page.locator(".rows .start a").first.inner_text() == first
    press(page, "j", "j", "Enter")
    assert page.locator("h1").inner_text() == "row-01"
    press(page, "j")
    press(page, "ArrowRight")
    assert page.locator("h1").inner_text() == "row-03"
    press(page, "k")
    assert page.locator("h1").inner_text() == "row-02"
    assert page.locator("ins").count() and page.locator("del").count()
    press(page, "t")
    assert page.locator("ins").count() == page.locator("del").count() == 0
    press(page, "Escape")
    assert found(page) == "120 rows"
    press(page, "ArrowRight")
    press(page, "j", "j", "j", "Enter")
    assert page.locator("h1").inner_text() == "row-52"
    press(page, "k")
    press(page, "Escape")
    assert page.locator(".rows code").first.inner_text() == "row-50"
    press(page, "j", "Enter")
    assert page.locator("h1").inner_text() == "row-52", "from the row that one came back from"
    page.keyboard.press("/")
    page.keyboard.type("bread")
    press(page, "Enter")
    assert found(page) == "30 rows of 120"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    watched.assert_harmless()


def test_what_is_found_is_gone_through_and_can_be_linked_to(view: ViewProcess, watch: Watch) -> None:
    watched = watch(view.address)
    page = watched.page
    watched.goto(view.at(""))
    page.keyboard.press("/")
    page.keyboard.type('"bake bread"')
    press(page, "Enter")
    assert found(page) == "30 rows of 120"
    press(page, "j", "j", "Enter")
    assert page.locator("h1").inner_text() == "row-04"
    address = page.url
    press(page, "j")
    assert page.locator("h1").inner_text() == "row-08"
    press(page, "Escape")
    assert found(page) == "30 rows of 120"
    other = watch(view.address)
    other.goto(address)
    assert other.page.locator("h1").inner_text() == "row-04"
    other.assert_harmless()
    watched.assert_harmless()


def test_filters_narrow_the_list(view: ViewProcess, watch: Watch) -> None:
    page = watch(view.address).page
    page.goto(view.at(""))
    numbers = []
    for field, value in (("status", "labelled"), ("status", "failed"), ("principle", None), ("low", "0.5")):
        page.goto(view.at(""))
        chosen = page.locator(f"#{field}")
        if field == "low":
            chosen.fill(value or "")
        else:
            chosen.select_option(value, index=None if value else 1)
        with page.expect_navigation():
            page.get_by_role("button", name="Show").click()
        numbers.append(int(found(page).split()[0]))
        for told in page.locator(".rows .p").all_inner_texts() if field == "low" else ():
            assert float(told.split()[1]) >= 0.5
    assert numbers[1] == 0
    assert all(0 < number < 120 for number in (numbers[0], *numbers[2:])), numbers
    press(page, "Escape")
    assert found(page) == "120 rows"


def test_rows_come_while_somebody_looks(tmp_path: Path, watch: Watch) -> None:
    prompts, rules = tmp_path / "prompts.jsonl", tmp_path / "rules.yaml"
    prompts.write_text("".join(json.dumps({"prompt": f"Number {n}?"}) + "\n" for n in range(40)), encoding="utf-8")
    rules.write_text("- {when: '.', reply: Slowly., seconds: 0.25}\n", encoding="utf-8")
    given = ("--prompts", prompts, "--out", tmp_path / "run", "--engine", "scripted", "--model", rules)
    with start("generate", *given, "--concurrency", 4, "--rounds", 1) as going:
        try:
            while not (tmp_path / "run" / "transcripts.jsonl").exists():
                assert going.poll() is None
            with viewing(tmp_path / "run", "--port", 0) as view:
                watched = watch(view.address)
                page = watched.page
                watched.goto(view.at(""))
                before = page.locator("#live .counts").inner_text()
                assert "40 rows" in before
                told = "before => document.querySelector('#live .counts').innerText !== before"
                page.wait_for_function(told, arg=before)
                page.locator("#live .new").wait_for(state="visible")
                rows = int(found(page).split()[0])
                with page.expect_navigation():
                    page.locator("#live .new a").click()
                assert int(found(page).split()[0]) > rows
                watched.goto(view.at("?q=nothinglikethis"))
                news = page.locator("#live .new")
                news.get_by_text("in the run: show").wait_for()
                assert found(page).startswith("0 rows of ")
                watched.assert_harmless()
                view.stop()
                news.get_by_text("no longer follows the run: the view has ended").wait_for()
                going.terminate()
        finally:
            going.kill()


def test_everyone_can_use_the_list_and_a_row(view: ViewProcess, watch: Watch) -> None:
    page = watch(view.address).page
    for path in ("", "?q=bread&status=labelled", "row?id=row-00", "row?id=row-00&as=plain", "row?id=none", "?low=x"):
        page.goto(view.at(path))
        assert_fits(page)
        assert_accessible(page)
