"""The folder in which two constitutions are compared (see `versus.py`): how it begins, and the pairs in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, ValidationError

from constitution.digests import digest
from constitution.durable import aside_of, make_folder, write_whole
from constitution.errors import FolderTaken, RunError, SettingsDiffer, unwritable
from constitution.manifest import COMPARE, REVISE, differences, has_stage, load_manifest
from constitution.principle_files.writing import file_text
from constitution.principles import PrincipleSet
from constitution.records import Record, Transcript
from constitution.run_folder import check_folder
from constitution.store import count, transcripts

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
SETUP, JUDGE, PAIRS, JUDGED = "ab.json", "judge.yaml", "pairs.jsonl", "judged"
OTHERWISE = "Give the old settings to go on, or choose another folder: --out DIR"
ELSEWHERE = "Choose another folder: --out DIR"


class Setup(Record):
    """What a folder compares.

    Attributes:
        version: The program's version that began it.
        a: One principles file, as it was named.
        b: The other.
        affecting: What changes the figures, by name; a later start must match every value.
    """

    version: str
    a: str
    b: str
    affecting: dict[str, JsonValue]


def load_setup(folder: Path) -> Setup:
    """What a folder compares.

    Raises:
        RunError: It holds no comparison of two constitutions, or its file is damaged.
    """
    path = folder / SETUP
    try:
        return Setup.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{folder}: compares no constitutions (no {SETUP})", "Choose another folder: --out DIR"
        ) from None
    except OSError as bad:
        raise RunError(f"{path}: cannot be read: {bad.strerror}") from None
    except ValidationError:
        raise RunError(f"{path}: damaged", "Bring the file back from a copy, or choose another folder.") from None


def begin(folder: Path, setup: Setup, principles: PrincipleSet) -> None:
    """Make the folder, or check that it compares the same.

    Args:
        folder: Where all of it is kept.
        setup: What is compared.
        principles: What the judge is asked.

    Raises:
        RunError: It compares something else, or it cannot be written.
    """
    check_folder(folder)
    try:
        aside = aside_of(Path(SETUP)).name
        found = sorted(path.name for path in folder.iterdir() if path.name != aside) if folder.exists() else []
        if found and SETUP not in found:
            raise FolderTaken(f"{folder}: not empty, and compares no constitutions (found {found[0]})", ELSEWHERE)
        if has_stage(folder / "a", REVISE):
            known = load_setup(folder).affecting
            if changes := list(differences(known, setup.affecting)):
                raise SettingsDiffer("\n".join([f"{folder} compares by other settings:", *changes]), OTHERWISE)
            return
        # No call was made yet: whatever was meant before, such as a model with a slip in its name, binds nobody.
        make_folder(folder)
        write_whole(folder / SETUP, setup.model_dump_json(indent=2) + "\n")
        comment = "The principles that the judge of this comparison is asked under."
        write_whole(folder / JUDGE, file_text(principles, comment))
    except OSError as bad:
        raise unwritable(folder, bad) from None


def judged_content(folder: Path) -> object:
    """Hash of the pairs that were judged; None if none were."""
    judged = folder / JUDGED
    if not has_stage(judged, COMPARE):
        return None
    return load_manifest(judged, COMPARE).affecting.get("pairs (content)")


def write_pairs(folder: Path) -> None:
    """Write the pairs file: the last revisions of the rows that both runs have finished.

    Raises:
        RunError: No row is finished in both runs, or the disk fails.
    """
    lines = [json.dumps(_pair(a, b), ensure_ascii=False) + "\n" for a, b in finished_in_both(folder)]
    if not lines:
        told = "; ".join(f"{side.upper()}: {count(folder / side).equation}" for side in SIDES)
        raise RunError(
            f"{folder}: no row is finished under both constitutions, so there is nothing to judge ({told})",
            "Run the failed rows again: the same command with --retry-failed",
        )
    path = folder / PAIRS
    try:
        write_whole(path, "".join(lines))
    except OSError as bad:
        raise unwritable(path, bad) from None


def finished_in_both(folder: Path) -> Iterator[tuple[Transcript, Transcript]]:
    """The rows of both runs that both have finished, in the order of the input."""
    others = transcripts(folder / "b")
    b = next(others, None)
    for a in transcripts(folder / "a"):
        while b is not None and b.index < a.index:
            b = next(others, None)
        if b is not None and b.index == a.index:
            yield a, b


def _pair(a: Transcript, b: Transcript) -> dict[str, object]:
    """A row of the pairs file; `b` says which response is B's."""
    texts = {side: one.responses[-1].text for side, one in zip(SIDES, (a, b), strict=True)}
    first, second = sorted(SIDES, key=lambda side: digest([a.id, texts[side]]))
    # Responses as messages: a text may look like a transcript of its own.
    said = {side: [{"role": "assistant", "content": text}] for side, text in texts.items()}
    return {
        "prompt": [message.model_dump() for message in a.prompt],
        "response_a": said[first],
        "response_b": said[second],
        "id": a.id,
        "b": "first" if first == "b" else "second",
    }
