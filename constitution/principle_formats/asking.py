"""Statements as questions to a judge.

Some systems' principles say how a model should be, and their judges' prompts put the question around them. Here the
principle itself is the question, so a statement is put into one, always the same, and export takes it out again.
"""

import re

QUESTION = "Choose the response that better follows this principle: "
_ASKS = re.compile(
    r"(please )?((choose|which|compare|select|pick|prefer)\b|(consider|read|look)\b.*\b(choose|which|select|pick)\b)",
    re.IGNORECASE | re.DOTALL,
)


def asks(text: str) -> bool:
    """Whether a text by itself asks a judge for something: it begins like a question, or ends like one.

    A text without Latin letters is taken for one: its language is not that of `QUESTION`.
    """
    return bool(_ASKS.match(text)) or text.endswith(("?", "？")) or not re.search("[A-Za-z]", text)


def asked(statement: str) -> str:
    """A statement as a question; a text that asks for something stays as it is."""
    return statement if asks(statement) else QUESTION + statement


def stated(question: str) -> str:
    """What `asked` was given."""
    inside = question.removeprefix(QUESTION)
    return inside if inside != question and inside and not asks(inside) else question
