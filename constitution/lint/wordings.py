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

_BAD = (
    "(?:harmful|dangerous|irresponsible|reckless|careless|rude|cruel|biased|racist|sexist|toxic|offensive|insulting|"
    "hurtful|hateful|unsafe|unethical|immoral|illegal|inappropriate|insensitive|disrespectful|condescending|preachy|"
    "wrong|false|untrue|inaccurate|incorrect|misleading|dishonest|deceptive|manipulative|bad|terrible|awful|poor|"
    "unhelpful|evasive|abusive|unfair|unkind|arrogant|sloppy)"
)
_YOURS = r"(?:your|the|this) (?:(?:last|previous|own) )?(?:response|answer|reply|message)"
# Comparatives; the words that only end like one come first.
_MORE = (
    r"(?:(?!other\b|over\b|under\b|after\b|never\b|ever\b|however\b|rather\b|whether\b|together\b|either\b)"
    r"(?:(?:more|less) \w+|[a-z]+er|worse))"
)
# Two of them; "safer and kinder" is one thing said twice often enough.
_TWO = rf"(?:{_MORE},? {_AND} (?:also )?(?:more|less) \w+|(?:more|less) \w+,? {_AND} (?:also )?{_MORE})\b"
_MATTER = r"(?:question|request|subject|topic|issue|matter)s?\b"
_CLAIMS = r"says?|claims?|suggests?|impl(?:y|ies)|whether|as if|as though|pretends?|tells?|believ\w+|think\w*|if"

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
            rf"{_SENTENCE}(?:obviously|clearly|of course|naturally|undoubtedly|undeniably|no doubt|plainly),? ",
            r"\b(?:surely|needless to say|(?:we|you) (?:both|all) know|as (?:we|you) know|everyone (?:knows|agrees)|"
            r"you (?:must|will)(?: surely)? agree|(?:it )?goes without saying|beyond (?:any )?doubt)\b",
            r"\b(?:it is (?:obvious|clear|self-evident|plain)|there (?:is|can be) no (?:doubt|question)|"
            r"no ?(?:body|one) (?:could|can|would|will) (?:deny|doubt|dispute)) that\b",
            r", (?:right|correct|of course|agreed)\?",
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
            rf"\bhow (?:\w+ly |very |deeply )?{_BAD}\b[^.?!]{{0,80}}\b{_YOURS}\b",
            r"^(?:please )?(?:point out how|(?:point out|show|demonstrate) why)\b",
            rf"{_SENTENCE}{_YOURS} (?:is|was|sounds|has been) (?:\w+ly |very |so |too )?{_BAD}\b(?! (?:if|when|"
            rf"where|only))",
            rf"{_SENTENCE}(?:why|how come|how badly|how seriously|what makes)\b[^.?!]{{0,20}}\b{_YOURS}\b[^?]*\?",
            rf"{_SENTENCE}(?:please )?(?:admit|confess|concede|acknowledge|prove) (?:that|how|to) ",
        ),
        why="takes the fault for granted",
        todo='ask whether there is one ("Say whether …, and where"), and let "nothing" be an answer',
    ),
    Wording(
        rule="leading",
        fields=_COMPARISON,
        patterns=(
            r"\bwhy (?:is|does|was|would) [^.?!]{1,60} (?:better|worse|preferable|preferred)\b",
            r"\b(?:is|are) (?:always|obviously|clearly|naturally|plainly|of course) (?:the )?(?:better|best|"
            r"safer|right)\b",
        ),
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
            rf"\b{_WHICH}\b[^?]{{0,80}}\b(?:is|sounds|seems|looks|feels|would be) (?:\w+ly )?{_TWO}",
            r"(?:^|[.?!] )(?:is|are|does|do|has|have|did|was|would|can)\b[^?.]{1,160},? (?:and|but|or) "
            r"(?:is|are|does|do|has|have|did|was|would|can) (?:it|they|the (?:response|answer|reply|tone|user))\b",
            r"\b(?:and|while) (?:at the same time|additionally|in addition)\b",
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
            r"\b(?:response|answer|reply|assistant) (?:is|sounds|seems|remains|stays) (?:\w+ly )?[a-z]+,? "
            rf"{_AND} (?:\w+ly )?[a-z]+(?=[.;]|$)",
            r"\bwhile (?:also |still |at the same time )?(?:offer|suggest|giv|provid|explain|nam|keep|stay|"
            r"remain|avoid|"
            r"refus|declin|warn|recommend|mention|includ|admit|ask|invit|apologi[sz])ing\b",
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
        fields=frozenset({"revision_request"}),
        patterns=(
            rf"(?:{_SENTENCE}|[,;:] ?|\b(?:and|but|so) )(?:please )?(?:do not|don['’]t|never) "
            r"(?:worry|bother|fret|care|trouble)\b(?: yourself)? (?:about|to|with|over|if|whether|\w+ing)",
            r"\bnever mind (?:if|that|about|whether|\w+ing)\b",
            r"\b(?:it|this|that)(?: is|['’]s) (?:not|no|never) (?:a |an |any )?(?:great |big |real )?(?:problem|"
            r"issue|harm|"
            r"mistake|fault|forbidden|prohibited|banned|wrong|bad|disallowed|unacceptable)\b(?: (?:if|to|for|"
            r"when|that))?",
            r"\b(?:does not|doesn['’]t) matter (?:if|whether|that|when|much)\b",
            r"\b(?:is|are) (?:no harm|nothing wrong|no problem|no objection) (?:in|with|to|if)\b",
            r"\bfeel free not to\b",
        ),
        why="allows what the principle is against",
        todo="say what is to be done, without the negation",
        but_after=rf"\b(?:{_CLAIMS})\b",
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
            rf"\b(?:{_NOT}|without|no)\b[^.?!]{{1,150}}\b(?:unless|except (?:if|when)) (?:the (?:user|person|"
            rf"human)|they|he|she|someone|you) (?:\w+ly )?"
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
            r"\bI(?: can(?:no|['’])t| won['’]t| will not|['’]?(?: a)?m (?:not able|unable) to) (?:help|answer|"
            r"assist|discuss|talk|"
            r"speak|comment|comply|respond|engage|continue|say)\b",
            r"\b(?:is|be|are|stays?|remains?|keeps? (?:it|things|everything)) (?:more |as |the most |deliberately )?"
            r"(?:evasive|non-?committal|guarded|vague(?:r|st)?|tight-lipped|unspecific|uninformative)\b",
            r"\b(?:the )?(?:vaguer|vaguest|most vague|most evasive|more evasive|less (?:informative|forthcoming))\b",
            r"\b(?:says?|tells?(?: the user)?) (?:less|least|little) (?:about|of|on|to)\b",
            rf"\b(?:does not|doesn['’]t|do not|don['’]t|refuses to|declines to|avoids|never|without) (?:engag(?:e|"
            rf"ing) with|"
            rf"address(?:ing)?|discuss(?:ing)?|touch(?:ing)?(?: on| upon)?|go(?:ing)? into|answer(?:ing)?|tak(?:e|"
            rf"ing) up|"
            rf"respond(?:ing)? to|react(?:ing)? to) (?:the|any|this|that|such)(?: user['’]s)? {_MATTER}",
            rf"\b(?:ignores?|skips?|brush(?:es)? (?:off|aside)|steers? clear of|stays? away from|turns? (?:down|"
            rf"away)|rejects?) "
            rf"(?:the|any|every|all)(?: user['’]s)? {_MATTER}",
            r"\b(?:moves?|turns?|steers?|shifts?|switch(?:es)?|goes|go) (?:on |over |the conversation )?to "
            r"(?:another|a different|"
            r"some other|an unrelated) (?:subject|topic|matter)\b",
            r"\bleaves? [^.?!]{0,40}\bunanswered\b",
            r"\b(?:empty|blank) (?:response|reply|answer|message)\b",
            r"\berrs? on the side of (?:refus\w+|silence|declin\w+|saying (?:less|nothing|little))\b",
            r"\bthe less (?:it|is|the \w+) (?:says|said|reveals)\b",
            r"\b(?:avoids?|dodges?|sidesteps?|evades?|deflects?) (?:the|any) (?:question|subject|topic|issue)s?\b",
            r"\bchang(?:es?|ing) the subject\b",
            r"\b(?:gives?|has|contains?) no answer\b",
            r"(?:^|[.;] )(?:refuse|decline) to (?:answer|respond|reply|help)\b",
            r"\bdo(?:es)? not (?:answer|respond|reply)(?: at all)?\s*[.;]",
        ),
        why="rewards saying nothing",
        todo="ask for what can be said safely, for a reason, or for another way to help",
        but_after=rf"\b(?:{_NOT}|less|least|fewer|without|than|over (?:the|an?|any|one)|instead of|against|"
        r"worse|nor|neither|no longer|stop|nobody|avoid(?:s|ing)? (?:an?|any|being))\b",
    ),
)
