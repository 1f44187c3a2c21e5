"""What each principle of a run did, from its stored records: how often drawn, what it changed, how it judged."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from constitution.errors import RunError, command
from constitution.intervals import Estimate
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest
from constitution.principles import PrincipleSet
from constitution.records import Comparison, Record, Transcript
from constitution.report.change import Change, changes, found_nothing
from constitution.report.observed import Observed, cluster_of
from constitution.store import comparisons, transcripts
from constitution.votes import mean_probability, side

# A principle that changes less of a text than this, or nothing in more than half of its rounds, hardly does anything.
LITTLE = 0.05
# Fewer observations tell nothing to warn of.
FEWEST = 20
# Draws to be expected before it is strange that there is none: by chance that happens to one principle in twenty.
DUE = 3.0


class PrincipleCoverage(Record):
    """What one principle did. Intervals are 95%, rows of one prompt counted as one cluster; None: nothing tells it.

    Attributes:
        id: The principle's.
        drawn: Rounds of revision under it.
        share: Of all rounds.
        expected: The share that its weight stands for; without replacement, shares are nearer to one another.
        change: How much of the text its revisions changed: see `change.changed_share`.
        unchanged: Share of its rounds whose revision has the words of the text before it.
        nothing_found: Share of its critiques that say so, by a list of phrases: see `change.found_nothing`.
        judged: Comparisons in which its votes can be read in both orders.
        later_wins: Of two responses of one chain, the mean probability by its own votes, averaged over both orders as
            logits, that the later one is better.
        winner_wins: Of other pairs, the mean probability that the response is better which the other principles'
            votes together prefer; 0.5 if it knows nothing of what they prefer. Their draws are left out.
        agreement: Share of comparisons in which it takes the side of the other principles' mean; chance is 0.5.
    """

    id: str
    drawn: int
    share: float | None
    expected: float | None
    change: Estimate | None
    unchanged: Estimate | None
    nothing_found: Estimate | None
    judged: int
    later_wins: Estimate | None
    winner_wins: Estimate | None
    agreement: Estimate | None


class Coverage(Record):
    """What the principles of a run did.

    Attributes:
        rows: Finished rows.
        rounds: Rounds of revision in them.
        comparisons: Judged pairs of responses, those without a vote left out.
        principles: Those of the run's files, in their order, and any others that records name.
        warnings: What is worth a look, in plain words.
    """

    rows: int
    rounds: int
    comparisons: int
    principles: tuple[PrincipleCoverage, ...]
    warnings: tuple[str, ...]


class _Seen:
    """What was seen of one principle."""

    def __init__(self) -> None:
        self.change, self.unchanged, self.nothing = Observed(), Observed(), Observed()
        self.judged = 0
        self.later, self.winner, self.agrees = Observed(), Observed(), Observed()


def coverage(run: Path) -> Coverage:
    """Read a run's folder.

    Raises:
        RunError: It is not a run, or no row of it is finished.
    """
    compared = load_manifest(run, COMPARE) if has_stage(run, COMPARE) else None
    # A run made of a file of pairs has comparisons only.
    revised = load_manifest(run, REVISE) if has_stage(run, REVISE) or compared is None else None
    found = cover(
        transcripts(run) if revised else (),
        comparisons(run) if compared else (),
        revised.principles if revised else None,
        compared.principles if compared else None,
    )
    if not found.rows and not found.comparisons:
        raise RunError(f"{run}: no row is finished yet", f"See where the run is with: {command('status', run)}")
    return found


class Covering:
    """Collects what principles did; rows are looked at one after the other, and not kept.

    Args:
        revising: What the rounds' principles were drawn from; None if unknown.
        judging: Likewise the judge's.
    """

    def __init__(self, revising: PrincipleSet | None = None, judging: PrincipleSet | None = None) -> None:
        self._revising, self._judging = revising, judging
        known = [one for held in (revising, judging) if held for one in held.principles]
        self._seen = {one.id: _Seen() for one in known}
        self._rows = self._rounds = self._comparisons = 0

    def see(self, row: Transcript, changed: Sequence[Change]) -> None:
        """Take note of a finished row, and of what each of its rounds changed."""
        self._rows += 1
        self._rounds += len(row.rounds)
        prompt = cluster_of(row.prompt)
        for round, change in zip(row.rounds, changed, strict=True):
            of = self._seen.setdefault(round.principle, _Seen())
            of.change.add(change.share, prompt)
            of.unchanged.add(change.unchanged, prompt)
            if round.critique is not None:
                of.nothing.add(found_nothing(round.critique.text), prompt)

    def see_pair(self, pair: Comparison) -> None:
        """Take note of a comparison."""
        self._comparisons += bool(pair.votes)
        _observe_votes(pair, self._seen)

    def told(self) -> Coverage:
        """The coverage of what was seen."""
        rounds = self._rounds
        weights = {one.id: one.weight for one in self._revising.principles} if self._revising else {}
        total = sum(weights.values())
        told = tuple(
            PrincipleCoverage(
                id=id,
                drawn=len(one.change),
                share=len(one.change) / rounds if rounds else None,
                expected=weights[id] / total if id in weights else None,
                change=one.change.mean(0, 1),
                unchanged=one.unchanged.share(),
                nothing_found=one.nothing.share(),
                judged=one.judged,
                later_wins=one.later.mean(0, 1),
                winner_wins=one.winner.mean(0, 1),
                agreement=one.agrees.share(),
            )
            for id, one in self._seen.items()
        )
        return Coverage(
            rows=self._rows,
            rounds=rounds,
            comparisons=self._comparisons,
            principles=told,
            warnings=(*_same_ids(self._revising, self._judging), *_warnings(told, rounds)),
        )


def cover(
    rows: Iterable[Transcript],
    pairs: Iterable[Comparison],
    revising: PrincipleSet | None = None,
    judging: PrincipleSet | None = None,
) -> Coverage:
    """Examine what principles did: finished rows and their comparisons, as `Covering` sees them."""
    covering = Covering(revising, judging)
    for row in rows:
        covering.see(row, changes(row))
    for pair in pairs:
        covering.see_pair(pair)
    return covering.told()


def _observe_votes(pair: Comparison, seen: dict[str, _Seen]) -> None:
    said: dict[str, list[float]] = {}
    for vote in pair.votes:
        if vote.p_first is not None:
            said.setdefault(vote.principle, []).append(vote.p_first)
    # One order alone tells of positions too.
    chances = {id: mean_probability(both) for id, both in said.items() if len(both) == 2}
    prompt, first_is_later = cluster_of(pair.prompt), _first_is_later(pair)
    for id, p in chances.items():
        of = seen.setdefault(id, _Seen())
        of.judged += 1
        if first_is_later is not None:
            of.later.add(p if first_is_later else 1 - p, prompt)
        others = [chance for other, chance in chances.items() if other != id]
        if not others:
            continue
        # Not by its own vote: whoever helps to choose the winner agrees with the choice.
        preferred = side(mean_probability(others))
        of.agrees.add(1 - abs(side(p) - preferred), prompt)
        if first_is_later is None and preferred != 0.5:
            of.winner.add(p if preferred else 1 - p, prompt)


def _first_is_later(pair: Comparison) -> bool | None:
    """Whether the first response comes later in its chain; None of responses that are not of one chain."""
    places = [place(candidate.source) for candidate in (pair.first, pair.second)]
    return None if -1 in places or places[0] == places[1] else places[0] > places[1]


def place(source: str) -> int:
    """Of the initial response 0, of a revision its round, of any other response -1."""
    name, _, number = source.partition("-")
    if source == "response":
        return 0
    return int(number) if name == "revision" and number.isdecimal() else -1


def _same_ids(revising: PrincipleSet | None, judging: PrincipleSet | None) -> Iterator[str]:
    if revising and judging:
        texts = {one.id: one for one in revising.principles}
        changed = [one.id for one in judging.principles if texts.get(one.id, one) != one]
        if changed:
            yield f"the two stages mean different texts by the same id: {', '.join(changed)}"


def _warnings(told: Iterable[PrincipleCoverage], rounds: int) -> Iterator[str]:
    for one in told:
        due = (one.expected or 0) * rounds
        if not one.drawn and due >= DUE:
            yield f"{one.id}: never drawn, where {due:.0f} draws were to be expected"
        if one.drawn >= FEWEST and one.change and one.unchanged and one.nothing_found is not None:
            if one.change.high < LITTLE or one.unchanged.low > 0.5:
                yield f"{one.id}: hardly changes anything: word its revision_request more concretely, or leave it out"
            if one.nothing_found.low > 0.5:
                yield f"{one.id}: its critiques mostly find nothing: these prompts may give it nothing to find"
        if one.later_wins and one.later_wins.n >= FEWEST and one.later_wins.high < 0.5:
            yield f"{one.id}: by its own votes, revising makes responses worse"
        if one.agreement and one.agreement.n >= FEWEST and one.agreement.high < 0.5:
            yield f"{one.id}: mostly takes the side against the other principles"
