"""The later steps: training, what the trained models write, and how they are measured."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from answering import Answer, Asked, answers, model_path, reference_losses
from evaluator import load_evaluator
from exports import first_shown_wins, one_order_labels, rows_of
from generations import caught_on_same, generations
from measuring import measure
from people import read_lines, write_lines
from reward_model import accuracy
from settings import Training
from shared import Loop
from training import train

from constitution.records import Sampling

TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def tune(loop: Loop, rows: str) -> Callable[[Path], dict[str, Any]]:
    """SL-CAI, or a baseline of it, on these rows of `export`."""

    def make(place: Path) -> dict[str, Any]:
        start = loop.model("before")
        # TRL learns from the assistant's turns only, and has to be told where they are in this model's chats.
        more = ("--chat_template_path", TEMPLATE.absolute()) if start == "smollm2" else ()
        return _train(loop, place, "sft", loop.folder / "export" / rows, start, loop.settings.sft, more)

    return make


def samples(loop: Loop, place: Path) -> dict[str, Any]:
    """Responses of the SL model, compared by the probe."""
    _fork(loop, place)
    judged = ["--judge", loop.probe, "--tie", loop.settings.judge.tie]
    loop.run(place, *_compare(loop, place, "sft"), *judged)
    kinds = ["--kind", "preference", "--kind", "reward", "--pairs", "comparisons", "--test-fraction", "0"]
    gates = ["--gates", loop.settings.generate.gates]
    loop.run(place, "export", place / "run", "--to", place / "pairs", *kinds, *gates, "--overwrite")
    return {"pairs": rows_of(place / "pairs", "preference")}


def samples_plain(loop: Loop, place: Path) -> dict[str, Any]:
    """Responses of the baseline's SL model, compared by the model itself, which chooses a letter."""
    _fork(loop, place)
    # Whatever it says counts, however little it thinks of answering by a letter.
    judged = ["--judge", loop.settings.model, "--principles-per-pair", 1, "--min-mass", 0]
    loop.run(place, *_compare(loop, place, "sft-plain"), *judged)
    recipe = loop.folder / "samples" / "pairs" / "recipes" / "dpo.yaml"
    pairs = one_order_labels(place / "run", recipe, place / "pairs")
    first, of = first_shown_wins(place / "run")
    return {"pairs": pairs, "first shown wins": first, "of": of}


def reward(loop: Loop, place: Path) -> dict[str, Any]:
    """A reward model of the AI's labels, checked on pairs that people judged."""
    found = _train(loop, place, "reward", loop.folder / "samples" / "pairs", loop.model("sft"), loop.settings.reward)
    right = accuracy(place / "model", loop.pairs("held-out"), loop.settings.generate.system, loop.cuda)
    return {**found, "accuracy": right.model_dump()}


def prefer(loop: Loop, pairs: str, start: str) -> Callable[[Path], dict[str, Any]]:
    """RL-CAI by DPO, or a baseline of it, on the pairs of a step, from the model of another."""

    def make(place: Path) -> dict[str, Any]:
        return _train(loop, place, "dpo", loop.folder / pairs / "pairs", loop.model(start), loop.settings.dpo)

    return make


def again(loop: Loop, place: Path) -> dict[str, Any]:
    """A second generation by the trained model: first and second hold the same prompts."""
    write_lines(read_lines(loop.prompts)[: loop.settings.again], place / "prompts.jsonl")
    loop.run(place, *loop.generate(loop.model("dpo"), place / "prompts.jsonl", place / "run"))
    loop.run(place, "score", place / "run", "--judge", loop.probe, "--on", "ends")
    kept = load_evaluator(loop.second_opinion)
    first = loop.first
    both = generations(first, place / "run", kept)
    return {
        "gates": caught_on_same(first, place / "run", loop.settings.generate.gates),
        **{name: one.model_dump() for name, one in both.items()},
    }


def measured(loop: Loop, model: str) -> Callable[[Path], dict[str, Any]]:
    """Answers of a model to the evaluation's prompts, and numbers of them."""

    def make(place: Path) -> dict[str, Any]:
        told = loop.settings
        asked = [Asked.model_validate(row) for row in read_lines(loop.folder / "data" / "evaluation.jsonl")]
        sampling = Sampling(max_tokens=told.evaluate.max_tokens, temperature=told.generate.temperature)
        said = asyncio.run(answers(loop.model(model), asked, told.generate.system, sampling, told.device, told.seed))
        write_lines((one.model_dump() for one in said), place / "answers.jsonl")
        kept = load_evaluator(loop.second_opinion)
        before = None
        if model != "before":
            rows = read_lines(loop.folder / "measure-before" / "answers.jsonl")
            before = [Answer.model_validate(row) for row in rows]
        losses = reference_losses(loop.model(model), told.generate.system, loop.cuda)
        return measure(said, before, losses, kept).model_dump()

    return make


def _fork(loop: Loop, place: Path) -> None:
    """The first generation in a folder of this step: a run holds one set of comparisons."""
    loop.run(place, *loop.generate(loop.settings.model, loop.prompts, loop.first), "--fork", place / "run")


def _compare(loop: Loop, place: Path, sampled: str) -> list[object]:
    told = loop.settings
    words: list[object] = ["compare", place / "run", "--samples", told.judge.samples, "--model", loop.model(sampled)]
    return [*words, "--max-tokens", told.generate.max_tokens, "--seed", told.seed, *loop.where]


def _train(
    loop: Loop, place: Path, recipe: str, rows: Path, start: str, told: Training, more: tuple[object, ...] = ()
) -> dict[str, Any]:
    return train(
        recipe,
        rows,
        model_path(start),
        place / "model",
        told,
        diverged=loop.settings.diverged,
        seed=loop.settings.seed,
        cuda=loop.cuda,
        log=place / "log.txt",
        tell=loop.tell,
        go_on=loop.go_on,
        more=more,
    )
