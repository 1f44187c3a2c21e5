"""Whose folder a file would lie in: what is written for people takes the place of nothing that a run wrote.

Every file in a run's folder is the run's own, also a journal that is not there yet; folders below it are people's, but
for those of `run_folder.OWN_FOLDERS`.
"""

from pathlib import Path

from constitution.manifest import COMPARE, EXPAND, REVISE, SCORE, has_stage
from constitution.run_folder import OWN_FOLDERS
from constitution.versus_folder import SETUP

STAGES = (REVISE, COMPARE, SCORE, EXPAND)


def owner(path: Path) -> Path | None:
    """The run, or the comparison of two constitutions, whose own folder a file lies in or would lie in.

    Args:
        path: The file; it need not be there. Links in it are followed.

    Returns:
        Its folder; None if the file is nobody's.
    """
    above = path.resolve().parent
    owned = (folder.parent for folder in (above, *above.parents) if folder.name in OWN_FOLDERS)
    return next((folder for folder in (above, *owned) if _is_run(folder)), None)


def _is_run(folder: Path) -> bool:
    try:
        return (folder / SETUP).exists() or any(has_stage(folder, stage) for stage in STAGES)
    except PermissionError:
        # What cannot be looked into takes no file either.
        return False
