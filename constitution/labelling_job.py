"""A row's way to its comparisons: built from a plan and the callers of the models whose turn it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from constitution.calls import Caller
from constitution.compare import ChainOfThought, Judge, Sampler, compare, sample
from constitution.engines.base import ClosedEngine, Identity
from constitution.judging import CONTENT_FREE
from constitution.labelling_plan import Plan
from constitution.model_settings import label_of
from constitution.pair_files import PairRow
from constitution.records import Filtered, Row, Sampling
from constitution.reward_judge import RewardJudge
from constitution.run import Outcome
from constitution.runner import Chain
from constitution.votes import OPEN, Range, Thresholds


def sampling_chain(plan: Plan, names: tuple[str, ...], callers: Sequence[Caller]) -> Chain[PairRow]:
    """One row's samples of one model; the judge's turn finds them in the journal.

    Args:
        plan: The comparison.
        names: What the model is called.
        callers: The model.
    """
    (caller,) = callers
    by_name = dict.fromkeys(names, caller)

    async def chain(row: PairRow) -> Sequence[Outcome]:
        await sample(plan.templates.respond(row.prompt), _samplers(plan, by_name, row))
        return []

    return chain


def judging_chain(
    plan: Plan, names: tuple[str, ...], others: Mapping[str, Identity], callers: Sequence[Caller]
) -> Chain[PairRow]:
    """One row's comparisons; its samples come from the journal, or from the judge if it samples too.

    Args:
        plan: The comparison.
        names: What the judge is called as one who samples; none if it does not.
        others: The models whose turn it was before, by name.
        callers: The judge.
    """
    (caller,) = callers
    closed = {name: replace(caller, engine=ClosedEngine(identity)) for name, identity in others.items()}
    by_name = closed | dict.fromkeys(names, caller)
    settings = plan.settings
    judge = _rewarding(plan, caller) if plan.judge_templates is None else _asking(plan, caller)

    async def chain(row: PairRow) -> Sequence[Outcome]:
        if row.problem:
            return [Filtered(id=row.id, index=row.index, reason="no pair", message=row.problem)]
        candidates = row.candidates
        if plan.models:
            candidates = await sample(plan.templates.respond(row.prompt), _samplers(plan, by_name, row))
        return await compare(row.prompt, candidates, judge(row), match=settings.match, gold=row.gold)

    return chain


def _rewarding(plan: Plan, caller: Caller) -> Callable[[Row], RewardJudge]:
    """For each row, a judge that rewards."""
    settings = plan.settings
    return lambda row: RewardJudge(caller.rate(row), settings.tie, settings.seed)


def _asking(plan: Plan, caller: Caller) -> Callable[[Row], Judge]:
    """For each row, a judge that is asked questions."""
    settings, templates, principles = plan.settings, plan.judge_templates, plan.principles
    assert templates and principles
    thinking = Sampling(max_tokens=settings.cot_tokens, temperature=settings.cot_temperature, stop=templates.stop)
    clamp = OPEN if settings.clamp == "none" else Range(*map(float, settings.clamp.split(":")))
    cot = ChainOfThought(settings.cot_samples, settings.cot_verdict, clamp) if settings.cot else None
    thresholds = Thresholds(settings.tie, settings.order_gap, settings.min_mass)
    return lambda row: Judge(
        ask=caller.ask(row, thinking),
        weigh=caller.weigh(row),
        principles=principles,
        templates=templates,
        per_pair=settings.principles_per_pair,
        seed=settings.seed,
        thresholds=thresholds,
        cot=cot,
        content_free=CONTENT_FREE if settings.calibrate == "contextual" else (),
    )


def _samplers(plan: Plan, callers: Mapping[str, Caller], row: Row) -> list[Sampler]:
    """Who writes which sample of a row, as far as it is written by these models."""
    settings = plan.settings
    sampling = Sampling(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        min_p=settings.min_p,
        stop=plan.templates.stop,
    )
    names = [label_of(role) for role in plan.models]
    turns = [(number + 1, names[number % len(names)]) for number in range(settings.samples)]
    return [
        Sampler(number, callers[name].engine.identity.model, callers[name].ask(row, sampling))
        for number, name in turns
        if name in callers
    ]
