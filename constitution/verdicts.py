"""Read a judge's verdict from what it wrote."""

import re
from collections.abc import Sequence

from constitution.records import Completion, Label

# A sentence of its own that ends the text: "The answer is (A).", "So the answer is: B", "**Answer: (b)**". What is only
# reported ("it claims that the answer is (B)"), quoted, or undecided ("(A) or (B)?") does not fit.
_MARKER = re.compile(
    r"(?:^|(?<=[.!?:;])\s)[\s*_]*"
    r"(?i:(?:so|thus|hence|therefore|overall|finally|in conclusion)?,?\s*(?:the|my)?\s*(?:final\s+)?answer(?:\s+is)?)"
    r"\s*:?[\s*_]*(?:\(\s*([ABab])\s*\)|([AB]))[\s*_]*[.!]?[\s*_]*\Z"
)


def last_verdict(completion: Completion, judged: Sequence[str]) -> Label | None:
    """The label that the answer marker at the very end names; None if there is none to be trusted.

    Judged text must not steer the judge through its own words. So a verdict is only what the judge ends on, in a
    sentence of its own; a chain of thought that was cut has no end; and where the last line stands in a judged text, it
    may be a quotation, and there is no telling. What is doubtful is None: an earlier marker is never taken instead.

    Args:
        completion: The chain of thought.
        judged: The texts that the judge was shown.
    """
    if completion.finish_reason == "length":
        return None
    lines = completion.text.strip().splitlines()
    last = lines[-1].strip() if lines else ""
    marker = _MARKER.search(last)
    if not marker or any(last in text for text in judged):
        return None
    return "A" if (marker[1] or marker[2]).upper() == "A" else "B"
