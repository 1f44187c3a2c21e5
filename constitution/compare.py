"""The RL chain of one prompt: sample responses, ask a judge which of two is better (Bai et al. 2022, section 4.1)."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean
from typing import Any, Literal

from constitution.judging import JudgeTemplates
from constitution.principles import Principle, PrincipleSet
from constitution.ranking import Duel, ranks, strengths
from constitution.records import Candidate, Choice, Comparison, Completion, Message, Order, Prompt, Reasoning, Vote
from constitution.revise import Ask
from constitution.reward_judge import RewardJudge, rewarded, rewards_of
from constitution.tasks import together
from constitution.tournament import Judged, best_and_worst, ends
from constitution.verdicts import last_verdict
from constitution.votes import Range, SoftLabel, Thresholds, bias_of, label, reasoned, spoken, weighed
from constitution.words import same_text

# Like `Ask`, for `choose`: the step's name, the conversation and the options in.
Weigh = Callable[[str, Sequence[Message], Sequence[str]], Coroutine[Any, Any, Choice]]


@dataclass(frozen=True)
class ChainOfThought:
    """How a judge reasons before its verdict.

    Attributes:
        samples: K, chains of thought a vote.
        verdict: Read by `choose` after the reasoning, or from its last answer marker.
        clamp: The range into which their mean is moved.
    """

    samples: int
    verdict: Literal["choose", "marker"]
    clamp: Range


@dataclass(frozen=True)
class Judge:
    """Who judges, and how.

    Attributes:
        ask: Makes one call of `generate`; for chains of thought.
        weigh: Makes one call of `choose`.
        principles: Drawn from for each pair, without replacement.
        templates: Turn two responses and a principle into a question.
        per_pair: Principles a pair.
        seed: Of the draws.
        thresholds: What makes a label unfit.
        cot: None asks for the label at once.
        content_free: Texts that stand for both responses where the judge's liking for a letter is measured, which is
            then subtracted from its votes (contextual calibration, Zhao et al. 2021); none: it is not. Not with `cot`.
    """

    ask: Ask
    weigh: Weigh
    principles: PrincipleSet
    templates: JudgeTemplates
    per_pair: int
    seed: int
    thresholds: Thresholds
    cot: ChainOfThought | None = None
    content_free: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sampler:
    """Who writes sample number `number`, from 1."""

    number: int
    model: str
    ask: Ask


async def sample(conversation: Sequence[Message], samplers: Sequence[Sampler]) -> tuple[Candidate, ...]:
    """Sample one response by each sampler.

    Raises:
        CallError: A call failed for good; the row ends here.
    """
    answers = await together([sampler.ask(f"sample-{sampler.number}", conversation) for sampler in samplers])
    return tuple(
        Candidate(
            text=answer.text,
            source=f"sample-{sampler.number}",
            model=sampler.model,
            finish_reason=answer.finish_reason,
        )
        for answer, sampler in zip(answers, samplers, strict=True)
    )


async def compare(
    prompt: Prompt,
    candidates: Sequence[Candidate],
    judge: Judge | RewardJudge,
    *,
    match: Literal["all", "best-worst"] = "all",
    gold: Literal["first", "second"] | None = None,
) -> tuple[Comparison, ...]:
    """Compare one prompt's responses in pairs, and rank them.

    Args:
        prompt: The row.
        candidates: Two or more responses to it, each with a source of its own.
        judge: Labels a pair: by questions, or by a reward for each response.
        match: `all` compares all N(N-1)/2 pairs. `best-worst` finds the best and the worst by about 3N/2
            comparisons, and compares those who are first and last in the end; rewards tell at once who they are.
        gold: Which of two candidates people preferred, if known.

    Raises:
        CallError: A call failed for good; the row ends here.
    """
    given: dict[str, float] = {}
    if isinstance(judge, RewardJudge) and not all(same_text(candidates[0].text, one.text) for one in candidates):
        told = await rewards_of(prompt.messages, candidates, judge.rate)
        given = {text: reward.value for text, reward in told.items()}

    async def judged(first: int, second: int) -> Judged:
        texts = candidates[first].text, candidates[second].text
        if same_text(*texts):
            # A tie that nobody need be asked about.
            return Judged(first, second, (), SoftLabel(0.5, 0.5, 0.5, 0.0, "tie"))
        if isinstance(judge, RewardJudge):
            r1, r2 = given[texts[0]], given[texts[1]]
            return Judged(first, second, (), rewarded(r1, r2, judge.tie), r1, r2)
        return await _judge_pair(prompt, first, second, candidates, judge)

    # One pair after the other, and in each order one principle after the other: all but the last tokens of a question
    # are those of the question before it, and an engine has them still at hand. Other rows keep it busy meanwhile.
    if match == "best-worst" and given:
        found = [await judged(*ends([given[one.text] for one in candidates]))]
    elif match == "all":
        found = [await judged(*pair) for pair in combinations(range(len(candidates)), 2)]
    else:
        found = await best_and_worst(prompt.id, len(candidates), judged, judge.seed)
    if given and len(found) == 1:
        # Differences of rewards are what strengths are, and all of them are known.
        values: list[float] | None = [
            given[one.text] - mean(given[end.text] for end in candidates) for one in candidates
        ]
    else:
        values = _strengths(len(candidates), found)
        # All labels together may put others first and last than the tournament did. A pair of two that nobody compared
        # would have no status, so these meet too, until the ranking's ends have met.
        met = {(one.first, one.second) for one in found}
        while match == "best-worst" and values and (pair := ends(values)) not in met:
            met.add(pair)
            found.append(await judged(*pair))
            values = _strengths(len(candidates), found)
    if values:
        placed = zip(candidates, values, ranks(values), strict=True)
        candidates = [c.model_copy(update={"strength": value, "rank": rank}) for c, value, rank in placed]
    return tuple(
        Comparison(
            id=f"{prompt.id}/{_pair_name(candidates, one.first, one.second)}",
            row=prompt.id,
            index=prompt.index,
            pairs=len(found),
            prompt=prompt.messages,
            metadata=prompt.metadata,
            first=candidates[one.first],
            second=candidates[one.second],
            votes=one.votes,
            gold=gold,
            sampled=_sampled(one.votes),
            reward_first=one.reward_first,
            reward_second=one.reward_second,
            others=_others(candidates, one, given) if match == "best-worst" and given else (),
            **one.soft._asdict(),
        )
        for one in found
    )


def _strengths(count: int, found: Sequence[Judged]) -> list[float] | None:
    """Of all labels that can be read; None if they do not connect all."""
    return strengths(count, [Duel(one.first, one.second, one.soft.p) for one in found if one.soft.p is not None])


async def _judge_pair(prompt: Prompt, first: int, second: int, candidates: Sequence[Candidate], judge: Judge) -> Judged:
    """Every principle in both orders."""
    texts = candidates[first].text, candidates[second].text
    pair = _pair_name(candidates, first, second)
    drawn = [
        judge.principles.draw(judge.seed, f"{prompt.id}/{pair}", number, replacement=False)
        for number in range(1, judge.per_pair + 1)
    ]

    # Of both orders: with the same text twice, they are one question.
    biases = await _biases(prompt, judge, drawn)

    async def votes_in(order: Order) -> list[Vote]:
        return [
            await _vote(prompt, pair, texts, judge, principle, order, biases.get(principle.id)) for principle in drawn
        ]

    forward, reversed_ = await together([votes_in("forward"), votes_in("reversed")])
    votes = (*forward, *reversed_)
    return Judged(first, second, votes, label(votes, judge.thresholds))


async def _biases(prompt: Prompt, judge: Judge, principles: Sequence[Principle]) -> dict[str, float | None]:
    """The judge's logit of (A) by principle where neither response says anything, in nats.

    Examples are drawn for each row, so the bias is a row's own. Its other pairs find the answers in the journal.
    """
    told: dict[str, list[Choice]] = {principle.id: [] for principle in principles}
    for number, text in enumerate(judge.content_free, 1):
        for principle in principles:
            asked = judge.templates.compare(prompt.messages, text, text, principle, seed=judge.seed, row=prompt.id)
            step = f"content-free-{number}/{principle.id}"
            told[principle.id].append(await judge.weigh(step, asked, judge.templates.labels))
    return {id: bias_of(choices, judge.thresholds.mass) for id, choices in told.items()}


async def _vote(
    prompt: Prompt,
    pair: str,
    texts: tuple[str, str],
    judge: Judge,
    principle: Principle,
    order: Order,
    bias: float | None,
) -> Vote:
    step = f"{pair}/{principle.id}/{order}"
    a, b = texts if order == "forward" else (texts[1], texts[0])
    asked = judge.templates.compare(
        prompt.messages, a, b, principle, seed=judge.seed, row=prompt.id, reason=judge.cot is not None
    )
    if judge.cot is None:
        choice = await judge.weigh(step, asked, judge.templates.labels)
        told = _told(order, choice, judge, bias or 0.0)
        if judge.content_free and bias is None:
            # What to subtract is not known, and as it stands the vote would be another measure than its neighbours.
            told["p_first"] = None
        return Vote(principle=principle.id, order=order, bias=bias, **told)
    steps = [f"{step}/{number}" for number in range(1, judge.cot.samples + 1)]
    judged = [*texts, *(message.content for message in prompt.messages)]
    reasonings = await together([_reason(name, asked, judged, judge, judge.cot, order) for name in steps])
    p_first = reasoned(reasonings, judge.cot.clamp)
    return Vote(principle=principle.id, order=order, reasonings=tuple(reasonings), p_first=p_first)


async def _reason(
    step: str, asked: Sequence[Message], judged: Sequence[str], judge: Judge, cot: ChainOfThought, order: Order
) -> Reasoning:
    thought: Completion = await judge.ask(f"{step}/reason", asked)
    if cot.verdict == "marker":
        verdict = last_verdict(thought, judged)
        return Reasoning(completion=thought, verdict=verdict, p_first=spoken(order, verdict))
    question = judge.templates.verdict(asked, thought.text)
    told = _told(order, await judge.weigh(f"{step}/verdict", question, judge.templates.labels), judge)
    return Reasoning(completion=thought, **told)


def _told(order: Order, choice: Choice, judge: Judge, bias: float = 0.0) -> dict[str, Any]:
    """What a choice between the two labels says: the fields that a vote and a reasoning have in common."""
    a, b = choice.logprobs
    p_first = weighed(order, a, b, judge.thresholds.mass, bias)
    return {"logprob_a": a, "logprob_b": b, "sampled": choice.sampled, "p_first": p_first}


def _sampled(votes: Sequence[Vote]) -> int | None:
    """How many sampled answers a label's votes are shares of, where the judge told no log-probabilities."""
    told = [vote.sampled for vote in votes] + [one.sampled for vote in votes for one in vote.reasonings]
    return next((number for number in told if number is not None), None)


def _others(candidates: Sequence[Candidate], pair: Judged, given: Mapping[str, float]) -> tuple[Candidate, ...]:
    """The candidates beside a pair, with their rewards."""
    return tuple(
        one.model_copy(update={"reward": given[one.text]})
        for place, one in enumerate(candidates)
        if place not in (pair.first, pair.second)
    )


def _pair_name(candidates: Sequence[Candidate], first: int, second: int) -> str:
    return f"{candidates[first].source}:{candidates[second].source}"
