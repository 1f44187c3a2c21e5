"""Drawing tokens: distributions, their filters, and rows beside each other."""

import math
import random
from collections import Counter

import pytest
import torch

from constitution.engines.transformers.sampling import sample
from constitution.records import Sampling


def draws(logits: torch.Tensor, sampling: Sampling, count: int = 4000) -> Counter[int]:
    """How often each token is drawn by rows that differ in their random numbers only."""
    return Counter(sample(logits.repeat(count, 1), [sampling] * count, [random.Random(n) for n in range(count)]))


def shares(found: Counter[int]) -> dict[int, float]:
    return {token: number / found.total() for token, number in sorted(found.items())}


def test_sampling_follows_the_distribution() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0, 0.5] + [-math.inf] * 300)
    found = shares(draws(logits, Sampling(max_tokens=1, temperature=0.7)))
    expected = torch.softmax(logits[:5] / 0.7, dim=-1).tolist()
    assert found == pytest.approx(dict(enumerate(expected)), abs=0.03)


def test_every_part_of_a_large_vocabulary_is_drawn_from() -> None:
    logits = torch.zeros(1000)
    found = draws(logits, Sampling(max_tokens=1), 20_000)
    # 20 a token on average: none is left out, none is favoured.
    assert set(found) == set(range(1000))
    assert max(found.values()) < 50
    halves = sum(number for token, number in found.items() if token < 500) / 20_000
    assert halves == pytest.approx(0.5, abs=0.02)


def test_a_nucleus_holds_the_fewest_tokens_that_reach_its_mass() -> None:
    logits = torch.tensor([0.05, 0.5, 0.3, 0.1, 0.05]).log()
    found = shares(draws(logits, Sampling(max_tokens=1, top_p=0.75)))
    assert found == pytest.approx({1: 0.625, 2: 0.375}, abs=0.03)
    # Even a nucleus smaller than any token holds the most probable one.
    assert set(draws(logits, Sampling(max_tokens=1, top_p=0.01), 50)) == {1}


def test_top_k_keeps_the_k_most_probable_tokens_in_their_proportions() -> None:
    logits = torch.tensor([0.05, 0.5, 0.3, 0.1, 0.05]).log()
    found = shares(draws(logits, Sampling(max_tokens=1, top_k=3)))
    assert found == pytest.approx({1: 5 / 9, 2: 3 / 9, 3: 1 / 9}, abs=0.03)
    # More than there are keeps all.
    assert set(draws(logits, Sampling(max_tokens=1, top_k=50))) == {0, 1, 2, 3, 4}
    # At the edge, tokens that are equally probable all belong to it.
    assert set(draws(logits, Sampling(max_tokens=1, top_k=4))) == {0, 1, 2, 3, 4}


def test_min_p_keeps_tokens_that_reach_its_share_of_the_most_probable_one() -> None:
    logits = torch.tensor([0.04, 0.5, 0.3, 0.11, 0.05]).log()
    found = shares(draws(logits, Sampling(max_tokens=1, min_p=0.2)))
    assert found == pytest.approx({1: 0.5 / 0.91, 2: 0.3 / 0.91, 3: 0.11 / 0.91}, abs=0.03)
    # The most probable token's probability at that temperature is what counts.
    assert set(draws(logits, Sampling(max_tokens=1, min_p=0.2, temperature=0.5))) == {1, 2}


def test_filters_act_one_after_the_other() -> None:
    logits = torch.tensor([0.04, 0.4, 0.3, 0.2, 0.06]).log()
    # min-p leaves 1, 2, 3; of them top-k leaves 1 and 2, which then weigh 4/7 and 3/7: the nucleus needs one.
    assert set(draws(logits, Sampling(max_tokens=1, min_p=0.3, top_k=2, top_p=0.5))) == {1}
    assert set(draws(logits, Sampling(max_tokens=1, min_p=0.3, top_k=2, top_p=0.6))) == {1, 2}
    assert set(draws(logits, Sampling(max_tokens=1, top_p=0.5))) == {1, 2}


def test_each_row_has_its_own_settings() -> None:
    logits = torch.tensor([0.05, 0.5, 0.3, 0.1, 0.05]).log().repeat(400, 1)
    kinds = [
        Sampling(max_tokens=1, temperature=0),
        Sampling(max_tokens=1, top_k=2),
        Sampling(max_tokens=1, min_p=0.15),
        Sampling(max_tokens=1, top_p=0.4),
    ]
    tokens = sample(logits, kinds * 100, [random.Random(n) for n in range(400)])
    assert [set(tokens[start::4]) for start in range(4)] == [{1}, {1, 2}, {1, 2, 3}, {1}]


def test_a_row_s_token_does_not_depend_on_its_neighbours() -> None:
    logits = torch.randn(70, 500, generator=torch.Generator().manual_seed(0)) * 2
    sampling = Sampling(max_tokens=1, temperature=0.8, top_p=0.9)
    together = sample(logits, [sampling] * 70, [random.Random(n) for n in range(70)])
    alone = [sample(logits[n : n + 1], [sampling], [random.Random(n)])[0] for n in range(70)]
    assert together == alone
    assert len(set(together)) > 10


def test_temperature_zero_takes_the_most_probable_token_beside_rows_that_sample() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [5.0, 5.1, 5.2], [0.0, 9.0, 0.0]])
    samplings = [Sampling(max_tokens=1, temperature=0), Sampling(max_tokens=1), Sampling(max_tokens=1, temperature=0)]
    tokens = sample(logits, samplings, [random.Random(n) for n in range(3)])
    assert (tokens[0], tokens[2]) == (1, 1)
