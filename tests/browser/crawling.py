"""Every page that links lead to."""

from collections import deque
from collections.abc import Iterator, Sequence

from browser.touching import touch_everything
from browser.watched_page import Watched

LINKS = "() => [...document.querySelectorAll('a[href]')].map(link => link.href.split('#')[0])"


def crawl(watched: Watched, start: str, most: int, but: Sequence[str] = ()) -> Iterator[str]:
    """Open up to `most` pages, the nearest first, do with each what a hand can do but follow links; their addresses.

    Args:
        watched: Where they are opened.
        start: The first one.
        most: How many.
        but: Addresses that hold one of these are left out.

    Raises:
        AssertionError: A page did something, or a link leads out of what is allowed or nowhere.
    """
    queue, seen = deque([start]), {start}
    for _ in range(most):
        if not queue:
            return
        address = queue.popleft()
        assert watched.goto(address) == 200, address
        touch_everything(watched.page)
        watched.assert_harmless()
        yield address
        for link in watched.page.evaluate(LINKS):
            assert link.startswith(watched.allowed), f"{address} leads to {link}"
            if link not in seen and not any(part in link for part in but):
                seen.add(link)
                queue.append(link)
