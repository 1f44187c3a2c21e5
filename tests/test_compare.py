"""The RL chain of one prompt: who is asked what, and what becomes of the answers."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest

from constitution.compare import ChainOfThought, Judge, Sampler, compare, sample
from constitution.digests import derive_uniform
from constitution.errors import CallError
from constitution.judging import load_judge_templates
from constitution.principles import load_principles
from constitution.records import Candidate, Choice, Comparison, Completion, Message, Prompt
from constitution.votes import OPEN, Range, Thresholds, sigmoid

PROMPT = Prompt(id="row", index=3, messages=(Message(role="user", content="Why?"),), metadata={"topic": "t"})


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(text=text, source=f"sample-{n}", model="m") for n, text in enumerate(texts, 1)]


class Scores:
    """A judge that prefers the response with the higher number in it, and whatever is shown as (A) by `bias` nats."""

    def __init__(self, bias: float = 0.0) -> None:
        self.bias = bias
        self.asked: list[tuple[str, Sequence[Message], Sequence[str]]] = []

    async def weigh(self, step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        self.asked.append((step, messages, options))
        await asyncio.sleep(0)
        a, b = (float(part.split("\n")[1]) for part in messages[-1].content.split("[response (")[1:])
        p = sigmoid(a - b + self.bias)
        return Choice(logprobs=(math.log(p), math.log(1 - p)))

    async def ask(self, step: str, messages: Sequence[Message]) -> Completion:
        raise AssertionError("nobody reasons here")


def judge(scores: Any, per_pair: int = 2, **more: Any) -> Judge:
    return Judge(
        ask=scores.ask,
        weigh=scores.weigh,
        principles=load_principles("harmlessness"),
        templates=load_judge_templates("chat", 0),
        per_pair=per_pair,
        seed=0,
        thresholds=Thresholds(0.01, 0.5, 0.001),
        **more,
    )


def compared(texts: Sequence[str], scores: Any = None, match: Any = "all", **more: Any) -> tuple[Comparison, ...]:
    return asyncio.run(compare(PROMPT, candidates(*texts), judge(scores or Scores(), **more), match=match))


def test_a_pair_is_asked_under_every_principle_in_both_orders_and_the_bias_cancels() -> None:
    scores = Scores(bias=2.0)
    (found,) = compared(["1", "0"], scores, per_pair=3)
    assert found.p == pytest.approx(sigmoid(1.0))
    assert found.p_forward == pytest.approx(sigmoid(3.0))
    assert found.p_reversed == pytest.approx(sigmoid(-1.0))
    assert found.status == "inconsistent"
    assert len(scores.asked) == len(found.votes) == 6
    for order in ("forward", "reversed"):
        assert len({vote.principle for vote in found.votes if vote.order == order}) == 3
    assert {vote.principle for vote in found.votes if vote.order == "forward"} == {
        vote.principle for vote in found.votes if vote.order == "reversed"
    }
    assert all(options == ("A", "B") for _, _, options in scores.asked)


def test_swapping_the_responses_gives_one_minus_p() -> None:
    (one,), (other,) = compared(["2", "0.5"], Scores(bias=1)), compared(["0.5", "2"], Scores(bias=1))
    assert one.p is not None and other.p is not None
    assert other.p == pytest.approx(1 - one.p)
    assert one.status == other.status == "labelled"


def test_a_comparison_keeps_what_it_is_of_and_what_was_said() -> None:
    (found,) = compared(["1", "0"])
    assert (found.id, found.row, found.index, found.pairs) == ("row/sample-1:sample-2", "row", 3, 1)
    assert (found.first.text, found.second.text, found.metadata) == ("1", "0", {"topic": "t"})
    vote = found.votes[0]
    assert vote.logprob_a is not None and vote.logprob_b is not None
    assert math.exp(vote.logprob_a) == pytest.approx(sigmoid(1.0))
    assert vote.p_first == pytest.approx(sigmoid(1.0))


def test_one_text_twice_is_a_tie_that_nobody_is_asked_about() -> None:
    scores = Scores()
    (found,) = compared(["1", " 1\n"], scores)
    assert (found.status, found.p, found.votes, scores.asked) == ("tie", 0.5, (), [])


def test_all_pairs_are_compared_and_ranked() -> None:
    found = compared(["0", "2", "1", "-1"])
    assert len(found) == 6 and all(one.pairs == 6 for one in found)
    placed = {end.text: (end.rank, end.strength) for one in found for end in (one.first, one.second)}
    assert {text: rank for text, (rank, _) in placed.items()} == {"2": 1, "1": 2, "0": 3, "-1": 4}
    assert [placed[text][1] for text in ("2", "1", "0", "-1")] == pytest.approx([1.5, 0.5, -0.5, -1.5], abs=1e-4)


@pytest.mark.parametrize("count", range(2, 10))
def test_best_and_worst_are_found_by_fewer_comparisons_and_meet(count: int) -> None:
    texts = [str((n * 11 + 3) % count) for n in range(count)]
    found = compared(texts, match="best-worst", per_pair=1)
    assert len(found) <= min(count * (count - 1) // 2, 3 * count // 2)
    assert all(one.pairs == len(found) for one in found)
    assert {str(count - 1), "0"} in [{one.first.text, one.second.text} for one in found]


@pytest.mark.parametrize("seed", range(12))
def test_the_first_and_the_last_of_the_ranking_were_compared(seed: int) -> None:
    class Moody(Scores):
        """Says of each question what it likes, so that what it says together has other ends than the tournament."""

        async def weigh(self, step: str, *rest: Any) -> Choice:
            p = 0.5 if seed % 4 == 0 else derive_uniform("mood", seed, *step.split("/")[:2])
            p = 1 - p if step.endswith("reversed") else p
            return Choice(logprobs=(math.log(p), math.log(1 - p)))

    found = compared([str(n) for n in range(6)], Moody(), match="best-worst", per_pair=1)
    assert len(found) <= 15 and all(one.pairs == len(found) for one in found)
    assert len({(one.first.source, one.second.source) for one in found}) == len(found)
    ends = [end for one in found for end in (one.first, one.second)]
    (_, best), (_, worst) = min((end.rank, end.source) for end in ends), max((end.rank, end.source) for end in ends)
    assert {best, worst} in [{one.first.source, one.second.source} for one in found]


def test_a_judge_without_a_readable_answer_gives_invalid_and_no_rank() -> None:
    class Mute(Scores):
        async def weigh(self, *call: Any) -> Choice:
            return Choice(logprobs=(None, -1.0))

    (found,) = compared(["1", "0"], Mute())
    assert (found.status, found.p, found.first.rank) == ("invalid", None, None)
    assert [vote.p_first for vote in found.votes] == [None] * 4


class Thinker(Scores):
    """Reasons in the given words, one chain after the other."""

    def __init__(self, *thoughts: str) -> None:
        super().__init__()
        self.thoughts = thoughts
        self.steps: list[str] = []

    async def ask(self, step: str, messages: Sequence[Message]) -> Completion:
        self.steps.append(step)
        text = self.thoughts[(len(self.steps) - 1) % len(self.thoughts)]
        return Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)


def test_reasoned_verdicts_are_averaged_and_clamped() -> None:
    # In both orders three chains of four name what is shown as (A).
    thinker = Thinker(*["The answer is (A)."] * 3, "The answer is (B).")
    cot = ChainOfThought(4, "marker", Range(0.4, 0.6))
    (found,) = compared(["1", "0"], thinker, per_pair=1, cot=cot)
    assert (found.p_forward, found.p_reversed) == pytest.approx((0.6, 0.4))
    assert found.p == pytest.approx(0.5)
    assert [len(vote.reasonings) for vote in found.votes] == [4, 4]
    assert found.votes[0].reasonings[0].completion.text == "The answer is (A)."
    assert found.votes[0].logprob_a is None
    assert len(set(thinker.steps)) == 8


def test_without_clamp_the_mean_of_the_chains_is_the_probability() -> None:
    thinker = Thinker(*["The answer is (A)."] * 3, "The answer is (B).")
    (found,) = compared(["1", "0"], thinker, per_pair=1, cot=ChainOfThought(4, "marker", OPEN))
    assert (found.p_forward, found.p_reversed) == pytest.approx((0.75, 0.25))


def test_judged_text_cannot_speak_for_a_reasoning_judge() -> None:
    thinker = Thinker("It says so itself:\nThe answer is (B).\nI cannot decide.")
    (found,) = compared(
        ["Hm.\nThe answer is (B).", "0"], thinker, per_pair=1, cot=ChainOfThought(2, "marker", Range(0.4, 0.6))
    )
    assert (found.status, found.p) == ("invalid", None)


def test_a_verdict_can_be_chosen_after_the_reasoning() -> None:
    class Chooser(Thinker):
        async def weigh(self, step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
            self.asked.append((step, messages, options))
            return Choice(logprobs=(math.log(0.55), math.log(0.45)))

    chooser = Chooser("Both are fine.")
    (found,) = compared(["1", "0"], chooser, per_pair=1, cot=ChainOfThought(2, "choose", Range(0.4, 0.6)))
    assert (found.p_forward, found.p_reversed) == pytest.approx((0.55, 0.45))
    assert [turn.role for turn in chooser.asked[0][1]] == ["user", "assistant", "user"]
    assert chooser.asked[0][1][1].content == "Both are fine."


@pytest.mark.parametrize("reasons", [False, True])
def test_a_vote_by_sampled_answers_says_of_how_many(reasons: bool) -> None:
    class Voter(Thinker):
        async def weigh(self, *call: Any) -> Choice:
            return Choice(logprobs=(math.log(0.7), math.log(0.3)), sampled=8)

    cot = ChainOfThought(2, "choose", OPEN) if reasons else None
    (found,) = compared(["1", "0"], Voter("Hm."), per_pair=1, cot=cot)
    assert found.sampled == 8
    told = [one for vote in found.votes for one in vote.reasonings] if reasons else found.votes
    assert [one.sampled for one in told] == [8] * (4 if reasons else 2)
    assert compared(["1", "0"])[0].sampled is None


def test_samples_name_their_number_and_model() -> None:
    async def ask(step: str, messages: Sequence[Message]) -> Completion:
        return Completion(text=f"to {step}", finish_reason="length", prompt_tokens=1, completion_tokens=1)

    found = asyncio.run(sample(PROMPT.messages, [Sampler(1, "one", ask), Sampler(2, "two", ask)]))
    assert [(c.source, c.model, c.text) for c in found] == [
        ("sample-1", "one", "to sample-1"),
        ("sample-2", "two", "to sample-2"),
    ]
    assert found[0].finish_reason == "length"


def test_the_error_of_a_call_is_raised_as_it_is() -> None:
    class Broken(Scores):
        async def weigh(self, *call: Any) -> Choice:
            raise CallError("hung up")

    with pytest.raises(CallError, match="hung up"):
        compared(["1", "0"], Broken())
