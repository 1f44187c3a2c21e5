"""The tables of an index, and the journals that they are made from."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from constitution.manifest import COMPARE, REVISE, SCORE, Stage
from constitution.records import Comparison, Failure, Filtered, Record, Transcript
from constitution.reviews import FILE as REVIEWS
from constitution.reviews import Review
from constitution.score_records import Scores

# sqlite's number for whose file it is.
APPLICATION = 0x636F6E73


@dataclass(frozen=True)
class Followed:
    """A journal that the index follows.

    Attributes:
        number: What the index calls it.
        file: Its name in the run's folder.
        kind: Its records.
        stage: Whose rows it tells of; None: reviews, which stay when a stage begins anew.
    """

    number: int
    file: str
    kind: type[Record]
    stage: Stage | None = None


TRANSCRIPTS = Followed(0, REVISE.outcomes, Transcript, REVISE)
FAILURES = Followed(1, REVISE.failures, Failure, REVISE)
FILTERED = Followed(2, REVISE.filtered, Filtered, REVISE)
COMPARISONS = Followed(3, COMPARE.outcomes, Comparison, COMPARE)
COMPARE_FAILURES = Followed(4, COMPARE.failures, Failure, COMPARE)
COMPARE_FILTERED = Followed(5, COMPARE.filtered, Filtered, COMPARE)
SCORES = Followed(6, SCORE.outcomes, Scores, SCORE)
SCORE_FAILURES = Followed(7, SCORE.failures, Failure, SCORE)
SCORE_FILTERED = Followed(8, SCORE.filtered, Filtered, SCORE)
GIVEN = Followed(9, REVIEWS, Review)
JOURNALS = (
    TRANSCRIPTS,
    FAILURES,
    FILTERED,
    COMPARISONS,
    COMPARE_FAILURES,
    COMPARE_FILTERED,
    SCORES,
    SCORE_FAILURES,
    SCORE_FILTERED,
    GIVEN,
)

# Words as people look for them, accents aside. Vowel signs are parts of words: without M*, a word of Hindi is several.
WORDS = "CREATE VIRTUAL TABLE words_{} USING fts5(text, content='', columnsize=0, tokenize=\"unicode61 remove_diacritics 2 categories 'L* M* N* Co'\")"  # noqa: E501
SCHEMA = (
    # Of each journal, how far it is read; `made` and `tail` (the end of the last line read) tell it from another one.
    # `seen` is its size when it was read to its end, where half a line may stand.
    "CREATE TABLE journals(number INTEGER PRIMARY KEY, made TEXT NOT NULL, offset INTEGER NOT NULL, "
    "lines INTEGER NOT NULL, tail BLOB NOT NULL, seen INTEGER NOT NULL, fault TEXT NOT NULL, hint TEXT NOT NULL)",
    # `marks` are bits of `marks.py`, `compared` is how many comparisons are there.
    "CREATE TABLE rows(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, position INTEGER NOT NULL, "
    "marks INTEGER NOT NULL, compared INTEGER NOT NULL)",
    "CREATE INDEX rows_in_order ON rows(position, number)",
    # Every line of a journal, and the row that it is about; of a comparison, its p.
    "CREATE TABLE lines(number INTEGER PRIMARY KEY, journal INTEGER NOT NULL, row INTEGER NOT NULL, "
    "offset INTEGER NOT NULL, p REAL)",
    "CREATE INDEX lines_of_row ON lines(row, journal, offset)",
    "CREATE TABLE drawn(principle TEXT NOT NULL, row INTEGER NOT NULL, journal INTEGER NOT NULL, "
    "PRIMARY KEY(principle, row, journal)) WITHOUT ROWID",
    # Words of each journal's lines. Of transcripts the row's number stands for the line's, which spares a look-up.
    *(WORDS.format(journal.number) for journal in JOURNALS),
)


def is_ours(connection: sqlite3.Connection) -> bool:
    """Whether a file has the schema of an index, and nothing else."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(application == APPLICATION) and _schema(connection) == _our_schema()


def make(connection: sqlite3.Connection) -> None:
    """Make an empty file an index."""
    # Readers and the writer do not wait for each other; where the file system cannot do that, they do.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    connection.execute("COMMIT")


@cache
def _our_schema() -> frozenset[tuple[str, str | None]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        make(empty)
        return _schema(empty)


def _schema(connection: sqlite3.Connection) -> frozenset[tuple[str, str | None]]:
    return frozenset(connection.execute("SELECT name, sql FROM sqlite_schema"))
