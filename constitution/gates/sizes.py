"""Responses that say nothing, that stop in mid-sentence, and that are of quite another length than before."""

import re

from constitution.gates.seen import Finding, Seen

# Where a text stands for one that was to be put in its place.
_PLACEHOLDER = re.compile(
    r"\s*(?:\[[^\[\]\n]{0,80}\]|<[^<>\n]{0,80}>|\{[^{}\n]{0,80}\}|【[^【】\n]{0,80}】|N/?A|None|null|TODO|TBD)[\s.。]*",
    re.IGNORECASE,
)
_ENDS = tuple(".!?…:;)]}>\"'*`”’」』。！？；：）】》~")
# Fewer words than this may be an answer, and may be none.
_FEW = 3
# Words that are added to both lengths: a short text may well become a somewhat longer one.
_SLACK = 20


def empty(seen: Seen) -> Finding | None:
    """1 without a letter or digit, or if there is but a placeholder (`[insert response]`); a half of 1 or 2 words."""
    if not seen.plain or _PLACEHOLDER.fullmatch(seen.text):
        return Finding(1.0, seen.text.strip() or "no text")
    return Finding(0.5 if len(seen.plain) < _FEW else 0.0, seen.text.strip() if len(seen.plain) < _FEW else "")


def cut(seen: Seen) -> Finding | None:
    """1 if the response ended at the limit of tokens; a half if nobody knows, and no sign ends it."""
    if seen.finish_reason == "length":
        return Finding(1.0, f"… {seen.text.rstrip()[-60:]}")
    unended = seen.finish_reason is None and not seen.text.rstrip().endswith(_ENDS)
    return Finding(0.5, f"… {seen.text.rstrip()[-60:]}") if unended else Finding(0.0)


def length(seen: Seen) -> Finding | None:
    """How many times as long as the initial response it is, or as short: 1 is the same. 20 words are added to both."""
    if seen.initial is None:
        return None
    after, before = len(seen.plain), len(seen.before)
    longer, shorter = (after + _SLACK, before + _SLACK)
    ratio = max(longer / shorter, shorter / longer)
    return Finding(ratio, f"{after} words, the initial response {before}")
