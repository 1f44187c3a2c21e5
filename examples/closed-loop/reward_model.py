"""How often a trained reward model is right about pairs that people judged."""

from collections.abc import Sequence
from pathlib import Path

from people import Pair

from constitution.intervals import Estimate, share


def turns_of(pair: Pair, response: str, system: str | None) -> list[dict[str, str]]:
    """A response as the reward model was trained to read it: every prompt of the loop begins with the system prompt."""
    before = [{"role": "system", "content": system}] if system else []
    asked = [{"role": message.role, "content": message.content} for message in pair.prompt]
    return [*before, *asked, {"role": "assistant", "content": response}]


def accuracy(model: Path, pairs: Sequence[Pair], system: str | None, cuda: bool) -> Estimate:
    """Share of pairs in which it scores what people preferred above the other; equal scores count a half.

    Args:
        model: A folder that the reward trainer wrote.
        pairs: At least one.
        system: System prompt of what it was trained on, or None.
        cuda: Whether there is a GPU.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model, dtype=torch.float32)
    network = network.to("cuda" if cuda else "cpu").eval()

    def score(pair: Pair, response: str) -> float:
        turns = turns_of(pair, response, system)
        tokens = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True).to(network.device)
        return float(network(**tokens).logits[0, 0])

    right = []
    with torch.inference_mode():
        for pair in pairs:
            chosen, rejected = score(pair, pair.chosen), score(pair, pair.rejected)
            right.append(0.5 if chosen == rejected else float(chosen > rejected))
    found = share(right, [pair.opening for pair in pairs])
    assert found
    return found
