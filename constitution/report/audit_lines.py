"""What is measured of a judge, each with what it is called and held against; and an audit as lines of text."""

from constitution.intervals import Estimate
from constitution.records import Record
from constitution.report.audit import Audit


class Measure(Record):
    """One measure of a judge's health.

    Attributes:
        name: What it is, in words that stand alone.
        estimate: None: nothing tells it.
        share: Whether it is a share, written as a percentage.
        scale: What to hold it against.
        gold: Whether it tells of people's preferences; such ones are there only where people judged, too.
        asked: Whether it tells of votes, orders or principles; a judge that rewards has none.
        half: Whether it is one half by chance, or of a judge that is fair.
        part: What it is called right below the measure that it is a part of; empty where it is none.
    """

    name: str
    estimate: Estimate | None
    share: bool = False
    scale: str = ""
    gold: bool = False
    asked: bool = False
    half: bool = False
    part: str = ""

    @property
    def told(self) -> str:
        """The value with its interval and n."""
        if self.estimate is None:
            return "cannot be told"
        return self.estimate.percent if self.share else self.estimate.number


def measures(found: Audit) -> tuple[Measure, ...]:
    """All that an audit measures, in the order in which it is told; of people only where people judged, too."""
    told = (
        Measure(
            name="the response shown as (A) wins",
            estimate=found.first_position,
            share=True,
            scale="fair: 50%",
            asked=True,
            half=True,
        ),
        Measure(
            name="the two orders agree",
            estimate=found.order_agreement,
            share=True,
            scale="chance: 50%",
            asked=True,
            half=True,
        ),
        Measure(name="distance between the two orders", estimate=found.order_gap, scale="0: none", asked=True),
        Measure(
            name="principles prefer different responses",
            estimate=found.principle_split,
            share=True,
            scale="high: it matters who asks; chance: 50% of two principles, 75% of three",
            asked=True,
        ),
        Measure(
            name="standard deviation between principles",
            estimate=found.principle_disagreement,
            scale="0: none",
            asked=True,
        ),
        Measure(
            name="correlation of the label with length",
            estimate=found.length_correlation,
            scale="0: none; positive: prefers the longer",
        ),
        Measure(
            name="agrees with people", estimate=found.accuracy, share=True, scale="chance: 50%", half=True, gold=True
        ),
        Measure(
            name="agrees with people, their choice shown as (A)",
            estimate=found.accuracy_as_a,
            share=True,
            scale="chance: 50%",
            half=True,
            gold=True,
            asked=True,
            part="where their choice is shown as (A)",
        ),
        Measure(
            name="agrees with people, their choice shown as (B)",
            estimate=found.accuracy_as_b,
            share=True,
            scale="chance: 50%",
            half=True,
            gold=True,
            asked=True,
            part="where their choice is shown as (B)",
        ),
        Measure(name="expected calibration error", estimate=found.calibration_error, scale="0: perfect", gold=True),
    )
    asked = not found.rewarded or found.first_position is not None
    return tuple(one for one in told if (found.accuracy or not one.gold) and (asked or not one.asked))


def audit_lines(found: Audit) -> list[str]:
    """The audit as lines of text, warnings last."""
    of_labels = [_line(one) for one in measures(found) if not one.gold]
    of_people = [_line(one) for one in measures(found) if one.gold]
    return [
        "comparisons: " + (", ".join(f"{n} {status}" for status, n in found.statuses.items()) or "none"),
        *(
            f"comparisons whose votes are shares of sampled answers, not log-probabilities: {n} "
            f"(answers a vote: {answers})"
            for answers, n in found.sampled.items()
        ),
        *(
            [f"comparisons by rewards, one response at a time, so without positions and principles: {found.rewarded}"]
            if found.rewarded
            else []
        ),
        *of_labels,
        "labels from 0 to 1 in tenths: " + " ".join(map(str, found.histogram)),
        *of_people,
        *(
            f"  confidence {row.low:.2f}-{row.high:.2f}: {row.n} of them, "
            f"mean confidence {row.confidence:.3f}, right {row.accuracy:.1%}"
            for row in found.reliability
        ),
        *(f"warning: {warning}" for warning in found.warnings),
    ]


def _line(one: Measure) -> str:
    line = f"{'  ' + one.part if one.part else one.name}: {one.told}"
    # What is said of a measure holds for its parts; where zero means nothing, the number says so itself.
    return f"{line} ({one.scale})" if one.share and not one.part else line
