"""Examples as a page shows them: texts cut at a length, revisions as what they changed."""

from collections.abc import Iterator, Sequence

from constitution.records import Candidate, Comparison, Completion, Message, Record, Transcript, Vote
from constitution.report.findings import Category, Example
from constitution.report.page.spelling import short
from constitution.votes import mean_probability
from constitution.words import Piece, pieces

# Turns of a conversation, rounds of a chain, and votes that are shown of one example.
MOST_TURNS, MOST_ROUNDS, MOST_VOTES = 6, 8, 40


class Shown(Record):
    """A text, or what became of one.

    Attributes:
        title: Who says it.
        kind: Its class on the page.
        pieces: The text; of a revision, it and the response before it as one.
        left_out: Characters that are not shown.
        notes: What is to be known of it.
    """

    title: str
    kind: str
    pieces: tuple[Piece, ...]
    left_out: int
    notes: tuple[str, ...] = ()


class ShownVotes(Record):
    """One principle's probabilities that the first response is better; None: unreadable, or not asked."""

    principle: str
    forward: float | None
    reversed: float | None
    both: float | None


class ShownPair(Record):
    """A comparison.

    Attributes:
        first: What the first response is called.
        second: Likewise.
        comparison: Its numbers.
        texts: Both responses, unless the chain shows them.
        votes: By principle.
        more: Principles that are not shown.
    """

    first: str
    second: str
    comparison: Comparison
    texts: tuple[Shown, ...]
    votes: tuple[ShownVotes, ...]
    more: int


class ShownExample(Record):
    """An example, ready for the page."""

    category: Category
    row: str
    why: str
    chain: tuple[Shown, ...]
    pair: ShownPair | None


def shown_examples(examples: Sequence[Example], most: int) -> tuple[ShownExample, ...]:
    """The examples, each text cut after `most` characters."""
    return tuple(_shown(example, most) for example in examples)


def _shown(example: Example, most: int) -> ShownExample:
    transcript, comparison = example.transcript, example.comparison
    chain = (*_prompt(transcript.prompt, most), *_chain(transcript, most)) if transcript else ()
    if comparison and not transcript:
        chain = tuple(_prompt(comparison.prompt, most))
    there = {response.text for response in transcript.responses} if transcript else set()
    return ShownExample(
        category=example.category,
        row=transcript.id if transcript else comparison.row if comparison else "",
        why=example.why,
        chain=chain,
        pair=_pair(comparison, there, most) if comparison else None,
    )


def _prompt(messages: Sequence[Message], most: int) -> Iterator[Shown]:
    kept = messages[-MOST_TURNS:]
    for number, message in enumerate(kept):
        earlier = len(messages) - len(kept)
        notes = (f"{earlier} earlier turns left out",) if earlier and not number else ()
        title = {"user": "Prompt", "assistant": "Assistant", "system": "System"}[message.role]
        yield _text(title, "prompt", message.content, most, notes)


def _chain(transcript: Transcript, most: int) -> Iterator[Shown]:
    yield _text("Initial response", "response", transcript.response.text, most, _notes(transcript.response))
    before = transcript.response.text
    for number, round in enumerate(transcript.rounds, 1):
        if number <= MOST_ROUNDS:
            named = f"under {short(round.principle, 80)}"
            if round.critique:
                title = f"Critique {number}, {named}"
                yield _text(title, "critique", round.critique.text, most, _notes(round.critique))
            title = f"Revision {number}" if round.critique else f"Revision {number}, {named}"
            same = ("the words of the response before it",) if round.revision.text == before else ()
            left_out = len(transcript.rounds) - MOST_ROUNDS if number == MOST_ROUNDS else 0
            later = (f"{left_out} later rounds left out",) if left_out > 0 else ()
            several = (f"taken from {len(round.selection.alternatives)} by a judge",) if round.selection else ()
            notes = (*_notes(round.revision), *several, *same, *later)
            yield _changed(title, before, round.revision.text, most, notes)
        before = round.revision.text


def _notes(completion: Completion) -> tuple[str, ...]:
    return ("cut at max_tokens",) if completion.finish_reason == "length" else ()


def _pair(comparison: Comparison, there: set[str], most: int) -> ShownPair:
    sides: tuple[Candidate, ...] = (comparison.first, comparison.second)
    texts = tuple(_text(_named(side.source), "candidate", side.text, most) for side in sides)
    by_principle: dict[str, list[Vote]] = {}
    for vote in comparison.votes:
        by_principle.setdefault(vote.principle, []).append(vote)
    votes = tuple(_votes(principle, votes) for principle, votes in by_principle.items())
    return ShownPair(
        first=_named(comparison.first.source),
        second=_named(comparison.second.source),
        comparison=comparison.model_copy(update={"votes": ()}),
        texts=() if all(side.text in there for side in sides) else texts,
        votes=votes[:MOST_VOTES],
        more=max(0, len(votes) - MOST_VOTES),
    )


def _votes(principle: str, votes: Sequence[Vote]) -> ShownVotes:
    known = {vote.order: vote.p_first for vote in votes if vote.p_first is not None}
    return ShownVotes(
        principle=principle,
        forward=known.get("forward"),
        reversed=known.get("reversed"),
        both=mean_probability(list(known.values())) if len(known) == 2 else None,
    )


def _named(source: str) -> str:
    name, _, number = source.partition("-")
    if source == "response":
        return "Initial response"
    return f"Revision {number}" if name == "revision" and number.isdecimal() else short(source, 40)


def _text(title: str, kind: str, text: str, most: int, notes: tuple[str, ...] = ()) -> Shown:
    left_out = max(0, len(text) - most)
    return Shown(title=title, kind=kind, pieces=(_same(text[:most]),), left_out=left_out, notes=notes)


def _same(text: str) -> Piece:
    return Piece(kind="same", text=text)


def _changed(title: str, before: str, after: str, most: int, notes: tuple[str, ...]) -> Shown:
    """Both texts as one, as far as both are shown."""
    found = list(pieces(before[:most], after[:most])) if before[:most] != after[:most] else [_same(after[:most])]
    left_out = max(0, len(after) - most)
    if max(len(before), len(after)) > most and any(piece.kind == "same" for piece in found):
        # Words that only one of the two has room for are no change.
        while found[-1].kind != "same":
            left_out += len(found[-1].text) if found[-1].kind == "added" else 0
            del found[-1]
    return Shown(title=title, kind="revision", pieces=tuple(found), left_out=left_out, notes=notes)
