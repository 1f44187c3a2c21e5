"""Every error that a person can meet, in one flat family.

    ConstitutionError
     ├─ ConfigError        settings: a flag, a config file, a combination of the two      exit code 2
     ├─ SourceError        the prompts: file, column, encoding, a broken row               exit code 2
     ├─ PrinciplesError    a principles file                                               exit code 2
     ├─ TemplateError      a template set: a missing file, bad Jinja, bad few-shots        exit code 2
     ├─ ExportError        nothing to export, or nowhere to put it                         exit code 2
     ├─ ModelError         a model that cannot be found, loaded or kept running            exit code 3
     ├─ RunError           a run's folder: unwritable, in use, or made by other settings   exit code 4
     │   ├─ SettingsDiffer     what the folder holds was made by other settings
     │   ├─ FolderTaken        the folder holds something else, or takes no files
     │   ├─ Unwritable         a file of it, that the disk does not take
     │   └─ Unreachable        a URL that it is kept at, which cannot be read or written
     ├─ CapReached         a cap on what a run may spend is reached                        exit code 7
     └─ CallError          one model call failed: recorded on its row, the run goes on
         ├─ TemplateLimit      a template writes or does more with a row than is allowed
         ├─ ContextOverflow    the messages do not fit the model's context
         └─ EmptyCompletion    the model said nothing, on every attempt

`CallError` never reaches the terminal by itself: `runner.py` is the one place that keeps it.
"""

import shlex
from pathlib import Path


def command(*words: str | Path) -> str:
    """A command of this program as it is typed in a shell, for hints."""
    return shlex.join(["constitution", *map(str, words)])


def first_line(error: BaseException) -> str:
    """The first line of what an error says; its type if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class ConstitutionError(Exception):
    """Base of the family.

    Args:
        message: What is wrong, where, and which rule it breaks.
        hint: What to type or change next; printed on its own line.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(ConstitutionError):
    """A setting is unknown, has a value outside its range, or contradicts another."""

    exit_code = 2


class SourceError(ConstitutionError):
    """The prompts cannot be read as asked."""

    exit_code = 2


class PrinciplesError(ConstitutionError):
    """A principles file is missing or breaks its format."""

    exit_code = 2


class TemplateError(ConstitutionError):
    """A template set is missing a file, or one of its files is broken."""

    exit_code = 2


class ExportError(ConstitutionError):
    """An export would be empty, or would overwrite something."""

    exit_code = 2


class ModelError(ConstitutionError):
    """A model cannot be found, loaded or kept running; no row can go on without it."""

    exit_code = 3


class RunError(ConstitutionError):
    """A run's folder cannot be used."""

    exit_code = 4


class SettingsDiffer(RunError):
    """What a folder holds was made by other settings; with the old ones, or in another folder, it goes on."""


class FolderTaken(RunError):
    """A folder cannot become a run's: it holds something else, or takes no files."""


class Unwritable(RunError):
    """A file that the disk does not take, or that may not be written."""


class Unreachable(RunError):
    """A URL that a run is kept at, and that cannot be read or written."""


class CapReached(ConstitutionError):
    """A cap on what a run may spend: what was under way is finished and journalled, and nothing more is begun."""

    exit_code = 7


class CallError(ConstitutionError):
    """One model call failed. Kept as a `Failure` on its row.

    Attributes:
        step: The call, e.g. `revise-2`; set where calls are made.
        control_strings: How many its messages held, if that is why it failed.
    """

    step = ""
    control_strings = 0


class TemplateLimit(CallError):
    """A template writes or does more than is allowed for one text; with other rows it may not."""


class ContextOverflow(CallError):
    """The messages and the answer they ask for do not fit the model's context.

    Args:
        needed: Prompt tokens plus the tokens reserved for the answer.
        context: The model's context length in tokens.
    """

    def __init__(self, needed: int, context: int) -> None:
        super().__init__(f"needs {needed} tokens with its answer, the model's context is {context}")
        self.needed = needed
        self.context = context


class EmptyCompletion(CallError):
    """The model ended its turn without a word."""


def unwritable(path: Path, bad: OSError) -> Unwritable:
    """The error of a run's file that the disk does not take."""
    return Unwritable(
        f"{path}: cannot be written: {bad.strerror}",
        "Nothing finished is lost: make room, then run the same command again.",
    )
