"""What stops the loop, beside the errors of the program itself."""

from constitution.errors import ConstitutionError, RunError


class LoopError(ConstitutionError):
    """The loop was asked for something that is not there, or a step left nothing to go on with."""

    exit_code = 2


class StepDiffers(RunError):
    """A whole step was made with other settings."""


class CommandFailed(ConstitutionError):
    """A command of the program failed; its own error stands above.

    Args:
        message: Which command.
        hint: What to type next.
        code: What it exited with, and so does the loop.
    """

    def __init__(self, message: str, hint: str, code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = code


class TrainingStopped(ConstitutionError):
    """A training step diverged, ran out of memory or failed. What was whole before it stays."""

    exit_code = 8
