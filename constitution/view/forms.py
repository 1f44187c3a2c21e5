"""What a form of the review pages may say."""

import math
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from constitution.records import Record

# Bytes: a browser that runs no script sends a revision back with every answer, and each character may be four bytes of
# three signs; no model writes two million characters.
LONGEST_BODY = 32 << 20
LONGEST_NOTE, LONGEST_FIELD = 10_000, 1_000  # characters
# Seconds; a page that was open for longer tells nothing about how long an answer takes.
LONGEST_TIME = 24 * 3600.0
_FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """A form that is not saved.

    Args:
        message: Why, for the person who sent it.
        status: Of the answer.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Answer(Record):
    """A form as it was sent.

    Attributes:
        item: Which item it is about, as addresses name it.
        reviewer: A name, not checked yet.
        answer: The button.
        shown: Hash of the texts on the page.
        standing: The reviewer's answer when the page was made, as `answers.name_of` names it; empty if none.
        note: What was written beside it, line ends as line feeds.
        text: Of a revision what is in the editor, likewise.
        seconds: From seeing the page to answering; None if unknown.
        again: What to go on with: only what was skipped.
        drop: That an edit is not to be kept was confirmed.
    """

    item: str = ""
    reviewer: str = ""
    answer: str = ""
    shown: str = ""
    standing: str = ""
    note: str = ""
    text: str | None = None
    seconds: float | None = None
    again: bool = False
    drop: bool = False


async def read_answer(request: Request) -> Answer:
    """The form that a request sends.

    Raises:
        Refused: It is none, is too large, or a field breaks its rule.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(f"An answer is sent as a form ({_FORM}).")
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_BODY:
                raise Refused("The form is too large: nothing was saved.", 413)
    except ClientDisconnect:
        raise Refused("The form did not arrive whole.") from None
    return _answer(_fields(bytes(body)))


def as_sent(text: str) -> str:
    """What comes back of a text that stood in an editor, as `Answer` has it: HTML knows no NUL."""
    return _line_feeds(text).replace("\0", "\ufffd")


def _line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fields(body: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise Refused("The form cannot be read: it is no UTF-8, or has too many fields.") from None
    for name, value in pairs:
        if name in fields or name not in Answer.model_fields:
            raise Refused(f"The form has a field that is not asked for: {name!r}.")
        # Browsers send a line end as two characters.
        fields[name] = _line_feeds(value)
        longest = LONGEST_NOTE if name == "note" else LONGEST_FIELD
        # How long an edit may be depends on the revision.
        if name != "text" and len(fields[name]) > longest:
            what = "A note" if name == "note" else f"The field {name!r}"
            raise Refused(f"{what} has at most {longest:,} characters; this one has {len(fields[name]):,}.", 413)
    return fields


def _answer(fields: dict[str, str]) -> Answer:
    return Answer(
        item=fields.get("item", ""),
        reviewer=fields.get("reviewer", ""),
        answer=fields.get("answer", ""),
        shown=fields.get("shown", ""),
        standing=fields.get("standing", ""),
        note=fields.get("note", "").strip(),
        text=fields.get("text"),
        seconds=_seconds(fields.get("seconds", "")),
        again=bool(fields.get("again")),
        drop=bool(fields.get("drop")),
    )


def _seconds(told: str) -> float | None:
    if not told:
        return None
    try:
        seconds = float(told)
    except ValueError:
        raise Refused(f"The time that an answer took is a number of seconds, not {told!r}.") from None
    return round(seconds, 1) if math.isfinite(seconds) and 0 <= seconds <= LONGEST_TIME else None
