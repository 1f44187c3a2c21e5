"""A run that is kept at a URL as long as a block lasts.

folder = local_folder("s3://bucket/run", new=True)
with mirrored(folder):
    asyncio.run(generate(Settings(prompts="prompts.jsonl", out=str(folder))))
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from constitution.remote.copies import Copy, copy_in, local_folder, mirror_lock
from constitution.remote.mirror import PAUSE, Mirror

# The exit code of a command that is done, but for rows that failed.
ROWS_FAILED = 5


@contextmanager
def mirrored(
    run: Path,
    form: str = "jsonl",
    tell: Callable[[str], None] = lambda line: None,
    pause: float = PAUSE,
    shared: bool = False,
) -> Iterator[Mirror | None]:
    """Keep the URL up to date that a run's folder is the working copy of; a folder that is none is left alone.

    Args:
        run: The folder, as `copies.local_folder` gives it.
        form: How pieces of outcomes are stored: `jsonl` or `parquet`.
        tell: Prints a line.
        pause: Seconds between two uploads.
        shared: Whether another process of this machine may upload what this one writes.

    Yields:
        The mirror, whose `finish` may be called before the block ends; None for a folder that is left alone.

    Raises:
        Unreachable: The URL cannot be written.
        RunError: Another process is writing there, or the copy and the URL went different ways; or, at the end, the URL
            is not up to date.
    """
    copy = copy_in(run)
    if copy is None or (shared and _has_mirror(copy)):
        yield None
        return
    mirror = Mirror(copy, form, tell, pause)

    try:
        yield mirror
        mirror.finish()
    except BaseException as ended:
        late = mirror.finish()
        # What ended it is told instead, unless it only says that some rows failed.
        if late and getattr(ended, "exit_code", None) == ROWS_FAILED:
            raise late from None
        if late:
            tell(f"warning: {late.message}\n  {late.hint}")
        raise
    if late := mirror.finish():
        raise late
    tell(f"kept at {copy.url}")


def _has_mirror(copy: Copy) -> bool:
    """Whether another process of this machine keeps the URL up to date."""
    lock = mirror_lock(copy)
    if lock is None:
        return True
    lock.release()
    return False


__all__ = ["local_folder", "mirrored"]
