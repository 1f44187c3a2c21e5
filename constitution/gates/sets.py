"""Sets of thresholds: the shipped ones by name, or a file's."""

import math
from pathlib import Path
from typing import Any

from constitution.errors import ConfigError
from constitution.gates.table import GATES
from constitution.records import Record
from constitution.yamlfile import kind_of, line_of, load_yaml, nearest


class GateSet(Record):
    """A set of gates.

    Attributes:
        name: `default`, `strict`, `none`, or the file's name.
        thresholds: By gate, in the table's order; what is not there is off.
    """

    name: str
    thresholds: dict[str, float]


DEFAULT = GateSet(name="default", thresholds={name: gate.default for name, gate in GATES.items()})
STRICT = GateSet(name="strict", thresholds={name: gate.strict for name, gate in GATES.items()})
NONE = GateSet(name="none", thresholds={})
SETS = {one.name: one for one in (DEFAULT, STRICT, NONE)}
# How a file says that a gate is not asked.
OFF = "off"


def find_set(word: str) -> GateSet:
    """The set of this name, or in this file.

    A file names gates with their thresholds (`unchanged: 0.9`), or `off`; those it does not name have the default's.

    Raises:
        ConfigError: No such file, an unknown gate, or a threshold out of its range, with file and line.
    """
    if word in SETS:
        return SETS[word]
    path = Path(word).expanduser()
    if not path.exists():
        raise ConfigError(
            f"--gates {word}: no such file, and no set of gates is called that; {nearest(word, SETS)}",
            "Give default, strict, none, or a YAML file such as: unchanged: 0.9",
        )
    data = load_yaml(path, ConfigError)
    if data is None or not isinstance(data, dict):
        raise ConfigError(
            f"{path}:1: expected gates with their thresholds, found {kind_of(data)}",
            "For example: unchanged: 0.9, and on another line: boilerplate: off",
        )
    thresholds = dict(DEFAULT.thresholds)
    for name, value in data.items():
        where = f"{path}:{line_of(data, (name,))}"
        if name not in GATES:
            raise ConfigError(f"{where}: unknown gate {name!r}; {nearest(str(name), GATES)}", _known(path))
        # YAML of older days reads it as false.
        if value == OFF or value is False:
            thresholds.pop(name)
        else:
            thresholds[name] = _threshold(where, name, value)
    return GateSet(name=path.name, thresholds=thresholds)


def _threshold(where: str, name: str, value: Any) -> float:
    gate = GATES[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: {name}: expected a number or off, found {kind_of(value)}")
    if not math.isfinite(value) or not gate.least < value <= gate.most:
        raise ConfigError(
            f"{where}: {name}: {value:g} is out of range: above {gate.least:g}, at most {gate.most:g}",
            f"Its threshold is {gate.default:g} by default, and {gate.strict:g} in the strict set; off: not asked.",
        )
    return float(value)


def _known(path: Path) -> str:
    return f"Each line of {path.name} is a gate and its threshold, or off; what is not named keeps its default."
