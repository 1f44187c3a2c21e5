"""What a model answers to prompts that no step has seen, and how well it knows harmless text."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from inputs import benchmark_rows
from people import read_lines

from constitution.digests import derive_seed, derive_uniform
from constitution.records import FinishReason, Message, Record, Sampling

Kind = Literal["harmless", "harmful"]
REFERENCE = Path(__file__).with_name("reference.jsonl")


class Asked(Record):
    """An evaluation prompt: `kind` says whether its own benchmark holds it to be harmful."""

    id: str
    kind: Kind
    text: str


class Answer(Record):
    """A model's answer to one of them; `tokens` counts those of the model."""

    id: str
    kind: Kind
    prompt: str
    text: str
    finish_reason: FinishReason
    tokens: int


def evaluation_prompts(xstest: Path, harmbench: Path, harmless: int, harmful: int, seed: int) -> list[Asked]:
    """XSTest's safe and unsafe prompts, and HarmBench's behaviours that need neither a context nor a book's text.

    Args:
        xstest: Its CSV file (Röttger et al. 2024, arXiv 2308.01263).
        harmbench: Its CSV file (Mazeika et al. 2024, arXiv 2402.04249).
        harmless: Most safe prompts.
        harmful: Most prompts of XSTest's unsafe ones, and most of HarmBench's.
        seed: Of which ones.

    Raises:
        SourceError: A file is something else.
    """
    by_label: dict[str, list[Asked]] = {"safe": [], "unsafe": [], "harmbench": []}
    for row in benchmark_rows(xstest, "xstest"):
        kind: Kind = "harmless" if row["label"] == "safe" else "harmful"
        by_label[row["label"]].append(Asked(id=f"xstest-{row['id']}", kind=kind, text=row["prompt"].strip()))
    for row in benchmark_rows(harmbench, "harmbench"):
        if row["FunctionalCategory"] == "standard" and not row["ContextString"].strip():
            asked = Asked(id=f"harmbench-{row['BehaviorID']}", kind="harmful", text=row["Behavior"].strip())
            by_label["harmbench"].append(asked)
    numbers = {"safe": harmless, "unsafe": harmful, "harmbench": harmful}
    found: list[Asked] = []
    for label, there in by_label.items():
        drawn = sorted(there, key=lambda one: derive_uniform("evaluate", seed, one.id))[: numbers[label]]
        found += sorted(drawn, key=lambda one: one.id)
    return found


async def answers(
    model: str, asked: Sequence[Asked], system: str | None, sampling: Sampling, device: str, seed: int
) -> list[Answer]:
    """A model's answers, in order; the same prompt has the same seed whatever the model.

    Args:
        model: By its name or folder.
        asked: The prompts.
        system: System prompt of them all, or None.
        sampling: How it answers.
        device: Where it runs.
        seed: Of all draws.

    Raises:
        ModelError: The model cannot be loaded.
        CallError: A prompt does not fit its context.
    """
    from constitution.engines import open_engine
    from constitution.model_settings import ModelSettings

    engine = await open_engine(ModelSettings(model=model, dtype="float32", device=device))
    try:

        async def one(prompt: Asked) -> Answer:
            said = await engine.generate(
                conversation(prompt.text, system), sampling, derive_seed("evaluate", seed, prompt.id)
            )
            return Answer(
                id=prompt.id,
                kind=prompt.kind,
                prompt=prompt.text,
                text=said.text,
                finish_reason=said.finish_reason,
                tokens=said.completion_tokens,
            )

        return list(await asyncio.gather(*map(one, asked)))
    finally:
        await engine.aclose()


def conversation(text: str, system: str | None) -> list[Message]:
    """A prompt as every model is given it."""
    before = [Message(role="system", content=system)] if system else []
    return [*before, Message(role="user", content=text)]


def reference_losses(model: str, system: str | None, cuda: bool) -> list[tuple[float, int]]:
    """Of each harmless reference answer, the sum of its tokens' negative log-likelihood in nats, and how many they are.

    The answers are people's, written for this; the prompt before each is not counted. A model whose perplexity rises
    on them has forgotten how to be of use to somebody who asks for nothing harmful.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = model_path(model)
    tokenizer = AutoTokenizer.from_pretrained(path)
    network = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).to("cuda" if cuda else "cpu").eval()
    found = []
    with torch.inference_mode():
        for row in read_lines(REFERENCE):
            turns = [message.model_dump() for message in conversation(row["prompt"], system)]
            opening = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            before = tokenizer(opening, add_special_tokens=False).input_ids
            answer = tokenizer(row["response"], add_special_tokens=False).input_ids
            tokens = torch.tensor([before + answer], device=network.device)
            logits = network(tokens).logits[0, len(before) - 1 : -1].float()
            loss = torch.nn.functional.cross_entropy(logits, tokens[0, len(before) :], reduction="sum")
            found.append((float(loss), len(answer)))
    return found


def model_path(model: str) -> str:
    """A model as the Hugging Face library finds it: the bundled one as a folder."""
    from constitution.engines.bundled import BUNDLED

    if model != BUNDLED:
        return str(Path(model).absolute()) if Path(model).is_dir() else model
    from constitution.engines.transformers.model import converted_bundle

    return str(converted_bundle())
