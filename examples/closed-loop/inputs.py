"""The three files that the loop is given: checked before the first step, as the last one may come hours later."""

import csv
from pathlib import Path
from typing import Literal

from settings import LoopSettings

from constitution.errors import ConfigError, SourceError
from constitution.files import MOST_LINE, text_lines
from constitution.pair_files import read_pairs

Benchmark = Literal["xstest", "harmbench"]
FILES = ("pairs", "xstest", "harmbench")
COLUMNS: dict[Benchmark, tuple[str, ...]] = {
    "xstest": ("id", "prompt", "label"),
    "harmbench": ("BehaviorID", "Behavior", "FunctionalCategory", "ContextString"),
}
LABELS = ("safe", "unsafe")
_WHERE = "examples/closed-loop/README.md says where to get it."


def missing_inputs(settings: LoopSettings) -> list[str]:
    """Which of the files are not there, as `name: path`."""
    named = {name: Path(getattr(settings, name)) for name in FILES}
    return [f"{name}: {path}" for name, path in named.items() if not path.is_file()]


def check_inputs(settings: LoopSettings) -> None:
    """Refuse files that a step could not read, or that are each other.

    Raises:
        ConfigError: A file is not there.
        SourceError: It is no pairs, no CSV, lacks a column, or holds no prompts.
    """
    if missing := missing_inputs(settings):
        name = missing[0].partition(":")[0]
        raise ConfigError(f"{missing[0]}: no such file", f"Give its path with --{name}; {_WHERE}")
    benchmark_rows(Path(settings.xstest), "xstest")
    benchmark_rows(Path(settings.harmbench), "harmbench")
    if next(read_pairs(settings.pairs, 1), None) is None:
        raise SourceError(f"pairs: {settings.pairs}: holds no pairs", f"Name another file: --pairs; {_WHERE}")


def benchmark_rows(path: Path, name: Benchmark) -> list[dict[str, str]]:
    """The rows of XSTest or HarmBench, with or without the mark that some programs put before the first column.

    Raises:
        SourceError: It is no CSV, lacks a column, has an unknown label, or holds no prompts.
    """
    csv.field_size_limit(MOST_LINE)
    reader = csv.DictReader(text_lines(path), restval="", strict=True)
    hint = f"Name another file: --{name}; {_WHERE}"
    try:
        there = list(reader.fieldnames or ())
        if lacking := [column for column in COLUMNS[name] if column not in there]:
            expected = ", ".join(COLUMNS[name])
            told = f"no column {lacking[0]!r}; expected {expected}, there are: {', '.join(there) or 'none'}"
            raise SourceError(f"{name}: {path}: {told}", _exchanged(name, there) or hint)
        rows = []
        for row in reader:
            if name == "xstest" and row["label"] not in LABELS:
                told = f"label: {row['label']!r} is neither {' nor '.join(LABELS)}"
                raise SourceError(f"{name}: {path}:{reader.line_num}: {told}", hint)
            rows.append(row)
    except csv.Error as bad:
        raise SourceError(f"{name}: {path}:{reader.line_num}: {bad}", hint) from None
    if not rows:
        raise SourceError(f"{name}: {path}: holds no prompts", hint)
    return rows


def _exchanged(name: Benchmark, there: list[str]) -> str:
    """What to type where the file is the other benchmark's; empty if it is not."""
    other: Benchmark = "harmbench" if name == "xstest" else "xstest"
    return f"It looks like {other}'s: exchange --xstest and --harmbench." if set(COLUMNS[other]) <= set(there) else ""
