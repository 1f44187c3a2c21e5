"""Statements as questions to a judge.

Some systems' principles say how a model should be, and their judges' prompts put the question around them. Here the
principle itself is the question, so a statement is put into one, always the same, and export takes it out again.
"""

import re
from collections.abc import Iterable

QUESTION = "Choose the response that better follows this principle: "
_ASKS = re.compile(
    r"(please )?((choose|which|compare|select|pick|prefer)\b|(consider|read|look)\b.*\b(choose|which|select|pick)\b)|"
    r"请?(选择|选出|挑出|比较)|.*哪一?(条|个|种|段)",
    re.IGNORECASE | re.DOTALL,
)


def asks(text: str) -> bool:
    """Whether a text by itself asks a judge for something: it begins like a question, or ends like one."""
    return bool(_ASKS.match(text)) or text.endswith(("?", "？"))


def asked(statement: str) -> str:
    """A statement as a question; a text that asks for something stays as it is.

    So does one without Latin letters: its language is not that of `QUESTION`.
    """
    return statement if asks(statement) or not re.search("[A-Za-z]", statement) else QUESTION + statement


def stated(question: str) -> str:
    """What `asked` was given."""
    inside = question.removeprefix(QUESTION)
    return inside if asked(inside) == question else question


def changed(statements: Iterable[str]) -> int:
    """How many of them `asked` puts into a question."""
    return sum(asked(one) != one for one in statements)
