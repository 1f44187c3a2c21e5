"""What lint finds."""

from constitution.lint.rules import RULES, Severity
from constitution.records import Record


class Finding(Record):
    """One thing that is wrong, or may be.

    Attributes:
        file: As it was named.
        line: From 1.
        rule: Its id, one of `RULES`.
        severity: The rule's.
        why: What was found.
        todo: What to do about it.
        also: Other lines that it is about: the other one of a pair.
        score: How alike a pair is, from 0 to 1; None where nothing was measured.
    """

    file: str
    line: int
    rule: str
    severity: Severity
    why: str
    todo: str
    also: tuple[int, ...] = ()
    score: float | None = None

    @property
    def lines(self) -> tuple[int, ...]:
        """Every line that it is about."""
        return (self.line, *self.also)


class Found(Record):
    """As `Finding`, as the rules tell it: its file and severity are filled in by who asks them."""

    line: int
    rule: str
    why: str
    todo: str
    also: tuple[int, ...] = ()
    score: float | None = None

    @property
    def lines(self) -> tuple[int, ...]:
        """Every line that it is about."""
        return (self.line, *self.also)

    def in_file(self, file: str) -> Finding:
        """The finding."""
        return Finding(file=file, severity=RULES[self.rule].severity, **dict(self))
