"""Read a judge's verdict from what it wrote."""

import re
from collections.abc import Sequence

from constitution.records import Completion, Label

# "The answer is (A)", "Answer: B", "**the answer is: (b)**"; not "the answer is a question of taste".
_MARKER = re.compile(r"\b(?i:answer(?:\s+is)?)\s*:?[\s*_]*(?:\(\s*([ABab])\s*\)|([AB])(?=[\s*_]*(?:$|[.,;:!)])))")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")


def last_verdict(completion: Completion, judged: Sequence[str]) -> Label | None:
    """The label that the last answer marker names; None if there is none to be trusted.

    Judged text must not steer the judge through its own words. A marker counts only where the judge's last word
    stands: a later one overrules it, a chain of thought that was cut has no last word, and what stands between
    quotation marks, or in a line that is in one of the responses, is not the judge's own.

    Args:
        completion: The chain of thought.
        judged: The texts that the judge was shown.
    """
    if completion.finish_reason == "length":
        return None
    found: Label | None = None
    for line in completion.text.splitlines():
        if any(line.strip() in text for text in judged):
            continue
        for marker in _MARKER.finditer(_QUOTED.sub("", line)):
            letter = marker[1] or marker[2]
            found = "A" if letter.upper() == "A" else "B"
    return found
