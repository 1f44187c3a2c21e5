"""Run a pilot: the run itself, with some of its rows, in a folder of its own."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from constitution.config import Settings
from constitution.durable import make_folder
from constitution.errors import ConfigError, unwritable
from constitution.generation import generate
from constitution.journal import read_records
from constitution.manifest import COMPARE, REVISE, Stage, has_stage
from constitution.planning.drawing import Drawn, draw
from constitution.records import Call
from constitution.runner import Stop, Watch
from constitution.store import count

LEAST = 20
PROMPTS = "pilot-prompts.jsonl"


@dataclass(frozen=True)
class Pilot:
    """A pilot that was run.

    Attributes:
        settings: Of the run that it stands for.
        drawn: Its rows, and the lengths of all.
        calls: Its calls, by stage.
        begun: When it was begun, in seconds since 1970.
        failed: Rows of it that failed.
    """

    settings: Settings
    drawn: Drawn
    calls: dict[str, list[Call]]
    begun: float
    failed: int


def check_plannable(settings: Settings) -> None:
    """See that a pilot can stand for the run.

    Raises:
        ConfigError: Its second stage compares pairs of a file, which are other rows than the prompts.
    """
    if settings.compare and settings.compare.pairs == "file":
        raise ConfigError(
            f"compare: pairs: file ({settings.compare.file}): only what compares this run's rows can be planned",
            "Plan with --no-compare; of a file's pairs, compare some with --limit and look at status --prices.",
        )


def size_of(settings: Settings) -> int:
    """How many rows a pilot has unless told otherwise: as many as are in flight at once, which shows the full speed."""
    return max(LEAST, settings.concurrency)


async def run_pilot(
    settings: Settings, number: int, folder: Path, watch: Watch | None = None, stop: Stop | None = None
) -> Pilot:
    """Draw the rows and run them, all stages, as the run would: same ids, seeds and calls.

    Args:
        settings: Of the run; its `out` stays as it is.
        number: Rows.
        folder: Where the pilot runs. One that is there goes on.
        watch: For progress.
        stop: Ends it early.

    Raises:
        ConstitutionError: As `generate`.
        Stopped: `stop` was asked for.
    """
    check_plannable(settings)
    drawn = draw(settings, number)
    rows = folder.parent / f"{folder.name}.{PROMPTS}"
    lines = [
        json.dumps({"id": prompt.id, "messages": [message.model_dump() for message in prompt.messages]}) + "\n"
        for prompt in drawn.prompts
    ]
    try:
        make_folder(folder.parent)
        rows.write_text("".join(lines), encoding="utf-8")
    except OSError as bad:
        raise unwritable(rows, bad) from None
    compare = settings.compare.model_copy(update={"limit": None}) if settings.compare else None
    own = {"column": ("messages",), "id_column": "id", "skip": 0, "limit": None, "compare": compare}
    begun = time.time()
    await generate(settings.model_copy(update={"prompts": str(rows), "out": str(folder), **own}), watch, stop=stop)
    stages = {"generate": REVISE} | ({"compare": COMPARE} if compare and has_stage(folder, COMPARE) else {})
    return Pilot(
        settings=settings,
        drawn=drawn,
        calls={name: list(read_records(folder / stage.calls, Call)) for name, stage in stages.items()},
        begun=begun,
        failed=sum(_failed(folder, stage) for stage in stages.values()),
    )


def _failed(folder: Path, stage: Stage) -> int:
    return count(folder, stage).failed
