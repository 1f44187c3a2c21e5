"""How two constitutions fare against each other, from the stored comparisons of their final revisions.

Of a comparison, p is the probability that B's revision is better: the soft label, in which both orders and all
principles are averaged as logits (see `votes.py`). It counts as

    1      for B, 0 for A: it is labelled, and p is above or below a half;
    1/2    a tie: p is near a half, or both revisions are one text;
    1/2    inconsistent: the two orders prefer different revisions, so that none is preferred for what it says;
    not    if it is invalid: the judge cannot be read.

    win rate     mean of these: 0.5 is even. 95% interval: Wilson's, with the effective sample size of the prompts
    soft label   mean of p, the judge's certainty counted in. 95% interval: prompts resampled

Comparisons of one prompt are one cluster (see `intervals.py`).

Under part of the principles (those of A's file, of B's file, of a tag), p and status are made anew from the votes
under them alone, by the same thresholds; then pairs of one text are left out, as nobody was asked about them, and so
are those for which none of these principles was drawn. A principle that both files ask belongs to both. `evenly` is the
mean of the win rates under A's and under B's principles: it favours neither, however many of each were drawn.

Exchanging A and B gives 1 minus every win rate and label, with intervals mirrored likewise.
"""

import math
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from constitution.config import CompareSettings
from constitution.counts import Counts
from constitution.digests import digest
from constitution.intervals import Estimate, Floats, bootstrap, share
from constitution.joined_principles import questions
from constitution.manifest import COMPARE, REVISE, load_manifest
from constitution.principles import Principle, PrincipleSet
from constitution.records import Comparison, Record, Status
from constitution.report.audit import audit
from constitution.store import comparisons, count, transcripts
from constitution.stored_settings import stored_settings
from constitution.versus_folder import JUDGED, load_setup
from constitution.votes import Thresholds, label

NO_TAG = "(no tag)"
NO_VALUE = "(no value)"
# What a run has that was begun without principles of its own.
NOTHING = PrincipleSet(name="none", version="1", description="none")


class Standing(Record):
    """How B fares against A in some comparisons.

    Attributes:
        name: Which ones: a tag, or a value of the column; empty for all.
        b: Comparisons that B wins.
        a: Likewise A.
        ties: Likewise nobody, inconsistent ones among them.
        win_rate: How often B beats A, ties counted half; None if nothing can be read.
        soft_label: Mean probability that B's revision is better; None likewise, or if all are of one prompt.
    """

    name: str = ""
    b: int
    a: int
    ties: int
    win_rate: Estimate | None
    soft_label: Estimate | None


class Figures(Record):
    """What the comparisons say; see the module's docstring for what each figure is.

    Attributes:
        statuses: Comparisons by status.
        identical: Comparisons of one text with itself, which are ties that nobody was asked about.
        overall: All comparisons.
        under_a: Under the principles that A's file asks; None if the judge was asked none of them.
        under_b: Likewise B's.
        evenly: Mean of the win rates under A's and under B's principles; prompts resampled. A pair counts once.
        tags: Under the principles of each tag.
        groups: The comparisons of each value of a column.
        first_position: As in `audit.Audit`; likewise `order_agreement`.
        warnings: What is wrong, in plain words.
    """

    statuses: dict[Status, int]
    identical: int
    overall: Standing
    under_a: Standing | None
    under_b: Standing | None
    evenly: Estimate | None
    tags: tuple[Standing, ...]
    groups: tuple[Standing, ...]
    first_position: Estimate | None
    order_agreement: Estimate | None
    warnings: tuple[str, ...]


class VersusSummary(Record):
    """Two constitutions compared.

    Attributes:
        a: A's file.
        b: B's file.
        rows_a: Where the rows of A's run are.
        rows_b: Likewise of B's.
        rows_judged: Where the pairs are; a pair is a row that is finished in both.
        judge: The feedback model.
        principles: How many principles the judge was asked from.
        column: The column that the groups are of; empty if none was asked for.
        figures: How they fare.
    """

    a: str
    b: str
    rows_a: Counts
    rows_b: Counts
    rows_judged: Counts
    judge: str
    principles: int
    column: str
    figures: Figures


class _Said(NamedTuple):
    """What a judge said of a pair, under all or some of its principles; see the module's docstring."""

    prompt: str
    row: str
    p: float
    win: float


def summarise_versus(folder: Path, by: str = "") -> VersusSummary:
    """Read a folder that `versus.run_versus` has filled, as far as it has.

    Args:
        folder: `OUT`.
        by: A column of the prompts, whose values are told apart; empty: none.

    Raises:
        RunError: It is no such folder, or nothing was judged yet.
    """
    setup, judged = load_setup(folder), load_manifest(folder / JUDGED, COMPARE)
    settings = stored_settings(CompareSettings, judged.settings, folder / JUDGED)
    a, b, asked = (
        load_manifest(folder / name, stage).principles or NOTHING
        for name, stage in (("a", REVISE), ("b", REVISE), (JUDGED, COMPARE))
    )
    return VersusSummary(
        a=setup.a,
        b=setup.b,
        rows_a=count(folder / "a"),
        rows_b=count(folder / "b"),
        rows_judged=count(folder / JUDGED, COMPARE),
        judge=judged.model,
        principles=len(asked.principles),
        column=by,
        figures=figures(
            list(comparisons(folder / JUDGED)),
            asked,
            questions(a),
            questions(b),
            Thresholds(settings.tie, settings.order_gap, settings.min_mass),
            {one.id: str(one.metadata.get(by, NO_VALUE)) for one in transcripts(folder / "a")} if by else {},
        ),
    )


