"""What the index keeps of a journal's line."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from constitution.records import Comparison, Failure, Filtered, Message, Record, Transcript
from constitution.reviews import Review
from constitution.score_records import Scores
from constitution.view import marks
from constitution.view.schema import Followed
from constitution.words import UNSPACED


@dataclass(frozen=True)
class Entry:
    """One line of a journal.

    Attributes:
        row: The row's id.
        marks: What it says of the row (see `marks.py`).
        words: Its texts, as the index takes words from them.
        principles: Ids of those that were drawn.
        p: Of a comparison, the soft label.
    """

    row: str
    marks: int = 0
    words: str = ""
    principles: tuple[str, ...] = ()
    p: float | None = None


def entry_of(journal: Followed, record: Record) -> Entry:
    """What is kept of a record of a journal."""
    # Failures of all stages are alike: which mark it is, the journal says.
    given = marks.OF_JOURNAL.get(journal.number, 0)
    match record:
        case Transcript():
            return _transcript(record)
        case Comparison():
            return _comparison(record)
        case Failure():
            return Entry(record.id, given, spaced([record.id, record.step, record.kind, record.message]))
        case Filtered():
            return Entry(record.id, given, spaced([record.id, record.reason, record.message]))
        case Scores():
            return Entry(record.id, given)
        case Review():
            # Whether it stands, others tell: those after it, and the texts that are there.
            return Entry(record.row, 0, spaced([record.reviewer, record.note, record.text or ""]))
    raise TypeError(type(record).__name__)


def spaced(texts: Iterable[str]) -> str:
    """Texts as sqlite is to find words in them: in scripts without spaces between words, every character is one."""
    text = "\n".join(texts)
    return text if text.isascii() else UNSPACED.sub(lambda run: f" {' '.join(run[0])} ", text)


def _transcript(one: Transcript) -> Entry:
    changed = one.responses[-1].text != one.response.text
    completions = (completion.text for completion in one.completions)
    return Entry(
        row=one.id,
        marks=marks.DONE | (marks.CHANGED if changed else 0),
        words=spaced([one.id, *_asked(one.prompt), *completions, *_told(one.metadata)]),
        principles=tuple(dict.fromkeys(round.principle for round in one.rounds)),
    )


def _comparison(one: Comparison) -> Entry:
    # Responses of the SL stage are found where they were made: else they were there once more for every comparison.
    texts = [
        candidate.text
        for candidate in one.candidates
        if candidate.source != "response" and not candidate.source.startswith("revision-")
    ]
    if texts:
        texts += [one.row, *_asked(one.prompt), *_told(one.metadata)]
    texts += [thought.completion.text for vote in one.votes for thought in vote.reasonings]
    return Entry(
        row=one.row,
        marks=marks.LABELS[one.status],
        words=spaced(texts),
        principles=tuple(dict.fromkeys(vote.principle for vote in one.votes)),
        p=one.p,
    )


def _asked(prompt: Iterable[Message]) -> list[str]:
    return [message.content for message in prompt]


def _told(metadata: Mapping[str, JsonValue]) -> list[str]:
    """The values, those within others too."""
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in metadata.values()]
