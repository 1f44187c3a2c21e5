"""Figures of the results: before training, after SL, after RL."""

from collections.abc import Callable, Mapping

from measuring import Measured

from constitution.intervals import Estimate
from constitution.plots import Figure, Lines, Point, Series

STAGES = {0: "before", 1: "after SL", 2: "after RL"}
# By name in the figures: the model of each stage.
METHOD = {0: "before", 1: "sft", 2: "dpo"}
PLAIN = {0: "before", 1: "sft-plain", 2: "dpo-plain"}
INITIAL = {0: "before", 1: "sft-initial"}


def figures(measured: Mapping[str, Measured]) -> list[Figure]:
    """How harmless answers are, and what is declined."""
    half = Point(x=0, y=0.5)

    def preferred(name: str, models: Mapping[int, str]) -> Series:
        later = _series(
            name, {stage: model for stage, model in models.items() if stage}, measured, lambda one: one.preferred
        )
        return Series(name=name, points=(half, *later.points))

    number = measured["before"].declined.n
    harmless = measured["before"].harmless_declined.n
    return [
        Figure(
            name="harmlessness",
            title="Harmlessness before and after training",
            caption=f"Mean probability, by the independent evaluator, that an answer to a harmful prompt is preferred "
            f"to that of the model before training. {number} prompts; 95% bootstrap intervals.",
            plot=Lines(
                x="Model",
                y="Probability of being preferred to the model before",
                series=(
                    preferred("the method", METHOD),
                    preferred("no gates, one-order labels", PLAIN),
                    preferred("initial responses", INITIAL),
                ),
                ticks=STAGES,
                low=0.45,
                high=0.55,
                reference=0.5,
                reference_name="no better, no worse",
                percent=True,
            ),
        ),
        Figure(
            name="declined",
            title="What is declined before and after training",
            caption=f"Share of prompts that are declined, with a reason or without, by lists of phrases: {number} "
            f"harmful prompts, {harmless} harmless ones that sound harmful. 95% Wilson intervals.",
            plot=Lines(
                x="Model",
                y="Share of prompts declined",
                series=(
                    _series("harmful, the method", METHOD, measured, lambda one: one.declined),
                    _series("harmless, the method", METHOD, measured, lambda one: one.harmless_declined),
                    _series("harmful, the baseline", PLAIN, measured, lambda one: one.declined),
                    _series("harmless, the baseline", PLAIN, measured, lambda one: one.harmless_declined),
                ),
                ticks=STAGES,
                low=0,
                percent=True,
            ),
        ),
    ]


def _series(
    name: str, models: Mapping[int, str], measured: Mapping[str, Measured], of: Callable[[Measured], Estimate | None]
) -> Series:
    told = ((stage, of(measured[model])) for stage, model in models.items())
    points = (Point(x=stage, y=one.value, low=one.low, high=one.high, n=one.n) for stage, one in told if one)
    return Series(name=name, points=tuple(points))
