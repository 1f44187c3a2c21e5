"""Training data from a run's folder: rows by format, split by prompt, with a dataset card.

trl.py      rows as TRL's trainers load them
split.py    which prompts are held out
card.py     the README.md that makes the folder a dataset
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import jsonlines

from constitution.errors import ExportError, command
from constitution.exports.card import FEATURES, MADE_WITH, card
from constitution.exports.split import split_of
from constitution.exports.trl import preference_rows, sft_rows
from constitution.records import Counts, Record, Transcript
from constitution.store import count, load_manifest, transcripts

Kind = Literal["sft", "preference"]
Revisions = Literal["final", "all"]


class Exported(Record):
    """What an export wrote.

    Attributes:
        folder: Where.
        rows: Rows by kind and split, e.g. `{"sft": {"train": 90, "test": 10}}`.
        dropped: Rows left out, by reason.
        cut: Exported prompts with a response that ends at `max_tokens`, in mid-sentence.
        counts: Where the run's rows were.
    """

    folder: str
    rows: dict[str, dict[str, int]]
    dropped: dict[str, int]
    cut: int
    counts: Counts


def export(
    run: Path,
    to: Path,
    *,
    revisions: Revisions = "final",
    test_fraction: float = 0.1,
    split_seed: int = 0,
    whole_only: bool = False,
    overwrite: bool = False,
) -> Exported:
    """Write `sft` and `preference` data of a run's finished rows, in the order of the input.

    The folder is written aside and moved into place, so it is there whole or not at all.

    Args:
        run: A run's folder.
        to: The folder to make.
        revisions: `final`, or `all`: an sft row for each revision of a row, as the paper trains (section 3.2).
        test_fraction: Share of prompts held out, in [0, 1); decided by each prompt's hash, so that rows of one prompt
            stay together and a larger run keeps the split.
        split_seed: Changes which prompts are held out.
        whole_only: Leave out rows with an exported response that was cut at `max_tokens`.
        overwrite: Replace an export that is there.

    Raises:
        ExportError: Nothing to export, or `to` holds something.
        RunError: `run` is not a run.
    """
    manifest = load_manifest(run)
    if not 0 <= test_fraction < 1:
        raise ExportError(f"--test-fraction {test_fraction}: it must be at least 0 and below 1")
    # A link to a folder stays a link: what it points to is replaced.
    target = to.resolve()
    _check_target(run, target, overwrite)
    counts, cut = count(run), 0
    dropped: Counter[str] = Counter()
    written: dict[str, dict[str, int]] = {}
    aside = _make_aside(target)
    try:
        with ExitStack() as stack:
            writers: dict[tuple[str, str], jsonlines.Writer] = {}
            for transcript in transcripts(run):
                split = split_of(transcript.prompt, test_fraction, split_seed)
                cut += is_cut(transcript, revisions) and not whole_only
                for kind, row in _rows(transcript, revisions, whole_only, dropped):
                    if (kind, split) not in writers:
                        path = aside / kind / f"{split}.jsonl"
                        path.parent.mkdir(exist_ok=True)
                        writers[kind, split] = stack.enter_context(jsonlines.open(path, "w"))
                    writers[kind, split].write(row)
                    written.setdefault(kind, {}).setdefault(split, 0)
                    written[kind][split] += 1
        if not written:
            reasons = [f"{number} left out: {reason}" for reason, number in dropped.items()]
            where = f"{counts.done} done, {counts.failed} failed, {counts.filtered} filtered, {counts.pending} pending"
            raise ExportError(
                f"{run}: nothing to export ({'; '.join([where, *reasons])})",
                f"See where the run is with: {command('status', run)}",
            )
        (aside / "README.md").write_text(card(manifest, counts, written, revisions, cut), encoding="utf-8")
        aside.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        aside.rename(target)
    except OSError as bad:
        raise ExportError(f"{to}: cannot be written: {bad.strerror}", "Choose another folder with --to.") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Exported(folder=str(to), rows=written, dropped=dict(dropped), cut=cut, counts=counts)


def is_cut(transcript: Transcript, revisions: Revisions) -> bool:
    """Whether a response that is exported ends at `max_tokens`: the first, the last, with `all` any of them."""
    first, *between, last = transcript.responses
    exported = [first, last, *(between if revisions == "all" else [])]
    return any(response.finish_reason == "length" for response in exported)


def _rows(
    transcript: Transcript, revisions: Revisions, whole_only: bool, dropped: Counter[str]
) -> Iterator[tuple[Kind, dict[str, Any]]]:
    if whole_only and is_cut(transcript, revisions):
        dropped["cut at max_tokens"] += 1
        return
    for row in sft_rows(transcript, revisions):
        yield "sft", row
    pairs = preference_rows(transcript)
    if not pairs:
        dropped["preference: revision same as response"] += 1
    for row in pairs:
        yield "preference", row


def _check_target(run: Path, to: Path, overwrite: bool) -> None:
    if to.exists() and not to.is_dir():
        raise ExportError(f"{to}: a file, not a folder", "Choose another folder with --to.")
    if not to.is_dir() or not any(to.iterdir()):
        return
    if run.resolve().is_relative_to(to.resolve()):
        raise ExportError(f"{to}: holds the run, which an export must not replace", "Choose another folder with --to.")
    if not _is_export(to):
        raise ExportError(f"{to}: not empty, and not an export", "Choose another folder with --to.")
    if not overwrite:
        raise ExportError(
            f"{to}: not empty", "Choose another folder with --to, or replace the export in it with --overwrite."
        )


def _is_export(folder: Path) -> bool:
    """Whether the folder holds what an export wrote, and nothing besides."""
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}
    expected = {"README.md"} | {f"{kind}/{split}.jsonl" for kind in FEATURES for split in ("train", "test")}
    if not files <= expected or "README.md" not in files:
        return False
    return MADE_WITH in (folder / "README.md").read_text(encoding="utf-8", errors="replace")


def _make_aside(to: Path) -> Path:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    except OSError as bad:
        raise ExportError(f"{to}: cannot be written: {bad.strerror}", "Choose another folder with --to.") from None


__all__ = ["Exported", "export"]
