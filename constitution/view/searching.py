"""Which rows a page shows: words that are looked for, filters, and where in the order the page is."""

import re
import sqlite3
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from constitution.errors import ConfigError
from constitution.records import Record
from constitution.view.entries import spaced
from constitution.view.marks import STATUSES
from constitution.view.overview import Principles
from constitution.view.schema import COMPARISONS, JOURNALS, TRANSCRIPTS, Followed

PAGE = 50
# A phrase in quotes, or a word; with a star, all that begins so.
_TERM = re.compile(r'"([^"]*)"(\*?)|(\S+)')
# More words than these are not looked for: nobody types them.
MOST_TERMS = 32


class Wanted(Record):
    """What a person asks for; all of it must hold. Empty is everything.

    Attributes:
        q: Words and "phrases"; `begin*` is any word that begins so.
        principle: The id of one that was drawn (see `Principles.drawn`).
        tag: Of a principle that was drawn.
        judged: The id of one that the judge voted under, where others were drawn.
        status: A name of `marks.STATUSES`.
        low: Least p of one of its comparisons.
        high: Greatest.
    """

    q: str = ""
    principle: str = ""
    tag: str = ""
    judged: str = ""
    status: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def between(self) -> tuple[float, float]:
        """From which p to which one."""
        return 0.0 if self.low is None else self.low, 1.0 if self.high is None else self.high

    @property
    def query(self) -> str:
        """Its part of an address, without the question mark; every character of a value may be in it."""
        given = {name: value for name, value in self.model_dump().items() if value not in ("", None)}
        return urlencode(given, quote_via=quote, safe="")


class Condition(NamedTuple):
    """A condition of SQL on `rows`, and the values of its question marks."""

    sql: str
    values: tuple[object, ...]


class Found(NamedTuple):
    """A row as the index knows it."""

    number: int
    id: str
    position: int
    marks: int

    @property
    def place(self) -> str:
        """Where it is in the order of all rows, for addresses."""
        return f"{self.position}-{self.number}"


def read_wanted(given: Mapping[str, str], principles: Principles) -> Wanted:
    """What an address asks for of a run with these principles.

    Raises:
        ConfigError: A status, principle or tag that there is not, or a p that is no probability.
    """
    status = _one_of("status", given, STATUSES)
    low, high = (_probability(name, given.get(name, "")) for name in ("low", "high"))
    return Wanted(
        q=given.get("q", "").strip(),
        principle=_one_of("principle", given, principles.drawn),
        tag=_one_of("tag", given, principles.tags),
        judged=_one_of("judged", given, principles.judging, "principle of a judge"),
        status=status,
        low=low,
        high=high,
    )


def _one_of(name: str, given: Mapping[str, str], known: Collection[str], what: str = "") -> str:
    value = given.get(name, "")
    if value and value not in known:
        none = f"Nothing in this run is filtered by it: leave {name}= out of the address."
        hint = f"It may be: {', '.join(known)}" if known else none
        raise ConfigError(f"{name} {value!r}: there is no such {what or name}", hint)
    return value


def _probability(name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(f"p, {name}: {text!r} is no number from 0 to 1", "For example: 0.9")
    return value


class Term(NamedTuple):
    """A word or a phrase; with a star, one that begins so."""

    text: str
    star: bool

    @property
    def quoted(self) -> str:
        """As sqlite takes it: nothing in it is an operator."""
        quoted = spaced([self.text]).replace('"', '""')
        return f'"{quoted}"{"*" if self.star else ""}'


def terms(q: str) -> list[Term]:
    """What a person looks for."""
    made = []
    for phrase, star, word in _TERM.findall(q.replace("\0", " ")):
        text = phrase or word
        if not phrase and word.endswith("*"):
            text, star = word.rstrip("*"), "*"
        # Signs alone are not in the index: they would be looked for in vain.
        if any(unicodedata.category(character)[0] in "LN" for character in text):
            made.append(Term(text, bool(star)))
    return made[:MOST_TERMS]


def conditions(wanted: Wanted, principles: Principles) -> list[Condition]:
    """What a row must fulfil.

    Args:
        wanted: What is asked for.
        principles: The run's.
    """
    made = [_worded(term.quoted) for term in terms(wanted.q)]
    if wanted.q and not made:
        made.append(Condition("0", ()))
    if wanted.status:
        having = STATUSES[wanted.status]
        made.append(Condition("marks & ? = ?", (having.of, having.these)))
    if wanted.principle:
        made.append(_drawn([wanted.principle], principles.journal))
    if wanted.tag:
        made.append(_drawn(principles.tagged(wanted.tag), principles.journal))
    if wanted.judged:
        made.append(_drawn([wanted.judged], COMPARISONS))
    if wanted.low is not None or wanted.high is not None:
        made.append(Condition("number IN (SELECT row FROM lines WHERE p BETWEEN ? AND ?)", wanted.between))
    return made


def _worded(term: str) -> Condition:
    """Rows one of whose texts has the term; another one may have the next."""
    of_transcripts = f"words_{TRANSCRIPTS.number}"
    others = [f"words_{journal.number}" for journal in JOURNALS if journal is not TRANSCRIPTS]
    elsewhere = " UNION ALL ".join(f"SELECT rowid FROM {name} WHERE {name} MATCH ?" for name in others)
    sql = (
        f"number IN (SELECT rowid FROM {of_transcripts} WHERE {of_transcripts} MATCH ? "
        f"UNION ALL SELECT row FROM lines WHERE number IN ({elsewhere}))"
    )
    return Condition(sql, (term,) * (len(others) + 1))


def _drawn(ids: list[str], journal: Followed) -> Condition:
    sql = f"number IN (SELECT row FROM drawn WHERE principle IN ({', '.join('?' * len(ids))}) AND journal = ?)"
    return Condition(sql, (*ids, journal.number))


def how_many(connection: sqlite3.Connection, wanted: list[Condition]) -> int:
    """How many rows fulfil all conditions."""
    values = [value for one in wanted for value in one.values]
    (number,) = connection.execute(f"SELECT count(*) FROM rows{_where(wanted)}", values).fetchone()
    return int(number)


def rows_after(
    connection: sqlite3.Connection, wanted: list[Condition], place: str = "", most: int = PAGE
) -> list[Found]:
    """The rows behind a place in the order of the input, the nearest first."""
    return _beside(connection, wanted, place, ">", "", most)


def rows_before(connection: sqlite3.Connection, wanted: list[Condition], place: str, most: int = PAGE) -> list[Found]:
    """The rows before a place, the nearest first."""
    return _beside(connection, wanted, place, "<", " DESC", most)


def _beside(
    connection: sqlite3.Connection, wanted: list[Condition], place: str, sign: str, order: str, most: int
) -> list[Found]:
    if place:
        position, _, number = place.partition("-")
        wanted = [*wanted, Condition(f"(position, number) {sign} (?, ?)", (int(position), int(number)))]
    values: list[Any] = [value for one in wanted for value in one.values]
    found = connection.execute(
        f"SELECT number, id, position, marks FROM rows{_where(wanted)} ORDER BY position{order}, number{order} LIMIT ?",
        [*values, most],
    )
    return [Found(*row) for row in found]


def _where(wanted: list[Condition]) -> str:
    return " WHERE " + " AND ".join(f"({one.sql})" for one in wanted) if wanted else ""
