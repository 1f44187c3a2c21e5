"""How far people agree with the AI's labels and with each other, and how that is told; `agreeing.py` finds it out."""

from collections.abc import Iterable, Mapping
from typing import get_args

from constitution.intervals import Estimate
from constitution.records import Record
from constitution.report.audit import FEWEST, STRONG_POSITION
from constitution.reviews import Verdict

# Who labelled, where it was no person, or not one alone.
AI, MAJORITY = "AI", "the majority of people"
# Why a kappa cannot be told.
ONE_SIDED, ONE_PROMPT = "one of them always says the same", "all comparisons are of one prompt"
# Pairs of reviewers that are told as text, of which each takes three lines.
MOST_PAIRS = 10
OF_REVIEWED = "agreement is of the reviewed comparisons, not of the whole run"


class Reviewer(Record):
    """What one person did; of several answers about one thing the last one counts.

    Attributes:
        name: As kept.
        compared: Comparisons answered, skipped ones left out.
        verdicts: How often which, `skip` included.
        revisions: Revisions by verdict: accept, reject, edit.
        seconds: Median time for one answer; None if unknown.
        notes: How many answers bear a note.
        as_a: Share of the answers for one side that are for the response shown as A; 0.5 is fair.
    """

    name: str
    compared: int
    verdicts: dict[str, int]
    revisions: dict[str, int]
    seconds: float | None
    notes: int
    as_a: Estimate | None


class Agreed(Record):
    """How two who judged the same comparisons agree.

    Categories between people: first, second, tie, both bad. With the AI, whose labels do not tell the last two apart:
    first, second, neither.

    Attributes:
        one: A reviewer.
        other: A reviewer, or `AI`.
        rate: Share of comparisons that both put in the same category, 95% interval, comparisons of a prompt one
            cluster.
        kappa: Cohen's kappa (1960) over the categories, bootstrap interval; None where it cannot be told.
        no_kappa: Why not; empty if it can be, or if they never judged the same.
        decided: Share of those in which both prefer a side that prefer the same one.
    """

    one: str
    other: str
    rate: Estimate | None
    kappa: Estimate | None
    no_kappa: str = ""
    decided: Estimate | None


class Agreement(Record):
    """What people said of a run; agreement is of the reviewed comparisons, which are not weighted to stand for all.

    Attributes:
        reviewers: By name.
        majority: What most people say (`rulings.py`), which is what `--labels human` exports, and the AI's labels;
            comparisons that they are divided about are left out. None where fewer than two answered.
        with_ai: Each reviewer and the AI's labels.
        between: Each two reviewers.
        unread: Reviewed comparisons that the AI's side is not known of, as its label is invalid or contradicts itself.
        outdated: Reviews of texts that are not there any more.
    """

    reviewers: tuple[Reviewer, ...]
    majority: Agreed | None = None
    with_ai: tuple[Agreed, ...]
    between: tuple[Agreed, ...]
    unread: int
    outdated: int

    @property
    def all_with_ai(self) -> tuple[Agreed, ...]:
        """People and the AI: the majority first, where there is one."""
        return (self.majority, *self.with_ai) if self.majority else self.with_ai


def nameless(found: Agreement) -> Agreement:
    """The same with numbers for names, which are personal data: for what is handed on to others."""
    called = {one.name: f"reviewer {number}" for number, one in enumerate(found.reviewers, 1)}
    return found.model_copy(
        update={
            "reviewers": tuple(one.model_copy(update={"name": called[one.name]}) for one in found.reviewers),
            # Somebody may be called `AI`: the other of these is none.
            "with_ai": tuple(pair.model_copy(update={"one": called[pair.one]}) for pair in found.with_ai),
            "between": tuple(
                pair.model_copy(update={"one": called[pair.one], "other": called[pair.other]}) for pair in found.between
            ),
        }
    )


def agreement_lines(found: Agreement) -> list[str]:
    """What people said and how far they agree, as lines of text, warnings last."""
    lines = [f"reviewed by people: {len(found.reviewers)}"]
    for one in found.reviewers:
        said = [
            *([f"comparisons {one.compared} ({_counts(one.verdicts)})"] if one.verdicts else []),
            *([f"revisions {sum(one.revisions.values())} ({_counts(one.revisions)})"] if one.revisions else []),
            *([f"{one.seconds:.1f} s for an answer (median)"] if one.seconds is not None else []),
            *([f"{one.notes} with a note"] if one.notes else []),
        ]
        lines.append(f"  {one.name}: {'; '.join(said)}")
        if one.as_a:
            lines.append(f"  {one.name} prefers the response shown as A: {one.as_a.percent} (fair: 50%)")
    lines += [line for pair in found.all_with_ai for line in _pair_lines(pair, "the AI", "first, second or neither")]
    between = _most_shared(found)
    lines += [line for pair in between for line in _pair_lines(pair, pair.other, "first, second, tie or both bad")]
    if more := len(found.between) - len(between):
        lines.append(f"pairs of reviewers left out here, who have fewer comparisons in common: {more}")
    if any(pair.rate for pair in (*found.with_ai, *found.between)):
        lines.append(OF_REVIEWED)
    if found.unread:
        lines.append(f"reviewed, but the AI's label is invalid or contradicts itself: {found.unread}")
    if found.outdated:
        lines.append(f"reviews of texts that are not there any more, which do not count: {found.outdated}")
    return [*lines, *(f"warning: {warning}" for warning in agreement_warnings(found))]


def agreement_warnings(found: Agreement) -> list[str]:
    """What is wrong, in plain words."""
    told = [
        *(_no_better_than_chance(pair, "the AI") for pair in found.all_with_ai),
        *(_no_better_than_chance(pair, pair.other) for pair in _most_shared(found)),
        *(_only_positions(one) for one in found.reviewers),
    ]
    return [warning for warning in told if warning]


def _no_better_than_chance(pair: Agreed, other: str) -> str:
    # Of a few comparisons nothing can show it: that is no fault of theirs.
    if not pair.decided or pair.decided.n < FEWEST or pair.decided.low > 0.5:
        return ""
    return (
        f"nothing shows that {pair.one} and {other} prefer the same response more often than by chance "
        f"(comparisons in which both prefer one: {pair.decided.n})"
    )


def _only_positions(one: Reviewer) -> str:
    if not one.as_a or one.as_a.n < FEWEST or 1 - STRONG_POSITION <= one.as_a.value <= STRONG_POSITION:
        return ""
    return f"{one.name} nearly always prefers the response shown as {'A' if one.as_a.value > 0.5 else 'B'}"


def _most_shared(found: Agreement) -> list[Agreed]:
    """The pairs of reviewers that have the most comparisons in common, as many as are told, in their order."""
    shared = sorted(found.between, key=lambda pair: -(pair.rate.n if pair.rate else 0))[:MOST_PAIRS]
    return [pair for pair in found.between if pair in shared]


def _pair_lines(pair: Agreed, other: str, categories: str) -> Iterable[str]:
    """How two agree; where they never judged the same, nothing is to tell."""
    if pair.rate:
        yield f"{pair.one} and {other} say the same ({categories}): {pair.rate.percent}"
        kappa = f"{pair.kappa.number} (chance: 0)" if pair.kappa else f"cannot be told: {pair.no_kappa}"
        yield f"  Cohen's kappa: {kappa}"
        told = pair.decided.percent if pair.decided else "cannot be told"
        yield f"  where both prefer a response, the same one: {told} (chance: 50%)"


def _counts(verdicts: Mapping[str, int]) -> str:
    return ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in get_args(Verdict) if verdict in verdicts)
