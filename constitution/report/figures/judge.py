"""Figures of what principles and judges did, and of what people and rules say of it."""

from collections.abc import Callable, Iterator

from constitution.intervals import Estimate
from constitution.plots import Bar, Bars, Figure, Histogram, Lines, Point, Series
from constitution.report.agreement import Agreed, Agreement
from constitution.report.audit import BINS, Audit
from constitution.report.audit_lines import measures
from constitution.report.coverage import Coverage
from constitution.report.figures.parts import INTERVALS, MOST_BARS, bars_of, counted, model_of, most
from constitution.report.findings import Findings
from constitution.report.scores import ScoreSummary

CHECKS = (
    "share of votes that prefer the response shown as (A), half of them being fair; of comparisons in which both "
    "orders prefer the same response, which is half of them by chance; and, where people judged too, of their "
    "preferences that the judge shares, in all and by where their choice was shown."
)
CHECKS_OF_REWARDS = (
    "where people judged too, the share of their preferences that the judge shares, half of them being chance. It "
    "rewards one response at a time, so there are no positions to prefer."
)


def of_principles(findings: Findings, found: Coverage) -> Iterator[Figure]:
    """How often principles were drawn, what they change, how they judge."""
    drawn, more = most(found.principles, lambda one: one.drawn)
    yield Figure(
        name="principles-usage",
        title="How often each principle was drawn",
        caption=f"Share of the {found.rounds:,} rounds of revision that were done under each principle, and the share "
        f"that its weight stands for.{more}",
        plot=Bars(
            x="Share of rounds",
            bars=tuple(
                Bar(name=one.id, value=one.share, mark=one.expected, n=one.drawn)
                for one in drawn
                if one.share is not None
            ),
            mark_name="expected by weight",
            percent=True,
        ),
    )
    changes = bars_of((one.id, one.change) for one in drawn)
    yield Figure(
        name="principles-effect",
        title="How much each principle changes",
        caption=f"Mean share of words that a revision under each principle changed (words that are not in the longest "
        f"common subsequence of the text before and after), by {model_of(findings, 'SL stage')}. {counted(changes)} "
        f"{INTERVALS}{more}",
        plot=Bars(x="Share of words changed", bars=changes, percent=True),
    )
    judged, more = most(found.principles, lambda one: one.judged)
    judge = model_of(findings, "RL stage")
    judging = bars_of((one.id, one.later_wins) for one in judged)
    yield Figure(
        name="principles-judging",
        title="Whether revising helps, by each principle's votes",
        caption=f"Of two responses of one chain, the mean probability that the later one is better, by the votes of "
        f"{judge} under each principle, both orders averaged as logits. {counted(judging)} {INTERVALS}{more}",
        plot=Bars(
            x="Probability that the later response is better",
            bars=judging,
            reference=0.5,
            reference_name="no better, no worse",
            percent=True,
        ),
    )
    # Where no response is a later one, as in pairs of a file, principles can still be held against one another.
    agreeing = () if judging else bars_of((one.id, one.agreement) for one in judged)
    yield Figure(
        name="principles-agreement",
        title="How often each principle agrees with the others",
        caption=f"Share of comparisons in which the votes of {judge} under each principle take the side that those "
        f"under the other principles take together; half of them would be chance. {counted(agreeing)} {INTERVALS}"
        f"{more}",
        plot=Bars(x="Share of comparisons", bars=agreeing, reference=0.5, reference_name="chance", percent=True),
    )


def of_judge(findings: Findings, found: Audit) -> Iterator[Figure]:
    """The judge's health, its labels, and how well they are calibrated."""
    judge = model_of(findings, "RL stage")
    # All that chance makes one half: what it makes of principles that disagree depends on how many are asked.
    checks = tuple((f"… {one.part}" if one.part else one.name, one.estimate) for one in measures(found) if one.half)
    yield Figure(
        name="judge-checks",
        title="The judge's health",
        caption=f"The judge {judge}: {CHECKS_OF_REWARDS if found.rewarded else CHECKS} Intervals are 95%; comparisons "
        "of one prompt are one cluster.",
        plot=Bars(x="Share", bars=bars_of(checks), reference=0.5, reference_name="chance", percent=True),
    )
    yield Figure(
        name="judge-labels",
        title="The judge's labels",
        caption=f"{sum(found.histogram):,} comparisons by the probability that the first response is better, by the "
        f"judge {judge}, {'from two rewards' if found.rewarded else 'both orders and all principles averaged'}. Labels "
        "near one half teach little.",
        plot=Histogram(
            x="Probability that the first response is better",
            y="Comparisons",
            edges=tuple(number / BINS for number in range(BINS + 1)),
            counts=found.histogram,
        ),
    )
    points = tuple(Point(x=one.confidence, y=one.accuracy, n=one.n) for one in found.reliability)
    error = f" Expected calibration error: {found.calibration_error.number}." if found.calibration_error else ""
    yield Figure(
        name="reliability",
        title="Whether the judge is as often right as it is sure",
        caption=f"{sum(one.n for one in found.reliability):,} comparisons that people judged too, in bins of the "
        f"judge's ({judge}) confidence, max(p, 1 − p): mean confidence, and the share of people's preferences that it "
        f"shares. On the dashed line it is as often right as it says.{error}",
        plot=Lines(
            x="Confidence",
            y="Share of people's preferences shared",
            series=(Series(name="the judge", points=points),) if points else (),
            low=0,
            high=1,
            diagonal=True,
            reference_name="perfectly calibrated",
            percent=True,
        ),
    )


def of_people(found: Agreement) -> Iterator[Figure]:
    """How far people agree with the AI and with each other."""
    pairs = [*found.all_with_ai, *found.between]

    def bars(of: Callable[[Agreed], Estimate | None]) -> tuple[Bar, ...]:
        return bars_of((f"{one.one} and {one.other}", of(one)) for one in pairs[:MOST_BARS])

    yield Figure(
        name="agreement",
        title="Agreement of people with the AI and each other",
        caption="Share of the comparisons that two judged that both put in the same category: first, second, tie or "
        "both bad; with the AI first, second or neither. Of the reviewed comparisons, not of the whole run. Intervals "
        "are 95%; comparisons of one prompt are one cluster.",
        plot=Bars(x="Share of comparisons", bars=bars(lambda one: one.rate), percent=True),
    )
    yield Figure(
        name="agreement-kappa",
        title="Agreement beyond chance",
        caption="Cohen's kappa over the same categories: 1 is full agreement, 0 what chance would give; it cannot be "
        "told of who always says the same. Intervals are 95%, by bootstrap.",
        plot=Bars(x="Cohen's kappa", bars=bars(lambda one: one.kappa)),
    )


def of_rules(findings: Findings, found: ScoreSummary) -> Iterator[Figure]:
    """What revision did to each rule's probability."""
    both = [rule for rule in found.rules if rule.before is not None and rule.after is not None]
    kept, more = most(both, lambda rule: rule.n)
    yield Figure(
        name="rules",
        title="Rules before and after revision",
        caption=f"Mean probability that each rule is true of final revisions (bars) and of the initial responses they "
        f"come from (strokes), by the judge {model_of(findings, 'rules')}; n counts all responses scored.{more}",
        plot=Bars(
            x="Probability that the rule is true",
            bars=tuple(
                Bar(name=rule.rule, value=rule.after, mark=rule.before, n=rule.n)
                for rule in kept
                if rule.after is not None
            ),
            mark_name="initial responses",
            percent=True,
        ),
    )
