"""That the watch notices what it is there to notice, on pages made to fail."""

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest

from browser.accessibility import assert_accessible, assert_fits, grave_findings
from browser.payloads import PAYLOADS
from browser.watched_page import Watched

Watch = Callable[..., Watched]

PAGE = '<!doctype html><html lang="en"><head>{}<title>t</title></head><body><main><h1>t</h1>{}</main></body></html>'


def page_of(folder: Path, body: str, head: str = "") -> str:
    path = folder / "page.html"
    path.write_text(PAGE.format(head, body), encoding="utf-8")
    return path.as_uri()


def test_there_are_sixty_payloads() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) == 60


def test_a_page_that_does_nothing_has_no_faults(watch: Watch, tmp_path: Path) -> None:
    address = page_of(tmp_path, "".join(f"<p>{escape(payload)}</p>" for payload in PAYLOADS))
    watched = watch(address)
    watched.goto(address)
    watched.assert_harmless()
    assert watched.requests == [address]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>window.hacked=1</script>", "window.hacked = 1"),
        ("<img src=data:, onerror=window.hacked=2>", "window.hacked = 2"),
        ("<iframe srcdoc='<script>parent.hacked=3</script>'></iframe>", "window.hacked = 3"),
        ("<script>alert('four')</script>", "dialog: four"),
        ("<img src=http://evil.example/p.png>", "asked for http://evil.example/p.png"),
        ("<style>@import 'http://evil.example/s.css'</style>", "asked for http://evil.example/s.css"),
        ("<meta http-equiv=refresh content='0;url=http://evil.example/away'>", "asked for http://evil.example/away"),
        ("<img src=other.png>", "other.png"),
        ("<script>nothing()</script>", "exception: "),
        ("<script>open('about:blank')</script>", "opened "),
    ],
)
def test_a_vulnerable_page_is_noticed(watch: Watch, tmp_path: Path, body: str, said: str) -> None:
    address = page_of(tmp_path, body)
    watched = watch(address)
    watched.goto(address)
    for _ in range(30):
        if any(said in fault for fault in watched.faults):
            break
        watched.page.wait_for_timeout(100)
    with pytest.raises(AssertionError, match=re.escape(said)):
        watched.assert_harmless()


def test_what_a_policy_stops_is_a_fault_too(watch: Watch, tmp_path: Path) -> None:
    policy = "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\">"
    address = page_of(tmp_path, "<script>hacked=1</script>", policy)
    watched = watch(address)
    watched.goto(address)
    with pytest.raises(AssertionError, match="policy: script-src"):
        watched.assert_harmless()


def test_most_payloads_would_do_something_on_a_page_that_escapes_nothing(watch: Watch, tmp_path: Path) -> None:
    noticed = []
    watched = watch(tmp_path.as_uri())
    # The one that leaves the page is above.
    for payload in (payload for payload in PAYLOADS if "refresh" not in payload):
        watched.faults.clear()
        watched.goto(page_of(tmp_path, f'<p title="{payload}">{payload}</p><script>var said = "{payload}"</script>'))
        watched.page.wait_for_timeout(10)
        noticed += [payload] if watched.faults else []
    # The others wait for a click, or for a page that decodes them once more.
    assert len(noticed) >= 40, [payload for payload in PAYLOADS if payload not in noticed]


def test_what_cannot_be_read_or_does_not_fit_is_noticed(watch: Watch, tmp_path: Path) -> None:
    pale = "<style>@media (prefers-color-scheme: dark) {p {color: #777; background: #666}}</style>"
    address = page_of(tmp_path, "<p>pale in the dark</p><div style='width: 500px'>wide</div>", pale)
    page = watch(address).page
    page.goto(address)
    assert grave_findings(page) == []
    with pytest.raises(AssertionError, match="in dark: color-contrast"):
        assert_accessible(page)
    with pytest.raises(AssertionError, match="width: 500px"):
        assert_fits(page)
    page = watch(address).page
    page.goto(page_of(tmp_path, "<details><summary>more</summary><img src=data:,></details>"))
    assert "image-alt" in grave_findings(page)[0]
