"""Agreement of a run's reviewers with its AI labels and with each other, from its folder."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from constitution.digests import digest
from constitution.intervals import Estimate, Floats, bootstrap, share
from constitution.journal import has_records, parse, read_line, read_lines
from constitution.manifest import COMPARE, REVISE
from constitution.records import Comparison, Record, Transcript
from constitution.report.agreement import AI, MAJORITY, ONE_PROMPT, ONE_SIDED, Agreed, Agreement, Reviewer
from constitution.reviewed import LastWords
from constitution.reviews import FILE, Review, reviews
from constitution.rulings import DIVIDED, rule_comparison
from constitution.votes import side

# Categories of the kappa. The AI says of no two responses that both are bad: with it, that is `NEITHER` too.
FIRST, SECOND, NEITHER, BAD = 0, 1, 2, 3
SIDES = {"first": FIRST, "second": SECOND, "tie": NEITHER, "both bad": BAD}


class Judged(Record):
    """A reviewed comparison, its texts left out.

    Attributes:
        prompt: What it is about: comparisons of one prompt are one cluster.
        ai: The AI's category; None if its label is invalid or contradicts itself.
        said: What each reviewer last said, skips too.
        blind: What each of them last said before they were told the AI's label: only that can agree with it.
    """

    prompt: str
    ai: int | None
    said: tuple[Review, ...]
    blind: tuple[Review, ...]


def agree(run: Path) -> Agreement | None:
    """What people said of a run, and how far they agree; None if nobody said anything.

    Only the reviewed rows are read in whole, and only their labels are kept.

    Raises:
        RunError: A journal is damaged.
    """
    if not has_records(run / FILE):
        return None
    given = list(reviews(run))
    words, blind = LastWords(given), LastWords(one for one in given if not one.told)
    positions = words.positions
    judged = [
        Judged(
            prompt=digest([message.model_dump() for message in one.prompt]),
            ai=_ai(one),
            said=words.of_comparison(one),
            blind=blind.of_comparison(one),
        )
        for one in _comparisons(run, positions)
    ]
    revised = [
        review
        for transcript in _transcripts(run, positions)
        for number in range(1, len(transcript.responses))
        for review in words.of_revision(transcript, number)
        if review.verdict != "skip"
    ]
    standing = sum(one.verdict != "skip" for one in words.all())
    return agreement([one for one in judged if one.said], revised, standing)


def agreement(judged: Sequence[Judged], revised: Sequence[Review], standing: int) -> Agreement:
    """How far people agree.

    Args:
        judged: The reviewed comparisons.
        revised: What people last said of revisions, skips left out.
        standing: How many last words there are, skips left out, those on texts that are not there any more included.
    """
    names = sorted({review.reviewer for one in judged for review in one.said} | {one.reviewer for one in revised})
    sides = _sides(names, [one.said for one in judged])
    blind = _sides(names, [one.blind for one in judged])
    read = {place: one.ai for place, one in enumerate(judged) if one.ai is not None}
    prompts = [one.prompt for one in judged]
    between = [
        _agreed(one, other, sides[one], sides[other], prompts)
        for one, other in combinations(names, 2)
        if sides[one].keys() & sides[other].keys()
    ]
    with_ai = [_agreed(name, AI, _three(blind[name]), read, prompts) for name in names if blind[name]]
    answered = {place for found in sides.values() for place in found}
    decided = {place: side for place, one in enumerate(judged) if (side := _majority(one)) is not None}
    return Agreement(
        reviewers=tuple(_reviewer(name, judged, revised) for name in names),
        majority=_agreed(MAJORITY, AI, decided, read, prompts) if len(with_ai) > 1 else None,
        with_ai=tuple(with_ai),
        between=tuple(between),
        unread=len(answered - read.keys()),
        outdated=standing - sum(map(len, sides.values())) - len(revised),
    )


def _comparisons(run: Path, positions: frozenset[int]) -> Iterator[Comparison]:
    path = run / COMPARE.outcomes
    return (parse(path, line, Comparison) for line in read_lines(path) if line.position in positions)


def _transcripts(run: Path, positions: frozenset[int]) -> Iterator[Transcript]:
    path = run / REVISE.outcomes
    places = {line.position: line.offset for line in read_lines(path) if line.position in positions}
    return (read_line(path, offset, Transcript) for offset in places.values())


def _ai(one: Comparison) -> int | None:
    if one.status in ("invalid", "inconsistent"):
        return None
    preferred = 0.5 if one.status == "tie" else side(one.p)
    return NEITHER if preferred == 0.5 else FIRST if preferred else SECOND


def _sides(names: Iterable[str], said: Iterable[Iterable[Review]]) -> dict[str, dict[int, int]]:
    """Categories by reviewer and by place among the comparisons, skips left out."""
    sides: dict[str, dict[int, int]] = {name: {} for name in names}
    for place, reviews_of_one in enumerate(said):
        for review in reviews_of_one:
            if review.verdict in SIDES:
                sides[review.reviewer][place] = SIDES[review.verdict]
    return sides


def _three(sides: dict[int, int]) -> dict[int, int]:
    """Categories that the AI has too."""
    return {place: min(category, NEITHER) for place, category in sides.items()}


def _majority(one: Judged) -> int | None:
    """The category of what people decided together, each blind; None where they are divided, or nobody answered."""
    ruling = rule_comparison(one.blind)
    if ruling is None or ruling.why_not == DIVIDED:
        return None
    return NEITHER if ruling.why_not else FIRST if ruling.first else SECOND


def _reviewer(name: str, judged: Sequence[Judged], revised: Iterable[Review]) -> Reviewer:
    compared = [(review, one.prompt) for one in judged for review in one.said if review.reviewer == name]
    own = [one for one in revised if one.reviewer == name]
    answered = [*(review for review, _ in compared if review.verdict != "skip"), *own]
    seconds = [review.seconds for review in answered if review.seconds is not None]
    shown = [(review, prompt) for review, prompt in compared if review.as_a and review.verdict in ("first", "second")]
    verdicts = Counter(review.verdict for review, _ in compared)
    return Reviewer(
        name=name,
        compared=len(answered) - len(own),
        verdicts=dict(verdicts),
        revisions=dict(Counter(one.verdict for one in own)),
        seconds=statistics.median(seconds) if seconds else None,
        notes=sum(bool(review.note.strip()) for review in (*(review for review, _ in compared), *own)),
        as_a=share([float(review.verdict == review.as_a) for review, _ in shown], [prompt for _, prompt in shown]),
    )


def _agreed(one: str, other: str, ones: dict[int, int], others: dict[int, int], prompts: Sequence[str]) -> Agreed:
    places = sorted(ones.keys() & others.keys())
    both = np.array([(ones[place], others[place]) for place in places], dtype=np.float64).reshape(len(places), 2)
    clusters = [prompts[place] for place in places]
    sided = [place for place in places if max(ones[place], others[place]) < NEITHER]
    rate = share([float(ones[place] == others[place]) for place in places], clusters)
    # Of who never varies, kappa is 0 whatever the other says, in each resample too: that tells nothing.
    one_sided = any(len(set(column.tolist())) < 2 for column in both.T)
    why_not = ONE_SIDED if one_sided else ONE_PROMPT if len(set(clusters)) < 2 else ""
    return Agreed(
        one=one,
        other=other,
        rate=rate,
        kappa=None if why_not else _kappa_interval(both, clusters, rate),
        no_kappa=why_not if places else "",
        decided=share([float(ones[place] == others[place]) for place in sided], [prompts[place] for place in sided]),
    )


def _kappa_interval(both: Floats, clusters: Sequence[str], rate: Estimate | None) -> Estimate | None:
    found = bootstrap(kappa, both, clusters, -1, 1)
    if found is None or rate is None or found.value < 1:
        return found
    # Where two never disagree, no resample does either: as far as the rate's interval goes, chance as it was found.
    chance = _chance(both)
    return found.model_copy(update={"low": min(found.low, (rate.low - chance) / (1 - chance))})


def kappa(both: Floats) -> float:
    """Cohen's kappa (1960): (agreement − chance) / (1 − chance); NaN where both always say one and the same.

    Args:
        both: Categories that two gave to the same things, [n, 2].
    """
    chance = _chance(both)
    return float(((both[:, 0] == both[:, 1]).mean() - chance) / (1 - chance)) if chance < 1 else math.nan


def _chance(both: Floats) -> float:
    """How often the two would agree if what one says told nothing of what the other says."""
    ones, others = (np.bincount(both[:, column].astype(np.int64), minlength=4) for column in (0, 1))
    return float((ones * others).sum()) / len(both) ** 2
