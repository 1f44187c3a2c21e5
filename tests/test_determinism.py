"""Greedy decoding in slots is `model.generate`'s, token for token, in float32."""

import asyncio
import json
from pathlib import Path

import pytest
import torch
from models import THREAD, fitness_of, user
from scale import LONG

from constitution.engines.transformers.batcher import Batcher
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.memory import Memory
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.requests import GenerateRequest
from constitution.engines.transformers.slots import Slots
from constitution.records import Sampling

PROMPTS = Path(__file__).parents[1] / "examples" / "prompts" / "harmlessness.jsonl"
CONVERSATIONS, MAX_TOKENS = (50, 12) if LONG else (16, 8)
# One at a time is slow: fewer conversations, and a shorter answer to each.
ALONE, ALONE_TOKENS = (20, 6) if LONG else (6, 4)
REORDER = Slots.reorder
# Long enough that it is worth copying from slot to slot.
RULES = "The house has rules, which all of its guests keep: be quiet after ten, shut the door, feed no cats. "


@pytest.fixture(scope="module")
def prompts(smollm2: LoadedModel) -> list[list[int]]:
    """Tokens of some conversations."""
    encoder = Encoder(smollm2.tokenizer, None, "smollm2")
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    return [
        encoder.encode(user(RULES * (4 if n % 2 else 1) + row["prompt"])) for n, row in enumerate(rows[:CONVERSATIONS])
    ]


@pytest.fixture(scope="module")
def by_library(smollm2: LoadedModel, prompts: list[list[int]]) -> list[list[int]]:
    """What `model.generate` answers to each alone."""
    options = {"max_new_tokens": MAX_TOKENS, "do_sample": False, "pad_token_id": 2, "eos_token_id": [*smollm2.ends]}

    def go() -> list[list[int]]:
        found = []
        for prompt in prompts:
            tokens = torch.tensor([prompt])
            out = smollm2.model.generate(tokens, attention_mask=torch.ones_like(tokens), **options)
            found.append(out[0, len(prompt) :].tolist())
        return found

    return THREAD.submit(go).result()


@pytest.mark.parametrize("reuse", [True, False], ids=["reuse", "no-reuse"])
@pytest.mark.parametrize("slots", [1, CONVERSATIONS], ids=["alone", "full-batch"])
def test_greedy_tokens_are_those_of_model_generate(
    smollm2: LoadedModel,
    prompts: list[list[int]],
    by_library: list[list[int]],
    slots: int,
    reuse: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = []
    monkeypatch.setattr(Slots, "reorder", lambda self, order: (orders.append(order), REORDER(self, order))[1])
    # Slots are put into order on the way, whether that pays or not.
    monkeypatch.setattr("constitution.engines.transformers.batcher.PASSES_BETWEEN_ORDERINGS", 4)
    monkeypatch.setattr("constitution.engines.transformers.placing.WASTE", 0.9)
    asked, limit = (prompts[:ALONE], ALONE_TOKENS) if slots == 1 else (prompts, MAX_TOKENS)
    per_token = fitness_of(smollm2).bytes_per_token
    batcher = Batcher(smollm2, slots, Memory(slots * 1024 * per_token, per_token, "cpu"), THREAD, reuse)

    async def go() -> list[list[int]]:
        loop, sampling = asyncio.get_running_loop(), Sampling(max_tokens=limit, temperature=0)
        requests = [GenerateRequest(prompt, loop.create_future(), sampling, 0) for prompt in asked]
        for request in requests:
            batcher.submit(request)
        await asyncio.gather(*(request.future for request in requests))
        await asyncio.to_thread(batcher.close)
        return [request.answer for request in requests]

    assert asyncio.run(go()) == [answer[:limit] for answer in by_library[: len(asked)]]
    assert orders
    assert (batcher.usage.reused_tokens > 0) == reuse
    # The prompts are not all alike, nor are the answers.
    assert len({tuple(answer) for answer in by_library}) > CONVERSATIONS // 2
