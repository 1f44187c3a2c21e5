"""Principles that are too much alike, or that contradict each other."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from constitution.lint.findings import Found
from constitution.lint.mismatches import MOST_MATCHED, mismatches
from constitution.lint.reading import Document, Entry, Passage
from constitution.similarity import MOST_TEXTS, similarities

# Of all the texts of two entries together. Different principles of the files that ship reach 0.28.
NEAR = 0.45
# One proposition is too short for what is said twice to stand out from what is not.
NEAR_RULES = 0.72

# Of one quality; more would be the subject of the file.
MOST_OPPOSED = 50

# Qualities and their opposites, as they stand after "more", "less" or by themselves in what is asked for.
OPPOSITES = (
    (r"shorter|briefer|more (?:concise|succinct)|fewer words|as (?:short|briefly|brief) as possible",
     r"longer|wordier|(?:more|greater) (?:detail|detailed|thorough)|at length|as (?:long|detailed) as possible"),
    (r"more formal|less (?:casual|informal|colloquial)|formally",
     r"less formal|more (?:casual|informal|colloquial|chatty)|informally|casually"),
    (r"more (?:certain|confident|assertive)|less (?:hedged|cautious|tentative)|without hedging",
     r"less (?:certain|confident|assertive)|more (?:hedged|cautious|tentative)|hedges more"),
    (r"more warnings|adds? (?:a )?warnings?", r"fewer warnings|without (?:any )?warnings?|drops? warnings?"),
    (r"(?<!not )(?<!n't )(?<!never )apologi[sz]es?|(?:contains?|offers?|adds?|(?:begins|opens|ends) with) an apology",
     r"(?:contains?|has|makes?|offers?|with) no apolog(?:y|ies)|without (?:any |an )?apolog(?:y|ies|i[sz]ing)|"
     r"(?:not|n't|never) apologi[sz]e"),
    (r"(?:has|uses?|contains?|with|adds?) (?:an? |some )?(?:bullet points?|bulleted lists?|emojis?|headings|jokes?)",
     r"(?:no|without(?: any)?|drops?|removes?) (?:bullet points?|bulleted lists?|emojis?|headings|jokes?)"),
    (r"more (?:playful|humorous|funny)|funnier", r"more (?:serious|sober)|less (?:playful|humorous|funny)"),
)  # fmt: skip
_OPPOSITES = tuple(tuple(re.compile(rf"\b(?:{side})\b", re.IGNORECASE) for side in pair) for pair in OPPOSITES)
# Words that turn a text into its opposite when they are all that differs.
TURNING = (
    *({"more", "less"}, {"more", "fewer"}, {"most", "least"}, {"with", "without"}, {"always", "never"}),
    *({"include", "omit"}, {"includes", "omits"}, {"longer", "shorter"}, {"add", "remove"}, {"adds", "removes"}),
    *({"accepts", "refuses"}, {"accept", "refuse"}, {"better", "worse"}, {"higher", "lower"}, {"not"}, {"never"}),
)
_WORD = re.compile(r"\w+(?:['’]\w+)?")


def pair_findings(found: Document, english: frozenset[int]) -> Iterator[Found]:
    """What two entries of one list have to do with each other.

    Args:
        found: The file.
        english: Lines of the entries that are English.
    """
    mismatched = list(mismatches(found.of("principle")))
    yield from mismatched
    yield from _not_compared(found)
    for entries, near in ((found.of("principle"), NEAR), (found.of("rule"), NEAR_RULES)):
        opposed = {(a.line, b.line): why for a, b in _close(entries, english) if (why := _opposed(a, b))}
        for (first, second), why in opposed.items():
            yield Found(
                line=second,
                rule="contradiction",
                why=why,
                todo="keep one, or say in each when it holds",
                also=(first,),
            )
        # One finding for a pair is enough, whichever of its texts tells most.
        told = opposed.keys() | {_pair(one, found.entries) for one in mismatched}
        near_pairs = [pair for pair in _near(entries, near) if _pair(pair, found.entries) not in told]
        yield from near_pairs
        told |= {_pair(pair, found.entries) for pair in near_pairs}
        yield from (one for one in _copied(entries) if _pair(one, found.entries) not in told)


def _pair(found: Found, entries: Sequence[Entry]) -> tuple[int, int]:
    """The lines of the two entries in which a finding's lines are."""
    begins = sorted(entry.line for entry in entries)
    one, other = sorted(begins[max(bisect_right(begins, line) - 1, 0)] for line in found.lines)
    return one, other


