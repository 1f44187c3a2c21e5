"""Where the rows of a run are: the equation that every command ends with."""

from constitution.records import Record


class Counts(Record):
    """Where a run's rows are: `input = done + failed + filtered + pending`, always."""

    input: int
    done: int
    failed: int
    filtered: int

    @property
    def pending(self) -> int:
        """Rows not yet looked at, or stopped half way."""
        return self.input - self.done - self.failed - self.filtered

    @property
    def equation(self) -> str:
        """All five in one line."""
        rows = "1 row" if self.input == 1 else f"{self.input} rows"
        parts = f"{self.done} done + {self.failed} failed + {self.filtered} filtered + {self.pending} pending"
        return f"{rows} = {parts}"
