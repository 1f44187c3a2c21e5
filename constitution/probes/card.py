"""What a probe is, what it was fitted on and what it was measured at."""

from typing import Literal

from constitution.engines.base import Identity
from constitution.intervals import Estimate
from constitution.records import Record

POOLING = ("mean", "last")
_POOLED = {"mean": "the mean over the response's tokens", "last": "its last token"}
# In so many of the pairs people preferred the longer response, or the shorter one: then lengths alone tell as much.
ONE_SIDED = 0.95


class FittedOn(Record):
    """The pairs of a fit.

    Attributes:
        name: The file's or dataset's.
        digest: Hash of the pairs that were used, their order included.
        rows: Rows that were read.
        used: Pairs among them that the probe was fitted on.
        prompts: Groups that folds keep together: conversations that begin with the same turn.
        left_out: Why the others were not used, and how many.
        licence: What the data's licence is, as whoever fitted the probe said; empty if nobody did.
    """

    name: str
    digest: str
    rows: int
    used: int
    prompts: int
    left_out: dict[str, int]
    licence: str = ""


class Measured(Record):
    """What cross-validation says: pairs are judged by probes that saw none of their prompts.

    Layers and strength of each split's probe are chosen, and its temperature is fitted, on the other splits alone.

    Attributes:
        splits: Accuracy on each split.
        accuracy: Share of all pairs in which the probe prefers what people do, with Wilson's 95% interval, pairs of one
            prompt being one cluster.
        calibration_error: Expected calibration error (Guo et al. 2017), ten equal bins of confidence from 0.5 to 1.
        shorter: Share of pairs in which people preferred the shorter response: what length alone would score, or one
            minus it.
    """

    splits: tuple[float, ...]
    accuracy: Estimate
    calibration_error: Estimate
    shorter: Estimate


class ProbeCard(Record):
    """All that is to know of a probe but its weights.

    Attributes:
        format: The file's.
        made: Version of the program that fitted it.
        model: The model whose hidden states it reads: as its engine names it, number format included.
        path: How that model was named when the probe was fitted.
        hub: Whether it is loaded from the Hub, by its revision.
        dtype: The number format that it is loaded in.
        chat_template: Jinja source that replaces the model's own chat template, or None.
        read: Layers whose states are read, counted from 1.
        layers: Those among them that the reward depends on.
        pooling: How states of a response's tokens become one: their mean, and the last one.
        strength: Of the ridge, relative to the mean square of a pair's features.
        data: What it was fitted on.
        measured: What it was measured at.
    """

    format: Literal[1] = 1
    made: str
    model: Identity
    path: str
    hub: bool
    dtype: str
    chat_template: str | None = None
    read: tuple[int, ...]
    layers: tuple[int, ...]
    pooling: tuple[str, ...] = POOLING
    strength: float
    data: FittedOn
    measured: Measured


def card_text(name: str, card: ProbeCard) -> str:
    """The card as Markdown.

    Args:
        name: The probe's.
        card: What it says.
    """
    data, found = card.data, card.measured
    left_out = [f"left out, {why}: {number}" for why, number in data.left_out.items()]
    lines = [
        f"model: `{card.model.model}`, revision `{card.model.revision}`, {card.model.detail}; another one is refused",
        f"hidden states: {_layers(card)}; of each, {' and '.join(_POOLED[one] for one in card.pooling)}",
        f"fitted by ridge on differences of standardised features, without intercept; strength {card.strength:g}",
        f"data: {data.name} (hash `{data.digest}`): {data.used} of {data.rows} pairs, {data.prompts} prompts",
        *left_out,
        f"licence of the data: {data.licence or 'not told'}; the probe's weights are derived from it",
    ]
    splits = ", ".join(f"{value:.1%}" for value in found.splits)
    measures = [
        f"accuracy on pairs whose prompts it had not seen: {found.accuracy.percent} ({len(found.splits)} splits: "
        f"{splits})",
        f"expected calibration error: {found.calibration_error.number}",
        f"people preferred the shorter response: {found.shorter.percent}",
        *(f"warning: {warning}" for warning in warnings_of(found)),
    ]
    return "\n".join(
        [
            f"# The probe {name}",
            "",
            "A linear preference model: it gives one response a reward in nats, and the sigmoid of the difference of "
            "two rewards is the probability that the first response is better.",
            "",
            *(f"- {line}" for line in lines),
            "",
            "## Measured by cross-validation",
            "",
            *(f"- {line}" for line in measures),
            "",
            "What it prefers is what the people preferred who judged these pairs, as far as a linear model of one "
            "small model's states tells it. Check it on your own pairs: `constitution audit RUN --gold PAIRS`.",
            "",
            f"Made with constitution {card.made}.",
            "",
        ]
    )


def warnings_of(measured: Measured) -> tuple[str, ...]:
    """What speaks against judging with a probe; none if nothing does."""
    found = []
    if measured.accuracy.low <= 0.5:
        # The words of `report.audit`, which a judge of any kind is told by.
        found.append(
            "nothing shows that the judge is better than chance at what people prefer: do not train on its labels; "
            "fit it on more pairs, or on another model's states"
        )
    shorter = measured.shorter.value
    if not 1 - ONE_SIDED < shorter < ONE_SIDED:
        which, often = ("shorter", shorter) if shorter > 0.5 else ("longer", 1 - shorter)
        found.append(
            f"in {often:.1%} of the pairs people preferred the {which} response, which length alone would tell: the "
            "probe may know nothing else; fit it on pairs in which either is preferred, and more evenly"
        )
    return tuple(found)


def _layers(card: ProbeCard) -> str:
    if card.layers == card.read:
        return f"layers {_listed(card.layers)}" if len(card.layers) > 1 else f"layer {card.layers[0]}"
    used = f"layer {card.layers[0]}" if len(card.layers) == 1 else f"layers {_listed(card.layers)}"
    return f"{used}, chosen of {_listed(card.read)}"


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
