"""Weights and tags that say something else than was meant, most likely."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from constitution.lint.findings import Found
from constitution.lint.reading import Document, Entry, Passage

# Fewer entries are balanced by what they are about.
LEAST_ENTRIES = 3
MOST_SHARE = 0.5
# Fewer entries may well have one subject.
LEAST_TAGGED = 5
NEARLY_ALL = 0.9
# Likeness of two spellings, by difflib: one letter of a short word, two of a long one.
SPELLING = 0.85
MOST_TAGS = 300


def balance_findings(found: Document) -> Iterator[Found]:
    """Unbalanced weights, misspelt tags, tags that select nothing."""
    for entries in (found.of("principle"), found.of("rule")):
        yield from _weights(entries)
    yield from _misspelt([tag for entry in found.entries for tag in entry.tags])
    yield from _everywhere(found.entries)


def _weights(entries: Sequence[Entry]) -> Iterator[Found]:
    total = sum(abs(entry.weight or 0) for entry in entries)
    if len(entries) < LEAST_ENTRIES:
        return
    for entry in entries:
        share = abs(entry.weight or 0) / total if total else 0
        if share <= MOST_SHARE:
            continue
        takes = "takes" if entry.noun == "principle" else "counts for"
        of_what = "of all draws" if entry.noun == "principle" else "of the whole score"
        yield Found(
            line=entry.line,
            rule="unbalanced-weights",
            why=f"{entry.name} {takes} {share:.0%} {of_what}, the other {len(entries) - 1} share the rest",
            todo=f"lower its weight of {entry.weight:g}, or raise the others'",
        )


def _misspelt(tags: Sequence[Passage]) -> Iterator[Found]:
    uses = Counter(tag.text for tag in tags)
    # By how often they are used: a misspelling is the rarer one.
    known = [tag for tag, _ in uses.most_common(MOST_TAGS)]
    for tag in tags:
        if uses[tag.text] > 1:
            continue
        near = next((other for other in known if other != tag.text and _one_word(tag.text, other)), None)
        if near is None or (uses[near] == 1 and known.index(near) > known.index(tag.text)):
            # Of two that are used once each, the later one is told.
            continue
        yield Found(
            line=tag.line,
            rule="tag-typo",
            why=f"the tag {tag.text!r} is used once, and {near!r} {_times(uses[near])}",
            todo=f"write {near!r} if that is meant",
        )


def _one_word(one: str, other: str) -> bool:
    """Whether two tags are spellings of one word."""
    plain, plain_other = (text.casefold().replace("-", "").replace("_", "").replace(" ", "") for text in (one, other))
    if plain.rstrip("s") == plain_other.rstrip("s"):
        return True
    if min(len(plain), len(plain_other)) < LEAST_TAGGED or plain[-2:].isdigit() or not plain.isalpha():
        return False
    matcher = SequenceMatcher(None, plain[:50], plain_other[:50], autojunk=False)
    # A prefix turns a word into its opposite (honesty, dishonesty): these are two tags.
    affixed = plain.endswith(plain_other) or plain_other.endswith(plain)
    return not affixed and matcher.quick_ratio() >= SPELLING and matcher.ratio() >= SPELLING


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _everywhere(entries: Sequence[Entry]) -> Iterator[Found]:
    if len(entries) < LEAST_TAGGED:
        return
    on = Counter(text for entry in entries for text in {tag.text for tag in entry.tags})
    firsts: dict[str, int] = {}
    for entry in entries:
        for tag in entry.tags:
            firsts.setdefault(tag.text, tag.line)
    for text, count in on.items():
        if count / len(entries) > NEARLY_ALL:
            yield Found(
                line=firsts[text],
                rule="tag-everywhere",
                why=f"the tag {text!r} stands on {count} of {len(entries)} entries",
                todo="leave it out: the file's name or description says what all of it is about",
            )
