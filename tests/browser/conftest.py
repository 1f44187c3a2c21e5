"""A real browser, and runs to look at.

Run by `make test-browser`, which installs what drives the browser, never by `make test`.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from browser.watched_page import Watched

NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only who asks for this folder gets it."""
    return None if any("tests/browser" in argument for argument in config.args) else True


def chromium() -> str:
    """The browser's program: what CHROMIUM names, else one that is on the path."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.exit("these tests need chromium: apt install chromium, or name one with CHROMIUM=/path/to/it", 1)
    return found


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One browser for all tests; each page has a context of its own."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    with sync_playwright() as playwright:
        # Its sandbox does not start as root, which CI is.
        options = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=program, args=options)
        yield opened
        opened.close()


@pytest.fixture
def watch(browser: "Browser") -> "Iterator[Callable[..., Watched]]":
    """Open a page under watch: `watch(allowed, **options of the context)`."""
    from browser.watched_page import watched_page

    with ExitStack() as stack:

        def opened(allowed: str, **options: Any) -> "Watched":
            return stack.enter_context(watched_page(browser, allowed, **options))

        yield opened
