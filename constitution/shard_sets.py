"""Shards that are to be joined: whether they are of one run, and whether all of them are there."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from constitution.config import CAPS, Settings
from constitution.errors import ConfigError, RunError, SettingsDiffer
from constitution.manifest import (
    COMPARE,
    PRINCIPLES,
    REVISE,
    SCORE,
    Manifest,
    Stage,
    differences,
    has_stage,
    load_manifest,
    principle_differences,
)
from constitution.remote.addresses import is_url
from constitution.remote.copies import name_of
from constitution.report.findings.going_on import going_on
from constitution.run_folder import OWN_FOLDERS
from constitution.scoring_rows import COMPARED
from constitution.shards import Shard
from constitution.stored_settings import stored_settings

STAGES = (REVISE, COMPARE, SCORE)
# Folders, and shards, that an error names at most.
MOST_NAMED = 8
_IDENTITY = "(identity)"
# What a folder may spend.
_LIMITS = CAPS - {"prices"}


@dataclass(frozen=True)
class Part:
    """A shard's folder.

    Attributes:
        folder: Where it is.
        name: What people call it: the URL that the folder is the working copy of, else the folder.
        shard: Which one it is.
        manifests: Of the stages that are joined.
        left: What of it is not joined, a line each.
    """

    folder: Path
    name: str
    shard: Shard
    manifests: Mapping[Stage, Manifest]
    left: tuple[str, ...]


@dataclass(frozen=True)
class ShardSet:
    """Shards of one run.

    Attributes:
        parts: In the order of their numbers.
        of: How many the run was cut into.
        rows: Of the whole input.
        skip: Position of the first of them.
        missing: The shards that are not there.
        manifests: What each stage is, as most of the shards have it, with all that any shard knows of its models.
    """

    parts: tuple[Part, ...]
    of: int
    rows: int
    skip: int
    missing: tuple[Shard, ...]
    manifests: Mapping[Stage, Manifest]


def load_part(folder: Path) -> Part:
    """What is in a shard's folder.

    Raises:
        RunError: It is not a run, or not a shard of one.
    """
    name = name_of(folder)
    if has_stage(folder, COMPARE) and not has_stage(folder, REVISE):
        raise RunError(
            f"{name}: holds comparisons of a file's pairs only; what is joined are shards of constitution generate",
            "Leave it out.",
        )
    made = load_manifest(folder)
    settings = stored_settings(Settings, made.settings, folder)
    if not settings.shard or made.whole is None:
        raise RunError(
            f"{name}: a whole run, not a shard of one (it was made without --shard)",
            f"Leave it out; shards are made like this: {going_on(Path('shards/1'), REVISE, made)} --shard 1/8",
        )
    manifests, left = {REVISE: made}, []
    for stage in (COMPARE, SCORE):
        if has_stage(folder, stage):
            manifests[stage] = load_manifest(folder, stage)
    if COMPARE in manifests and manifests[COMPARE].settings.get("pairs") == "file":
        # Each shard has judged the whole file, whose positions are not the run's.
        again = going_on(Path("RUN"), COMPARE, manifests[COMPARE], "--reuse", name)
        left.append(f"{name}: its comparisons of a file's pairs stay there; made again without a call: {again}")
        del manifests[COMPARE]
        if SCORE in manifests and manifests[SCORE].settings.get("on") in COMPARED:
            left.append(f"{name}: its scores of a file's pairs stay there")
            del manifests[SCORE]
    kept = [own for own in OWN_FOLDERS if (folder / own).exists()]
    left += [f"{name}: {own} stays there" for own in kept]
    return Part(folder, name, Shard.parse(settings.shard), manifests, tuple(left))


def shard_set(folders: Sequence[Path], allow_missing: bool = False) -> ShardSet:
    """The shards in these folders, checked to be of one run.

    Args:
        folders: In any order.
        allow_missing: Whether some may be missing.

    Raises:
        ConfigError: A shard is missing, or given twice.
        RunError: One is not a shard.
        SettingsDiffer: They were made by different settings; lists each difference.
    """
    parts = sorted((load_part(folder) for folder in folders), key=lambda part: part.shard.number)
    cut = Counter(part.shard.of for part in parts).most_common()
    if len(cut) > 1:
        usual, other = (next(part for part in parts if part.shard.of == of) for of, _ in cut[:2])
        raise ConfigError(
            f"shards of different runs: {other.name} is {other.shard}, {usual.name} is {usual.shard}",
            "Join shards of one number only; a run is cut anew with --fork, which makes no call again.",
        )
    manifests = {stage: _joined(parts, stage) for stage in STAGES if any(stage in part.manifests for part in parts)}
    for before, part in pairwise(parts):
        if before.shard == part.shard:
            raise ConfigError(
                f"shard {part.shard} is given twice: {before.name}, {part.name}", "Leave one of the two out."
            )
    of, rows = parts[0].shard.of, manifests[REVISE].whole or 0
    there = {part.shard.number for part in parts}
    missing = tuple(Shard(number, of) for number in range(1, of + 1) if number not in there)
    if missing and not allow_missing:
        raise _lacking(parts[0], missing, manifests[REVISE])
    skip = stored_settings(Settings, manifests[REVISE].settings, parts[0].folder).skip
    return ShardSet(tuple(parts), of, rows, skip, missing, manifests)


def notes(found: ShardSet) -> Iterator[str]:
    """What is worth knowing of shards that are joined all the same."""
    for stage in found.manifests:
        those = [part.manifests[stage] for part in found.parts if stage in part.manifests]
        if stage is REVISE and len(versions := sorted({one.version for one in those})) > 1:
            yield f"shards were made by different versions of the program: {', '.join(versions)}"
        places = {place for one in those for place in _endpoints(one)}
        if len(places) > 1:
            kept = ", ".join(_endpoints(found.manifests[stage]))
            yield f"{stage.what}: models were asked at {len(places)} addresses; the joined run names {kept}"
        if caps := sorted({flag for one in those for flag in _caps(one.settings)}):
            held = f"{' and '.join(caps)} held for each shard alone"
            yield f"{stage.what}: {held}; the joined run has no cap: to go on under one, add it"
        lacking = [part for part in found.parts if stage not in part.manifests]
        if lacking:
            yield f"no {stage.what} of {_named([part.name for part in lacking])}: their rows are pending there"
    for part in found.parts:
        yield from part.left


def uncapped(settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A stage's settings without caps, its comparisons' included: what shards spend together, none of them may."""
    kept = {name: None if name in _LIMITS else value for name, value in settings.items()}
    compare = kept.get("compare")
    return kept | {"compare": uncapped(compare)} if isinstance(compare, dict) else kept


