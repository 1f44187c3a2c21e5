"""What belongs to the conversation about a revision, and stands in the revision."""

import re

from constitution.gates.phrases import (
    MARKERS,
    REWRITTEN_OPENING,
    REWRITTEN_TALK,
    REWROTE,
    ROLES_IN_LINE,
    TEMPLATE_TOKENS,
    WEAK_MARKERS,
    WEAK_OPENING,
)
from constitution.gates.seen import Finding, Seen, short
from constitution.gates.tasks import WANTS_DIALOGUE, WORKS_ON_TEXT

# Talk of what was done to the text stands at its beginning or its end.
_EDGE = 300


def preamble(seen: Seen) -> Finding | None:
    """Whether the response talks about its being a revision.

    1: "Sure, here is the revised response:", "Revised answer:", "I have rewritten the response to …", "This revised
    version avoids …"; Chinese likewise. A half: it begins as an assistant hands over something ("Sure! Here is a
    list:"), which may be right; and all of the former where the prompt asks to rewrite something. Else 0.
    """
    text = seen.text.strip()
    edges = text if len(text) <= 2 * _EDGE else f"{text[:_EDGE]}\n{text[-_EDGE:]}"
    found = REWRITTEN_OPENING.match(text) or REWRITTEN_TALK.search(text) or REWROTE.search(edges)
    if found:
        return Finding(0.5 if WORKS_ON_TEXT.search(seen.question) else 1.0, short(found[0]))
    if opening := WEAK_OPENING.match(text):
        return Finding(0.5, short(opening[0]))
    return Finding(0.0)


def markers(seen: Seen) -> Finding | None:
    """Whether the response holds marks of a conversation's form.

    1: a control token of a chat template (`<|im_start|>`, `[INST]`), a role or a heading of the method ("Human:",
    "Critique Request:", "### Response", "人类："), or two different ones that may be right by themselves ("User:",
    "Response:"). A half: one such, or any of the roles where the prompt asks for a dialogue. Marks that stand in the
    prompt do not count.
    """
    if found := _new(TEMPLATE_TOKENS, seen):
        return Finding(1.0, short(found[0]))
    strong = _new(MARKERS, seen) or _new(ROLES_IN_LINE, seen)
    weak = list({one.casefold(): one for one in _new(WEAK_MARKERS, seen)}.values())
    at_start = WEAK_MARKERS.match(seen.text.lstrip())
    told = short(" … ".join([*strong[:2], *weak[:2]]))
    if not strong and not weak:
        return Finding(0.0)
    sure = bool(strong) or len(weak) > 1 or (at_start is not None and at_start[0].strip() in weak)
    return Finding(1.0 if sure and not WANTS_DIALOGUE.search(seen.question) else 0.5, told)


def _new(pattern: re.Pattern[str], seen: Seen) -> list[str]:
    """What a pattern finds in the response, without what stands in the prompt too."""
    found = [one[0].strip() for one in pattern.finditer(seen.text)]
    asked = " ".join(message.content for message in seen.prompt).casefold() if found else ""
    return [one for one in found if one.casefold() not in asked]
