"""From what a server tells of an answer's first token, or from sampled answers, to log-probabilities of options."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# What may stand before a letter in an answer: "(A)", "**A**".
BEFORE = " \t\r\n(*\"'["
# Beyond what the listed tokens leave, an option cannot be; rounding may leave nothing.
LEAST_REST = 1e-6


@dataclass(frozen=True, slots=True)
class Listed:
    """One of the most probable first tokens of an answer.

    Attributes:
        token: Its text.
        logprob: In nats.
    """

    token: str
    logprob: float


def from_listed(listed: Sequence[Listed], options: Sequence[str]) -> tuple[float | None, ...]:
    """Log-probability, in nats, that an answer begins with each option.

    An option's probability is the sum over the listed tokens that begin it: those equal to it, but for white space
    around them, and those that begin it and no other option (of an option of several tokens only the first is seen). An
    option without such a token gets the most that it can have: no more than the least probable listed token, nor than
    all listed ones leave.

    Returns:
        None for all where none is listed: nothing tells them apart.
    """
    wanted = [option.strip() for option in options]
    sums = [0.0] * len(options)
    for one in listed:
        text = one.token.strip()
        begun = [number for number, option in enumerate(wanted) if text and option.startswith(text)]
        equal = [number for number in begun if wanted[number] == text]
        for number in equal or (begun if len(begun) == 1 else []):
            sums[number] += math.exp(one.logprob)
    if not any(sums):
        return (None,) * len(options)
    rest = max(1.0 - math.fsum(math.exp(one.logprob) for one in listed), LEAST_REST)
    bound = min(math.log(rest), min(one.logprob for one in listed))
    return tuple(math.log(total) if total else bound for total in sums)


def from_votes(answers: Sequence[str], options: Sequence[str]) -> tuple[float | None, ...]:
    """Logarithms of the options' shares among sampled answers, half an answer added to each (Jeffreys' prior).

    An answer counts for the longest option that it begins with, after white space, quotes or an opening parenthesis; a
    longer word is not that option ("As" is not "A").

    Returns:
        None for all where no answer counts.
    """
    counts = [0] * len(options)
    for answer in answers:
        text = answer.lstrip(BEFORE)
        begun = [number for number, option in enumerate(options) if _begins(text, option.lstrip(BEFORE).rstrip())]
        if begun:
            counts[max(begun, key=lambda number: len(options[number]))] += 1
    if not any(counts):
        return (None,) * len(options)
    total = len(answers) + 0.5 * len(options)
    return tuple(math.log((number + 0.5) / total) for number in counts)


def _begins(text: str, option: str) -> bool:
    after = text[len(option) : len(option) + 1]
    return text.startswith(option) and not (after.isalnum() and option[-1:].isalnum())