def figures(
    made: Sequence[Comparison],
    asked: PrincipleSet,
    of_a: Container[str],
    of_b: Container[str],
    thresholds: Thresholds,
    values: Mapping[str, str],
) -> Figures:
    """How B fares against A.

    Args:
        made: Comparisons; the metadata of each say which response is B's (`b`: first or second) and of which row.
        asked: The judge's principles.
        of_a: What A's file asks, as comparisons' texts.
        of_b: Likewise B's.
        thresholds: Of the comparisons.
        values: Of a column, by row; none if there is no such column.
    """
    whole = [said for one in made if (said := _said(one, one.p, one.status))]

    def under(name: str, wanted: Callable[[Principle], bool]) -> Standing | None:
        said = _under(made, {one.id for one in asked.principles if wanted(one)}, thresholds)
        return _standing(name, said) if said else None

    def asks(side: Container[str]) -> Callable[[Principle], bool]:
        return lambda principle: principle.comparison in side

    ids_a, ids_b = ({one.id for one in asked.principles if asks(side)(one)} for side in (of_a, of_b))
    tags = sorted({tag for one in asked.principles for tag in one.tags or (NO_TAG,)})
    if tags == [NO_TAG]:
        tags = []
    by_tag = [under(tag, lambda one, tag=tag: tag in (one.tags or (NO_TAG,))) for tag in tags]  # type: ignore[misc]
    groups: dict[str, list[_Said]] = {}
    for one in whole if values else ():
        groups.setdefault(values[one.row], []).append(one)
    health = audit(made)
    under_a, under_b = under("A's principles", asks(of_a)), under("B's principles", asks(of_b))
    return Figures(
        statuses=dict(Counter(one.status for one in made).most_common()),
        identical=sum(not one.judged for one in made),
        overall=_standing("", whole),
        under_a=under_a,
        under_b=under_b,
        evenly=_evenly(_under(made, ids_a, thresholds), _under(made, ids_b, thresholds)),
        tags=tuple(standing for standing in by_tag if standing),
        groups=tuple(_standing(value, groups[value]) for value in sorted(groups)),
        first_position=health.first_position,
        order_agreement=health.order_agreement,
        warnings=(*health.warnings, *_warnings(under_a, under_b)),
    )


def _said(one: Comparison, p: float | None, status: Status) -> _Said | None:
    if p is None or status == "invalid":
        return None
    p = p if one.metadata["b"] == "first" else 1 - p
    win = 0.5 if status != "labelled" or p == 0.5 else float(p > 0.5)
    return _Said(digest([message.model_dump() for message in one.prompt]), str(one.metadata["id"]), p, win)


def _under(made: Sequence[Comparison], ids: Container[str], thresholds: Thresholds) -> list[_Said]:
    """What was said under these principles alone."""
    found = []
    for one in made:
        votes = [vote for vote in one.votes if vote.principle in ids]
        soft = label(votes, thresholds)
        if said := _said(one, soft.p, soft.status):
            found.append(said)
    return found


def _standing(name: str, said: Sequence[_Said]) -> Standing:
    wins = Counter(one.win for one in said)
    return Standing(
        name=name,
        b=wins[1.0],
        a=wins[0.0],
        ties=wins[0.5],
        win_rate=share([one.win for one in said], [one.prompt for one in said]),
        soft_label=_mean_of_means([[(one.prompt, one.p) for one in said]], len(said)),
    )


def _evenly(under_a: Sequence[_Said], under_b: Sequence[_Said]) -> Estimate | None:
    """The mean of two win rates, as one statistic: both are of the same prompts."""
    pairs = {one.row for side in (under_a, under_b) for one in side}
    return _mean_of_means([[(one.prompt, one.win) for one in side] for side in (under_a, under_b)], len(pairs))


def _mean_of_means(parts: Sequence[Sequence[tuple[str, float]]], n: int) -> Estimate | None:
    """The mean of the parts' means, prompts resampled; parts are values with their prompts, and of `n` pairs in all."""
    # A row a prompt: for each part its sum of values, and how many they are.
    prompts: dict[str, list[float]] = {}
    for place, part in enumerate(parts):
        for prompt, value in part:
            row = prompts.setdefault(prompt, [0.0] * (2 * len(parts)))
            row[2 * place] += value
            row[2 * place + 1] += 1

    def mean(rows: Floats) -> float:
        sums = rows.sum(axis=0)
        return float((sums[::2] / sums[1::2]).mean()) if sums[1::2].all() else math.nan

    array = np.array(list(prompts.values()), dtype=np.float64).reshape(len(prompts), 2 * len(parts))
    found = bootstrap(mean, array, list(prompts), 0, 1)
    return found.model_copy(update={"n": n}) if found else None


def _warnings(under_a: Standing | None, under_b: Standing | None) -> Iterator[str]:
    rates = [standing.win_rate for standing in (under_a, under_b) if standing and standing.win_rate]
    if len(rates) == 2 and (rates[0].high < 0.5 < rates[1].low or rates[1].high < 0.5 < rates[0].low):
        yield "who wins depends on whose principles the judge is asked under: read both figures, not their mean"
