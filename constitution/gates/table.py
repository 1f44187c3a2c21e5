"""Every gate by name.

A response is flagged where its score reaches the threshold: all scores are the higher, the worse. Thresholds were
chosen on texts made for it and on answers of hh-rlhf, the held-out ones of `docs/gates.md` not among them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from constitution.gates.boilerplate import Frequencies, boilerplate
from constitution.gates.copying import critique, echo, unchanged
from constitution.gates.declining import evasion
from constitution.gates.gain import no_gain
from constitution.gates.language import language
from constitution.gates.leaks import markers, preamble
from constitution.gates.loops import repetition
from constitution.gates.seen import Finding, Seen
from constitution.gates.sizes import cut, empty, length


@dataclass(frozen=True)
class Gate:
    """One gate.

    Attributes:
        score: Pure; None where there is nothing to tell: no initial response, nobody judged.
        about: What it flags, in a few words.
        default: Threshold of the set `default`.
        strict: Threshold of the set `strict`.
        least: Thresholds are above this.
        most: And at most this.
    """

    score: Callable[[Seen, Frequencies], Finding | None]
    about: str
    default: float
    strict: float
    least: float = 0.0
    most: float = 1.0


def _alone(score: Callable[[Seen], Finding | None]) -> Callable[[Seen, Frequencies], Finding | None]:
    """A gate that needs to know nothing of other rows."""
    return lambda seen, _: score(seen)


# The first gate that flags a response is the one that an export counts it by: the surest and plainest come first.
GATES: Final[dict[str, Gate]] = {
    "empty": Gate(_alone(empty), "says nothing", 1.0, 0.5),
    "cut": Gate(_alone(cut), "stops at the limit of tokens", 1.0, 0.5),
    "unchanged": Gate(_alone(unchanged), "is the initial response", 0.97, 0.9),
    "markers": Gate(_alone(markers), "holds role markers", 1.0, 0.5),
    "preamble": Gate(_alone(preamble), "talks about being a revision", 1.0, 0.5),
    "critique": Gate(_alone(critique), "criticises a response", 0.3, 0.2),
    "echo": Gate(_alone(echo), "repeats the prompt", 0.8, 0.5),
    "repetition": Gate(_alone(repetition), "repeats itself", 0.3, 0.15),
    "language": Gate(_alone(language), "is in another language or script", 0.2, 0.1),
    "length": Gate(_alone(length), "is far longer or shorter", 5.0, 3.0, least=1.0, most=1000.0),
    "boilerplate": Gate(boilerplate, "says what many rows say", 0.5, 0.3),
    "evasion": Gate(_alone(evasion), "declines a harmless prompt", 0.75, 0.5),
    "no_gain": Gate(_alone(no_gain), "is no better under the judge", 0.5, 0.4),
}
