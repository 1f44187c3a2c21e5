"""A forecast as text: a table by step, the totals, and what was not measured."""

from collections.abc import Sequence

from constitution.config import Settings
from constitution.planning.amounts import Amount
from constitution.planning.forecast import Forecast, Use

HEADS = ("step", "model", "calls", "tokens read", "of them reused", "tokens sampled", "cost")
UNKNOWN = "unknown"
# A pilot with so much of the run's rows in flight shows its speed.
ENOUGH = 0.9


def forecast_lines(forecast: Forecast, settings: Settings) -> list[str]:
    """All that is printed."""
    empty = f", {forecast.empty} of them empty" if forecast.empty else ""
    lines = [f"{forecast.rows:,} rows{empty}; reckoned from a pilot of {forecast.pilot}, with 95% intervals", ""]
    lines += _table([HEADS, *(_row(step, forecast.currency) for step in forecast.steps)])
    lines.append("")
    total = forecast.total
    lines.append(f"calls: {_interval(total.calls)}")
    if total.prompt_tokens and total.completion_tokens:
        tokens = Amount(
            **{
                end: getattr(total.prompt_tokens, end) + getattr(total.completion_tokens, end)
                for end in Amount.model_fields
            }
        )
        lines.append(f"tokens, read and sampled: {_interval(tokens)}")
    else:
        lines.append(f"tokens: {UNKNOWN} (the server tells no counts)")
    lines += [f"cost of {use.model}: {_cost(use, forecast.currency)}" for use in forecast.models]
    if len(forecast.models) > 1:
        lines.append(f"cost: {_cost(total, forecast.currency)}")
    lines += _time_lines(forecast)
    lines += _cap_lines(forecast, settings)
    lines += ["", f"Not measured: {'; '.join(unmeasured(forecast, settings))}."]
    return lines


def unmeasured(forecast: Forecast, settings: Settings) -> list[str]:
    """What the forecast takes for granted."""
    found = []
    for turn in forecast.turns:
        if turn.in_flight < ENOUGH * turn.workers and turn.workers < forecast.rows:
            found.append(
                f"{turn.stage} with {turn.workers} rows in flight (the pilot had {turn.in_flight}; "
                f"--pilot {2 * turn.workers} measures it)"
            )
    if forecast.start_seconds is None:
        found.append("loading the model (the pilot's calls were there already)")
    found += [f"the time of {turn} (the pilot was stopped within its rows)" for turn in forecast.untimed]
    if settings.ray is not None and settings.replicas is None and forecast.replicas == 1:
        found.append("how many workers the cluster starts by itself (this is for one; tell how many with --replicas)")
    if settings.max_replicas is not None and settings.max_replicas > forecast.replicas:
        found.append(f"workers that are added later (up to --max-replicas {settings.max_replicas})")
    copies = not all(turn.shared for turn in forecast.turns)
    if copies and max(forecast.replicas, forecast.replicas_needed or 0) > 1:
        found.append("several replicas (each is taken to be as fast as the one of the pilot)")
    if settings.engine == "openai":
        found.append("what else the server does meanwhile, and limits on requests that the pilot did not meet")
    if forecast.pilot_failed:
        found.append(f"retries of failed rows ({forecast.pilot_failed} of the pilot's failed)")
    return [*found, "calls that are made again after a crash, and changes in the machine's speed"]


def duration(seconds: float) -> str:
    """`42 s`, `12 min`, `3 h 20 min`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60:02} min"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _row(use: Use, currency: str) -> tuple[str, ...]:
    amounts = (use.calls, use.prompt_tokens, use.reused_tokens, use.completion_tokens)
    numbers = [f"{amount.value:,.0f}{_margin(amount)}" if amount else UNKNOWN for amount in amounts]
    return (use.name, use.model, *numbers, f"{money(use.cost.value, currency)}" if use.cost else UNKNOWN)


def _margin(amount: Amount) -> str:
    """Half the interval, relative to the value."""
    if not amount.value or amount.high == amount.low:
        return ""
    return f" ±{(amount.high - amount.low) / 2 / amount.value:.0%}"


def money(value: float, currency: str) -> str:
    """An amount, with as many digits as tell it."""
    digits = 2 if value >= 10 else 4
    return f"{value:,.{digits}f} {currency}".rstrip()


def _interval(amount: Amount) -> str:
    """`1,200 [1,100, 1,300]`."""
    if amount.high == amount.low:
        return f"{amount.value:,.0f}"
    return f"{amount.value:,.0f} [{amount.low:,.0f}, {amount.high:,.0f}]"


def _cost(use: Use, currency: str) -> str:
    if use.cost is None:
        return f"{UNKNOWN} (no price or no token counts: --prices FILE)"
    return f"{money(use.cost.value, currency)} [{money(use.cost.low, '')}, {money(use.cost.high, '')}]"


def _time_lines(forecast: Forecast) -> list[str]:
    several = f" with {forecast.replicas} replicas" if forecast.replicas > 1 else ""
    seconds = forecast.seconds
    start = "" if forecast.start_seconds is None else f", {duration(forecast.start_seconds)} of it loading"
    if seconds is None:
        lines = [f"time: {UNKNOWN} (the pilot was stopped within its rows; another one measures it: --keep NEW)"]
    else:
        low, high = duration(seconds.low), duration(seconds.high)
        lines = [f"time{several}: {duration(seconds.value)} [{low}, {high}]{start}"]
    if len(forecast.turns) > 1:
        lines += [f"  {turn.stage}, {turn.model}: {duration(turn.seconds.value)}" for turn in forecast.turns]
    if forecast.deadline is not None and seconds is not None:
        if forecast.replicas_needed is None:
            lines.append(f"within {duration(forecast.deadline)}: not with any number of replicas")
        else:
            lines.append(f"within {duration(forecast.deadline)}: replicas: {forecast.replicas_needed}")
    if forecast.gpus_per_replica is None:
        lines.append(f"GPUs: {UNKNOWN} (tell how many a replica has with --gpus)")
    elif forecast.gpus is not None:
        lines.append(f"GPUs: {forecast.gpus}")
    return lines


def _cap_lines(forecast: Forecast, settings: Settings) -> list[str]:
    """Whether the caps that are set are enough."""
    total, lines = forecast.total, []
    if settings.max_tokens_total is not None and total.prompt_tokens and total.completion_tokens:
        needed = total.prompt_tokens.high + total.completion_tokens.high
        enough = "enough" if needed <= settings.max_tokens_total else "may end the run before it is done"
        lines.append(f"--max-tokens-total {settings.max_tokens_total}: {enough}")
    if settings.max_cost is not None and total.cost:
        enough = "enough" if total.cost.high <= settings.max_cost else "may end the run before it is done"
        lines.append(f"--max-cost {settings.max_cost:g}: {enough}")
    return lines
