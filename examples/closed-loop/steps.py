"""Steps that are made once: each in a folder of its own, with a small file beside that says it is whole.

A step is whole when its `done.json` is there, which is written aside and renamed. A later start skips it, unless a step
that it needs was made again since; then it begins anew. With other settings it is refused, as a run of the program is.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import LoopError, StepDiffers
from pydantic import JsonValue

from constitution.digests import digest
from constitution.durable import write_whole
from constitution.records import Record

DONE, BEGUN = "done.json", "begun.json"


@dataclass(frozen=True)
class Step:
    """Something to make.

    Attributes:
        name: Of its folder.
        about: What it does, in a few words.
        needs: The steps whose results it reads; they come before it.
        settings: All that its result depends on, but for those steps, as JSON values.
        make: Makes it in the folder it is given, and returns what is to be told of it. Where the folder holds the
            remains of an earlier attempt, it goes on or begins again.
        estimate: Seconds that it should take.
    """

    name: str
    about: str
    needs: tuple[str, ...]
    settings: Mapping[str, JsonValue]
    make: Callable[[Path], dict[str, Any]]
    estimate: float = 0.0


class Done(Record):
    """What a whole step leaves behind.

    Attributes:
        settings: Those it was made with.
        needs: Which result of each step it needs it was made of.
        outcome: Names this result: another one after each time that it is made.
        seconds: Wall time of all attempts, in seconds.
        facts: What is told of it.
    """

    settings: dict[str, JsonValue]
    needs: dict[str, str]
    outcome: str
    seconds: float
    facts: dict[str, JsonValue]


class Begun(Record):
    """What a step that is not whole leaves behind: of what it is being made, and the seconds spent so far."""

    needs: dict[str, str]
    seconds: float


def run_steps(
    steps: Sequence[Step],
    folder: Path,
    tell: Callable[[str], None],
    only: str | None = None,
    since: str | None = None,
) -> dict[str, Done]:
    """Make what is owed, in order.

    Args:
        steps: Those needed by a step stand before it.
        folder: Each step's folder is made in it.
        tell: Is given a line at a time.
        only: Make no other step than this one.
        since: Make this step, and all that need it, anew: what they hold is deleted first.

    Returns:
        What whole steps told, by name.

    Raises:
        LoopError: There is no such step, or one that `only` needs is not whole.
        StepDiffers: A whole step was made with other settings.
    """
    by_name = {step.name: step for step in steps}
    for name in (only, since):
        if name is not None and name not in by_name:
            raise LoopError(f"there is no step {name!r}", f"Steps: {', '.join(by_name)}")
    if since is not None:
        for name in after(steps, since):
            shutil.rmtree(folder / name, ignore_errors=True)
    found: dict[str, Done] = {}
    for number, step in enumerate(steps, 1):
        place = folder / step.name
        before = {name: found[name].outcome for name in step.needs if name in found}
        done = whole(place)
        if done and done.needs == before:
            _check_settings(step, done)
            found[step.name] = done
            continue
        if only is not None and step.name != only:
            continue
        if missing := [name for name in step.needs if name not in found]:
            raise LoopError(
                f"step {step.name} needs {', '.join(missing)}, which is not whole", "Leave --only out to make it."
            )
        tell(f"[{number}/{len(steps)}] {step.name}: {step.about} ({told_seconds(step.estimate)} expected)")
        found[step.name] = _make(step, place, before, tell)
        tell(f"[{number}/{len(steps)}] {step.name}: whole after {told_seconds(found[step.name].seconds)}")
    return found


def after(steps: Sequence[Step], name: str) -> list[str]:
    """A step and all that need it, near or far, in order."""
    found = {name}
    for step in steps:
        if found & set(step.needs):
            found.add(step.name)
    return [step.name for step in steps if step.name in found]


def whole(place: Path) -> Done | None:
    """What a step told, if it is whole."""
    path = place / DONE
    return Done.model_validate_json(path.read_bytes()) if path.exists() else None


def told_seconds(seconds: float) -> str:
    """As people say it: `40 s`, `12 min`, `1 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _make(step: Step, place: Path, before: dict[str, str], tell: Callable[[str], None]) -> Done:
    path = place / BEGUN
    begun = Begun.model_validate_json(path.read_bytes()) if path.exists() else None
    if place.exists() and (begun is None or begun.needs != before):
        tell(f"{step.name}: what it was made of has changed, so it begins anew")
        shutil.rmtree(place)
        begun = None
    place.mkdir(parents=True, exist_ok=True)
    spent, start = begun.seconds if begun else 0.0, time.monotonic()
    _write(path, Begun(needs=before, seconds=spent))
    try:
        facts = step.make(place)
    finally:
        spent += time.monotonic() - start
        # The folder is gone if somebody deleted it meanwhile: then there is nothing to go on with.
        if place.exists():
            _write(path, Begun(needs=before, seconds=spent))
    done = Done(
        settings=dict(step.settings),
        needs=before,
        outcome=digest([step.name, dict(step.settings), before, time.time_ns()]),
        seconds=spent,
        facts=facts,
    )
    _write(place / DONE, done)
    return done


def _check_settings(step: Step, done: Done) -> None:
    now = json.loads(json.dumps(dict(step.settings)))
    names = sorted({*now, *done.settings})
    differing = [name for name in names if now.get(name) != done.settings.get(name)]
    if differing:
        told = "; ".join(f"{name}: {done.settings.get(name)!r} then, {now.get(name)!r} now" for name in differing)
        raise StepDiffers(
            f"step {step.name} was made with other settings: {told}",
            f"Set them back, name another folder (--to), or make it and what needs it anew: --from {step.name}",
        )


def _write(path: Path, record: Record) -> None:
    write_whole(path, record.model_dump_json(indent=1) + "\n")
