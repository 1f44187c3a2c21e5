"""What gates catch in a run: a file of flags, and what to tell of them."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from constitution.durable import aside_of, sync
from constitution.errors import ConfigError, RunError, command, unwritable
from constitution.gates.gain import Gains
from constitution.gates.gating import Gating
from constitution.gates.seen import seen_of
from constitution.gates.sets import GateSet
from constitution.gates.table import GATES
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest
from constitution.printable import on_one_line
from constitution.records import Record
from constitution.run_folder import check_entry
from constitution.store import transcripts

# In a run's folder, beside its journals; made anew by each `constitution gates`.
FILE = "gates.jsonl"
MOST_EXAMPLES = 3


class Flag(Record):
    """What a gate found in one response.

    Attributes:
        id: The row.
        index: Its position in the input, from 0.
        response: `response` or `revision-K`.
        gate: Which gate.
        score: What it said, rounded to four digits.
        threshold: From which score on the set flags.
        told: A passage, or a number in words.
    """

    id: str
    index: int
    response: str
    gate: str
    score: float
    threshold: float
    told: str


class Caught(Record):
    """What one gate caught in a run.

    Attributes:
        gate: Its name.
        about: What it flags.
        threshold: From which score on.
        responses: Revisions that it flags, of any round.
        rows: Rows whose final revision it flags.
        examples: The first few of these, else of the others.
    """

    gate: str
    about: str
    threshold: float
    responses: int
    rows: int
    examples: tuple[Flag, ...] = ()


class Gated(Record):
    """What a set of gates caught in a run.

    Attributes:
        set: Its name.
        rows: Finished rows.
        responses: The revisions looked at: all, or the final ones; of a run without rounds, their responses.
        flagged_rows: Rows whose final revision any gate flags.
        flagged_responses: Revisions that any gate flags.
        gates: Each gate of the set, in the table's order.
    """

    set: str
    rows: int
    responses: int
    flagged_rows: int
    flagged_responses: int
    gates: tuple[Caught, ...]


def gate_run(run: Path, gating: Gating, see: Callable[[Flag], None] = lambda _: None, finals: bool = False) -> Gated:
    """Ask every gate of a set about every revision of a run; rows are looked at one after the other.

    Args:
        run: A run's folder.
        gating: The set, prepared for this run.
        see: Called with each flag, in the order of the input.
        finals: Whether only the last revision of each row is looked at.

    Raises:
        RunError: The run has no transcripts, or one of its files is damaged.
    """
    rows = responses = flagged_rows = flagged_responses = 0
    found: dict[str, Counter[str]] = {name: Counter() for name in gating.set.thresholds}
    # Of final revisions, and of others.
    examples: dict[str, tuple[list[Flag], list[Flag]]] = {name: ([], []) for name in found}
    for last, number, flags in _flags(run, gating, finals):
        responses += 1
        rows += last == number
        flagged_responses += bool(flags)
        flagged_rows += bool(flags) and last == number
        for flag in flags:
            found[flag.gate].update(["responses", *(["rows"] if last == number else [])])
            kept = examples[flag.gate][last != number]
            if len(kept) < MOST_EXAMPLES:
                kept.append(flag)
            see(flag)
    if not rows:
        raise RunError(f"{run}: no row is finished yet", f"See where the run is with: {command('status', run)}")
    return Gated(
        set=gating.set.name,
        rows=rows,
        responses=responses,
        flagged_rows=flagged_rows,
        flagged_responses=flagged_responses,
        gates=tuple(
            Caught(
                gate=name,
                about=GATES[name].about,
                threshold=threshold,
                responses=found[name]["responses"],
                rows=found[name]["rows"],
                examples=(*examples[name][0], *examples[name][1])[:MOST_EXAMPLES],
            )
            for name, threshold in gating.set.thresholds.items()
        ),
    )


def check_asked(asked: GateSet) -> None:
    """Refuse a set that asks nothing: an export may go by none, but there is nothing to tell of it.

    Raises:
        ConfigError: With what to do instead.
    """
    if not asked.thresholds:
        raise ConfigError(
            f"--gates {asked.name}: all gates of it are off, so there is nothing to tell",
            "Give default, strict, or a YAML file that leaves a gate on.",
        )


def check_transcripts(run: Path) -> None:
    """Refuse a run that has no transcripts.

    Raises:
        RunError: With what to do instead.
    """
    if not has_stage(run, REVISE) and has_stage(run, COMPARE):
        raise RunError(
            f"{run}: holds comparisons only, no transcripts: there are no revisions to look at",
            f"Pairs pass the gates as they are exported: {command('export', run, '--to', 'DIR', '--gates', 'default')}",
        )
    load_manifest(run)


def write_flags(run: Path, gating: Gating) -> Gated:
    """As `gate_run`, and write the flags to the run's `gates.jsonl`; there whole or not at all.

    The same run and the same set give the same bytes.

    Raises:
        RunError: The run has no transcripts, one of its files is damaged, or the disk does not take the file.
    """
    path = run / FILE
    aside = aside_of(path)
    check_entry(path)
    try:
        # Left by a process that was killed; never written through, as it might be a link.
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="utf-8", newline="\n") as file:
            told = gate_run(run, gating, lambda flag: _write(file.write, flag))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync(run)
    except OSError as bad:
        raise unwritable(path, bad) from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    return told


def _write(write: Callable[[str], int], flag: Flag) -> None:
    write(f"{on_one_line(flag.model_dump(mode='json'))}\n")


def _flags(run: Path, gating: Gating, finals: bool) -> Iterator[tuple[int, int, list[Flag]]]:
    """For each revision of each row the number of the last one, its own, and its flags."""
    gains = Gains(run)
    for transcript in transcripts(run):
        last, gained = len(transcript.rounds), gains.of(transcript)
        for number in range(last if finals else min(1, last), last + 1):
            flags = [
                Flag(
                    id=transcript.id,
                    index=transcript.index,
                    response=f"revision-{number}" if number else "response",
                    gate=name,
                    score=round(finding.score, 4),
                    threshold=gating.set.thresholds[name],
                    told=finding.told,
                )
                for name, finding in gating.flags(seen_of(transcript, number, gained[number]))
            ]
            yield last, number, flags
