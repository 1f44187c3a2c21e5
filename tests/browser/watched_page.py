"""A page whose every fault is written down: what it ran, asked for, opened, or complained of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Route

# What a payload sets is told at once: a page that is gone, or a frame, cannot be asked any more.
NOTICE = """
Object.defineProperty(window, "hacked", {set(value) { console.error("ran: window.hacked = " + value) }});
addEventListener("securitypolicyviolation", found => console.error("policy: " + found.violatedDirective));
"""


@dataclass
class Watched:
    """A page under watch.

    Attributes:
        page: Playwright's.
        allowed: What the addresses of all requests begin with.
        faults: What it should not have done, in words.
        requests: What it asked for, in order.
    """

    page: Page
    allowed: str
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def goto(self, address: str) -> int:
        """Open an address, and wait until all is loaded; the answer's status, of which the console may complain."""
        answer = self.page.goto(address, wait_until="load")
        status = answer.status if answer else 0
        if status >= 400:
            self.faults = [
                fault for fault in self.faults if f"the server responded with a status of {status}" not in fault
            ]
        return status

    def assert_harmless(self) -> None:
        """Nothing ran, nothing was asked of others, nothing was complained of, and the page is where it was."""
        # Handlers of elements that came last are still to be called.
        self.page.wait_for_timeout(30)
        assert not self.faults, f"{self.page.url}: " + "\n".join(self.faults)
        assert self.page.url.startswith(self.allowed), self.page.url
        assert len(self.page.context.pages) == 1


@contextmanager
def watched_page(browser: Browser, allowed: str, **options: Any) -> Iterator[Watched]:
    """A new page in a context of its own (`options` are the context's); requests outside of `allowed` never leave."""
    context: BrowserContext = browser.new_context(**options)
    context.set_default_timeout(30_000)
    context.add_init_script(NOTICE)
    watched = Watched(context.new_page(), allowed)

    def routed(route: Route, request: Request) -> None:
        if request.url.startswith(watched.allowed) or urlsplit(request.url).scheme == "about":
            route.continue_()
        else:
            route.abort()

    def asked(request: Request) -> None:
        watched.requests.append(request.url)
        if not request.url.startswith(watched.allowed):
            watched.faults.append(f"asked for {request.url}")

    def told(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            watched.faults.append(f"{message.type}: {message.text}")

    def opened(dialog: Dialog) -> None:
        watched.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.route("**/*", routed)
    context.on("request", asked)
    context.on("console", told)
    context.on("dialog", opened)
    context.on("weberror", lambda error: watched.faults.append(f"exception: {error.error}"))
    context.on("page", lambda page: watched.faults.append(f"opened {page.url}"))
    watched.page.on("download", lambda download: watched.faults.append(f"downloaded {download.url}"))
    try:
        yield watched
    finally:
        context.close()
