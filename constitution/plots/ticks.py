"""Where an axis has its ticks, and how numbers are written on it."""

import math

from constitution.records import Record

# Steps that people count in, times a power of ten.
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


class Tick(Record):
    """A place on an axis, and what is written there."""

    value: float
    label: str


def ticks(low: float, high: float, about: int = 5, percent: bool = False, whole: bool = False) -> tuple[Tick, ...]:
    """At least two ticks at round numbers; the first is at or below `low`, the last at or above `high`.

    Args:
        low: The least value to be shown, finite.
        high: The greatest; if it is no greater, the axis begins or ends at zero.
        about: How many steps there may be; one more at each end.
        percent: Whether the values are shares, written as percentages.
        whole: Whether there is nothing between whole numbers.
    """
    if high <= low:
        low, high = min(0.0, low), max(0.0, low) or float(low == 0)
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((one * power for one in STEPS if one * power >= raw * (1 - 1e-9)), 10 * power)
    step = max(1.0, math.ceil(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [number * step for number in range(first, max(last, first + 1) + 1)]
    most = max(map(abs, values))
    return tuple(Tick(value=value, label=short(value, step, most, percent)) for value in values)


def short(value: float, step: float, most: float, percent: bool = False) -> str:
    """A number as it stands on an axis whose ticks are `step` apart, to `most`: `0.5`, `50%`, `20k`, `1.5M`."""
    size, unit = (0.01, "%") if percent else next((one for one in UNITS if most >= one[0]), (1.0, ""))
    # What begins a unit is written with more digits than its name has letters: 2,500 is as short as 2.5k.
    size, unit = (1.0, "") if unit == "k" and most < 10_000 else (size, unit)
    apart = step / size
    decimals = max(0, -math.floor(math.log10(apart) + 1e-9))
    decimals += not math.isclose(round(apart, decimals), apart, rel_tol=1e-6)
    written = f"{value / size:,.{decimals}f}"
    # Nothing is no million, is never negative, and is as exact without decimals.
    if not any(digit in written for digit in "123456789"):
        return "0%" if percent else "0"
    return written.replace("-", "−") + unit


def exact(value: float, percent: bool = False) -> str:
    """A number as it is told beside its mark: `62.5%`, `1,204`, `0.031`."""
    if percent:
        return f"{value:.1%}".replace("-", "−")
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return (f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}").replace("-", "−")