def _not_compared(found: Document) -> Iterator[Found]:
    """That a file is too long for all of it to be compared, once for each list."""
    principles, rules = found.of("principle"), found.of("rule")
    for entries, most, what in (
        (principles, MOST_MATCHED, "whether each revision_request fits"),
        (principles, MOST_TEXTS, "near-duplicates"),
        (rules, MOST_TEXTS, "near-duplicates"),
    ):
        if len(entries) > most:
            yield Found(
                line=entries[most].line,
                rule="not-compared",
                why=f"from here on nothing is compared for {what}: only the first {most:,} of {len(entries):,} "
                f"{entries[0].noun}s are",
                todo="split the file, and check the parts",
            )


def _near(entries: Sequence[Entry], least: float) -> Iterator[Found]:
    alike = similarities([entry.text for entry in entries])
    # Each with the one before it that it is likest to: of ten copies, nine are told, and not all forty-five pairs.
    for second in range(1, len(alike)):
        first = int(alike[second, :second].argmax())
        if alike[second, first] < least:
            continue
        one, other, score = entries[first], entries[second], round(float(alike[first, second]), 2)
        yield Found(
            line=other.line,
            rule="near-duplicate",
            why=f"{other.name} says nearly the same as {one.name} on line {one.line} (similarity {score:.2f})",
            todo="remove one, or merge them and give the result the weight of both",
            also=(one.line,),
            score=score,
        )


def _copied(entries: Sequence[Entry]) -> Iterator[Found]:
    """Texts that stand twice where all else of the two entries differs enough for them not to be near-duplicates."""
    seen: dict[tuple[str, str], tuple[Entry, Passage]] = {}
    for entry in entries:
        for passage in entry.passages:
            if passage.field not in ("critique_request", "comparison"):
                # One request to rewrite may serve several critiques, as in the paper's own principles.
                continue
            words = (passage.field, " ".join(passage.text.casefold().split()))
            if words in seen:
                other, at = seen[words]
                yield Found(
                    line=passage.line,
                    rule="copied-text",
                    why=f"the {passage.field} of {entry.name} is word for word that of {other.name} on line {at.line}",
                    todo=f"word it for what {entry.name} is about",
                    also=(at.line,),
                )
            seen.setdefault(words, (entry, passage))


def _close(entries: Sequence[Entry], english: frozenset[int]) -> Iterator[tuple[Entry, Entry]]:
    """Pairs that might contradict each other: those with one word list's two sides, and those of nearly equal words."""
    spoken = [entry for entry in entries if entry.line in english]
    told: set[tuple[int, int]] = set()
    for pair in _OPPOSITES:
        sides = [[entry for entry in spoken if side.search(_asked(entry))] for side in pair]
        if max(map(len, sides)) > len(spoken) / 2:
            # What most of a file says of its every principle tells nothing of two of them.
            continue
        for one, other in product(*(side[:MOST_OPPOSED] for side in sides)):
            key = (min(one.line, other.line), max(one.line, other.line))
            if one.line != other.line and key not in told:
                told.add(key)
                yield (one, other) if one.line < other.line else (other, one)
    buckets: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    turning = frozenset().union(*TURNING)
    for entry in spoken:
        for passage in entry.passages:
            rest = " ".join(word for word in _WORD.findall(passage.text.lower()) if word not in turning)
            buckets[passage.field, rest].append(entry)
    for bucket in buckets.values():
        for one, other in combinations(bucket[:MOST_OPPOSED], 2):
            if (one.line, other.line) not in told and one.line != other.line:
                told.add((one.line, other.line))
                yield one, other


def _asked(entry: Entry) -> str:
    """What an entry asks for: all but its critique, which names what is not wanted."""
    return "\n".join(passage.text for passage in entry.passages if passage.field != "critique_request")


def _opposed(one: Entry, other: Entry) -> str:
    """Why two entries contradict each other; empty if they do not."""
    if one.noun == "rule" and one.weight and other.weight and (one.weight > 0) != (other.weight > 0):
        # A proposition and its opposite, with weights of opposite signs, say the same.
        return ""
    for pair in _OPPOSITES:
        for first, second in (pair, pair[::-1]):
            here, there = first.search(_asked(one)), second.search(_asked(other))
            if here and there and not second.search(_asked(one)) and not first.search(_asked(other)):
                return f"{other.name} asks for {there[0]!r}, {one.name} on line {one.line} for {here[0]!r}"
    for passage in one.passages:
        match = other.passage(passage.field)
        if match is None:
            continue
        words, others = (_WORD.findall(text.lower()) for text in (passage.text, match.text))
        if set(words) ^ set(others) in TURNING and abs(len(words) - len(others)) <= 1:
            return f"the {passage.field} of {other.name} is that of {one.name} on line {one.line} turned around"
    return ""
