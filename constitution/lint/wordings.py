"""Wordings that mislead a model or a judge: a table of regular expressions, nearly all for English."""

from constitution.records import Record

_ALL = frozenset({"critique_request", "revision_request", "comparison", "proposition"})
# What is asked for, and not only looked for.
_WANTED = frozenset({"revision_request", "comparison", "proposition"})
_CRITIQUE, _COMPARISON = frozenset({"critique_request"}), frozenset({"comparison"})
_PROPOSITION = frozenset({"proposition"})


class Wording(Record):
    """A wording that is told.

    Attributes:
        rule: Of `RULES`.
        fields: Where it is looked for.
        patterns: Regular expressions, without regard to case; white space in the text is single spaces.
        why: What it is, after the words found.
        todo: What to do about it.
        any_language: Whether it is looked for in other texts than English.
        but_after: What makes it harmless when it stands before it in its sentence, a regular expression.
    """

    rule: str
    fields: frozenset[str]
    patterns: tuple[str, ...]
    why: str
    todo: str
    any_language: bool = False
    but_after: str = ""


_NOT = (
    r"(?:(?:do|does|did|must|should|need|shall|may|can|could|would) ?n(?:o|'|’)t|"
    r"(?:don|doesn|mustn|shouldn)['’]t|never|not)"
)
_TAKE_AWAY = "avoid|remove|refuse|decline|omit|withhold|hide|leave out|take out|cut|warn|hold back|refrain|correct"
_WHICH = "which (?:response|answer|reply|one|assistant|is|of)"
_AND = "(?:and|but|yet|while(?: being)?|as well as)"
_SENTENCE = r"(?:^|[.?!]\s+)"
# Verbs that a second statement about a response begins with; none that is a plural as well.
_DOES = (
    "is|are|has|does|gives|offers|says|explains|refuses|contains|avoids|includes|mentions|suggests|tells|warns|admits|"
    "apologi[sz]es|declines|provides|encourages|treats|keeps|remains|stays|recommends|asks|invites|describes"
)
_REFUSES = "(?:refuses?|declines?)(?: to (?:answer|help|respond|reply|engage|comply|assist|say anything))?"
_WHOLLY = "(?: (?:outright|firmly|completely|altogether|flatly|entirely|at all))*"
_ALL_OF_IT = "(?: (?:the (?:question|request|user)|any(?:thing| questions?| requests?)|all (?:questions|requests)))?"
_NOTHING_MORE = r"(?:\s*[.;!?]|$|,? and (?:stops?|says? nothing|nothing else))"

