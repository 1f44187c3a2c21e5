"""What axe-core finds on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
AXE = Axe()


def grave_findings(page: Page) -> list[str]:
    """The serious and critical violations, with the elements, of all that can be opened in the page."""
    page.evaluate("() => document.querySelectorAll('details').forEach(found => { found.open = true })")
    found = AXE.run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def assert_accessible(page: Page) -> None:
    """No serious finding in light, none in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = grave_findings(page)
        assert not found, f"in {scheme}: " + "\n".join(found)


def assert_fits(page: Page, width: int = 360) -> None:
    """At this width, in pixels, the page as a whole is not scrolled sideways."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": 800})
    wide = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(one => Math.max(one.getBoundingClientRect().right - 1, one.scrollWidth) > innerWidth)
            .filter(one => !one.closest(".scroll, svg"))
            .map(one => one.outerHTML.slice(0, 200))"""
    )
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0, wide[:5]
    if before:
        page.set_viewport_size(before)
