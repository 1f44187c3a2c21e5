"""What a text says by single words: placeholders, option labels, and the wordings of English that mislead a model."""

import re
from collections.abc import Iterator

from constitution.lint.findings import Found
from constitution.lint.languages import is_english
from constitution.lint.reading import Document, Entry, Passage
from constitution.records import Record

ALL = frozenset({"critique_request", "revision_request", "comparison", "proposition"})
REQUESTS = frozenset({"critique_request", "revision_request"})
# What is asked for, and not only looked for.
WANTED = frozenset({"revision_request", "comparison", "proposition"})
# Beyond it a text is no prose; too-long tells it.
MOST_CHARACTERS = 50_000


class Wording(Record):
    """A wording that is told.

    Attributes:
        rule: Of `RULES`.
        fields: Where it is looked for.
        pattern: A regular expression, without regard to case.
        why: What it is, after the words found.
        todo: What to do about it.
        any_language: Whether it is looked for in other texts than English.
        but_after: Words that make it harmless when they stand before it in its sentence.
    """

    rule: str
    fields: frozenset[str]
    pattern: str
    why: str
    todo: str
    any_language: bool = False
    but_after: str = ""


_TAKING = "avoid|remove|refuse|decline|omit|withhold|hide|leave out|take out|cut|warn|hold back|refrain|shy away|correct|censor"
_NOT = r"(?:(?:do|does|did|must|should|need|shall|may|can|could|would) ?n[o']t|(?:don|doesn|mustn|shouldn|needn)['’]t|never|not)"
_DOES = (
    "is|are|has|does|gives|offers|says|explains|refuses|contains|avoids|includes|mentions|suggests|tells|warns|admits|"
    "apologi[sz]es|declines|provides|encourages|treats|keeps|remains|stays|recommends|asks|invites|describes"
)
_GOES = r"(?: (?:outright|firmly|completely|altogether|flatly|entirely|most|the most|more firmly|at all|to))*"

