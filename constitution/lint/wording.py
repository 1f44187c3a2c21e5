"""What a text says by single words: placeholders, option labels, and the wordings of English that mislead a model."""

import re
from collections.abc import Iterator

from constitution.lint.directions import DIRECTIONS
from constitution.lint.findings import Found
from constitution.lint.languages import is_english
from constitution.lint.reading import Document, Entry, Passage
from constitution.lint.wordings import WORDINGS, Wording

# Beyond it a text is no prose; too-long tells it.
MOST_CHARACTERS = 50_000
# Characters of a text that a finding quotes.
MOST_SHOWN = 60
# HTML's own names in pointed brackets stand for themselves.
_HTML = "a|b|i|u|p|br|hr|em|li|ol|ul|td|tr|th|div|img|pre|body|code|head|html|span|style|table|script|strong|iframe"
# What stands for a text that is yet to be written.
PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|TBC|FIXME|TKTK|PLACEHOLDER|(?:CHANGE|REPLACE|FILL|EDIT)_?(?:ME|THIS)(?:_IN)?)\b|"
    r"\b(?:X{3,}|x{3,})\b(?![-.])|(?i:\blorem ipsum\b)|_{3,}|\?{3,}|\$[A-Z]{3,}\b|\b(?:todo|fixme|tbd):|"
    r"(?i:\((?:fill (?:this )?in|insert|tbd|todo|placeholder|(?:still )?to be (?:\w+ )?(?:added|written(?! out)|"
    r"done|decided|filled))\b"
    r"[^()\n]{0,60}\))|"
    # Three dots between words, but for a quotation's.
    r"(?<=\w)\s(?:\.\.\.|…)\s(?=\w)(?=[^\"“”`]*\Z)|\[(?:\.\.\.|…)\]|"
    r"\{\{?[^{}\n]{0,60}\}?\}|\{%|"
    rf"<(?!/?(?i:{_HTML})\b)[A-Za-z][\w -]{{0,60}}>|"
    r"\[(?i:your|insert|add|name of|describe|the|some|topic|harm|example|fill)\b[^\[\]\n]{0,60}\]|"
    r"待补充|待填写?|待定|此处填写"
)
_QUESTION = re.compile(
    r"[?？؟]\s*$|吗[。.]?$|"
    r"^(?:is|are|does|do|did|has|have|was|were|can|could|would|should|which|what|who|how|why|whether)\b",
    re.IGNORECASE,
)


def wording_findings(found: Document) -> Iterator[Found]:
    """What single texts say; of each rule the first place in a text."""
    english = english_lines(found)
    for passage in found.head:
        yield from _placeholder(found, passage)
    for entry in found.entries:
        for passage in entry.passages:
            yield from _placeholder(found, passage)
            yield from _question(entry, passage)
            told: set[str] = set()
            for wording in (*WORDINGS, *DIRECTIONS):
                if wording.rule in told or not (wording.any_language or entry.line in english):
                    continue
                for finding in _wording(found, entry, passage, wording):
                    told.add(wording.rule)
                    yield finding
        for tag in entry.tags:
            yield from _placeholder(found, tag)


def english_lines(found: Document) -> frozenset[int]:
    """The lines of the entries that are English."""
    whole = "\n".join(entry.text for entry in found.entries)
    return frozenset(entry.line for entry in found.entries if is_english(entry.text, whole))


def _wording(found: Document, entry: Entry, passage: Passage, wording: Wording) -> Iterator[Found]:
    if passage.field not in wording.fields:
        return
    if wording.rule == "rewards-evasion" and entry.noun == "rule" and (entry.weight or 0) <= 0:
        # What counts against a response is not rewarded.
        return
    text = " ".join(passage.text[:MOST_CHARACTERS].split())
    for match in re.finditer("|".join(wording.patterns), text, re.IGNORECASE):
        sentence = re.split(r"[.?!]\s", text[: match.start()])[-1]
        if wording.but_after and re.search(wording.but_after, sentence, re.IGNORECASE):
            continue
        words = match[0].strip(" .;?!,")
        shown = words if len(words) <= MOST_SHOWN else words[: MOST_SHOWN - 1] + "…"
        yield Found(
            line=found.line_of(passage, words),
            rule=wording.rule,
            why=f"{shown!r} in the {passage.field} of {entry.name} {wording.why}",
            todo=wording.todo,
        )
        return


def _placeholder(found: Document, passage: Passage) -> Iterator[Found]:
    match = PLACEHOLDER.search(passage.text[:MOST_CHARACTERS])
    if match:
        where = "a tag" if passage.field.isdigit() else f"the {passage.field}"
        yield Found(
            line=found.line_of(passage, match[0]),
            rule="placeholder",
            why=f"{match[0]!r} in {where} looks like a text that is yet to be written",
            todo="write what stands there, or reword it if it is meant so",
        )


def _question(entry: Entry, passage: Passage) -> Iterator[Found]:
    if passage.field == "proposition" and _QUESTION.search(passage.text[:MOST_CHARACTERS]):
        yield Found(
            line=passage.line,
            rule="question-proposition",
            why=f"the proposition of {entry.name} is a question",
            todo='state it: "The response …"',
        )
