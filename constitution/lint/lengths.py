"""Texts that leave too little of the context for conversation and answers."""

from collections.abc import Callable, Iterator

from constitution.lint.findings import Found
from constitution.lint.reading import Document
from constitution.records import Record

# The bundled model's, in tokens.
CONTEXT = 8192
# A call holds the conversation, the worked examples, a response and the answer besides.
SHARE = 4


class Allowance(Record):
    """How long a text may be.

    Attributes:
        tokenizer: Whose tokens count: the bundled model, a Hub id or a folder.
        context: Tokens of the model's context; a text may take one in `SHARE`.
    """

    tokenizer: str
    context: int = CONTEXT

    @property
    def tokens(self) -> int:
        """Most tokens of one text."""
        return self.context // SHARE


def length_findings(
    found: Document, allowance: Allowance, counter: Callable[[str], Callable[[str], int]]
) -> Iterator[Found]:
    """Texts that are too long.

    Args:
        found: The file.
        allowance: What is allowed.
        counter: Opens a tokenizer by name. Not called while no text has more bytes than it may have tokens: no
            tokenizer in use makes more tokens than bytes of plain text.
    """
    long = [p for entry in found.entries for p in entry.passages if len(p.text.encode()) > allowance.tokens]
    if not long:
        return
    count = counter(allowance.tokenizer)
    for passage in long:
        tokens = count(passage.text)
        if tokens > allowance.tokens:
            yield Found(
                line=passage.line,
                rule="too-long",
                why=f"the {passage.field} has {tokens:,} tokens of {allowance.tokenizer}, more than a quarter of a "
                f"context of {allowance.context:,}",
                todo="shorten it, split the principle, or name a larger --context",
            )
