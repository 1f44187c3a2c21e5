"""What a judge is asked who compares two constitutions: the principles of both, with equal weight.

A judge that is asked under one side's principles favours that side. So it is asked under those of both, and:

- what both ask (the same comparison, under whatever id) is asked once and belongs to both;
- what they ask differently under the same id is asked in both wordings, under ids of their own;
- the weights of each file are scaled to the same sum, so that a file of sixteen principles is not drawn from eight
  times as often as one of two. Draws for a pair are without replacement, which makes that approximate.

Nothing here depends on which of the two comes first, so that exchanging them asks the judge the same questions.
"""

from collections import Counter

from constitution.digests import digest
from constitution.errors import PrinciplesError
from constitution.principles import Principle, PrincipleSet


def joined(a: PrincipleSet, b: PrincipleSet, name_a: str, name_b: str) -> PrincipleSet:
    """The principles of both that have a comparison.

    Args:
        a: One file.
        b: The other.
        name_a: What errors call it.
        name_b: Likewise.

    Raises:
        PrinciplesError: One of them has no comparison at all.
    """
    shares: dict[str, float] = {}
    entries: dict[str, Principle] = {}
    for principles, name in ((a, name_a), (b, name_b)):
        asking = [principle for principle in principles.principles if principle.comparison is not None]
        if not asking:
            raise PrinciplesError(
                f"{name}: none of its principles has a `comparison`, so a judge would be asked under the other file's "
                "only, and favour it",
                "Add a `comparison` to some of them, or say what the judge is asked: --judge-principles FILE",
            )
        total = sum(principle.weight for principle in asking)
        for principle in asking:
            question = principle.comparison or ""
            known = entries.get(question)
            shares[question] = shares.get(question, 0.0) + principle.weight / total
            # One question under two ids: either may stand for it, but the same one whichever file comes first.
            entries[question] = _merged(known, principle) if known else principle
    uses = Counter(principle.id for principle in entries.values())
    return PrincipleSet(
        name=f"{a.name} and {b.name}",
        version="1",
        description="What the judge is asked who compares the two.",
        principles=tuple(
            principle.model_copy(
                update={
                    "id": principle.id if uses[principle.id] == 1 else f"{principle.id}.{digest(question)[:6]}",
                    "weight": shares[question],
                }
            )
            for question, principle in entries.items()
        ),
    )


def _merged(one: Principle, other: Principle) -> Principle:
    first = min(one, other, key=lambda principle: (principle.id, digest(principle.model_dump())))
    return first.model_copy(update={"tags": tuple(sorted({*one.tags, *other.tags}))})


def questions(principles: PrincipleSet) -> frozenset[str]:
    """The comparisons of a file, by which a judge's principle is known as one of its own."""
    return frozenset(principle.comparison for principle in principles.principles if principle.comparison is not None)