def _caps(settings: Mapping[str, JsonValue]) -> Iterator[str]:
    compare = settings.get("compare")
    for one in (settings, compare if isinstance(compare, dict) else {}):
        yield from (f"--{name.replace('_', '-')}" for name in _LIMITS if one.get(name) is not None)


def _joined(parts: Sequence[Part], stage: Stage) -> Manifest:
    """The manifest of a stage that most of the shards have, checked against all others.

    Raises:
        SettingsDiffer: A shard was made by other settings.
    """
    those = [part for part in parts if stage in part.manifests]
    alike = Counter(json.dumps(_comparable(part.manifests[stage]), sort_keys=True) for part in those)
    most = alike.most_common(1)[0][0]
    usual = next(part for part in those if json.dumps(_comparable(part.manifests[stage]), sort_keys=True) == most)
    kept = usual.manifests[stage]
    known: dict[str, JsonValue] = dict(kept.affecting)
    for part in those:
        # A model that had no turn in one shard yet is known of another.
        known |= {
            name: value
            for name, value in part.manifests[stage].affecting.items()
            if name.endswith(_IDENTITY) and name not in known
        }
    kept = kept.model_copy(update={"affecting": known})
    told: list[str] = []
    others = 0
    for part in those:
        if changes := _changes(kept, part.manifests[stage]):
            others += 1
            if others <= MOST_NAMED:
                told += [f"{part.name} was made by other settings than {usual.name}:", *changes]
    if others > MOST_NAMED:
        told.append(f"and {others - MOST_NAMED} more shards")
    if told:
        of = "" if stage is REVISE else f" ({stage.what})"
        raise SettingsDiffer(
            "\n".join([f"shards of different configurations{of} are not joined:", *told]),
            f"Make the one as the other: give its settings, and {stage.again.format('SHARD')}",
        )
    return kept


def _changes(kept: Manifest, other: Manifest) -> list[str]:
    before, now = _comparable(kept), _comparable(other)
    unknown = {name for name in before.keys() ^ now.keys() if name.endswith(_IDENTITY)}
    both = [{name: one.get(name) for name in (before.keys() | now.keys()) - unknown} for one in (before, now)]
    changes = list(differences(*both))
    place = next((n for n, line in enumerate(changes, 1) if line.startswith(f"  {PRINCIPLES}:")), None)
    if place is not None:
        changes[place:place] = principle_differences(kept.principles, other.principles)
    return changes


def _comparable(manifest: Manifest) -> dict[str, Any]:
    """What must be the same in all shards: which part a shard is, and where a model is asked, need not be."""
    return {
        name: {key: value[key] for key in value if key != "endpoint"} if isinstance(value, dict) else value
        for name, value in manifest.affecting.items()
        if name != "shard"
    }


def _endpoints(manifest: Manifest) -> list[str]:
    identities = (value for name, value in manifest.affecting.items() if name.endswith(_IDENTITY))
    return sorted({str(one["endpoint"]) for one in identities if isinstance(one, dict) and one.get("endpoint")})


def _lacking(part: Part, missing: Sequence[Shard], made: Manifest) -> ConfigError:
    first = missing[0]
    manifest = made.model_copy(update={"settings": made.settings | {"shard": str(first)}})
    # `.` has no name of its own.
    place = part.name if is_url(part.name) or part.folder.name else str(part.folder.absolute())
    own = place.rpartition("/")[2] if is_url(place) else Path(place).name
    above, unused = place.removesuffix(own), f"shard-{first.number}-of-{first.of}"
    alike = re.sub(rf"(?<!\d)0*{part.shard.number}(?!\d)", str(first.number), own, count=1)
    folder, told = above + (unused if alike == own else alike), "Make it"
    if Path(folder).exists():
        # A pattern such as shards/[1-7] may have left it out.
        folder, told = above + unused, f"Is it {folder}? Then name it, too. Else make it"
    number = f"{len(missing)} of {first.of} shards are missing" if len(missing) > 1 else "a shard is missing"
    return ConfigError(
        f"{number}: {_named(list(map(str, missing)))}",
        f"{told}: {going_on(folder, REVISE, manifest)}\n"
        "  Or join what there is, and leave the rows of the others pending: add --allow-missing",
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
