"""What is looked for in a principles file: each rule's name, how grave it is, and what it means."""

from enum import StrEnum

from constitution.records import Record


class Severity(StrEnum):
    """How grave a finding is, gravest first."""

    error = "error"
    warning = "warning"
    hint = "hint"

    @property
    def grave(self) -> int:
        """For comparing: higher is graver."""
        return -list(Severity).index(self)


class LintRule(Record):
    """One thing that is looked for.

    Attributes:
        id: What findings, `--off` and comments call it.
        severity: `error`: the file cannot be used as it is. `warning`: it would make worse data, most likely. `hint`:
            look whether it is meant so.
        means: What is found, and what it harms.
        english: Whether only English texts are looked at.
        fixed: Whether it is always on: what the file breaks here stops every command.
    """

    id: str
    severity: Severity
    means: str
    english: bool = False
    fixed: bool = False


_ERROR, _WARNING, _HINT = Severity

RULES = {
    rule.id: rule
    for rule in (
        LintRule(
            id="yaml", severity=_ERROR, means="The file is not there, is not YAML, or is more than is read.", fixed=True
        ),
        LintRule(
            id="schema",
            severity=_ERROR,
            means="A key is unknown, missing or there twice, or a value is not of its kind or range.",
            fixed=True,
        ),
        LintRule(
            id="unpaired-request",
            severity=_ERROR,
            means="A critique_request without a revision_request, or the reverse: a round needs both.",
            fixed=True,
        ),
        LintRule(
            id="unknown-rule",
            severity=_WARNING,
            means="A comment switches off a rule that does not exist, or names none.",
            fixed=True,
        ),
        LintRule(
            id="mismatched-requests",
            severity=_WARNING,
            means="The revision_request seems to be another principle's: it would revise what nobody criticised.",
        ),
        LintRule(
            id="not-compared",
            severity=_HINT,
            means="The file is too long for each entry to be compared with each other one.",
        ),
        LintRule(
            id="missing-comparison",
            severity=_WARNING,
            means="A principle without a comparison: the RL stage refuses the file.",
        ),
        LintRule(
            id="near-duplicate",
            severity=_WARNING,
            means="Two principles, or two rules, say nearly the same: together they count twice.",
        ),
        LintRule(
            id="copied-text",
            severity=_WARNING,
            means="A critique_request or comparison stands word for word in two principles.",
        ),
        LintRule(
            id="contradiction",
            severity=_HINT,
            means="Two principles seem to ask for opposite things, such as more and less of one quality.",
            english=True,
        ),
        LintRule(
            id="placeholder",
            severity=_WARNING,
            means="TODO, {…}, <…>, lorem ipsum and the like were left in: a model would read them.",
        ),
        LintRule(
            id="leading",
            severity=_WARNING,
            means="A request or question that gives its answer away, so the model finds a fault where there is none.",
            english=True,
        ),
        LintRule(
            id="option-label",
            severity=_WARNING,
            means="A comparison names (A), (B), the first or the second response: it is asked in both orders.",
        ),
        LintRule(
            id="upside-down",
            severity=_WARNING,
            means="A comparison asks for the worse response: all labels made with it are the wrong way round.",
            english=True,
        ),
        LintRule(
            id="yes-or-no",
            severity=_WARNING,
            means="A comparison is a question about one response, where two are shown.",
            english=True,
        ),
        LintRule(
            id="swapped-requests",
            severity=_WARNING,
            means="A critique_request asks for a revision, or a revision_request for a critique.",
            english=True,
        ),
        LintRule(
            id="control-token",
            severity=_WARNING,
            means="A text holds what looks like a control token, or a name that begins a turn.",
        ),
        LintRule(
            id="negated-proposition",
            severity=_HINT,
            means="A rule says that something is not there: judges answer better whether it is there.",
            english=True,
        ),
        LintRule(
            id="double-barrelled",
            severity=_WARNING,
            means="Two questions in one: the answer to which of them counts is left to chance.",
            english=True,
        ),
        LintRule(
            id="negated-permission",
            severity=_WARNING,
            means="A negation that reads as a permission: models pass over the word that turns the sense around.",
            english=True,
        ),
        LintRule(
            id="rewards-evasion",
            severity=_WARNING,
            means="Saying nothing is asked for or preferred: the model learns to refuse or dodge.",
            english=True,
        ),
        LintRule(
            id="question-proposition",
            severity=_WARNING,
            means="The proposition of a rule is a question: only a statement is true or false of a response.",
        ),
        LintRule(
            id="too-long",
            severity=_WARNING,
            means="A text takes more than a quarter of the context, in tokens: conversation and answers need the rest.",
        ),
        LintRule(
            id="unbalanced-weights",
            severity=_WARNING,
            means="One principle takes more than half of all draws, or one rule outweighs all others together.",
        ),
        LintRule(
            id="tag-typo",
            severity=_WARNING,
            means="A tag that is used once is nearly another one: a misspelling drops out of every selection by tag.",
        ),
        LintRule(
            id="tag-everywhere",
            severity=_HINT,
            means="A tag stands on nearly every entry, so it selects nothing.",
        ),
    )
}

# What a comment or --off may name.
SWITCHABLE = tuple(rule.id for rule in RULES.values() if not rule.fixed)
