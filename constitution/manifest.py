"""What a run's folder is: its stages, their files, and the manifest that each one begins with."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from constitution.durable import write_whole
from constitution.errors import RunError, command, unwritable
from constitution.principles import PrincipleSet
from constitution.records import Record
from constitution.run_folder import check_entries

# What the digest of a file's principles is called among what affects rows.
PRINCIPLES = "principles (content)"
# What the rules that a judge is asked are called there; both are None of a judge that gives rewards.
RULES = "rules"
# Characters of a text that a difference shows.
MOST_SHOWN = 100


@dataclass(frozen=True)
class Stage:
    """The names of a stage's files.

    Attributes:
        what: What the folder then holds, for messages.
        make: The command that makes it.
        elsewhere: What to do when the folder cannot be used.
        again: What to type to begin it anew with other settings, finished calls reused; takes the folder.
    """

    manifest: str
    calls: str
    outcomes: str
    failures: str
    filtered: str
    elsewhere: str
    again: str
    what: str
    make: str


REVISE = Stage(
    manifest="manifest.json",
    calls="calls.jsonl",
    outcomes="transcripts.jsonl",
    failures="failures.jsonl",
    filtered="filtered.jsonl",
    elsewhere="Choose another folder, with --out or --fork.",
    again="add --fork NEW: a run of its own in the folder NEW, which reuses the calls that still match.",
    what="a run",
    make="generate",
)
COMPARE = Stage(
    manifest="compare.json",
    calls="compare-calls.jsonl",
    outcomes="comparisons.jsonl",
    failures="compare-failures.jsonl",
    filtered="compare-filtered.jsonl",
    elsewhere="Choose another folder.",
    again="compare anew, with the calls that still match: constitution compare {} … --replace",
    what="comparisons",
    make="compare",
)
SCORE = Stage(
    manifest="score.json",
    calls="score-calls.jsonl",
    outcomes="scores.jsonl",
    failures="score-failures.jsonl",
    filtered="score-filtered.jsonl",
    elsewhere="Choose another folder.",
    again="score anew, with the calls that still match: constitution score {} … --replace",
    what="scores",
    make="score",
)

EXPAND = Stage(
    manifest="expand.json",
    calls="expand-calls.jsonl",
    outcomes="expand-answers.jsonl",
    failures="expand-failures.jsonl",
    filtered="expand-filtered.jsonl",
    elsewhere="Choose another folder, with --to.",
    again="choose another folder, with --to.",
    what="new prompts",
    make="prompts expand",
)


class Manifest(Record):
    """What a stage of a run is.

    Attributes:
        version: The program's version that began the run.
        created: When, UTC, ISO 8601.
        determinism: What the engine promises (see `engines.base.Engine`).
        input: Rows of the input; of a shard its own.
        settings: All settings, as first given.
        affecting: What changes rows, by name; a later start must match every value.
        principles: The principles as they were when the stage began.
        source: Hash of the input's file (see `sources.source_digest`); empty if it comes from none.
        whole: Of a shard, the rows of the whole input, which the digest among `affecting` is of; else None.
    """

    version: str
    created: str
    determinism: str
    input: int
    settings: dict[str, JsonValue]
    affecting: dict[str, JsonValue]
    principles: PrincipleSet | None = None
    source: str = ""
    whole: int | None = None

    @property
    def model(self) -> str:
        """The model's name; of comparisons and scores the judge's, which is loaded last and may not have been yet."""
        identity = self.affecting.get("model (identity)")
        return str(
            identity.get("model", "unknown")
            if isinstance(identity, dict)
            else self.settings.get("judge") or "not loaded yet"
        )

    @property
    def rewarding(self) -> bool:
        """Whether the judge gave rewards, and was asked neither principles nor rules."""
        asked = [name for name in (PRINCIPLES, RULES) if name in self.affecting]
        return bool(asked) and all(self.affecting[name] is None for name in asked)


def has_stage(folder: Path, stage: Stage) -> bool:
    """Whether that stage was begun in the folder."""
    return (folder / stage.manifest).exists()


def load_manifest(folder: Path, stage: Stage = REVISE) -> Manifest:
    """The manifest of a run's stage.

    Raises:
        RunError: The folder is not a run, has no such stage, or its manifest is broken.
    """
    if manifest := find_manifest(folder, stage):
        return manifest
    if stage is not REVISE and (has_stage(folder, REVISE) or has_stage(folder, COMPARE)):
        raise RunError(f"{folder}: holds no {stage.what} yet", f"Make them: {command(stage.make, folder)}")
    what = f"not a run (no {stage.manifest})" if folder.exists() else "no such folder"
    raise RunError(f"{folder}: {what}", "Give a folder that constitution generate wrote.")


def find_manifest(folder: Path, stage: Stage) -> Manifest | None:
    """The manifest of a run's stage; None if the stage was not begun, or is just being set aside.

    Raises:
        RunError: It is broken.
    """
    check_entries(folder)
    path = folder / stage.manifest
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as bad:
        raise RunError(f"{path}: cannot be read: {bad.strerror}") from None
    except ValidationError as bad:
        fault = bad.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        what = f"{where}: {fault['msg']}" if where else fault["msg"]
        raise RunError(
            f"{path}: damaged: {what}",
            "Bring the file back from a copy: it says how the run was made. Journals beside it are whole.",
        ) from None


def new_manifest(
    version: str,
    determinism: str,
    rows: int,
    settings: dict[str, Any],
    affecting: dict[str, Any],
    principles: PrincipleSet | None = None,
    source: str = "",
    whole: int | None = None,
) -> Manifest:
    """A manifest of this moment."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(
        version=version,
        created=created,
        determinism=determinism,
        input=rows,
        settings=settings,
        affecting=affecting,
        principles=principles,
        source=source,
        whole=whole,
    )


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    """A line for each of the values of `now` that was another one before; of an identity, for each of its fields."""
    for name, value in sorted(now.items()):
        old = before.get(name)
        if old == value:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            for key in sorted(old.keys() | value.keys()):
                if old.get(key) != value.get(key):
                    yield f"  {name}: {key}: {_shown(old.get(key))} → {_shown(value.get(key))}"
        else:
            yield f"  {name}: {_shown(old)} → {_shown(value)}"


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def principle_differences(before: PrincipleSet | None, now: PrincipleSet | None) -> Iterator[str]:
    """A line for each field of a principle that is another one now; none if either file is not known."""
    if not before or not now:
        return
    old, new = ({one.id: one for one in principles.principles} for principles in (before, now))
    found = False
    for id in dict.fromkeys([*old, *new]):
        if id not in old or id not in new:
            found = True
            yield f"    {id}: {'was not there before' if id in new else 'is not there any more'}"
            continue
        # Tags change no row.
        for field, value in old[id].model_dump(exclude={"tags"}).items():
            if (other := getattr(new[id], field)) != value:
                found = True
                yield f"    {id}: {field}: {_short(value)} → {_short(other)}"
    if not found and [*old] != [*new]:
        yield "    the same principles in another order"


def _short(value: object) -> str:
    written = json.dumps(value, ensure_ascii=False)
    return written if len(written) <= MOST_SHOWN else f'{written[: MOST_SHOWN - 2]}…"'


def write_manifest(folder: Path, stage: Stage, manifest: Manifest) -> None:
    """Write it; there whole or not at all.

    Raises:
        RunError: It cannot be written.
    """
    path = folder / stage.manifest
    try:
        write_whole(path, manifest.model_dump_json(indent=2) + "\n")
    except OSError as bad:
        raise unwritable(path, bad) from None
