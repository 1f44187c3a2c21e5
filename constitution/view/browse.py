"""Pages of rows: the list, and one row."""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from constitution.errors import ConfigError
from constitution.manifest import COMPARE, REVISE, has_stage
from constitution.records import Comparison, Record, Transcript
from constitution.view.index import Index
from constitution.view.marks import STATUSES, has
from constitution.view.overview import read_overview, read_principles
from constitution.view.passages import passage
from constitution.view.rows import find, read_drawn, read_labels, read_rows
from constitution.view.searching import (
    PAGE,
    Condition,
    Found,
    Wanted,
    conditions,
    how_many,
    read_wanted,
    rows_after,
    rows_before,
    terms,
)
from constitution.view.site import Site
from constitution.words import Piece, pieces

_PLACE = re.compile(r"\d{1,9}-\d{1,15}")
# How a revision is shown: against the response before it, against the initial response, or as it is.
WAYS = {"before": "changes since the response before", "initial": "changes since the initial response", "plain": "text"}
# Statuses that only runs with an SL stage, or an RL stage, have.
REVISED = ("done", "failed", "filtered", "changed", "unchanged")
COMPARED = ("compared", "comparing failed", "comparing filtered", "labelled", "tie", "inconsistent", "invalid")


class Shown(Record):
    """A revision, in the way that is asked for.

    Attributes:
        text: As it is.
        pieces: Against another response; None: as it is.
        same: Whether it is that response, unchanged.
    """

    text: str
    pieces: tuple[Piece, ...] | None
    same: bool


@dataclass(frozen=True)
class Addresses:
    """Addresses of a site's pages: whatever an id holds is one value of the query, so that no browser resolves it."""

    site: Site
    wanted: Wanted
    place: Mapping[str, str]

    def rows(self, **place: str) -> str:
        """The list, at a place in it."""
        return self._address("/", place)

    def row(self, id: str, way: str = "") -> str:
        """A row, among those that are wanted; it knows from which page of the list one came."""
        return self._address("/row", {"id": id, "as": way, **self.place})

    def _address(self, path: str, more: Mapping[str, str]) -> str:
        given = urlencode({name: value for name, value in more.items() if value}, quote_via=quote, safe="")
        query = "&".join(part for part in (given, self.wanted.query) if part)
        return f"{self.site.root}{path}{'?' if query else ''}{query}"


def routes(site: Site, index: Index) -> list[Route]:
    """The table of addresses, below the token."""

    def page(answer: Callable[[Site, Index, sqlite3.Connection, Request], Response]) -> Callable[[Request], Response]:
        def answered(request: Request) -> Response:
            with index.read() as connection:
                return answer(site, index, connection, request)

        return answered

    return [Route("/", page(rows_page), name="rows"), Route("/row", page(row_page), name="row")]


def rows_page(site: Site, index: Index, connection: sqlite3.Connection, request: Request) -> Response:
    """The list: what is wanted, from a place on."""
    given = request.query_params
    principles, place = read_principles(site.run), _read_place(given)
    wanted = read_wanted(given, principles)
    where = conditions(wanted, principles)
    page = _page(connection, where, place)
    found, addresses = page.found, Addresses(site, wanted, place)
    overview = read_overview(index, connection)
    looked_for = terms(wanted.q)
    return site.page(
        "rows.html.jinja",
        passage=lambda row: passage(row, looked_for),
        overview=overview,
        wanted=wanted,
        rows=read_rows(site.run, connection, found, most=1),
        number=how_many(connection, where) if where else overview.rows,
        addresses=addresses,
        newer=addresses.rows(before=found[0].place) if found and page.earlier else "",
        older=addresses.rows(after=found[-1].place) if found and page.later else "",
        labels=read_labels(connection, found, wanted),
        drawn=read_drawn(connection, found, principles),
        principles=principles,
        statuses=_statuses(site),
        has=has,
    )


def row_page(site: Site, index: Index, connection: sqlite3.Connection, request: Request) -> Response:
    """One row."""
    given = request.query_params
    id, way = given.get("id", ""), given.get("as", "before")
    if way not in WAYS:
        raise ConfigError(f"as {way!r}: revisions are not shown so", f"They are as: {', '.join(WAYS)}")
    principles = read_principles(site.run)
    wanted = read_wanted(given, principles)
    found = find(connection, id)
    if found is None:
        overview = read_overview(index, connection)
        return site.page("no_row.html.jinja", 404, id=id, overview=overview)
    (row,) = read_rows(site.run, connection, [found])
    where = conditions(wanted, principles)
    next_row, previous = (
        next(iter(beside(connection, where, found.place, 1)), None) for beside in (rows_after, rows_before)
    )
    place = _read_place(given)
    addresses = Addresses(site, wanted, place)
    if found in _page(connection, where, place).found:
        back = addresses.rows(**place)
    else:
        # Next and previous led on from that page: back to one that begins with this row.
        back = addresses.rows(after=previous.place if previous else "")
    return site.page(
        "row.html.jinja",
        back=f"{back}#at-{found.place}",
        row=row,
        revisions=_revisions(row.transcript, way) if row.transcript else (),
        responses=_responses(row.comparisons),
        principles=principles,
        wanted=wanted,
        way=way,
        ways=WAYS,
        addresses=addresses,
        next=addresses.row(next_row.id, way) if next_row else "",
        previous=addresses.row(previous.id, way) if previous else "",
        has=has,
        statuses=_statuses(site),
    )


def _statuses(site: Site) -> list[str]:
    """The names of the statuses that rows of this run may have."""
    absent = [*(() if has_stage(site.run, REVISE) else REVISED), *(() if has_stage(site.run, COMPARE) else COMPARED)]
    return [name for name in STATUSES if name not in absent]


def _read_place(given: Mapping[str, str]) -> dict[str, str]:
    """Behind or before which row a page of the list is, as its address says it; empty is the first page."""
    place = {name: given[name] for name in ("after", "before") if given.get(name)}
    for name, value in place.items():
        if not _PLACE.fullmatch(value):
            raise ConfigError(f"{name} {value!r}: no place in the list", "Begin at its first page.")
    return place


class _Page(NamedTuple):
    """Rows of a page of the list, and whether there are pages on either side."""

    found: list[Found]
    earlier: bool
    later: bool


def _page(connection: sqlite3.Connection, where: list[Condition], place: Mapping[str, str]) -> _Page:
    if before := place.get("before"):
        found = rows_before(connection, where, before, PAGE + 1)[::-1]
        # Whoever came back from a page has one before them.
        return _Page(found[-PAGE:], len(found) > PAGE, True)
    after = place.get("after", "")
    found = rows_after(connection, where, after, PAGE + 1)
    return _Page(found[:PAGE], bool(after), len(found) > PAGE)


def _revisions(transcript: Transcript, way: str) -> list[Shown]:
    made = []
    texts = [response.text for response in transcript.responses]
    for number, text in enumerate(texts[1:], 1):
        other = texts[0] if way == "initial" else texts[number - 1]
        made.append(Shown(text=text, pieces=None if way == "plain" else pieces(other, text), same=text == other))
    return made


def _responses(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """The texts that were compared, by their source, each once."""
    return {one.source: one.text for comparison in comparisons for one in comparison.candidates}
