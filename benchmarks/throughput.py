"""Tokens per second of this program's engine and of plain `model.generate` in static batches, in one run.

Both run the same model object's weights, the same prompts, the same sampling settings and the same batch size. The
work is what the SL stage does: an answer, a critique, a revision, each one depending on the one before.

    python benchmarks/throughput.py
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from constitution.config import Settings
from constitution.engines.transformers import TransformersEngine
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.model import LoadedModel, load_model
from constitution.principles import load_principles
from constitution.records import Completion, Message, Prompt, Sampling
from constitution.resources import shipped
from constitution.revise import revise
from constitution.sources import read
from constitution.templating import TemplateSet, load_templates


async def ours(
    loaded: LoadedModel,
    prompts: list[Prompt],
    templates: TemplateSet,
    sampling: Sampling,
    batch: int,
    thread: ThreadPoolExecutor,
) -> tuple[int, int]:
    engine = TransformersEngine(loaded, Encoder(loaded.tokenizer, None, "model"), batch, thread)
    principles = load_principles("harmlessness")
    answers: list[Completion] = []

    async def ask(step: str, messages: list[Message]) -> Completion:
        answers.append(await engine.generate(messages, sampling, len(answers)))
        return answers[-1]

    # As `constitution generate` does it: as many chains in flight as there are places in the batch.
    async def work(waiting: Iterator[Prompt]) -> None:
        for prompt in waiting:
            await revise(prompt, ask, principles, templates, rounds=1, seed=0)

    waiting = iter(prompts)
    await asyncio.gather(*(work(waiting) for _ in range(batch)))
    await engine.aclose()
    return sum(a.completion_tokens for a in answers), sum(a.prompt_tokens for a in answers)


def plain(
    loaded: LoadedModel, prompts: list[Prompt], templates: TemplateSet, sampling: Sampling, batch: int
) -> tuple[int, int]:
    encoder = Encoder(loaded.tokenizer, None, "model")
    principles = load_principles("harmlessness")
    produced = given = 0

    def answer(conversations: list[list[Message]]) -> list[str]:
        nonlocal produced, given
        texts = []
        for start in range(0, len(conversations), batch):
            rows = [encoder.encode(messages) for messages in conversations[start : start + batch]]
            given += sum(map(len, rows))
            width = max(map(len, rows))
            pad, device = loaded.tokenizer.pad_token_id, loaded.model.device
            ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows]).to(device)
            mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows]).to(device)
            out = loaded.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=sampling.max_tokens,
                do_sample=True,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=0,
                eos_token_id=list(loaded.ends),
                pad_token_id=pad,
            )[:, width:]
            for tokens in out.tolist():
                end = next((n + 1 for n, token in enumerate(tokens) if token in loaded.ends), len(tokens))
                produced += end
                texts.append(loaded.tokenizer.decode(tokens[:end], skip_special_tokens=True).strip() or "-")
        return texts

    drawn = [principles.draw(0, prompt.id, 1) for prompt in prompts]
    responses = answer([templates.respond(prompt) for prompt in prompts])
    rows = list(zip(prompts, responses, drawn, strict=True))
    critiques = answer([templates.critique(p, r, principle) for p, r, principle in rows])
    answer([templates.revise(p, r, principle, c) for (p, r, principle), c in zip(rows, critiques, strict=True)])
    return produced, given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", default=str(shipped("examples") / "prompts" / "harmlessness.jsonl"))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    prompts = list(read(Settings(prompts=options.prompts, out="-", limit=options.rows)))
    sampling = Sampling(max_tokens=options.max_tokens)
    templates = load_templates("chat")
    # Both run the model on one and the same thread (see TransformersEngine).
    thread = ThreadPoolExecutor(max_workers=1)
    loaded = thread.submit(load_model, options.model).result()
    warm = [prompts[0]]
    asyncio.run(ours(loaded, warm, templates, sampling, 1, thread))
    thread.submit(plain, loaded, warm, templates, sampling, 1).result()
    speeds: dict[str, list[float]] = {"constitution": [], "model.generate": []}
    for repeat in range(options.repeats):
        # In turns: neither always comes first.
        for name in list(speeds)[:: 1 if repeat % 2 == 0 else -1]:
            started = time.perf_counter()
            if name == "constitution":
                produced, given = asyncio.run(ours(loaded, prompts, templates, sampling, options.batch, thread))
            else:
                produced, given = thread.submit(plain, loaded, prompts, templates, sampling, options.batch).result()
            seconds = time.perf_counter() - started
            speeds[name].append(produced / seconds)
            speed = f"{seconds:6.1f} s, {produced / seconds:6.0f} tokens/s"
            print(f"{name:15} {produced:7} tokens sampled, {given:7} read, {speed}", flush=True)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    mine, theirs = medians["constitution"], medians["model.generate"]
    print(
        f"{Path(options.prompts).name}, {len(prompts)} rows, batch {options.batch}, {options.repeats} repeats, medians:"
    )
    print(f"constitution {mine:.0f} tokens/s, model.generate {theirs:.0f} tokens/s, ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    main()
