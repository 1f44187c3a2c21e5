"""What a response took over as it was: from the initial response, from a critique, from the prompt."""

import re

from constitution.gates.phrases import CRITICISES, EARLIER
from constitution.gates.seen import Finding, Seen, covered, ngrams, plain, short, unit
from constitution.gates.tasks import WORKS_ON_TEXT
from constitution.report.change import changed_share

_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|「[^」\n]*」|『[^』\n]*』|‘[^’\n]*’")
# Words in a row that two texts share by more than chance; of Chinese twice as many characters.
_COPIED = 5
_ASKED = 4
# So many words of a critique in one go count as much as a whole revision made of it.
_WHOLE_RUN = 40
# Of shorter prompts and responses, to have words in common says nothing.
_LEAST_ASKED = 5
_LEAST_ECHO = 8


def unchanged(seen: Seen) -> Finding | None:
    """The share of words that the response has in common with the initial one, in order; 1 if they are the same.

    Signs and capitals are no change. The initial response decides and not the revision before it: what is trained on
    has to be better than what the model said by itself.
    """
    if seen.initial is None:
        return None
    share = 1 - changed_share(seen.before, seen.plain)
    return Finding(share, f"{share:.0%} of the words are the initial response's")


def critique(seen: Seen) -> Finding | None:
    """How much of the response is criticism of a response.

    1 if it speaks of a response as its subject ("The assistant's last response is harmful because …"), or of an earlier
    one where the conversation has none; a half where it has. Else the share of its words that stand in runs of 5 copied
    from a critique, or the longest such run divided by 40 words, whichever is more. What a critique quotes, and what
    stands in the prompt or the initial response too, is no copy.
    """
    if found := CRITICISES.search(seen.text):
        return Finding(1.0, short(found[0]))
    copied = _copied(seen)
    if found := EARLIER.search(seen.text):
        told = Finding(1.0 if seen.single_turn else 0.5, short(found[0]))
        return max(told, copied)
    return copied


def _copied(seen: Seen) -> Finding:
    size = unit(seen.plain, _COPIED)
    grams = ngrams(seen.plain, size)
    said = {gram for text in seen.critiques for gram in ngrams(plain(_QUOTED.sub(" . ", text)), size)}
    if not grams or not said:
        return Finding(0.0)
    said -= set(ngrams(seen.before, size))
    said -= set(ngrams(seen.asked, size))
    places = [gram in said for gram in grams]
    longest, start = _longest_run(places)
    if not longest:
        return Finding(0.0)
    run = longest + size - 1
    share = covered(places, size) / len(seen.plain)
    passage = _joined(seen.plain[start : start + run])
    return Finding(max(share, min(1.0, run / unit(seen.plain, _WHOLE_RUN))), short(f"copied: {passage}"))


def echo(seen: Seen) -> Finding | None:
    """How much the response repeats of the prompt.

    The share of the last turn's runs of 4 words that stand in it, or
    the share of its own words that stand in such runs of any turn, whichever is more.

    Nothing is told of prompts that give a text to work on ("Rewrite this …"), nor of those of less than 5 words.
    """
    if WORKS_ON_TEXT.search(seen.question):
        return None
    size = unit(seen.asked, _ASKED)
    mine = ngrams(seen.plain, size)
    shares = [0.0]
    if len(seen.asked) >= unit(seen.asked, _LEAST_ASKED):
        asked, given = set(ngrams(seen.asked, size)), set(mine)
        shares.append(len(asked & given) / len(asked))
    if len(seen.plain) >= unit(seen.plain, _LEAST_ECHO):
        turns = {gram for message in seen.prompt for gram in ngrams(plain(message.content), size)}
        shares.append(covered([gram in turns for gram in mine], size) / len(seen.plain))
    share = max(shares)
    return Finding(share, short(f"the prompt: {seen.question}") if share else "")


def _longest_run(places: list[bool]) -> tuple[int, int]:
    """The length and the beginning of the longest run of hits."""
    best, begin, length = 0, 0, 0
    for place, hit in enumerate(places):
        length = length + 1 if hit else 0
        if length > best:
            best, begin = length, place - length + 1
    return best, begin


def _joined(said: list[str]) -> str:
    return ("" if unit(said, 1) == 2 else " ").join(said)
