"""What a run tells as one HTML file: no script, nothing loaded, readable on a phone, in the dark and on paper.

Whatever rows and models say is data: it is escaped, and the page's Content-Security-Policy allows its own stylesheet,
known by its hash, and nothing else.

headlines.py         what is told first; sections.py, what follows
excerpts.py          examples, cut to a length; figure_numbers.py, a figure's numbers as a table
commands.py          what makes what is missing; spelling.py, how numbers are written
writing.py           the file
html/, report.css    templates and their looks
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from markupsafe import Markup

from constitution import __version__
from constitution.pages import STYLE as SHARED_STYLE
from constitution.pages import render
from constitution.plots.svg import STYLE as PLOT_STYLE
from constitution.plots.svg import svg
from constitution.report.figures import figures
from constitution.report.findings import Findings
from constitution.report.page.commands import commands
from constitution.report.page.excerpts import shown_examples
from constitution.report.page.figure_numbers import numbers_of
from constitution.report.page.headlines import headlines
from constitution.report.page.sections import sections
from constitution.report.page.spelling import duration, short

# How the file says what it is: what begins otherwise was not made here.
GENERATOR = '<meta name="generator" content="constitution'
# Characters of one text of a row that are shown; halved until the page is small enough.
EXCERPT, SHORTEST = 2000, 50
# Bytes of a page: under 2 MB in either sense, with a margin.
LARGEST = 1_800_000
# Rows of a table.
MOST_ROWS = 200

STYLE = "\n".join((SHARED_STYLE, PLOT_STYLE, files(__name__).joinpath("report.css").read_text(encoding="utf-8")))


def report_page(findings: Findings, run: str = "") -> str:
    """The page: UTF-8 text of at most `LARGEST` bytes, as texts of rows are shown as far as there is room for them.

    Reviewers have numbers in it, as a report is sent around and names are personal data.

    Args:
        findings: What it tells.
        run: The run's folder as commands on the page name it; by its name if left out.
    """
    excerpt, findings = EXCERPT, findings.nameless()
    page = _page(findings, run or findings.run, excerpt)
    while len(page.encode()) > LARGEST and excerpt > SHORTEST:
        excerpt //= 2
        page = _page(findings, run or findings.run, excerpt)
    return page


def policy() -> str:
    """The page's Content-Security-Policy."""
    style = b64encode(sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


def _page(findings: Findings, run: str, excerpt: int) -> str:
    typed = commands(findings, run)
    drawn = {figure.name: figure for figure in figures(findings)}
    return render(
        __name__,
        "report.html.jinja",
        findings=findings,
        version=__version__,
        policy=Markup(policy()),
        style=Markup(STYLE),
        sections=sections(findings, drawn),
        headlines=headlines(findings, typed),
        examples=shown_examples(findings.examples, excerpt),
        excerpt=excerpt,
        most=MOST_ROWS,
        typed=typed,
        svg=svg,
        numbers_of=numbers_of,
        duration=duration,
        short=short,
    )
