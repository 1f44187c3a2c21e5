"""The RL stage on the bundled model: labels equal what the library's own forward pass gives for the same questions."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from models import THREAD

from constitution.engines.transformers.model import load_model
from constitution.judging import load_judge_templates
from constitution.principles import load_principles
from constitution.records import Comparison, Order
from constitution.report.audit import audit
from constitution.store import comparisons
from constitution.votes import logit, sigmoid


def by_library(made: list[Comparison]) -> list[list[float]]:
    """P(A) of every vote of every comparison, by a pass of the plain model over the whole question."""
    loaded = load_model("smollm2", dtype="float32")
    templates = load_judge_templates("chat")
    principles = {principle.id: principle for principle in load_principles("harmlessness").principles}
    letters = [loaded.tokenizer.encode(letter)[0] for letter in ("A", "B")]
    found = []
    for one in made:
        shown: dict[Order, tuple[str, str]] = {
            "forward": (one.first.text, one.second.text),
            "reversed": (one.second.text, one.first.text),
        }
        found.append([])
        for vote in one.votes:
            asked = templates.compare(one.prompt, *shown[vote.order], principles[vote.principle], seed=0, row=one.row)
            turns = [turn.model_dump() for turn in asked]
            ids = loaded.tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            with torch.inference_mode():
                logits = loaded.model(**ids).logits[0, -1, letters]
            found[-1].append(torch.softmax(logits.double(), -1)[0].item())
    return found


def test_labels_of_the_bundled_model_equal_the_librarys(
    generated: Callable[..., Path], cli: Callable[..., object]
) -> None:
    settings = {"engine": "transformers", "dtype": "float32", "rounds": 1, "critique": False, "max_tokens": 24}
    run = generated(limit=2, concurrency=2, **settings)
    cli("compare", run, "--principles-per-pair", 1, "--max-tokens", 24, "--quiet")
    made = list(comparisons(run))
    assert [one.row for one in made] == ["row-00", "row-01"]
    for one, chances in zip(made, THREAD.submit(by_library, made).result(), strict=True):
        assert one.first.text != one.second.text
        logits = []
        for vote, p_a in zip(one.votes, chances, strict=True):
            assert vote.logprob_a is not None and vote.logprob_b is not None
            # The letters are what the judge answers with: both together have a real share of all tokens.
            assert math.exp(vote.logprob_a) + math.exp(vote.logprob_b) > 0.05
            assert abs((vote.logprob_a - vote.logprob_b) - logit(p_a)) < 0.01
            logits.append(logit(p_a) if vote.order == "forward" else -logit(p_a))
        assert one.p is not None
        assert abs(one.p - sigmoid(sum(logits) / len(logits))) < 0.005
    found = audit(made)
    assert found.first_position is not None and found.first_position.n == 4
