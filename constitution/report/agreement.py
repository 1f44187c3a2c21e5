"""How far people agree with the AI's labels, and with each other."""

from constitution.records import Record
from constitution.report.intervals import Estimate

# Who labelled, where it was no person.
AI = "AI"


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
    """How two who judged the same comparisons agree. Categories: first, second, neither (a tie, both bad).

    Attributes:
        one: A reviewer.
        other: A reviewer, or `AI`.
        rate: Share of comparisons that both put in the same category, 95% interval, comparisons of a prompt one
            cluster.
        kappa: Cohen's kappa (1960) over the three categories, bootstrap interval; None where it is not defined.
        decided: Share of those in which both prefer a side that prefer the same one.
    """

    one: str
    other: str
    rate: Estimate | None
    kappa: Estimate | None
    decided: Estimate | None


class Agreement(Record):
    """What people said of a run.

    Attributes:
        reviewers: By name.
        with_ai: Each reviewer and the AI's labels.
        between: Each two reviewers.
        unread: Reviewed comparisons that the AI's side is not known of, as its label is invalid or contradicts itself.
        outdated: Reviews of texts that are not there any more.
    """

    reviewers: tuple[Reviewer, ...]
    with_ai: tuple[Agreed, ...]
    between: tuple[Agreed, ...]
    unread: int
    outdated: int