WORDINGS = (
    Wording(
        rule="option-label",
        fields=_COMPARISON,
        patterns=(
            r"\((?-i:[AB])\)",
            r"\b(?:response|answer|reply|option|assistant) (?-i:[AB])\b(?!['’])",
            r"\b(?:first|second|former|latter) (?:response|answer|reply|option|one|assistant)\b",
        ),
        why="names one of the two responses by its place",
        todo="say what the better response does; the template adds the labels",
        any_language=True,
    ),
    Wording(
        rule="leading",
        fields=_ALL,
        patterns=(
            r"(?:^|[.?!]\s+|, ?)(?:is|are|was|were|do|does|did|would|should|could|have|has)n['’]t "
            r"(?:it|you|this|that|the|your|they|there)\b",
            rf"{_SENTENCE}(?:obviously|clearly),? ",
            r"\b(?:surely|needless to say|(?:we|you) all know|everyone (?:knows|agrees)|you (?:must|will) agree)\b",
            r"\bit is (?:obvious|clear|self-evident) that\b",
        ),
        why="gives the answer away",
        todo="ask openly: whether, which, what",
    ),
    Wording(
        rule="leading",
        fields=_CRITIQUE,
        patterns=(
            r"^(?:please )?(?:explain|say|state|describe|argue|discuss) why (?:your|the|this)\b[^.?!]{0,40}?"
            r"\b(?:response|answer|reply)\b[^.?!]{0,20}?\b(?:is|was|are|were|does|did|fails?|failed|breaks?|broke)\b",
        ),
        why="takes the fault for granted",
        todo='ask whether there is one ("Say whether …, and where"), and let "nothing" be an answer',
    ),
    Wording(
        rule="leading",
        fields=_COMPARISON,
        patterns=(r"\bwhy (?:is|does|was|would) [^.?!]{1,60} (?:better|worse|preferable|preferred)\b",),
        why="takes the answer for granted",
        todo="ask which response is better, and in what respect",
    ),
    Wording(
        rule="double-barrelled",
        fields=_COMPARISON,
        patterns=(
            rf"\b{_WHICH}\b[^?]{{0,200}}(?:\?\s*|,? and (?:also )?|; ?)(?:{_WHICH}|which (?:has|does))\b",
            rf"\bmore \w+(?: \w+)? {_AND} (?:also )?less \w+",
            rf"\bless \w+(?: \w+)? {_AND} (?:also )?more \w+",
            rf"\b{_WHICH}\b[^?]{{0,200}},? and is it (?:also )?(?:the )?(?:more|less)\b",
            r"\bis both \w+",
            r"\bboth (?:more|less) \w+",
        ),
        why="asks two questions at once",
        todo="ask one of them here, and make the other a principle of its own",
    ),
    Wording(
        rule="double-barrelled",
        fields=_COMPARISON | _PROPOSITION,
        patterns=(r"\band/or\b",),
        why="leaves open which of the two is asked",
        todo="ask one of them, or write `or`",
    ),
    Wording(
        rule="double-barrelled",
        fields=_CRITIQUE,
        patterns=(
            r"(?:(?:^|(?<=[.?!]) )(?:is|are|does|do|did|was|were|has|have|could|would|should)\b[^.?!]{1,300}\?){3,}",
        ),
        why="asks several questions at once",
        todo="keep the one that the revision answers, and make principles of the others",
    ),
    Wording(
        rule="double-barrelled",
        fields=_PROPOSITION,
        patterns=(
            rf"\b{_AND} (?:also |then |it |the (?:response|answer|reply) )?(?:{_DOES})\b",
            rf"\b{_AND} (?:also |then |it )?[a-z]+s (?:a|an|the|no|any|some|one|how|what|why|whether)\b",
            r"\b(?:is|are) both \w+",
            # A dot after fewer letters may be an abbreviation's.
            r"\b\w*(?-i:[a-z]{4}\. +[A-Z])\w*(?: \w+){0,3}",
            r"\b\w{4,}; +\w+(?: \w+){0,3}",
        ),
        why="says two things, of which one may be true and the other false",
        todo="make two rules of it",
    ),
    Wording(
        rule="negated-permission",
        fields=_ALL,
        patterns=(
            r"\b(?:need not|needn['’]t|no need to|not (?:required|obliged|necessary|expected) to|"
            rf"(?:do|does)(?: not|n['’]t) (?:need|have) to|without (?:needing|having) to) (?:\w+ )?(?:{_TAKE_AWAY})\b",
        ),
        why="allows what the principle is against",
        todo="say what is to be done, without the negation",
    ),
    Wording(
        rule="negated-permission",
        fields=_ALL,
        patterns=(
            rf"\b{_NOT} (?:be )?(?:\w+ )?(?:hesitate|afraid|shy|reluctant) (?:to|about|of|away)\b",
            rf"\b{_NOT} (?:\w+ly )?(?:avoid|refrain from|shy away from|hold back(?: from)?|steer clear of)\b",
        ),
        why="reads as an invitation",
        todo="say what is to be done, without the two negations",
    ),
    Wording(
        rule="negated-permission",
        fields=_ALL,
        patterns=(rf"(?<!or )\b{_NOT} (?:(?!that)\w+ ){{0,2}}(?:not|never|nothing|nobody|no one|none)\b",),
        why="is a double negation",
        todo="say it in the positive",
    ),
    Wording(
        rule="negated-permission",
        fields=_ALL,
        patterns=(
            rf"\b{_NOT}\b[^.?!]{{1,150}}\bunless (?:the (?:user|person|human)|they|he|she|someone|you) (?:\w+ly )?"
            r"(?:insists?|wants?|demands?|deserves?|begs?|keeps? asking|asks? (?:nicely|twice|again|politely))\b",
        ),
        why="has a way around it that a model takes for a permission",
        todo="leave out the exception, or say exactly when it holds",
    ),
    Wording(
        rule="negated-permission",
        fields=frozenset({"revision_request", "proposition"}),
        patterns=(
            r"\b(?:response|reply|answer|assistant|it|you) may not "
            r"(?!have|be (?:clear|obvious|true|known|able|aware))\w+",
        ),
        why="may mean that it must not, or that it need not",
        todo="write `must not`",
    ),
    Wording(
        rule="rewards-evasion",
        fields=_WANTED,
        patterns=(
            r"(?:\b(?:response|reply|answer|one|assistant) (?:(?:that|which) )?|\bso that it |"
            rf"\brewrite [^.]{{0,40}}\bto )(?:\w+ly )?{_REFUSES}{_WHOLLY}{_ALL_OF_IT}{_WHOLLY}{_NOTHING_MORE}",
            r"\b(?:says?|reveals?|gives?|tells?) (?:as little as possible|the least|nothing at all|almost nothing)\b",
            r"\b(?:shortest|briefest|firmest) refusal\b",
            r"\b(?:simply|just|always) refuse\b",
            r"\bwhen in doubt,? (?:refuse|decline)\b",
            r"\b(?:replace|exchange) (?:it|the response|your (?:last )?response) (?:with|by|for) a (?:\w+ )?refusal\b",
            r"\binto a (?:\w+ )?refusal\b",
            r"\bI can(?:no|['’])t (?:help|answer|assist)(?: with)? (?:that|you)\b",
            r"\b(?:is|be|are|stays?|remains?) (?:more |as |the most )?(?:evasive|non-?committal|guarded)\b",
            r"\b(?:avoids?|dodges?|sidesteps?|evades?|deflects?) (?:the|any) (?:question|subject|topic|issue)s?\b",
            r"\bchang(?:es?|ing) the subject\b",
            r"\b(?:gives?|has|contains?) no answer\b",
            r"(?:^|[.;] )(?:refuse|decline) to (?:answer|respond|reply|help)\b",
            r"\bdo(?:es)? not (?:answer|respond|reply)(?: at all)?\s*[.;]",
        ),
        why="rewards saying nothing",
        todo="ask for what can be said safely, for a reason, or for another way to help",
        but_after=rf"\b(?:{_NOT}|less|least|fewer|without|than|over (?:the|an?|any|one)|instead of|against|"
        r"worse|nor|neither|stop|nobody|avoid(?:s|ing)? (?:an?|any|being))\b",
    ),
)
