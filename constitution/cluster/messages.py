"""What workers tell the driver of themselves, as JSON."""

import hashlib
import traceback
from pathlib import Path

from constitution import __version__, errors
from constitution.crew import Known
from constitution.errors import ConstitutionError
from constitution.records import Record


def _release() -> str:
    """The package's version, and a hash of its sources: a worker of another one would make other rows."""
    total = hashlib.blake2b(digest_size=4)
    folder = Path(__file__).parents[1]
    for path in sorted(folder.rglob("*.py")):
        total.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return f"{__version__} ({total.hexdigest()})"


RELEASE = _release()


class Hello(Record):
    """A worker that has its models open.

    Attributes:
        host: The machine's name.
        process: Its process.
        release: Of this package.
        models: In the order in which they were asked for.
    """

    host: str
    process: int
    release: str
    models: tuple[Known, ...]


class Fault(Record):
    """What a worker cannot go on from.

    Attributes:
        kind: The error's class, one of `errors.py`; empty for a bug.
        message: What it says; of a bug its traceback.
        hint: What to type next.
    """

    kind: str
    message: str
    hint: str = ""


class WorkerBug(Exception):
    """A worker met an error that nobody foresaw; its traceback is the message."""


def fault_of(error: BaseException) -> Fault:
    """An error as it is told."""
    if isinstance(error, ConstitutionError):
        return Fault(kind=type(error).__name__, message=error.message, hint=error.hint)
    return Fault(kind="", message="".join(traceback.format_exception(error)))


def error_of(fault: Fault) -> Exception:
    """The error that was told; of a kind that is made of other things, its nearest relative."""
    kind = getattr(errors, fault.kind, None)
    if isinstance(kind, type) and issubclass(kind, ConstitutionError):
        plain = kind if kind.__init__ is ConstitutionError.__init__ else ConstitutionError
        return plain(fault.message, fault.hint)
    return WorkerBug(f"in a worker:\n{fault.message}")