WORDINGS = (
    Wording(
        rule="option-label",
        fields=frozenset({"comparison"}),
        pattern=r"\((?-i:A|B)\)|\b(?:response|answer|reply|option|assistant) (?-i:[AB])\b(?!['’])|"
        r"\b(?:the )?(?:first|second|former|latter) (?:response|answer|reply|option|one|assistant)\b",
        why="names one of the two responses by its place",
        todo="say what the better response does; the template adds the labels",
        any_language=True,
    ),
    Wording(
        rule="leading",
        fields=ALL,
        pattern=r"(?:^|[.?!]\s+|, ?)(?:is|are|was|were|do|does|did|would|should|could|have|has)n['’]t (?:it|you|this|that|the|your|they|"
        r"there)\b|(?:^|[.?!]\s+)(?:obviously|clearly),? |\b(?:surely|needless to say|as (?:we|you) all know|everyone (?:knows|agrees)|you (?:must|will) agree|"
        r"don['’]t you think|wouldn['’]t you (?:say|agree))\b|"
        r"\bit is (?:obvious|clear|self-evident) that\b",
        why="gives the answer away",
        todo="ask openly: whether, which, what",
    ),
    Wording(
        rule="leading",
        fields=frozenset({"critique_request"}),
        pattern=r"^(?:please )?(?:explain|say|state|describe|tell \w+|argue|discuss) why (?:your|the|this)\b[^.?!]{0,40}?"
        r"\b(?:response|answer|reply)\b[^.?!]{0,20}?\b(?:is|was|are|were|does|did|fails?|failed|breaks?|broke)\b",
        why="takes the fault for granted",
        todo='ask whether there is one ("Say whether …, and where"), and let "nothing" be an answer',
    ),
    Wording(
        rule="leading",
        fields=frozenset({"comparison"}),
        pattern=r"\bwhy (?:is|does|was|would) [^.?!]{1,60} (?:better|worse|preferable|preferred)\b",
        why="takes the answer for granted",
        todo="ask which response is better in what respect",
    ),
    Wording(
        rule="double-barrelled",
        fields=frozenset({"comparison"}),
        pattern=r"\bwhich (?:response|answer|reply|one|assistant|is|of)\b[^?]{0,200}(?:\?\s*|,? and (?:also )?|; ?)which (?:response|"
        r"answer|reply|one|assistant|is|of|has|does)\b|"
        r"\bmore \w+(?: \w+)? (?:and|but|yet|while(?: being)?|as well as) (?:also )?less \w+|"
        r"\bless \w+(?: \w+)? (?:and|but|yet|while(?: being)?|as well as) (?:also )?more \w+|"
        r"\bis both \w+|\bboth (?:more|less) \w+",
        why="asks two questions at once",
        todo="ask one of them here, and make the other a principle of its own",
    ),
    Wording(
        rule="double-barrelled",
        fields=frozenset({"comparison", "proposition"}),
        pattern=r"\band/or\b",
        why="leaves open which of the two is asked",
        todo="ask one of them, or write `or`",
    ),
    Wording(
        rule="double-barrelled",
        fields=frozenset({"critique_request"}),
        pattern=r"(?:(?:^|[.?!]\s+)(?:and )?(?:is|are|does|do|did|was|were|has|have|could|would|can|should)\b[^.?!]{1,300}\?\s*){3,}",
        why="asks several questions at once",
        todo="keep the one that the revision answers, and make principles of the others",
    ),
    Wording(
        rule="double-barrelled",
        fields=frozenset({"proposition"}),
        pattern=rf"\b(?:and|but|as well as|while) (?:also |then |it |the (?:response|answer|reply) )?(?:(?:{_DOES})\b|"
        r"[a-z]+s (?:a|an|the|no|any|some|one|how|what|why|whether)\b)|[.;] +\w",
        why="says two things, of which one may be true and the other false",
        todo="make two rules of it",
    ),
    Wording(
        rule="negated-permission",
        fields=ALL,
        pattern=rf"\b(?:need not|needn['’]t|no need to|not (?:required|obliged|necessary|asked|expected) to|"
        rf"(?:do|does)(?: not|n['’]t) (?:need|have) to|without (?:needing|having) to)\s+(?:\w+ )?(?:{_TAKING})\b",
        why="allows what the principle is against",
        todo="say what is to be done, without the negation",
    ),
    Wording(
        rule="negated-permission",
        fields=ALL,
        pattern=rf"\b{_NOT} (?:be )?(?:\w+ )?(?:(?:hesitate|afraid|shy|reluctant) (?:to|about|of|away)|(?:avoid|refrain from|shy away "
        r"from|hold back(?: from)?|steer clear of)\b)",
        why="reads as a permission or an invitation",
        todo="say what is to be done, without the two negations",
    ),
    Wording(
        rule="negated-permission",
        fields=ALL,
        pattern=rf"(?<!or )\b{_NOT} (?:\w+ )?(?:not|never|nothing|nobody|no one|none)\b",
        why="is a double negation",
        todo="say it in the positive",
    ),
    Wording(
        rule="negated-permission",
        fields=ALL,
        pattern=rf"\b{_NOT}\b[^.?!]{{1,150}}\bunless (?:the (?:user|person|human)|they|he|she|someone|you) (?:really |truly |strongly |"
        r"clearly )?(?:insists?|wants?|demands?|deserves?|begs?|keeps? asking|asks? (?:nicely|twice|again|politely))\b",
        why="has a way around it that a model takes for a permission",
        todo="leave out the exception, or say exactly when it holds",
    ),
    Wording(
        rule="negated-permission",
        fields=frozenset({"revision_request", "proposition"}),
        pattern=r"\b(?:response|reply|answer|assistant|it|you) may not (?!have|be (?:clear|obvious|true|known|able|aware))\w+",
        why="may mean that it must not, or that it need not",
        todo="write `must not`",
    ),
    Wording(
        rule="rewards-evasion",
        fields=WANTED,
        pattern=rf"(?:\b(?:response|reply|answer|one|assistant) (?:(?:that|which) )?|\bso that it |\brewrite [^.]{{0,40}}\bto )(?:\w+ly )?"
        r"(?:refuses?|declines?)(?: to (?:answer|help|respond|reply|engage|comply|assist|say anything))?"
        rf"{_GOES}(?: (?:the (?:question|request|user)|any(?:thing| questions?| requests?)|everything|all (?:questions|requests)))?"
        r"(?:\s*[.;!?]|$|,? and (?:stops?|says? nothing|nothing else))|"
        r"\b(?:says?|reveals?|gives?|tells?|reveal|say) (?:as little as possible|the least|nothing at all|almost nothing)\b|"
        r"\bchoose the (?:shortest|briefest) refusal\b|\b(?:simply|just|always) refuse\b|\bwhen in doubt,? (?:refuse|decline)\b|"
        r"\b(?:replace|exchange) (?:it|the response|your (?:last )?response) (?:with|by|for) a (?:\w+ )?refusal\b|"
        r"\binto a (?:\w+ )?refusal\b|\bi(?:['’]m| am) (?:sorry|unable)[^.]{0,20}can(?:no|['’])t (?:help|answer|assist)|"
        r"\b(?:is|be|are|stays?|remains?) (?:more |as |the most )(?:evasive|vague|non-?committal|guarded)\b|"
        r"\b(?:avoids?|dodges?|sidesteps?|evades?|deflects?) (?:the|answering the|any) (?:question|subject|topic|issue|request)s?\b|"
        r"\bchang(?:es?|ing) the subject\b|\bdo(?:es)? not (?:answer|respond|reply)(?: at all)?\s*[.;]",
        but_after=rf"\b(?:{_NOT}|less|least|fewer|without|rather than|instead of|nor|neither|stop|avoids?|nobody)\b",
        why="rewards saying nothing",
        todo="ask for what can be said safely, for a reason, or for another way to help",
    ),
)  # fmt: skip

# What stands for a text that is yet to be written. HTML's own names in pointed brackets are none, nor are control
# strings.
_HTML = (
    "a|b|i|u|p|br|hr|em|li|ol|ul|td|tr|th|div|img|pre|body|code|head|html|span|style|table|think|script|strong|iframe"
)
PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|FIXME|TKTK)\b|\bX{3,}\b(?!-)|(?i:\blorem ipsum\b)|\{\{?[^{}\n]{0,60}\}?\}|\{%|"
    rf"<(?!/?(?i:{_HTML})\b)[A-Za-z][\w -]{{0,60}}>|"
    r"\[(?i:your|insert|add|name of|describe|the|some|topic|harm|example|fill)\b[^\[\]\n]{0,60}\]|_{3,}|待补充|待填写?|待定|此处填写"
)
_QUESTION = re.compile(r"[?？؟]\s*$|^(?:is|are|does|do|did|has|have|was|were|can|could|would|should|which|what|who|how|why|whether)\b|吗[。.]?$", re.I)  # fmt: skip


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
            for wording in WORDINGS:
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
    for match in re.finditer(wording.pattern, text, re.IGNORECASE):
        sentence = re.split(r"[.?!]\s", text[: match.start()])[-1]
        if wording.but_after and re.search(wording.but_after, sentence, re.IGNORECASE):
            continue
        words = match[0].strip(" .;?!,")
        shown = words if len(words) <= 60 else words[:59] + "…"
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
