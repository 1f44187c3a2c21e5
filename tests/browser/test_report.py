"""The report as a person opens it: a file, double-clicked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from browser.accessibility import assert_accessible, assert_fits
from browser.payloads import PAYLOADS
from browser.touching import touch_everything
from browser.watched_page import Watched
from constitution.printable import printable

Watch = Callable[..., Watched]
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def report(peaceful: Path, tmp_path_factory: pytest.TempPathFactory, program: Callable[..., str]) -> Path:
    """The report of a peaceful run."""
    path = tmp_path_factory.mktemp("reports") / "report.html"
    program("report", peaceful, "--out", path)
    return path


@pytest.fixture(scope="module")
def hostile_report(hostile: Path, tmp_path_factory: pytest.TempPathFactory, program: Callable[..., str]) -> Path:
    """The report of the hostile run."""
    path = tmp_path_factory.mktemp("reports") / "report.html"
    program("report", hostile, "--out", path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
def test_it_opens_without_a_complaint_and_asks_for_nothing(
    report: Path, watch: Watch, scheme: str, viewport: dict[str, int]
) -> None:
    address = report.as_uri()
    watched = watch(address, color_scheme=scheme, viewport=viewport)
    watched.goto(address)
    page = watched.page
    page.evaluate("() => document.querySelectorAll('details').forEach(found => { found.open = true })")
    assert_fits(page, viewport["width"])
    watched.assert_harmless()
    assert watched.requests == [address]
    # The scheme's own ground: light is light, dark is dark.
    ground = page.evaluate(
        "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert (sum(ground) > 600) is (scheme == "light"), ground
    assert page.locator("svg").count() >= 3
    assert "12" in page.locator("main").inner_text()


def test_it_is_the_same_without_scripts(report: Path, watch: Watch) -> None:
    address = report.as_uri()
    assert "<script" not in report.read_text(encoding="utf-8")
    texts = []
    for allowed in (True, False):
        watched = watch(address, java_script_enabled=allowed)
        watched.page.goto(address)
        texts.append(watched.page.locator("main").inner_text())
    assert texts[0] == texts[1]


def test_everyone_can_read_it(report: Path, watch: Watch) -> None:
    page = watch(report.as_uri()).page
    page.goto(report.as_uri())
    assert_accessible(page)


def test_hostile_texts_are_only_shown(hostile_report: Path, watch: Watch) -> None:
    address = hostile_report.as_uri()
    watched = watch(address)
    watched.goto(address)
    page = watched.page
    page.evaluate("() => document.querySelectorAll('details').forEach(found => { found.open = true })")
    touch_everything(page)
    watched.assert_harmless()
    assert watched.requests == [address]
    assert_fits(page)
    shown = page.locator("body").evaluate("body => body.textContent")
    assert sum(printable(payload).split()[0] in shown for payload in PAYLOADS) >= 10
    # A judge's name, the run's folder, and what a failed row said.
    for text in (PAYLOADS[28], "<img src=x onerror=hacked=1>", f"the server said: {PAYLOADS[9]}"):
        assert " ".join(text.split()) in " ".join(shown.split())
    assert page.locator("img, iframe, script, form, object, embed, base, input, math").count() == 0


def test_everyone_can_read_the_hostile_one(hostile_report: Path, watch: Watch) -> None:
    page = watch(hostile_report.as_uri()).page
    page.goto(hostile_report.as_uri())
    assert_accessible(page)
