"""Take the new prompts out of a model's answers: which are kept, and why the others are not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from constitution.counts import Counts
from constitution.durable import write_whole
from constitution.errors import unwritable
from constitution.manifest import EXPAND, load_manifest
from constitution.printable import on_one_line
from constitution.prompt_sets.answers import lines_of
from constitution.prompt_sets.dedup import find
from constitution.prompt_sets.reading import Item
from constitution.records import Prompt, Record, Transcript
from constitution.store import answers

PROMPTS, DROPPED = "prompts.jsonl", "dropped.jsonl"


class New(Record):
    """A prompt that a model wrote.

    Attributes:
        id: The call's and the line's.
        prompt: Its text.
        topic: What it was to be about; empty: anything.
        kind: What it was to be.
        examples: Ids of the rows that the model was shown, commas in between.
        model: Who wrote it.
        seed: Of the expansion.
        call: The call's id, under which the journal holds all that was asked and answered.
    """

    id: str
    prompt: str
    topic: str
    kind: str
    examples: str
    model: str
    seed: int
    call: str


class Dropped(Record):
    """A line of an answer that is not taken.

    Attributes:
        call: The call's id.
        text: The line.
        reason: Why: see `answers.Reason`.
        like: What it is a copy or a duplicate of: the id of a row of the file, or of a new prompt.
        similarity: How like.
    """

    call: str
    text: str
    reason: str
    like: str | None = None
    similarity: float | None = None


class Expanded(Record):
    """What came of an expansion.

    Attributes:
        asked: New prompts that were asked for.
        written: Those in `prompts.jsonl`.
        over: Those that there are beyond that: a larger number takes them without another call.
        calls: That were made, or failed.
        lines: That the model wrote.
        dropped: Lines that are not taken, by reason.
        topics: New prompts by topic.
        kinds: New prompts by kind.
        model: Who wrote them.
        aside: Rows of the file that were no examples, as they say that they are harmless.
    """

    asked: int
    written: int
    over: int
    calls: Counts
    lines: int
    dropped: dict[str, int]
    topics: dict[str, int]
    kinds: dict[str, int]
    model: str
    aside: int


@dataclass(frozen=True)
class Taken:
    """What all answers so far hold."""

    prompts: Sequence[New]
    dropped: Sequence[Dropped]

    def write(self, folder: Path, number: int, calls: Counts, aside: int) -> Expanded:
        """Write the first `number` prompts, and the lines that are not taken.

        Raises:
            RunError: The disk fails.
        """
        written = self.prompts[:number]
        for name, records in ((PROMPTS, written), (DROPPED, self.dropped)):
            lines = (f"{on_one_line(record.model_dump(exclude_none=True))}\n" for record in records)
            try:
                write_whole(folder / name, "".join(lines))
            except OSError as bad:
                raise unwritable(folder / name, bad) from None
        reasons = Counter(line.reason for line in self.dropped)
        return Expanded(
            asked=number,
            written=len(written),
            over=len(self.prompts) - len(written),
            calls=calls,
            lines=len(self.prompts) + len(self.dropped),
            dropped=dict(reasons.most_common()),
            topics=dict(Counter(one.topic for one in written if one.topic)),
            kinds=dict(Counter(one.kind for one in written)),
            model=load_manifest(folder, EXPAND).model,
            aside=aside,
        )


def take(
    folder: Path, known: Sequence[Prompt], calls: int, number: int, threshold: float, least: int, most: int
) -> Taken:
    """Take the new prompts out of the answers of the first `calls` calls, in their order.

    Args:
        folder: The expansion's.
        known: Of the file that it began from: no new prompt is like one of them.
        calls: Later ones, of a start that asked for more, do not count.
        number: Prompts that are asked for; more are kept at hand.
        threshold: From here on two prompts are one.
        least: Words at least.
        most: Words at most.
    """
    manifest = load_manifest(folder, EXPAND)
    seed = int(str(manifest.affecting["seed"]))
    candidates, dropped = list[New](), list[Dropped]()
    for answer in answers(folder):
        if answer.index >= calls:
            break
        for line, text, reason in _lines(answer, least, most):
            if reason:
                dropped.append(Dropped(call=answer.id, text=text, reason=reason))
            else:
                values = {name: str(answer.metadata[name]) for name in ("topic", "kind", "examples")}
                id = f"{answer.id}-{line}"
                candidates.append(New(id=id, prompt=text, model=manifest.model, seed=seed, call=answer.id, **values))
    rows = [Item(one.id, one.id, one.text, {}) for one in known]
    rows += [Item(one.id, one.id, one.prompt, {}) for one in candidates]
    kept = list[New]()
    with find(rows, threshold, fixed=len(known)) as found:
        for place, one in enumerate(candidates, len(known)):
            if found.kept(place):
                kept.append(one)
                continue
            like = int(found.duplicates.of[place])
            dropped.append(
                Dropped(
                    call=one.call,
                    text=one.prompt,
                    reason="copied" if like < len(known) else "duplicate",
                    like=found.name(like)[0],
                    similarity=round(float(found.duplicates.similarity[place]), 4),
                )
            )
    return Taken(kept, sorted(dropped, key=lambda one: one.call))


def _lines(answer: Transcript, least: int, most: int) -> Iterator[tuple[int, str, str | None]]:
    """The lines of an answer with their numbers, from 1."""
    for number, line in enumerate(lines_of(answer.response, least, most), 1):
        yield number, line.text, line.reason
