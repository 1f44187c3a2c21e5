"""What a run will take: steps, models, costs, time and machines, from a pilot."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from constitution.planning.amounts import Amount, Population
from constitution.planning.flight import rows_in_flight, shares_servers
from constitution.planning.pilot import Pilot
from constitution.planning.speed import Pace, pace_of, seconds_of, turn_of
from constitution.prices import Prices
from constitution.records import Call, Record
from constitution.shards import Shard
from constitution.spending import Tokens, tokens_of

Floats = NDArray[np.float64]


class Use(Record):
    """What calls take: those of a step, of a model, or all.

    Attributes:
        name: Of the step or the model.
        model: Who answers.
        calls: How many.
        prompt_tokens: None where nobody tells token counts; so are the next two.
        reused_tokens: Those of the prompts that were at hand; it depends on what else runs.
        completion_tokens: Sampled.
        cost: None if it is unknown.
    """

    name: str
    model: str
    calls: Amount
    prompt_tokens: Amount | None
    reused_tokens: Amount | None
    completion_tokens: Amount | None
    cost: Amount | None


class TurnTime(Record):
    """How long a model's turn at a stage takes.

    Attributes:
        stage: `generate` or `compare`.
        model: Whose turn it is.
        seconds: From its first call to its last one.
        load: How much other rows slow a row down (see `speed.py`).
        in_flight: Most rows in flight in the pilot.
        workers: Rows in flight in the run, at one copy of what the pilot ran on.
        shared: Whether replicas ask the same servers, and are no copies.
    """

    stage: str
    model: str
    seconds: Amount
    load: float
    in_flight: int
    workers: int
    shared: bool = False


class Forecast(Record):
    """What a run will take.

    Attributes:
        rows: Of the input.
        empty: Those of them that ask nothing, and so take no call.
        pilot: Rows of the pilot.
        pilot_failed: Those of them that failed.
        steps: In the order of the stages.
        models: All that is asked of each.
        total: All together.
        currency: Of costs.
        unpriced: Models without a price.
        turns: One model's after the other's.
        untimed: Turns, stage and model, of which the pilot tells no time: it was stopped within their rows.
        start_seconds: Until the first call, and between turns: what loading took; None if the pilot loaded nothing.
        seconds: All together; None if a turn is untimed.
        replicas: Copies of what the pilot ran on, or workers of a cluster, that this time is for.
        deadline: In seconds; None if none was named.
        replicas_needed: The fewest that meet the deadline; None if none was named, or no number does.
        gpus_per_replica: None if nobody knows.
        gpus: For as many replicas as are needed, or as there are; None if nobody knows.
    """

    rows: int
    empty: int
    pilot: int
    pilot_failed: int
    steps: tuple[Use, ...]
    models: tuple[Use, ...]
    total: Use
    currency: str
    unpriced: tuple[str, ...]
    turns: tuple[TurnTime, ...]
    untimed: tuple[str, ...] = ()
    start_seconds: float | None
    seconds: Amount | None
    replicas: int
    deadline: float | None
    replicas_needed: int | None
    gpus_per_replica: float | None
    gpus: int | None


def foresee(
    pilot: Pilot,
    prices: Prices | None = None,
    replicas: int | None = None,
    gpus_per_replica: float | None = None,
    deadline: float | None = None,
) -> Forecast:
    """Reckon what the run takes.

    Args:
        pilot: That was run.
        prices: None: all costs are unknown.
        replicas: Copies of what the pilot ran on, or workers of a cluster, among which the rows are divided. None: as
            the settings say.
        gpus_per_replica: None: as the settings say; if they do not, unknown.
        deadline: Seconds that the run may take.
    """
    drawn, settings = pilot.drawn, pilot.settings
    replicas = replicas or settings.replicas or 1
    gpus_per_replica = settings.gpus_per_replica if gpus_per_replica is None else gpus_per_replica
    steps, all_calls = [], []
    paces: list[tuple[str, str, Pace]] = []
    spans: list[tuple[float, float]] = []
    untimed: list[str] = []
    for stage, calls in pilot.calls.items():
        population = _population(pilot, stage)
        if population is None or not calls:
            continue
        shared = shares_servers(settings, stage)
        named = [(_step(stage, call), call) for call in calls]
        all_calls += [(population, call) for call in calls]
        for name in dict.fromkeys(step for step, _ in sorted(named, key=lambda one: _place(one[0]))):
            steps.append(_use(pilot, name, [(population, call) for step, call in named if step == name], prices))
        for model, turn in _turns(stage, named).items():
            # Only a judge is asked for more than samples; not every verdict is a `choice`.
            workers = rows_in_flight(settings, stage, judges=any(step != "sample" for step, _ in turn))
            pace = pace_of(turn, drawn.own_lengths, population, workers, pilot.begun, shared)
            if pace is None:
                untimed.append(f"{stage}, {model}")
            else:
                paces.append((stage, model, pace))
            told = turn_of([call for _, call in turn])
            spans.append((float(told.began.min()), float(told.ended.max())))
    models = [
        _use(pilot, model, [one for one in all_calls if one[1].model == model], prices)
        for model in dict.fromkeys(call.model or "" for _, call in all_calls)
    ]
    turns = [_time(stage, model, pace, replicas) for stage, model, pace in paces]
    start = _start(pilot.begun, spans)
    found = [pace for *_, pace in paces]
    needed = _replicas_needed(found, start or 0.0, deadline) if deadline and not untimed else None
    running = [sum(getattr(turn.seconds, end) for turn in turns) + (start or 0.0) for end in Amount.model_fields]
    gpus = None if gpus_per_replica is None else (needed or replicas) * gpus_per_replica
    return Forecast(
        rows=len(drawn.lengths),
        empty=int((drawn.lengths == 0).sum()),
        pilot=len(drawn.prompts),
        pilot_failed=pilot.failed,
        steps=tuple(steps),
        models=tuple(models),
        total=_use(pilot, "all", all_calls, prices),
        currency=prices.currency if prices else "",
        unpriced=tuple(sorted(use.model for use in models if not (prices and prices.of(use.model)))),
        turns=tuple(turns),
        untimed=tuple(untimed),
        start_seconds=start,
        seconds=None if untimed else Amount(value=running[0], low=running[1], high=running[2]),
        replicas=replicas,
        deadline=deadline,
        replicas_needed=needed,
        gpus_per_replica=gpus_per_replica,
        gpus=None if gpus is None or (deadline and not needed) else math.ceil(gpus),
    )


def _population(pilot: Pilot, stage: str) -> Population | None:
    """The rows that a stage runs, empty ones left out; None if there are none."""
    lengths, settings = pilot.drawn.lengths, pilot.settings
    if stage == "compare" and settings.compare and settings.compare.limit:
        # Of the whole input, whichever part of it this run is.
        lengths = lengths[: Shard.parse(settings.shard).rows(settings.skip, settings.compare.limit)]
    filled = lengths[lengths > 0]
    if not len(filled):
        return None
    own = pilot.drawn.own_lengths
    return Population(len(filled), float(filled.mean()), np.array([float(own[one.id]) for one in pilot.drawn.prompts]))


def _use(pilot: Pilot, name: str, calls: Sequence[tuple[Population, Call]], prices: Prices | None) -> Use:
    """What some calls of the pilot come to for all rows; those of several stages are of several populations."""
    places = {prompt.id: place for place, prompt in enumerate(pilot.drawn.prompts)}
    populations = {population.rows: population for population, _ in calls}
    taken = {rows: [Tokens()] * len(places) for rows in populations}
    paid = {rows: np.zeros(len(places)) for rows in populations}
    known, priced = True, True
    for population, call in calls:
        tokens, price = tokens_of(call), prices.of(call.model or "") if prices else None
        taken[population.rows][places[call.row]] += tokens
        paid[population.rows][places[call.row]] += price.cost(tokens) if price else 0.0
        known, priced = known and not tokens.untold, priced and price is not None

    def amount(field: str) -> Amount:
        values = {rows: np.array([float(getattr(one, field)) for one in row]) for rows, row in taken.items()}
        return _sum([populations[rows].total(value) for rows, value in values.items()])

    return Use(
        name=name,
        model=", ".join(sorted({call.model or "" for _, call in calls})),
        calls=amount("calls"),
        prompt_tokens=amount("prompt_tokens") if known else None,
        reused_tokens=amount("reused_tokens") if known else None,
        completion_tokens=amount("completion_tokens") if known else None,
        cost=_sum([populations[rows].total(value) for rows, value in paid.items()]) if known and priced else None,
    )


def _sum(amounts: Sequence[Amount]) -> Amount:
    """Of stages; the ends of their intervals are added too, as what takes long in one does so in the next."""
    return Amount(**{end: sum(getattr(amount, end) for amount in amounts) for end in Amount.model_fields})


def _step(stage: str, call: Call) -> str:
    """What a call's step is called in the forecast: a judge's questions are one step."""
    if stage == "generate":
        return call.step.partition("/")[0]
    if re.fullmatch(r"sample-\d+", call.step):
        return "sample"
    if call.reward:
        return "reward"
    return "verdict" if call.choice else "reason"


def _place(step: str) -> tuple[int, int]:
    """Where a step stands among the others."""
    kind, _, number = step.partition("-")
    order = ("respond", "critique", "revise", "pick", "sample", "reason", "verdict", "reward").index(kind)
    return (1, 3 * int(number) + order) if number else (0 if kind == "respond" else 2, order)


def _turns(stage: str, calls: Sequence[tuple[str, Call]]) -> dict[str, list[tuple[str, Call]]]:
    """In the SL stage all models answer at once; in the RL stage one comes after the other, the judge last."""
    if stage == "generate":
        return {", ".join(dict.fromkeys(call.model or "" for _, call in calls)): list(calls)}
    found: dict[str, list[tuple[str, Call]]] = {}
    for step, call in calls:
        found.setdefault(call.model or "", []).append((step, call))
    return found


def _time(stage: str, model: str, pace: Pace, replicas: int) -> TurnTime:
    seconds = seconds_of(pace, replicas)
    ends = [seconds * end / pace.work if pace.work else seconds for end in (pace.low, pace.high)]
    amount = Amount(value=seconds, low=ends[0], high=ends[1])
    return TurnTime(
        stage=stage,
        model=model,
        seconds=amount,
        load=pace.load,
        in_flight=pace.in_flight,
        workers=pace.in_flight_with(replicas),
        shared=pace.shared,
    )


def _start(begun: float, spans: Sequence[tuple[float, float]]) -> float | None:
    """What was waited for before each turn; None if the first one was over before this start."""
    if not spans or spans[0][0] < begun:
        return None
    ends = [begun, *(end for _, end in spans)]
    return sum(max(0.0, began - before) for (began, _), before in zip(spans, ends, strict=False))


def _replicas_needed(paces: Sequence[Pace], start: float, deadline: float) -> int | None:
    """The fewest that meet a deadline; None if not even a row for each does."""

    def meets(replicas: int) -> bool:
        return start + sum(seconds_of(pace, replicas) for pace in paces) <= deadline

    most = max(pace.rows for pace in paces)
    high = 1
    while not meets(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    return high
