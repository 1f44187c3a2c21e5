"""Pairs per second that this program's judge labels, and a plain script's on the same model, in one run.

Both ask the same questions: every pair in both orders under four principles. The plain script is what one writes
without this program: all questions in static batches, one forward pass each, the letters' log-probabilities read from
the last position. It is given the questions sorted by length, so that little of its work is padding.

    python benchmarks/labels.py
"""

import argparse
import asyncio
import math
import statistics
import time
from collections.abc import Iterator, Sequence

import torch

from constitution.compare import Judge, Sampler, compare, sample
from constitution.config import Settings
from constitution.engines.transformers import TransformersEngine, model_thread, open_engine
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.model import LoadedModel, load_model
from constitution.judging import load_judge_templates
from constitution.model_settings import ModelSettings
from constitution.principles import load_principles
from constitution.records import Candidate, Choice, Comparison, Completion, Message, Prompt, Sampling
from constitution.resources import shipped
from constitution.sources import read
from constitution.votes import Thresholds

Pair = tuple[Prompt, tuple[Candidate, ...]]


def judge(engine: TransformersEngine, asked: list[list[Message]] | None = None) -> Judge:
    async def weigh(step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        if asked is not None:
            asked.append(list(messages))
        return await engine.choose(messages, options, 0)

    async def ask(step: str, messages: Sequence[Message]) -> Completion:
        raise AssertionError("no chain of thought is asked for")

    return Judge(
        ask=ask,
        weigh=weigh,
        principles=load_principles("harmlessness"),
        templates=load_judge_templates("chat", few_shots=0),
        per_pair=4,
        seed=0,
        thresholds=Thresholds(0.01, 0.5, 0.0),
    )


async def answers(engine: TransformersEngine, prompts: list[Prompt], sampling: Sampling) -> list[Pair]:
    async def two(prompt: Prompt) -> tuple[Candidate, ...]:
        def sampler(number: int) -> Sampler:
            async def ask(step: str, messages: Sequence[Message]) -> Completion:
                return await engine.generate(messages, sampling, prompt.index * 10 + number)

            return Sampler(number, "", ask)

        return await sample(prompt.messages, [sampler(1), sampler(2)])

    return list(zip(prompts, await asyncio.gather(*map(two, prompts)), strict=True))


async def ours(
    engine: TransformersEngine, pairs: list[Pair], batch: int, asked: list[list[Message]] | None
) -> list[Comparison]:
    judging, found = judge(engine, asked), []

    # As `constitution compare` does it: a row has two questions in flight.
    async def work(waiting: Iterator[Pair]) -> None:
        for prompt, candidates in waiting:
            found.extend(await compare(prompt, candidates, judging))

    waiting = iter(pairs)
    await asyncio.gather(*(work(waiting) for _ in range(batch // 2)))
    return found


@torch.inference_mode()
def plain(loaded: LoadedModel, rows: list[list[int]], letters: list[int], batch: int) -> list[tuple[float, float]]:
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
    told: list[tuple[float, float]] = [(math.nan, math.nan)] * len(rows)
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        width = max(len(rows[n]) for n in numbers)
        pad = loaded.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(rows[n])) + rows[n] for n in numbers])
        mask = torch.tensor([[0] * (width - len(rows[n])) + [1] * len(rows[n]) for n in numbers])
        device = loaded.model.device
        logits = loaded.model(input_ids=ids.to(device), attention_mask=mask.to(device), logits_to_keep=1).logits[:, -1]
        chances = torch.log_softmax(logits.float(), dim=-1)[:, letters].tolist()
        for number, (a, b) in zip(numbers, chances, strict=True):
            told[number] = (a, b)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    prompts_file = shipped("examples") / "prompts" / "harmlessness.jsonl"
    prompts = list(read(Settings(prompts=str(prompts_file), out="-", limit=options.rows)))
    # All torch work on one thread (see `model_thread`).
    thread = model_thread()
    loaded = thread.submit(load_model, options.model).result()
    encoder = Encoder(loaded.tokenizer, None, "model")
    letters = [encoder.encode_option(letter)[0] for letter in ("A", "B")]

    async def with_engine(work):
        engine = await open_engine(ModelSettings(model=options.model, slots=options.batch))
        started = time.perf_counter()
        try:
            return await work(engine), engine.usage, time.perf_counter() - started
        finally:
            await engine.aclose()

    sampling = Sampling(max_tokens=options.max_tokens)
    pairs, _, _ = asyncio.run(with_engine(lambda engine: answers(engine, prompts, sampling)))
    questions: list[list[Message]] = []
    asyncio.run(with_engine(lambda engine: ours(engine, pairs, options.batch, questions)))
    rows = [encoder.encode(question) for question in questions]
    print(f"{len(pairs)} pairs, {len(rows)} questions, {sum(map(len, rows))} tokens", flush=True)
    speeds: dict[str, list[float]] = {"constitution": [], "plain": []}
    for repeat in range(options.repeats):
        # In turns: neither always comes first.
        for name in list(speeds)[:: 1 if repeat % 2 == 0 else -1]:
            note = ""
            if name == "constitution":
                _, usage, seconds = asyncio.run(with_engine(lambda engine: ours(engine, pairs, options.batch, None)))
                note = f", {usage.reused_tokens / usage.prompt_tokens:.0%} of prompt tokens reused"
            else:
                # A script tokenises its questions too.
                started = time.perf_counter()
                fresh = [encoder.encode(question) for question in questions]
                thread.submit(plain, loaded, fresh, letters, options.batch).result()
                seconds = time.perf_counter() - started
            speeds[name].append(len(pairs) / seconds)
            print(f"{name:13} {seconds:6.1f} s, {len(pairs) / seconds:6.2f} pairs/s{note}", flush=True)
    mine, theirs = (statistics.median(values) for values in speeds.values())
    print(
        f"medians of {options.repeats}: constitution {mine:.2f} pairs/s, plain {theirs:.2f}, ratio {mine / theirs:.2f}"
    )


if __name__ == "__main__":
    main()
