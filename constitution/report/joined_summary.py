"""Summaries of shards, added up: to parse a large run's records anew takes longer than to join it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from constitution.counts import Counts
from constitution.report.summary import Summary, summarise
from constitution.spending import Bill, Tokens


def summary_of(run: Path, counts: Counts, calls: int) -> Summary:
    """A run's summary: the one that is written down if it is of what the journals hold now, else a new one.

    Args:
        run: Its folder; nobody writes it meanwhile.
        counts: Where its rows are.
        calls: Journalled model calls.

    Raises:
        RunError: A journal is damaged.
    """
    try:
        written = Summary.model_validate_json((run / "summary.json").read_bytes())
    except (OSError, ValidationError):
        # It may be deleted, and a start that was stopped writes none.
        return summarise(run)
    # Journals only grow: as many calls and as many outcomes are the same ones.
    return written if (written.counts, written.calls) == (counts, calls) else summarise(run)


def joined(parts: Sequence[Summary], counts: Counts, model: str) -> Summary:
    """What `summarise` says of the run that is made of these parts.

    Args:
        parts: Of each shard.
        counts: Of the whole run.
        model: Its name.
    """
    failures, filtered, principles = (
        sum((Counter(getattr(part, name)) for part in parts), Counter[str]())
        for name in ("failures", "filtered", "principles")
    )
    added = ("calls", "completion_tokens", "prompt_tokens", "cut", "unchanged", "control_strings")
    numbers = {name: sum(getattr(part, name) for part in parts) for name in added}
    return Summary(
        counts=counts,
        pending=counts.pending,
        model=model,
        failures=dict(failures),
        last_failure=next((part.last_failure for part in reversed(parts) if part.last_failure), ""),
        filtered=dict(filtered),
        principles=dict(principles.most_common()),
        control_tokens=tuple(sorted({one for part in parts for one in part.control_tokens})),
        spent=_added([part.spent for part in parts]),
        **numbers,
    )


def _added(bills: Sequence[Bill | None]) -> Bill | None:
    """What was spent together; None if nobody told the prices of a part, so that no sum is one of some parts only."""
    told = [bill for bill in bills if bill]
    if not told or len(told) < len(bills):
        return None
    costs = [bill.cost for bill in told if bill.cost is not None]
    currencies = {bill.currency for bill in told}
    return Bill(
        tokens=sum((bill.tokens for bill in told), Tokens()),
        cost=sum(costs) if len(costs) == len(told) and len(currencies) == 1 else None,
        currency=currencies.pop() if len(currencies) == 1 else "",
        unpriced=tuple(sorted({model for bill in told for model in bill.unpriced})),
    )
