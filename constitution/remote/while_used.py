"""A run that is kept at a URL only while somebody writes now and then, as who reviews it does."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock, Timer

from constitution.errors import RunError
from constitution.remote.keeping import mirrored

# Seconds after the last use in which nobody else may write.
IDLE_SECONDS = 60.0


@contextmanager
def kept_while_used(run: Path, tell: Callable[[str], None], idle: float | None = None) -> Iterator[Callable[[], None]]:
    """Keep the URL of a run's working copy up to date whenever that is used, and leave it to others in between.

    Args:
        run: The folder.
        tell: Prints a line.
        idle: Seconds; None: as usual.

    Yields:
        What is called before each use, by any thread. It raises a `RunError` where nothing can be written there.

    Raises:
        RunError: At the end, the URL is not up to date.
    """
    use = _Use(run, tell, IDLE_SECONDS if idle is None else idle)
    try:
        yield use.begin
    except BaseException:
        # What ended it is told instead.
        use.end_and_tell()
        raise
    use.end()


class _Use:
    def __init__(self, run: Path, tell: Callable[[str], None], idle: float) -> None:
        self._run, self._tell, self._idle = run, tell, idle
        self._lock = Lock()
        self._kept: ExitStack | None = None
        self._timer: Timer | None = None
        self._uses = 0

    def begin(self) -> None:
        with self._lock:
            self._uses += 1
            self._stop_timer()
            if self._kept is None:
                kept = ExitStack()
                # Another process of this machine that uploads does so for this one, too.
                if kept.enter_context(mirrored(self._run, tell=self._tell, shared=True)) is None:
                    return
                self._kept = kept
            self._timer = Timer(self._idle, self.end_and_tell, [self._uses])
            self._timer.daemon = True
            self._timer.start()

    def end(self, after: int | None = None) -> None:
        """End it; `after` that many uses, only if there was none since: a timer that is due cannot be stopped."""
        with self._lock:
            if after not in (None, self._uses):
                return
            self._stop_timer()
            kept, self._kept = self._kept, None
            if kept:
                kept.close()

    def end_and_tell(self, after: int | None = None) -> None:
        try:
            self.end(after)
        except RunError as late:
            self._tell(f"warning: {late.message}\n  {late.hint}")

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
