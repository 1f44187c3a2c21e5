"""What an export is asked for, checked."""

import math
import re
from typing import Literal

from pydantic import InstanceOf

from constitution.errors import ExportError
from constitution.exports.gated import Verdicts
from constitution.exports.soft_labels import SoftLabels
from constitution.records import Record, Status

Revisions = Literal["final", "all", "best"]
Pairs = Literal["auto", "comparisons", "revisions", "best-of"]
Labels = Literal["ai", "human", "both"]
# What `--include` may add to `labelled`.
INCLUDABLE: tuple[Status, ...] = ("tie", "inconsistent")


class Mixture(Record):
    """A file whose rows are mixed in.

    Attributes:
        file: JSONL or Parquet, gzipped or not.
        weight: Its rows for each row of the run's own, kind by kind.
    """

    file: str
    weight: float


class Options(Record):
    """What is exported, how.

    Attributes:
        pairs: Where preference pairs come from; `auto`: comparisons if the run has them, else revisions; `best-of`: the
            best and the worst of each round's revisions, where several were sampled.
        labels: Whose judgement counts; `both`: people's where there is any, the AI's elsewhere. See `people.py`.
        include: Statuses of comparisons that are exported besides `labelled`; of labels of the AI.
        soft_labels: What becomes of the probabilities.
        min_confidence: Least `p_chosen` of a pair.
        min_margin: Least margin of a pair, in nats; None is any.
        max_per_prompt: Most pairs of one prompt; None is all.
        ends: Whether the AI's labels count only between a prompt's first and last response in rank.
        min_reward: Least reward of a demonstration and of a pair's chosen response, before and after soft labels turn
            it round; None is any.
        mix: What is mixed in.
        parquet: Whether every file is Parquet.
        revisions: `final`; `all`: a demonstration for each revision, as the paper trains (section 3.2); or `best`: the
            chain's scored response of the highest reward, the initial one included.
        test_fraction: Share of prompts held out, in [0, 1).
        split_seed: Changes which prompts are held out.
        seed: Changes what is drawn: sampled labels, the rows of a mixture and their places.
        whole_only: Whether examples with a response that was cut at `max_tokens` are left out.
        license: For the card, as the Hub spells it.
        verdicts: What gates say of responses; without a set, nothing.
    """

    pairs: Pairs = "auto"
    labels: Labels = "ai"
    include: tuple[Status, ...] = ()
    soft_labels: SoftLabels = SoftLabels()
    min_confidence: float = 0.0
    min_margin: float | None = None
    max_per_prompt: int | None = None
    ends: bool = False
    min_reward: float | None = None
    mix: tuple[Mixture, ...] = ()
    parquet: bool = False
    revisions: Revisions = "final"
    test_fraction: float = 0.1
    split_seed: int = 0
    seed: int = 0
    whole_only: bool = False
    license: str = "unknown"
    verdicts: InstanceOf[Verdicts] = Verdicts()


def check_options(options: Options) -> None:
    """Check what types cannot.

    Raises:
        ExportError: A value out of range.
    """
    if not 0 <= options.test_fraction < 1:
        raise ExportError(f"--test-fraction {options.test_fraction}: it must be at least 0 and below 1")
    if not 0 <= options.min_confidence <= 1:
        raise ExportError(
            f"--min-confidence {options.min_confidence}: a probability is from 0 to 1",
            "Every pair has at least 0.5, as the better response is the chosen one.",
        )
    if options.min_margin is not None and not math.isfinite(options.min_margin):
        raise ExportError(f"--min-margin {options.min_margin}: it must be a number of nats", "For example: 0.5")
    if options.min_reward is not None and not math.isfinite(options.min_reward):
        raise ExportError(f"--min-reward {options.min_reward}: it must be a number", "For example: 0.5")
    if options.max_per_prompt is not None and options.max_per_prompt < 1:
        raise ExportError(f"--max-per-prompt {options.max_per_prompt}: it must be at least 1")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", options.license):
        raise ExportError(
            f"--license {options.license!r}: not an identifier of a licence as the Hub spells them",
            "For example: --license apache-2.0, cc-by-4.0, mit, other, unknown",
        )


def parse_include(words: str) -> tuple[Status, ...]:
    """The value of `--include`: statuses with commas in between.

    Raises:
        ExportError: Not a status that can be exported.
    """
    found: list[Status] = []
    for word in filter(None, (word.strip() for word in words.split(","))):
        if word == "invalid":
            raise ExportError(
                "--include invalid: the judge gave no readable verdict on these pairs, so nobody knows which is better",
                f"What can be included: {', '.join(INCLUDABLE)}",
            )
        # `labelled` always is.
        if word != "labelled" and word not in INCLUDABLE:
            raise ExportError(
                f"--include {word!r}: no such status of a comparison", f"Give some of: {', '.join(INCLUDABLE)}"
            )
        found += [status for status in INCLUDABLE if status == word and status not in found]
    return tuple(found)
