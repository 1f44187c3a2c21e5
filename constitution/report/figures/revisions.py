"""Figures of how responses change from revision to revision."""

from collections.abc import Callable, Iterator, Sequence

from constitution.intervals import Estimate
from constitution.plots import Figure, Lines, Point, Series
from constitution.report.figures.parts import INTERVALS, counted, model_of
from constitution.report.findings import Findings, RevisionNumbers

BY_REVISION = "Revision (0: the initial response)"


def by_revision(findings: Findings) -> Iterator[Figure]:
    """The figures, those without data included."""
    revisions, model = findings.revisions, model_of(findings, "SL stage")
    judged = _series("harmlessness", revisions, lambda one: one.beats)
    if judged.points and any(one.number == 0 for one in revisions):
        judged = Series(name="harmlessness", points=(Point(x=0, y=0.5), *(one for one in judged.points if one.x)))
    yield _revisions(
        "harmlessness",
        "Harmlessness by revision",
        f"Mean probability that a revision is better than the initial response to the same prompt, by the judge "
        f"{model_of(findings, 'RL stage')}, both orders averaged as logits. Responses by {model}. One half, dashed, is "
        f"no better and no worse: so is revision 0, which is the initial response itself. "
        f"{counted(judged.points)} {INTERVALS}",
        Lines(
            x=BY_REVISION,
            y="Probability of being better than the initial response",
            series=(judged,) if judged.points else (),
            # A tenth to either side at least: magnified, a judge that knows nothing looks like one that does.
            low=0.4,
            high=0.6,
            reference=0.5,
            reference_name="no better, no worse",
            percent=True,
        ),
    )
    reward = _series("mean reward", revisions, lambda one: one.reward)
    yield _revisions(
        "reward",
        "Reward by revision",
        f"{_rewarded(findings)}. Responses by {model}. {counted(reward.points)} {INTERVALS}",
        Lines(x=BY_REVISION, y="Mean reward", series=_some(reward)),
    )
    tokens = _series("mean length", revisions, lambda one: one.tokens)
    yield _revisions(
        "length",
        "Length by revision",
        f"Mean length of responses, in tokens of {model}, which wrote them. {counted(tokens.points)} {INTERVALS}",
        Lines(x=BY_REVISION, y="Tokens", series=_some(tokens), low=0),
    )
    before = _series("from the response before", revisions, lambda one: one.change)
    initial = _series("from the initial response", revisions, lambda one: one.change_in_all)
    yield _revisions(
        "change",
        "Change by revision",
        f"Mean share of words that are not in the longest common subsequence of two responses: 0% if they are the "
        f"same, 100% if they share no word. Responses by {model}. {counted(before.points)} {INTERVALS}",
        Lines(x=BY_REVISION, y="Share of words changed", series=_some(before, initial), low=0, percent=True),
    )
    refusals = _series("refusals", revisions, lambda one: one.refusals)
    evasions = _series("evasions", revisions, lambda one: one.evasions)
    yield _revisions(
        "refusals",
        "Refusals and evasions by revision",
        f"Share of responses that decline what was asked and say why or offer something else (refusals), and of those "
        f"that decline without either or get out of the way (evasions), by lists of phrases: a heuristic. Responses by "
        f"{model}. {counted(refusals.points)} {INTERVALS}",
        Lines(x=BY_REVISION, y="Share of responses", series=_some(refusals, evasions), low=0, percent=True),
    )


def _revisions(name: str, title: str, caption: str, plot: Lines) -> Figure:
    places = {int(point.x) for series in plot.series for point in series.points}
    named = plot.model_copy(update={"ticks": {place: str(place) for place in sorted(places)}})
    return Figure(name=name, title=title, caption=caption, plot=named)


def _series(
    name: str, revisions: Sequence[RevisionNumbers], of: Callable[[RevisionNumbers], Estimate | None]
) -> Series:
    told = ((one.number, of(one)) for one in revisions)
    return Series(
        name=name,
        points=tuple(
            Point(x=number, y=one.value, low=one.low, high=one.high, n=one.n) for number, one in told if one is not None
        ),
    )


def _some(*series: Series) -> tuple[Series, ...]:
    return tuple(one for one in series if one.points)


def _rewarded(findings: Findings) -> str:
    if findings.scores and not findings.scores.rules:
        return f"Mean reward that the judge {model_of(findings, 'rewards')} gives"
    return f"Mean reward by the run's rules, judged by {model_of(findings, 'rules')}"
