"""Fit a probe: read the pairs, have the model read the responses, cross-validate, fit, and write the file."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np

from constitution import __version__
from constitution.engines.bundled import BUNDLED
from constitution.engines.transformers import TransformersEngine, open_engine
from constitution.errors import ConfigError, ContextOverflow, SourceError
from constitution.intervals import bootstrap, share
from constitution.model_settings import ModelSettings
from constitution.probes.card import FittedOn, Measured, ProbeCard
from constitution.probes.crossing import SPLITS, Crossed, cross_validate, weights_of
from constitution.probes.features import Features, FeatureStore
from constitution.probes.files import save_probe
from constitution.probes.labelled import LabelledPair, LabelledPairs, check_enough, read_labelled
from constitution.probes.ridge import Floats
from constitution.records import Message
from constitution.remote.addresses import masked
from constitution.report.audit import calibration_error
from constitution.reward_judge import preference
from constitution.tasks import together

# Layers that are read unless others are named, as shares of the model's depth: 12, 18 and 24 of the bundled one's 30.
DEPTHS = (0.4, 0.6, 0.8)
# What is told of progress: what is under way, how much of it is done, and of how much.
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fit:
    """What a fit is told.

    Attributes:
        pairs: File or dataset of pairs that people judged.
        to: Where the probe goes.
        model: Whose hidden states it reads.
        chat_template: Jinja source that replaces the model's own, or None.
        layers: Which layers are read; None: at `DEPTHS`.
        limit: Most pairs.
        licence: Of the data, for the card.
    """

    pairs: str
    to: Path
    model: ModelSettings
    chat_template: str | None = None
    layers: tuple[int, ...] | None = None
    limit: int | None = None
    licence: str = ""


async def fit_probe(fit: Fit, tell: Tell | None = None) -> ProbeCard:
    """Fit a probe and write it.

    What the model reads is kept on disk as it goes: stopped in any way, the same fit goes on there.

    Raises:
        SourceError: Too few pairs, or a row in no known form.
        ConfigError: Layers that the model does not have.
        ModelError: The model cannot be found or loaded, or its hidden states cannot be read.
    """
    labelled = read_labelled(fit.pairs, fit.limit)
    engine = await open_engine(fit.model, fit.chat_template)
    try:
        layers = _layers(fit.layers, engine.depth)
        store = FeatureStore(engine.identity, fit.chat_template, layers)
        try:
            features = await _read(labelled, engine, store, layers, fit.model.concurrency, tell)
        finally:
            store.flush()
    finally:
        await engine.aclose()
    labelled, differences, centre = _differences(labelled, features)
    check_enough(fit.pairs, labelled)
    groups = [pair.group for pair in labelled.pairs]

    def crossing(done: int, of: int) -> None:
        if tell:
            tell("fits", done, of)

    crossed = await asyncio.to_thread(cross_validate, differences, groups, tell=crossing)
    kept = list(crossed.choice.layers)
    (weights,) = weights_of(differences[:, kept], [crossed.choice.strength]) * crossed.factor
    identity = engine.identity
    card = ProbeCard(
        made=__version__,
        model=identity,
        path=fit.model.model,
        hub=fit.model.model != BUNDLED and not Path(fit.model.model).expanduser().exists(),
        dtype=identity.detail,
        chat_template=fit.chat_template,
        read=layers,
        layers=tuple(layers[place] for place in kept),
        strength=crossed.choice.strength,
        data=FittedOn(
            name=PurePath(masked(fit.pairs)).name,
            digest=labelled.digest,
            rows=labelled.rows,
            used=len(labelled.pairs),
            prompts=len(set(groups)),
            left_out=labelled.left_out,
            licence=fit.licence,
        ),
        measured=measure(crossed, labelled.pairs),
    )
    save_probe(fit.to, card, weights, float(np.sum(weights * centre[kept])))
    return card


def measure(crossed: Crossed, pairs: Sequence[LabelledPair]) -> Measured:
    """What cross-validation says of a probe."""
    groups = [pair.group for pair in pairs]
    # The margin is that of what people preferred over the other.
    ps = [preference(margin, 0.0) for margin in crossed.margins]
    right = [0.5 if p == 0.5 else float(p > 0.5) for p in ps]
    sure = np.array([[max(p, 1 - p), one] for p, one in zip(ps, right, strict=True)])
    accuracy = share(right, groups)
    error = bootstrap(calibration_error, sure, groups, 0, 1)
    shorter = share([_shorter(pair) for pair in pairs], groups)
    assert accuracy and error and shorter
    splits = [[one for one, split in zip(right, crossed.splits, strict=True) if split == n] for n in range(SPLITS)]
    return Measured(
        splits=tuple(sum(own) / len(own) for own in splits),
        accuracy=accuracy,
        calibration_error=error,
        shorter=shorter,
    )


def _shorter(pair: LabelledPair) -> float:
    better, worse = len(pair.better), len(pair.worse)
    return 0.5 if better == worse else float(better < worse)


def _layers(given: tuple[int, ...] | None, depth: int) -> tuple[int, ...]:
    layers = given or tuple(dict.fromkeys(max(1, round(depth * part)) for part in DEPTHS))
    wrong = [layer for layer in layers if not 1 <= layer <= depth]
    if wrong or len(set(layers)) < len(layers):
        raise ConfigError(
            f"--layers {','.join(map(str, layers))}: the model has layers 1 to {depth}, each of which is named once",
            "Leave it out to read three of them.",
        )
    return tuple(layers)


async def _read(
    labelled: LabelledPairs,
    engine: TransformersEngine,
    store: FeatureStore,
    layers: tuple[int, ...],
    concurrency: int,
    tell: Tell | None,
) -> dict[tuple[int, bool], Features]:
    """Features of both responses of each pair, the better one's first; without those that do not fit the context."""
    found: dict[tuple[int, bool], Features] = {}
    total, done = 2 * len(labelled.pairs), 0
    free = asyncio.Semaphore(max(1, concurrency // 2))

    async def one(place: int, better: bool, prompt: Sequence[Message], response: str) -> None:
        nonlocal done
        features = store.find(prompt, response)
        if features is None:
            try:
                read = await engine.hidden(prompt, response, layers)
            except ContextOverflow:
                return
            features = Features(read.states, read.tokens)
            store.add(prompt, response, features)
        found[place, better] = features
        done += 1
        if tell:
            tell("responses read", done, total)

    async def both(place: int, pair: LabelledPair) -> None:
        async with free:
            sides = [(True, pair.better), (False, pair.worse)]
            await together([one(place, better, pair.prompt, text) for better, text in sides])

    await together([both(place, pair) for place, pair in enumerate(labelled.pairs)])
    return found


def _differences(
    labelled: LabelledPairs, features: dict[tuple[int, bool], Features]
) -> tuple[LabelledPairs, Floats, Floats]:
    """The pairs whose responses were read, what sets both responses of each apart, and the mean of all responses."""
    there = [n for n in range(len(labelled.pairs)) if (n, True) in features and (n, False) in features]
    missing = len(labelled.pairs) - len(there)
    if not there:
        raise SourceError("no pair fits the model's context", "Name a model that reads longer conversations.")
    better, worse = (np.stack([features[n, side].states for n in there]) for side in (True, False))
    left_out = labelled.left_out | ({"longer than the model's context": missing} if missing else {})
    kept = replace(labelled, pairs=tuple(labelled.pairs[n] for n in there), left_out=left_out)
    centre: Floats = (better.mean(axis=0) + worse.mean(axis=0)) / 2
    return kept, better - worse, centre
