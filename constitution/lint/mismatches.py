"""Principles whose two requests do not belong together: revision requests that stand in another's place."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from constitution.lint.findings import Found
from constitution.lint.reading import Entry, Passage
from constitution.similarity import MOST_TEXTS, similarities

# A request that was copied over is this much like the other principle's, whose critique it fits better by the margin.
COPIED = 0.75
UNLIKE = 0.35
MARGIN = 0.05
# Without such a copy: so much more like the other principle's texts than its own.
FAR = 0.35
# What two principles gain together if they exchange their revision requests. In sound files 0.05 at most; after an
# exchange, above this for 174 of 190 pairs of harmlessness.yaml.
EXCHANGED = 0.1
# Three texts of each are compared.
MOST_MATCHED = MOST_TEXTS // 3


def mismatches(entries: Sequence[Entry]) -> Iterator[Found]:
    """Revision requests that fit another principle's critique, and not their own.

    Args:
        entries: Principles; the first `MOST_MATCHED` of those with both requests are compared.
    """
    whole = [entry for entry in entries if entry.passage("critique_request") and entry.passage("revision_request")]
    whole = whole[:MOST_MATCHED]
    count = len(whole)
    texts = [
        passage.text if (passage := entry.passage(field)) else ""
        for field in ("critique_request", "revision_request", "comparison")
        for entry in whole
    ]
    alike = similarities(texts)
    revisions = slice(count, 2 * count)
    # How much a revision request (column) is like what a principle (row) says beside it.
    fits = np.maximum(alike[:count, revisions], alike[2 * count :, revisions])
    exchanged = _exchanged(fits)
    for here, there in exchanged:
        one, other = whole[here], whole[there]
        yield Found(
            line=_revision(one).line,
            rule="mismatched-requests",
            why=f"the revision_requests of {one.name} and of {other.name} on line {_revision(other).line} seem to be "
            f"exchanged: they fit each other's critique_request better ({fits[there, here]:.2f} and "
            f"{fits[here, there]:.2f}) than their own ({fits[here, here]:.2f} and {fits[there, there]:.2f})",
            todo="put each under the critique that it answers",
            also=(_revision(other).line,),
            score=round(float(fits[there, here] + fits[here, there]) / 2, 2),
        )
    done = {place for pair in exchanged for place in pair}
    for here, there in _copied(fits, alike[:count, :count], alike[revisions, revisions]):
        if here in done:
            continue
        yield Found(
            line=_revision(whole[here]).line,
            rule="mismatched-requests",
            why=f"the revision_request of {whole[here].name} fits the critique_request of {whole[there].name} on line "
            f"{whole[there].line} ({fits[there, here]:.2f}) better than its own ({fits[here, here]:.2f})",
            todo=f"ask for what the critique of {whole[here].name} is about",
            also=(whole[there].line,),
            score=round(float(fits[there, here]), 2),
        )


def _revision(entry: Entry) -> Passage:
    passage = entry.passage("revision_request")
    assert passage
    return passage


def _exchanged(fits: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs of principles whose revision requests fit better the other way round, each principle in one pair."""
    own = fits.diagonal()
    # Of the request in a column, moved to the principle of a row; and of both moves together.
    moved = fits - own
    gains = np.triu(moved + moved.T, 1)
    found: list[tuple[int, int]] = []
    for place in np.argsort(-gains, axis=None, kind="stable"):
        here, there = divmod(int(place), len(fits))
        if gains[here, there] < EXCHANGED:
            break
        if not any(one in pair for pair in found for one in (here, there)):
            found.append((here, there))
    return sorted(found)


def _copied(
    fits: NDArray[np.float32], critiques_alike: NDArray[np.float32], revisions_alike: NDArray[np.float32]
) -> Iterator[tuple[int, int]]:
    """Principles with the revision request of another one, and that other one."""
    for here in range(len(fits)):
        own, others = fits[here, here], fits[:, here].copy()
        others[here] = -1
        there = int(others.argmax())
        copies = np.flatnonzero(revisions_alike[here] >= COPIED)
        if len(copies) == 2:
            there = int(copies[copies != here][0])
            if critiques_alike[here, there] < UNLIKE and others[there] - own >= MARGIN:
                yield here, there
        # What several share fits whatever is criticised.
        elif len(copies) < 2 and others[there] - own >= FAR:
            yield here, there
