"""Read a judge's verdict from what it wrote."""

import re
import unicodedata
from collections.abc import Sequence

from constitution.records import Completion, Label

_LABEL = r"(?:[(【]\s*([ABab])\s*[)】]|([AB]))"
# A sentence of its own that ends the text: "The answer is (A).", "So the answer is: B", "**Answer: (b)**". What is only
# reported ("it claims that the answer is (B)"), quoted, or undecided ("(A) or (B)?") does not fit.
_ENGLISH = re.compile(
    r"(?:^|(?<=[.!?:;])\s)[\s*_]*"
    r"(?i:(?:so|thus|hence|therefore|overall|finally|in conclusion)?,?\s*(?:the|my)?\s*(?:final\s+)?answer(?:\s+is)?)"
    rf"\s*:?[\s*_]*{_LABEL}[\s*_]*[.!]?[\s*_]*\Z"
)
# The same in Chinese, whose sentences stand without spaces: "答案是（A）。", "因此，我的答案是：B", "**答案：（b）**".
# Here a colon begins no sentence of the judge's own: what follows "回复（B）说：" is reported.
_CHINESE = re.compile(
    r"(?:^|(?<=[。.!?;]))[\s*_]*"
    r"(?:(?:综上所述|综上|綜上所述|綜上|总之|總之|总的来说|所以|因此|因而|故|最后|最後),?\s*)?(?:我的|最终的?|最終的?|正确)*"
    rf"答案\s*(?:是|为|為)?\s*:?[\s*_]*{_LABEL}[\s*_]*[。.!]?[\s*_]*\Z"
)


def last_verdict(completion: Completion, judged: Sequence[str]) -> Label | None:
    """The label that the answer marker at the very end names; None if there is none to be trusted.

    Judged text must not steer the judge through its own words. So a verdict is only what the judge ends on, in a
    sentence of its own; a chain of thought that was cut has no end; and where the last line stands in a judged text, it
    may be a quotation, and there is no telling. What is doubtful is None: an earlier marker is never taken instead.

    Markers are read in English and Chinese, whatever the width of their letters and brackets.

    Args:
        completion: The chain of thought.
        judged: The texts that the judge was shown.
    """
    if completion.finish_reason == "length":
        return None
    lines = completion.text.strip().splitlines()
    last = _one_width(lines[-1].strip()) if lines else ""
    marker = _ENGLISH.search(last) or _CHINESE.search(last)
    if not marker or any(last in _one_width(text) for text in judged):
        return None
    return "A" if (marker[1] or marker[2]).upper() == "A" else "B"


def _one_width(text: str) -> str:
    """The text with full-width letters, brackets and signs as the narrow ones that they are variants of."""
    return unicodedata.normalize("NFKC", text)
