"""What other settings replaced: outcomes of a stage that begins anew are set aside, and can come back."""

from pathlib import Path

from constitution.durable import make_folder, sync
from constitution.errors import unwritable
from constitution.manifest import Stage


def set_aside(folder: Path, stage: Stage) -> Path:
    """Move what came of a stage into `replaced/N`, so that it can begin anew; its calls stay in the journal.

    The manifest goes last: stopped half way, the stage has lost rows that its calls give back, and is still itself.

    Raises:
        RunError: The disk fails.
    """
    aside = folder / "replaced"
    try:
        aside.mkdir(exist_ok=True)
        numbers = (int(path.name) for path in aside.iterdir() if path.name.isdecimal())
        aside /= str(max(numbers, default=0) + 1)
        make_folder(aside)
        for name in _outcomes(stage):
            if (folder / name).exists():
                (folder / name).rename(aside / name)
        sync(aside)
        sync(folder)
    except OSError as bad:
        raise unwritable(aside, bad) from None
    return aside


def put_back(folder: Path, stage: Stage, aside: Path) -> None:
    """Undo `set_aside`; what was written since, but for calls, is forgotten.

    Raises:
        RunError: The disk fails.
    """
    try:
        for name in _outcomes(stage):
            (folder / name).unlink(missing_ok=True)
            if (aside / name).exists():
                (aside / name).rename(folder / name)
        aside.rmdir()
        sync(folder)
    except OSError as bad:
        raise unwritable(folder, bad) from None


def _outcomes(stage: Stage) -> tuple[str, ...]:
    return (stage.outcomes, stage.failures, stage.filtered, stage.manifest)
