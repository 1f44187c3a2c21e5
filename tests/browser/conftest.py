"""A real browser, and runs to look at.

Run by `make test-browser`, which installs what drives the browser, never by `make test`.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import PROGRAM

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from browser.watched_page import Watched


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only who asks for this folder gets it."""
    return None if _is_asked_for(config) else True


def pytest_configure(config: pytest.Config) -> None:
    """Without a browser there is nothing to begin; told here, as a worker process cannot end the others."""
    if _is_asked_for(config):
        from browser.chromium import ABSENT, find_chromium

        if not find_chromium():
            pytest.exit(ABSENT, 1)


def _is_asked_for(config: pytest.Config) -> bool:
    return any("tests/browser" in argument for argument in config.args)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One browser for all tests; each page has a context of its own."""
    from browser.chromium import chromium, find_chromium

    with chromium(find_chromium()) as opened:
        yield opened


@pytest.fixture
def watch(browser: "Browser") -> "Iterator[Callable[..., Watched]]":
    """Open a page under watch: `watch(allowed, **options of the context)`."""
    from browser.watched_page import watched_page

    with ExitStack() as stack:

        def opened(allowed: str, **options: Any) -> "Watched":
            return stack.enter_context(watched_page(browser, allowed, **options))

        yield opened


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which every text is hostile; to be read only."""
    from browser.runs import hostile_run

    return hostile_run(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twelve rows, compared; to be read only."""
    from browser.runs import peaceful_run

    return peaceful_run(tmp_path_factory.mktemp("peaceful"))


@pytest.fixture
def reviewed(peaceful: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be reviewed."""
    return Path(shutil.copytree(peaceful, tmp_path / "run"))


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Run the installed program to its end, which is a good one; what it printed."""

    def run(*arguments: object) -> str:
        command = [str(PROGRAM), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
