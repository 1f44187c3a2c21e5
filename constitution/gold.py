"""Ask a run's judge about pairs that people have judged."""

from pathlib import Path

from constitution.config import CAPS, CompareSettings
from constitution.labelling import label_pairs
from constitution.labelling_plan import judge_of, settings_of
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest
from constitution.model_settings import Role
from constitution.remote.addresses import is_url
from constitution.remote.reading import RemoteFile
from constitution.run_folder import check_name
from constitution.runner import Stop, Watch
from constitution.stored_settings import stored_settings


def gold_folder(run: Path, file: str) -> Path:
    """Where a run keeps what its judge said of a gold file."""
    return run / "gold" / (RemoteFile(file) if is_url(file) else Path(file)).name


async def judge_gold(
    run: Path,
    file: str,
    limit: int | None,
    watch: Watch | None = None,
    stop: Stop | None = None,
    retry_failed: bool = False,
) -> Path:
    """Have the judge of a run label a gold file's pairs, as it labelled the run's own; returns their folder.

    Stopped in any way, it goes on where it was; finished pairs are not judged again.

    Args:
        run: A run with comparisons.
        file: Pairs that people judged (see `pair_files.py`).
        limit: Most pairs; None is all.
        watch: For progress.
        stop: Ends it early.
        retry_failed: Ask about the pairs that failed, and no others.

    Raises:
        ConstitutionError: Any of the family but `CallError`.
    """
    folder = gold_folder(run, file)
    check_name(folder, "The gold file's name is the folder's: rename the file, or link to it under another name.")
    manifest = load_manifest(run, COMPARE)
    settings = stored_settings(CompareSettings, manifest.settings, run)
    if has_stage(run, REVISE):
        base = settings_of(run)
        judge = judge_of(base, settings)
        # What the run's own settings stand for must be said here: the gold pairs' folder has no run behind it.
        update = {
            "judge": Role(**judge.model_dump()),
            "templates": settings.templates or base.templates,
            "concurrency": judge.concurrency,
        }
        settings = settings.model_copy(update=update)
    # The principles as the judge was asked them, whatever became of their file.
    update = {"pairs": "file", "file": file, "limit": limit, "models": (), "principles": None}
    # Caps were told for the run's own comparisons.
    update |= dict.fromkeys(CAPS)
    settings = settings.model_copy(update=update)
    # More pairs than last time, or another judge: what they have in common is found in the journal.
    kept = manifest.principles
    await label_pairs(
        folder, settings, watch, replace=not retry_failed, retry_failed=retry_failed, principles=kept, stop=stop
    )
    return folder
