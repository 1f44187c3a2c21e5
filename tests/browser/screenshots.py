"""Pictures of a run's report and view, for the documents: `make screenshots`.

They are taken of a copy: what the view keeps beside a run does not come into the run itself.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from conftest import PROGRAM
from playwright.sync_api import Browser, Page

from browser.chromium import ABSENT, chromium, find_chromium
from browser.view_process import viewing

WIDE, PHONE = {"width": 1100, "height": 760}, {"width": 390, "height": 780}
LARGEST = 250_000  # bytes


def main(run: Path, folder: Path) -> None:
    """Take them all."""
    program = find_chromium()
    if not program:
        sys.exit(ABSENT)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept, chromium(program) as browser:
        copy = Path(shutil.copytree(run, Path(kept) / run.name))
        report = Path(kept) / "report.html"
        subprocess.run([str(PROGRAM), "report", str(copy), "--out", str(report)], check=True, stdout=subprocess.DEVNULL)
        of_report(browser, report.as_uri(), folder)
        with viewing(copy, "--reviewer", "ada") as view:
            of_view(browser, view.at(""), folder)
    for path in sorted(folder.glob("*.png")):
        size = path.stat().st_size
        print(f"{path} ({size / 1000:.0f} kB)")
        if size > LARGEST:
            sys.exit(f"{path}: larger than {LARGEST / 1000:.0f} kB")


def of_report(browser: Browser, address: str, folder: Path) -> None:
    """Its top in light and dark and on a phone, and its examples."""
    for name, scheme, size in (
        ("report", "light", WIDE),
        ("report-dark", "dark", WIDE),
        ("report-phone", "light", PHONE),
    ):
        page = browser.new_page(viewport=size, color_scheme=scheme)
        page.goto(address)
        take(page, folder / f"{name}.png")
    page = browser.new_page(viewport=WIDE)
    page.goto(address)
    example = page.locator("#examples details", has=page.locator("ins")).first
    example.evaluate("found => { found.open = true }")
    example.locator("ins").first.evaluate("found => found.scrollIntoView({block: 'center'})")
    take(page, folder / "report-examples.png")


def of_view(browser: Browser, address: str, folder: Path) -> None:
    """The list of rows, one row with what its revisions changed, and a comparison that is asked about."""
    for name, size in (("", WIDE), ("-phone", PHONE)):
        page = browser.new_page(viewport=size)
        page.goto(address)
        if not name:
            take(page, folder / "view.png")
        page.locator(".rows .start a").nth(4).click()
        page.locator("ins").first.evaluate("found => found.scrollIntoView({block: 'center'})")
        take(page, folder / f"view-row{name}.png")
        page.goto(f"{address}review/comparison")
        take(page, folder / f"view-review{name}.png")


def take(page: Page, path: Path) -> None:
    """What the window shows."""
    page.screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
