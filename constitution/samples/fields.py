"""What comparisons and transcripts are divided by: fields of each kind, and the input's own columns as `meta.NAME`."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from constitution.digests import digest
from constitution.errors import ConfigError
from constitution.records import Comparison, Transcript
from constitution.yamlfile import nearest

Of = Literal["comparisons", "transcripts"]
Source = Comparison | Transcript
META = "meta."
NONE = "(none)"
# A longer value would make the table of strata unreadable, and fill the memory with texts.
LONGEST = 64
# Least confidence. Up to 0.6 the paper itself takes the label for hardly one: it clamps chains of thought to 0.4-0.6.
LEANING, SURE = 0.6, 0.8


def confidence(p: float | None) -> str:
    """How sure a label is: `nearly even` below 0.6 for the better response, `leaning` below 0.8, else `sure`."""
    if p is None:
        return NONE
    # What is 0.4 but for its last bit is as far from even as what is 0.6.
    likely = round(max(p, 1 - p), 9)
    return "nearly even" if likely < LEANING else "leaning" if likely < SURE else "sure"


def _judged_under(comparison: Comparison) -> str:
    return " + ".join(sorted({vote.principle for vote in comparison.votes})) or NONE


def _cut_side(comparison: Comparison) -> str:
    return _cut(comparison.first.finish_reason, comparison.second.finish_reason)


def _cut(*reasons: str | None) -> str:
    return "cut" if "length" in reasons else "whole"


COMPARISONS: Mapping[str, Callable[[Comparison], str]] = {
    "status": lambda one: one.status,
    "confidence": lambda one: confidence(one.p),
    # All that the judge was asked under: every comparison is in one stratum only.
    "principle": _judged_under,
    "source": lambda one: f"{one.first.source}, {one.second.source}",
    "model": lambda one: f"{one.first.model or NONE}, {one.second.model or NONE}",
    "gold": lambda one: one.gold or NONE,
    "cut": _cut_side,
}
TRANSCRIPTS: Mapping[str, Callable[[Transcript], str]] = {
    # With all of a chain's, there would be nearly as many strata as rows.
    "principle": lambda one: one.rounds[-1].principle if one.rounds else NONE,
    "changed": lambda one: "changed" if one.responses[-1].text != one.response.text else "unchanged",
    "cut": lambda one: _cut(*(completion.finish_reason for completion in one.completions)),
}
DEFAULTS: Mapping[Of, tuple[str, ...]] = {
    "comparisons": ("status", "confidence"),
    "transcripts": ("changed", "cut"),
}


def check_fields(of: Of, by: Sequence[str]) -> None:
    """Check the names of fields, as far as that needs no rows.

    Raises:
        ConfigError: There is no such field; names the nearest. Or one is there twice.
    """
    known = COMPARISONS if of == "comparisons" else TRANSCRIPTS
    for name in by:
        if name not in known and not (name.startswith(META) and name != META):
            raise ConfigError(
                f"--by {name!r}: {of} have no such field; {nearest(name, [*known, META])}",
                f"Give some of: {', '.join(known)}; or {META}NAME, a column of the input",
            )
        if list(by).count(name) > 1:
            raise ConfigError(f"--by: {name!r} is there twice", "Give each field once.")


def check_columns(by: Sequence[str], columns: set[str]) -> None:
    """Check that the input has the columns that are asked for.

    Raises:
        ConfigError: No row has one of them; names the nearest.
    """
    for name in by:
        if name.startswith(META) and name.removeprefix(META) not in columns:
            known = nearest(name.removeprefix(META), columns) if columns else "its rows have no other columns"
            raise ConfigError(f"--by {name!r}: no row of the input has that column; {known}")


def values(item: Source, by: Sequence[str]) -> tuple[str, ...]:
    """What the fields say of an item, in the order of the fields: its stratum."""
    return tuple(_shortened(_value(item, name)) for name in by)


def _value(item: Source, name: str) -> str:
    if name.startswith(META):
        return _told(item.metadata.get(name.removeprefix(META)))
    return COMPARISONS[name](item) if isinstance(item, Comparison) else TRANSCRIPTS[name](item)


def _told(value: JsonValue) -> str:
    if value is None:
        return NONE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 12]}… {digest(text)[:10]}"
