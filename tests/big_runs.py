"""Runs of any size, as if they had been made: what reads them is tested and measured on them.

python tests/big_runs.py FOLDER ROWS [ROUNDS [COMPARISONS]]
"""

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import BinaryIO

from constitution import __version__
from constitution.config import CompareSettings, Settings
from constitution.digests import digest
from constitution.journal import seal
from constitution.manifest import COMPARE, REVISE, Stage, new_manifest, write_manifest
from constitution.principles import load_principles
from constitution.records import (
    Call,
    Candidate,
    Choice,
    Comparison,
    Completion,
    Failure,
    Filtered,
    Message,
    Order,
    Record,
    Round,
    Status,
    Transcript,
    Vote,
)
from constitution.votes import OPEN, logit, sigmoid

MODEL, JUDGE = "generated-7b", "generated-judge"
TAGS = ("shop", "kitchen", "garden", "school", "travel")
# Of so many rows one fails, and one is filtered.
FAILS, FILTERED = 97, 193
PRINCIPLES_PER_PAIR = 2
BEGAN = 1_795_000_000.0
REFUSALS = ("I can't help with that, since somebody could be hurt.", "抱歉，我不能提供这些内容，因为它会伤害别人。")


class Texts:
    """Sentences of a language that nobody speaks, with a few words far more frequent than others."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        syllables = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
        words = ["".join(self.random.choices(syllables, k=self.random.choice((1, 2, 2, 3)))) for _ in range(4000)]
        shares = [1 / (place + 3) for place in range(len(words))]
        self._sentences = [
            " ".join(self.random.choices(words, shares, k=self.random.randint(6, 20))).capitalize() + "."
            for _ in range(5000)
        ]

    def sentences(self, least: int, most: int) -> list[str]:
        """So many of them."""
        return self.random.choices(self._sentences, k=self.random.randint(least, most))

    def response(self) -> str:
        """A refusal, or some 400 characters."""
        if self.random.random() < 0.08:
            return self.random.choice(REFUSALS)
        return " ".join(self.sentences(4, 8))

    def revised(self, text: str) -> str:
        """The same text, or one with other sentences in the places of some."""
        if (chance := self.random.random()) < 0.1:
            return text
        if chance < 0.15:
            return self.random.choice(REFUSALS)
        kept = [one for one in text.split(". ") if self.random.random() < 0.6]
        return " ".join([*(one.rstrip(".") + "." for one in kept), *self.sentences(1, 3)])

    def completion(self, text: str, read: int = 80) -> Completion:
        """As if a model had written it."""
        sampled = len(text) // 4 + 2
        return Completion(
            text=text,
            finish_reason="length" if self.random.random() < 0.03 else "stop",
            prompt_tokens=read + sampled,
            completion_tokens=sampled,
        )


@dataclass
class Clock:
    """Sixty-four calls at a time."""

    random: random.Random
    calls: int = 0

    def next(self, mean: float) -> tuple[float, float]:
        """When a call began, and how long it took."""
        self.calls += 1
        return round(BEGAN + self.calls * mean / 64, 3), round(self.random.expovariate(1 / mean), 3)


def make_run(folder: Path, rows: int, rounds: int = 2, comparisons: int = 3, calls: bool = True, seed: int = 0) -> Path:
    """Write a run: transcripts, their comparisons, the calls of both stages, a failure in 97 rows, some filtered.

    100,000 rows with two rounds and three comparisons take about a minute and 1.5 GB.

    Args:
        folder: Made.
        rows: Of the input.
        rounds: Of each row.
        comparisons: Of each row, of the initial response and the revisions; 0 leaves the stage out.
        calls: Whether the calls' journals are written too.
        seed: Of all that is drawn.
    """
    folder.mkdir(parents=True)
    principles = load_principles("harmlessness")
    begun = Settings(prompts="generated.jsonl", out=str(folder), engine="scripted", rounds=rounds)
    _begin(folder, REVISE, rows, begun.model_dump(mode="json"), MODEL, principles)
    texts, ids = Texts(seed), [one.id for one in principles.principles]
    clock = Clock(texts.random)
    with ExitStack() as files:
        sl, rl = _writer(files, folder, REVISE), _writer(files, folder, COMPARE) if comparisons else None
        judged = 0
        for index in _nearly_in_order(rows, texts.random):
            id = f"row-{index:06}"
            if index % FAILS == FAILS - 1:
                error = f"the server said nothing for {index % 7 + 30} seconds"
                sl(REVISE.failures, Failure(id=id, index=index, step="revise-1", kind="CallError", message=error))
                continue
            if index % FILTERED == FILTERED - 1:
                sl(REVISE.filtered, Filtered(id=id, index=index, reason="empty prompt", message="it asks nothing"))
                continue
            row = _transcript(id, index, rounds, texts, ids)
            for call in _calls(row, clock) if calls else ():
                sl(REVISE.calls, call)
            sl(REVISE.outcomes, row)
            if rl is None:
                continue
            judged += 1
            for pair in _comparisons(row, comparisons, texts, ids):
                for call in _judgements(pair, clock) if calls else ():
                    rl(COMPARE.calls, call)
                rl(COMPARE.outcomes, pair)
    if comparisons:
        compared = CompareSettings(
            pairs="revisions", between="all", principles_per_pair=PRINCIPLES_PER_PAIR, judge=JUDGE
        )
        _begin(folder, COMPARE, judged, compared.model_dump(mode="json"), JUDGE, principles)
    return folder


def _begin(folder: Path, stage: Stage, rows: int, settings: dict, model: str, principles: object) -> None:
    identity = {"engine": "scripted", "model": model, "revision": "generated", "detail": "", "endpoint": ""}
    made = new_manifest(
        __version__, "exact", rows, settings, {"model (identity)": identity, "generated": True}, principles
    )
    write_manifest(folder, stage, made)


def _writer(files: ExitStack, folder: Path, stage: Stage) -> Callable[[str, Record], None]:
    """Journals as `Journal` writes them, but many lines at a time."""
    names = (stage.calls, stage.outcomes, stage.failures, stage.filtered)
    opened: dict[str, BinaryIO] = {
        name: files.enter_context((folder / name).open("ab", buffering=1 << 20)) for name in names
    }
    return lambda name, record: opened[name].write(seal(record.model_dump_json().encode())) and None


def _nearly_in_order(rows: int, random: random.Random) -> Iterator[int]:
    """As rows finish that run at the same time."""
    for start in range(0, rows, 64):
        several = list(range(start, min(start + 64, rows)))
        random.shuffle(several)
        yield from several


def _transcript(id: str, index: int, rounds: int, texts: Texts, principles: Sequence[str]) -> Transcript:
    asked = " ".join(texts.sentences(1, 2)).rstrip(".") + "?"
    response = texts.completion(texts.response())
    text, done = response.text, []
    for _ in range(rounds):
        text = texts.revised(text)
        critique = texts.completion(" ".join(texts.sentences(1, 3)), 250)
        done.append(
            Round(principle=texts.random.choice(principles), critique=critique, revision=texts.completion(text, 300))
        )
    return Transcript(
        id=id,
        index=index,
        prompt=(Message(role="user", content=asked),),
        metadata={"topic": TAGS[index % len(TAGS)], "line": index},
        response=response,
        rounds=tuple(done),
    )


def _calls(row: Transcript, clock: Clock) -> Iterator[Call]:
    steps = [("respond", row.response)]
    for number, round in enumerate(row.rounds, 1):
        assert round.critique
        steps += [(f"critique-{number}", round.critique), (f"revise-{number}", round.revision)]
    for step, completion in steps:
        began, seconds = clock.next(2.0)
        name = digest([row.id, step])
        yield Call(
            row=row.id, index=row.index, step=step, digest=name, completion=completion, began=began, seconds=seconds
        )


def _comparisons(row: Transcript, number: int, texts: Texts, principles: Sequence[str]) -> Iterator[Comparison]:
    pairs = list(combinations(range(len(row.responses)), 2))[:number]
    sources = ["response", *(f"revision-{n}" for n in range(1, len(row.responses)))]
    for first, second in pairs:
        one, other = (
            Candidate(
                text=row.responses[n].text, source=sources[n], model=MODEL, finish_reason=row.responses[n].finish_reason
            )
            for n in (first, second)
        )
        votes: tuple[Vote, ...] = ()
        if one.text != other.text:
            latent = texts.random.gauss(-0.5 * (second - first), 1.0)
            votes = tuple(
                _vote(principle, order, texts.random.gauss(latent, 0.6))
                for principle in texts.random.sample(principles, PRINCIPLES_PER_PAIR)
                for order in ("forward", "reversed")
            )
        yield Comparison(
            id=f"{row.id}/{one.source}:{other.source}",
            row=row.id,
            index=row.index,
            pairs=len(pairs),
            prompt=row.prompt,
            metadata=row.metadata,
            first=one,
            second=other,
            votes=votes,
            **_label(votes),
        )


def _vote(principle: str, order: Order, first_better: float) -> Vote:
    """By a judge that likes what is shown as (A)."""
    shown = (first_better if order == "forward" else -first_better) + 0.3
    p_a = OPEN.hold(sigmoid(shown))
    return Vote(
        principle=principle,
        order=order,
        logprob_a=math.log(p_a),
        logprob_b=math.log(1 - p_a),
        p_first=p_a if order == "forward" else 1 - p_a,
    )


def _label(votes: Sequence[Vote]) -> dict[str, float | Status]:
    """As `votes.label`, which is too slow for a million comparisons."""
    if not votes:
        return {"p_forward": 0.5, "p_reversed": 0.5, "p": 0.5, "disagreement": 0.0, "status": "tie"}
    logits = {order: [logit(vote.p_first or 0) for vote in votes if vote.order == order] for order in Order.__args__}
    forward, reversed_ = (sum(ones) / len(ones) for ones in logits.values())
    p, p_forward, p_reversed = (sigmoid(x) for x in ((forward + reversed_) / 2, forward, reversed_))
    each = [sigmoid((one + other) / 2) for one, other in zip(*logits.values(), strict=True)]
    mean = sum(each) / len(each)
    apart = forward * reversed_ < 0 and abs(p_forward - p_reversed) >= 0.5
    return {
        "p_forward": p_forward,
        "p_reversed": p_reversed,
        "p": p,
        "disagreement": math.sqrt(sum((one - mean) ** 2 for one in each) / len(each)),
        "status": "inconsistent" if apart else "tie" if abs(p - 0.5) < 0.01 else "labelled",
    }


def _judgements(pair: Comparison, clock: Clock) -> Iterator[Call]:
    for vote in pair.votes:
        began, seconds = clock.next(0.2)
        step = f"{pair.first.source}:{pair.second.source}/{vote.principle}/{vote.order}"
        yield Call(
            row=pair.row,
            index=pair.index,
            step=step,
            digest=digest([pair.row, step]),
            choice=Choice(logprobs=(vote.logprob_a, vote.logprob_b)),
            began=began,
            seconds=seconds,
        )


if __name__ == "__main__":
    make_run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
