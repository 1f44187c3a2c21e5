"""The browser that draws the pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ABSENT = "chromium is needed here: apt install chromium, or name one with CHROMIUM=/path/to/it"


def find_chromium() -> str:
    """Its program: what CHROMIUM names, else one that is on the path; empty if that is none."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), "")


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Start it, without a window."""
    # Its sandbox does not start as root, which CI is.
    options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()
