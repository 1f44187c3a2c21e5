"""What a run tells as one HTML file: no script, nothing loaded, readable on a phone, in the dark and on paper.

Whatever rows and models say is data: it is escaped, and the page's Content-Security-Policy allows its own stylesheet,
known by its hash, and nothing else.

headlines.py         what is told first; sections.py, what follows
excerpts.py          examples, cut to a length; figure_numbers.py, a figure's numbers as a table
commands.py          what makes what is missing; spelling.py, how numbers are written; brief.py, names cut
writing.py           the file
html/, report.css    templates and their looks
"""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from constitution import __version__
from constitution.pages import STYLE as SHARED_STYLE
from constitution.pages import render
from constitution.plots.svg import STYLE as PLOT_STYLE
from constitution.plots.svg import svg
from constitution.records import Record
from constitution.report.audit_lines import measures
from constitution.report.figures import figures
from constitution.report.findings import Findings
from constitution.report.page.brief import brief_models, brief_names
from constitution.report.page.commands import commands
from constitution.report.page.excerpts import shown_examples
from constitution.report.page.figure_numbers import numbers_of
from constitution.report.page.headlines import headlines
from constitution.report.page.sections import EXAMPLES, Section, sections
from constitution.report.page.spelling import duration, short

# How the file says what it is: what begins otherwise was not made here.
GENERATOR = '<meta name="generator" content="constitution'
# Characters of one text of a row that are shown; halved until the page is small enough.
EXCERPT, SHORTEST = 2000, 50
# Bytes of a page: under 2 MB in either sense, with a margin.
LARGEST = 1_800_000
# A command is whole or not there.
LONGEST_COMMAND = 10_000
# Characters of a name.
NAME = 100


class Size(Record):
    """How much of a run's names and rows has room.

    Attributes:
        rows: Rows of a table.
        share: Names and messages have a page's usual length, divided by this.
    """

    rows: int
    share: int

    def short(self, text: str, most: int = NAME) -> str:
        """A name or message as far as there is room for it."""
        return short(text, most // self.share)


# The second and the third are for runs whose ids would fill a page.
SIZES = (Size(rows=200, share=1), Size(rows=60, share=3), Size(rows=25, share=8))

STYLE = "\n".join((SHARED_STYLE, PLOT_STYLE, files(__name__).joinpath("report.css").read_text(encoding="utf-8")))


def report_page(findings: Findings, run: str = "") -> str:
    """The page: UTF-8 text of at most `LARGEST` bytes, as texts of rows are shown as far as there is room for them.

    Reviewers have numbers in it, as a report is sent around and names are personal data.

    Args:
        findings: What it tells.
        run: The run's folder as commands on the page name it; by its name if left out.
    """
    findings, page = findings.nameless(), ""
    for size in SIZES:
        laid_out = _laid_out(brief_models(findings, NAME // size.share), run or findings.run, size)
        excerpt = EXCERPT
        while True:
            page = _page(laid_out, excerpt)
            if len(page.encode()) <= LARGEST:
                return page
            if excerpt <= SHORTEST:
                break
            excerpt //= 2
    return page


def policy() -> str:
    """The page's Content-Security-Policy."""
    style = b64encode(sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class _LaidOut:
    """All of a page but its examples, which are laid out anew for every length of their texts.

    Attributes:
        values: What templates are given.
        sections: In their order.
        done: The sections as HTML by id, without the examples.
    """

    values: dict[str, Any]
    sections: tuple[Section, ...]
    done: dict[str, Markup]


def _laid_out(findings: Findings, run: str, size: Size) -> _LaidOut:
    typed = commands(findings, run)
    drawn = {figure.name: brief_names(figure, NAME // size.share) for figure in figures(findings)}
    values = {
        "findings": findings,
        "most": size.rows,
        "longest": LONGEST_COMMAND,
        "typed": typed,
        "measured": measures(findings.audit) if findings.audit else (),
        "headlines": headlines(findings, typed),
        "svg": svg,
        "numbers_of": numbers_of,
        "duration": duration,
        "short": size.short,
    }
    found = sections(findings, drawn)
    done = {one.id: _section(one, values) for one in found if one.id != EXAMPLES}
    return _LaidOut(values=values, sections=found, done=done)


def _section(section: Section, values: dict[str, Any]) -> Markup:
    return Markup(render(__name__, "section.html.jinja", section=section, **values))


def _page(laid_out: _LaidOut, excerpt: int) -> str:
    examples = shown_examples(laid_out.values["findings"].examples, excerpt)
    given = laid_out.values | {"examples": examples, "excerpt": excerpt}
    return render(
        __name__,
        "report.html.jinja",
        version=__version__,
        policy=Markup(policy()),
        style=Markup(STYLE),
        sections=laid_out.sections,
        done={one.id: laid_out.done.get(one.id) or _section(one, given) for one in laid_out.sections},
        **given,
    )
