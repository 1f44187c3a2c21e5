"""Run a pilot: the run itself, with some of its rows, in a folder of its own."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from constitution.cluster_settings import check_cluster
from constitution.config import Settings
from constitution.durable import make_folder
from constitution.errors import ConfigError, ModelError, unwritable
from constitution.generation import generate
from constitution.journal import read_records
from constitution.manifest import COMPARE, REVISE, Stage, has_stage
from constitution.planning.drawing import Drawn, draw
from constitution.planning.flight import with_one_worker
from constitution.records import Call, Failure, Filtered
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
        ConfigError: Its second stage compares pairs of a file, which are other rows than the prompts; or settings of a
            cluster do not go together.
    """
    check_cluster(settings.cluster)
    if settings.compare and settings.compare.pairs == "file":
        raise ConfigError(
            f"compare: pairs: file ({settings.compare.file}): only what compares this run's rows can be planned",
            "Plan with --no-compare; of a file's pairs, compare some with --limit and look at status --prices.",
        )


def size_of(settings: Settings) -> int:
    """How many rows a pilot has unless told otherwise: as many as are in flight at once, which shows the full speed."""
    return max(LEAST, with_one_worker(settings).concurrency)


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
        ModelError: No row of it was finished, so it tells nothing.
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
    own = {"column": ("messages",), "id_column": "id", "skip": 0, "limit": None, "shard": None}
    running = with_one_worker(settings).model_copy(update=own | {"prompts": str(rows), "out": str(folder)})
    if running.compare:
        compare = running.compare.model_copy(update={"limit": None})
        running = running.model_copy(update={"compare": compare})
    begun = time.time()
    await generate(running, watch, stop=stop)
    stages = {"generate": REVISE} | ({"compare": COMPARE} if running.compare and has_stage(folder, COMPARE) else {})
    for name, stage in stages.items():
        _check_finished(folder, name, stage)
    return Pilot(
        settings=settings,
        drawn=drawn,
        calls={name: list(read_records(folder / stage.calls, Call)) for name, stage in stages.items()},
        begun=begun,
        failed=sum(_failed(folder, stage) for stage in stages.values()),
    )


def _check_finished(folder: Path, name: str, stage: Stage) -> None:
    """See that a stage has something to reckon from."""
    counts = count(folder, stage)
    # That there is no pair to compare is known of a row without any call.
    if counts.done or not (counts.failed or name == "generate"):
        return
    failures = list(read_records(folder / stage.failures, Failure))
    filtered = list(read_records(folder / stage.filtered, Filtered))
    last = f"{failures[-1].step}: {failures[-1].message}" if failures else filtered[-1].message
    raise ModelError(
        f"{name}: no row of the pilot was finished ({counts.failed} failed, {counts.filtered} filtered), "
        f"so nothing can be reckoned. The last: {last}",
        "Mend that, and plan again; a pilot that was kept keeps its failures, so name another folder with --keep.",
    )


def _failed(folder: Path, stage: Stage) -> int:
    return count(folder, stage).failed
