"""Make a process's writes fail, or kill it in the middle of one, at a chosen operation.

An operation is what changes a disk: a write to a file, a flush to the disk, a rename. In a process of its own, by
`FAULTS=kill:17` in the environment and the folder that `plant` wrote on PYTHONPATH; in this one, by `failing`.
"""

import builtins
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# As they are before anything is changed: who must not be counted uses these.
write, fsync, replace, rename, open_file = os.write, os.fsync, os.replace, os.rename, io.open
ftruncate = os.ftruncate


class Faults:
    """Counts operations, and strikes at one of them.

    Args:
        strike: Given what is about to be done, as `do`, and the data, if it is a write; makes it go wrong.
        at: The operation, from 1; 0 only counts.
        lasting: Whether it strikes at all that come after, too.
    """

    def __init__(self, strike: Callable[[Callable[[Any], Any], Any], Any], at: int, lasting: bool = False) -> None:
        self.count = 0
        self._strike = strike
        self._at = at
        self._lasting = lasting

    def pass_through(self, do: Callable[[Any], Any], data: Any = None) -> Any:
        """Do it, or let it go wrong."""
        self.count += 1
        struck = 0 < self._at <= self.count if self._lasting else self.count == self._at
        return self._strike(do, data) if struck else do(data)


class _Written:
    """A file open for writing whose writes are operations."""

    def __init__(self, file: Any, faults: Faults) -> None:
        self._file = file
        self._faults = faults

    def write(self, data: Any) -> Any:
        # Nothing is what libraries write to learn whether a file takes text. A file with a buffer writes all or raises:
        # that a part was taken is told by the system's own call only, whose data are `bytes`.
        part = bytearray(data) if isinstance(data, bytes) else data
        return self._faults.pass_through(self._file.write, part) if data else self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Written":
        self._file.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)


def install(faults: Faults, below: str) -> Callable[[], None]:
    """Have the operations of this process on files below a folder pass through; returns what undoes that."""

    def ours(path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(below)

    def at(file: int) -> bool:
        return ours(os.readlink(f"/proc/self/fd/{file}"))

    def opened(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        made = open_file(file, mode, *args, **named)
        return _Written(made, faults) if ours(file) and set(mode) & set("wxa+") else made

    def written(file: int, data: bytes) -> int:
        return faults.pass_through(lambda part: write(file, part), data) if at(file) else write(file, data)

    def truncated(file: int, length: int) -> None:
        faults.pass_through(lambda _: ftruncate(file, length)) if at(file) else ftruncate(file, length)

    def flushed(file: int) -> None:
        faults.pass_through(lambda _: fsync(file)) if at(file) else fsync(file)

    def moved(how: Callable[..., None]) -> Callable[..., None]:
        def move(source: Any, target: Any, **named: Any) -> None:
            if ours(target):
                faults.pass_through(lambda _: how(source, target, **named))
            else:
                how(source, target, **named)

        return move

    os.write, os.fsync, os.replace, os.rename = written, flushed, moved(replace), moved(rename)  # type: ignore[assignment]
    os.ftruncate = truncated
    builtins.open = io.open = opened  # type: ignore[assignment]

    def undo() -> None:
        os.write, os.fsync, os.replace, os.rename = write, fsync, replace, rename
        os.ftruncate = ftruncate
        builtins.open = io.open = open_file

    return undo


def kill(do: Callable[[Any], Any], data: Any) -> None:
    """Die: in the middle of a write, half of it done; before anything else."""
    if data:
        do(data[: len(data) // 2])
        # What a buffer holds would be lost: a file's own buffer is no disk.
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> Callable[[Callable[[Any], Any], Any], Any]:
    """Raise what the system raises: of a write, half is done before."""

    def strike(do: Callable[[Any], Any], data: Any) -> Any:
        if isinstance(data, bytes) and number == errno.ENOSPC:
            # A full disk takes what fits, and says how much that was.
            return do(data[: len(data) // 2])
        raise OSError(number, os.strerror(number))

    return strike


@contextmanager
def failing(below: Path, number: int, at: int, lasting: bool = False) -> Iterator[Faults]:
    """In this process, operation number `at` on a file below a folder fails with this errno; or all from it on."""
    faults = Faults(fail(number), at, lasting)
    undo = install(faults, str(below))
    try:
        yield faults
    finally:
        undo()


def plant(folder: Path) -> None:
    """Write what installs the faults that a process's environment names as it starts."""
    code = f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\nimport faults\nfaults.from_environment()\n"
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")


def from_environment() -> None:
    """Install `FAULTS=kill:NUMBER` for files below the folder `FAULTS_BELOW`."""
    how, _, at = os.environ.get("FAULTS", "").partition(":")
    if how == "kill" and "constitution" in sys.argv[0]:
        install(Faults(kill, int(at)), os.environ["FAULTS_BELOW"])
