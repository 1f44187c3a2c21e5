"""Which rows are reviewed: of a text that is there now, somebody's last word is an answer and not a skip."""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from constitution.reviewed import LastWords
from constitution.view.marks import REVIEWED
from constitution.view.rows import Row, read_rows
from constitution.view.schema import GIVEN
from constitution.view.searching import Found


def mark_reviewed(
    run: Path,
    connection: sqlite3.Connection,
    rows: Iterable[int] | None,
    paced: Callable[[Iterable[Any]], Iterable[Any]],
) -> None:
    """Set the mark of rows that are reviewed, take it from those that are not any more.

    Args:
        run: The run's folder.
        connection: To the index, in a transaction.
        rows: Whose reviews or texts have changed, by the index's numbers; None: all.
        paced: Goes through the work.
    """
    # Most runs are indexed before anybody reviews them: no look-up for each of their rows.
    if not connection.execute("SELECT 1 FROM journals WHERE number = ? AND lines", (GIVEN.number,)).fetchone():
        return
    said = "SELECT DISTINCT rows.number, id, position, marks FROM rows JOIN lines ON row = rows.number AND journal = ?"
    if rows is None:
        about = connection.execute(said, (GIVEN.number,)).fetchall()
    else:
        sql = f"{said} WHERE rows.number = ? LIMIT 1"
        about = [found for number in paced(rows) for found in connection.execute(sql, (GIVEN.number, number))]
    for found in paced([Found(*one) for one in about]):
        (row,) = read_rows(run, connection, [found])
        marks = found.marks | REVIEWED if _is_reviewed(row) else found.marks & ~REVIEWED
        connection.execute("UPDATE rows SET marks = ? WHERE number = ?", (marks, found.number))


def _is_reviewed(row: Row) -> bool:
    words = LastWords(row.reviews)
    said = [one for comparison in row.comparisons for one in words.of_comparison(comparison)]
    if row.transcript:
        for number in range(1, len(row.transcript.responses)):
            said += words.of_revision(row.transcript, number)
    return any(one.verdict != "skip" for one in said)
