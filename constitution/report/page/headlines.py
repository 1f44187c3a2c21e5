"""What a researcher asks first of a run, and what its findings answer."""

from collections.abc import Iterator, Sequence
from typing import Literal

from constitution.intervals import Estimate
from constitution.records import Record
from constitution.report.findings import Findings, RevisionNumbers
from constitution.report.page.commands import Commands


class Headline(Record):
    """A question and its answer.

    Attributes:
        question: As it is asked.
        section: Where the page says more.
        value: The number; empty if nothing tells it.
        interval: Its 95% interval and n.
        before: What it was of the initial response, with its own; empty where that says nothing.
        meaning: What the number is, and what it says.
        make: The command that makes what is missing; empty if nothing is.
        tone: Whether the interval is all on one side of what chance would give.
    """

    question: str
    section: str
    value: str = ""
    interval: str = ""
    before: str = ""
    meaning: str
    make: str = ""
    tone: Literal["good", "bad", ""] = ""


def headlines(findings: Findings, typed: Commands) -> tuple[Headline, ...]:
    """In the order in which they are asked; nothing of revisions where there are none."""
    return tuple(_headlines(findings, typed))


def _headlines(findings: Findings, typed: Commands) -> Iterator[Headline]:
    revisions = findings.revisions
    if len(revisions) > 1:
        yield _better(revisions, typed, bool(findings.audit and findings.audit.warnings))
        yield from _length(revisions[0], revisions[-1])
        yield from _change(revisions)
        yield from _refusals(revisions[0], revisions[-1])
    if findings.scores and (gain := findings.scores.gain):
        yield Headline(
            question="Do revisions earn more by the rules?"
            if findings.scores.rules
            else "Do revisions earn a higher reward?",
            section="rules",
            value=f"{gain.value:+.3f}",
            interval=_interval(gain.number),
            meaning="mean gain in reward from the initial response to the final revision"
            + ("" if findings.scores.rules else ", in nats, as the judge gives it"),
            tone="" if gain.low is None or gain.high is None else _tone(gain.low, gain.high, 0),
        )
    yield from _judge(findings, typed)


def _better(revisions: Sequence[RevisionNumbers], typed: Commands, warned: bool) -> Headline:
    question = "Does revision make it better?"
    judged = [(one.number, one.beats) for one in revisions if one.beats]
    if not judged:
        return Headline(
            question=question,
            section="revisions",
            meaning="No readable comparison of a revision with its initial response tells.",
            make=typed.better,
        )
    number, beats = judged[-1]
    tone = "" if warned else _tone(beats.low, beats.high, 0.5)
    said = {"good": "Yes, by the judge", "bad": "No: the judge prefers the initial response", "": "Nothing shows it"}
    answer = "The judge's labels cannot be relied on here (see The judge)" if warned else said[tone]
    return Headline(
        question=question,
        section="revisions",
        value=f"{beats.value:.1%}",
        interval=_interval(beats.percent),
        meaning=f"{answer}: its mean probability that revision {number} is better than the initial response; "
        "50% is neither",
        tone=tone,
    )


def _length(first: RevisionNumbers, last: RevisionNumbers) -> Iterator[Headline]:
    if first.tokens and last.tokens:
        yield Headline(
            question="Does it get longer?",
            section="revisions",
            value=f"{last.tokens.value:,.1f} tokens",
            interval=_tokens(last.tokens),
            before=f"from {first.tokens.value:,.1f} {_tokens(first.tokens)}",
            meaning=f"mean length of revision {last.number}, and of the initial response",
        )


def _change(revisions: Sequence[RevisionNumbers]) -> Iterator[Headline]:
    rounds = [one for one in revisions if one.change]
    if rounds and (change := rounds[-1].change):
        unchanged = rounds[-1].unchanged
        left = f"; {unchanged.value:.1%} of rows have the same words as before" if unchanged else ""
        yield Headline(
            question="How much does a round change?",
            section="revisions",
            value=f"{change.value:.1%}",
            interval=_interval(change.percent),
            meaning=f"of the words, in round {rounds[-1].number}{left}",
        )


def _refusals(first: RevisionNumbers, last: RevisionNumbers) -> Iterator[Headline]:
    if first.refusals and last.refusals:
        evasions = (
            f"; evasions: {last.evasions.percent}, from {first.evasions.percent}"
            if first.evasions and last.evasions
            else ""
        )
        yield Headline(
            question="Does it refuse more?",
            section="revisions",
            value=f"{last.refusals.value:.1%}",
            interval=_interval(last.refusals.percent),
            before=f"from {first.refusals.percent}",
            meaning=f"of responses decline, by a list of phrases{evasions}",
        )


def _judge(findings: Findings, typed: Commands) -> Iterator[Headline]:
    question = "Can the judge be trusted?"
    if not findings.audit:
        if len(findings.revisions) < 2:
            yield Headline(
                question=question,
                section="judge",
                meaning="Nothing was judged yet.",
                make=typed.judged,
            )
        return
    orders, right = findings.audit.order_agreement, findings.audit.accuracy
    # What people say of it comes before what it says of itself.
    reviewed = next((one.decided for one in findings.agreement.all_with_ai), None) if findings.agreement else None
    if told := right or reviewed or orders:
        warned = bool(findings.audit.warnings)
        of_people = f"of people's preferences are the judge's, too; chance is 50%{_orders(orders)}"
        of_reviewers = f"of reviewers' choices are the judge's, too; chance is 50%{_orders(orders)}"
        of_orders = "of comparisons have the same winner in both orders; chance is 50%"
        meaning = of_people if right else of_reviewers if reviewed else of_orders
        yield Headline(
            question=question,
            section="judge",
            value=f"{told.value:.1%}",
            interval=_interval(told.percent),
            meaning=meaning + ("; see its warnings" if warned else ""),
            tone="bad" if warned else _tone(told.low, told.high, 0.5),
        )


def _orders(agreement: Estimate | None) -> str:
    return f"; its two orders agree in {agreement.percent}" if agreement else ""


def _tokens(length: Estimate) -> str:
    return f"[{length.low:,.1f}, {length.high:,.1f}], n = {length.n}"


def _interval(told: str) -> str:
    """The interval and n of an estimate as it is written, without the value that is told apart."""
    return told.partition(" ")[2]


def _tone(low: float, high: float, chance: float) -> Literal["good", "bad", ""]:
    return "good" if low > chance else "bad" if high < chance else ""
