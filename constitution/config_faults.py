"""Faults of settings, told as a person reads them: the flag or the line, the value, the rule."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from constitution.errors import ConfigError
from constitution.masking import masked_address
from constitution.model_settings import Role
from constitution.settings_help import HELP
from constitution.yamlfile import kind_of, line_of, nearest, plainly

# What settings look like whose rule is a pattern that people should not have to read.
FORMS = {
    "ray": "auto, local or the HOST:PORT of a cluster's head (port 6379 as a rule)",
    "shard": "I/N, counted from 1, such as 2/8",
}
AnySettings = TypeVar("AnySettings", bound=BaseModel)


def validated(
    model: type[AnySettings],
    merged: dict[str, Any],
    flags: dict[str, Any],
    help: dict[str, str],
    file: Path | None,
    data: dict[str, Any],
    section: tuple[str, ...] = (),
) -> AnySettings:
    """Settings of these values, or a `ConfigError` that names the flag or the line of the first wrong one."""
    try:
        return model.model_validate(merged)
    except ValidationError as bad:
        if not bad.errors()[0]["loc"]:
            # Of settings that do not go together, which tells their names itself.
            raise ConfigError(plainly(bad.errors()[0]), "Leave one of them out.") from None
        fault = _telling(bad.errors())
        name = str(fault["loc"][0])
        flag = f"--{name.replace('_', '-')}"
        if fault["type"] == "missing" and name not in merged:
            raise ConfigError(f"{flag} is missing", help[name]) from None
        inner = _within(merged[name], fault["loc"][1:])
        keys = [key for key in inner if isinstance(key, str) and key in Role.model_fields]
        line = f"{file}:{line_of(data, (*section, name, *inner))}: {name}"
        where = ".".join([flag if name in flags or not file else line, *keys])
        raise ConfigError(f"{where}: {_rule(fault)}", HELP[keys[-1]] if keys else help[name]) from None


def _telling(faults: list[ErrorDetails]) -> ErrorDetails:
    """The fault to tell of: the first setting's.

    Of a role, which may be a name or spelt out, pydantic tells both what is wrong inside and that it is no name; and a
    misspelt key is both unknown and missing.
    """
    faults = [fault for fault in faults if fault["loc"][0] == faults[0]["loc"][0]]
    unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
    return unknown[0] if unknown else max(faults, key=lambda one: (len(one["loc"]), one["type"] == "model_type"))


def _within(value: Any, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The parts of a fault's location that are keys and places of the value, and not pydantic's names for its forms."""
    path: list[int | str] = []
    for part in location:
        if part in value if isinstance(value, dict) else isinstance(value, list | tuple) and isinstance(part, int):
            path.append(part)
            value = value[part]
    return tuple(path)


def _rule(fault: ErrorDetails) -> str:
    """Which rule a fault breaks, with the value that breaks it."""
    key = fault["loc"][-1]
    match fault["type"]:
        case "extra_forbidden":
            return f"unknown setting {key!r}; {nearest(str(key), Role.model_fields)}"
        case "missing":
            return f"the key {key!r} is missing"
        case "model_type":
            return f"expected a name, or keys and values, found {kind_of(fault['input'])}"
        case "string_pattern_mismatch" if key in FORMS:
            return f"expected {FORMS[key]}, not {fault['input']!r}"
    given = _shown(fault["input"]) if "base_url" in fault["loc"] else fault["input"]
    message = plainly({**fault, "input": given})
    told = (
        message == "empty"
        or "found" in message
        or isinstance(given, list)
        or (isinstance(given, str) and repr(given) in message)
    )
    return message if told else f"{message}, not {given!r}"


def _shown(given: Any) -> Any:
    """An address, or several, without what must not be shown."""
    if isinstance(given, list | tuple):
        return [_shown(one) for one in given]
    return masked_address(given) if isinstance(given, str) else given
