"""`--fail-on`: how many failed rows make a command's exit code 5."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from constitution.counts import Counts

FailOnOption = Annotated[
    str, typer.Option("--fail-on", metavar="N|P%", help="Exit with 5 if so many rows failed, or such a share of them.")
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="Run the rows that failed, and no others; they stay failed until done.")
]


def check_fail_on(threshold: str) -> None:
    """Refuse what is neither a number of rows nor a share.

    Raises:
        ConfigError: With the rule.
    """
    from constitution.errors import ConfigError

    match = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", threshold)
    good = match and (int(match[1]) >= 1 if match[1] else 0 < float(match[2]) <= 100)
    if not good:
        raise ConfigError(
            f"--fail-on {threshold}: neither a number of rows from 1 nor a share up to 100%",
            "Examples: --fail-on 1 (the default: any), --fail-on 5%",
        )


def too_many(threshold: str, counts: "Counts") -> bool:
    """Whether so many of the rows have failed that the command has."""
    if threshold.endswith("%"):
        return counts.failed > 0 and counts.failed * 100 >= float(threshold.removesuffix("%")) * counts.input
    return counts.failed >= int(threshold)
