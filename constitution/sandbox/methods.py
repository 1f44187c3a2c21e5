"""Methods of text, lists and dicts that a template may call, each with what its result can grow to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from constitution.sandbox.budget import CALL, CASED, ELEMENT, ESCAPED, READ_SHIFT, Budget

# Every character at which `splitlines` begins a new line.
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# They look each character, or each place from the end, up in their argument: time is the product of both lengths.
SLOW = frozenset({"strip", "lstrip", "rstrip", "rfind", "rindex", "rsplit", "rpartition"})


def _cased(text: str) -> int:
    return CASED * len(text)


def _padded(text: str, width: int, *_: str) -> int:
    return max(len(text), int(width))


def _expanded(text: str, tabsize: int = 8) -> int:
    return len(text) + text.count("\t") * max(0, int(tabsize))


def _replaced(text: str, old: str, new: str, count: int = -1) -> int:
    found = text.count(old)
    return len(text) + len(new) * (found if count < 0 else min(found, count))


def _split(text: str, sep: str | None = None, maxsplit: int = -1) -> int:
    pieces = len(text) // 2 + 1 if sep is None else text.count(sep) + 1
    return len(text) + ELEMENT * (pieces if maxsplit < 0 else min(pieces, maxsplit + 1))


def lines_of(text: str, keepends: bool = False) -> int:
    """Size of the list of a text's lines, or more."""
    return len(text) + ELEMENT * (1 + sum(map(text.count, LINE_ENDS)))


def _parted(text: str, sep: str) -> int:
    return len(text) + 3 * ELEMENT


def _joined(text: str, items: list[str]) -> int:
    return sum(map(len, items)) + len(text) * len(items)


# What a method's result can grow to, from its arguments.
GROWTH: dict[str, Callable[..., int]] = {
    "capitalize": _cased,
    "casefold": _cased,
    "center": _padded,
    "expandtabs": _expanded,
    "join": _joined,
    "ljust": _padded,
    "lower": _cased,
    "partition": _parted,
    "replace": _replaced,
    "rjust": _padded,
    "rpartition": _parted,
    "rsplit": _split,
    "split": _split,
    "splitlines": lines_of,
    "swapcase": _cased,
    "title": _cased,
    "upper": _cased,
    "zfill": _padded,
}
TESTS = "isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper"
SEARCHES = "count endswith find index lstrip removeprefix removesuffix rfind rindex rstrip startswith strip"
TEXT_METHODS = frozenset({*GROWTH, *SEARCHES.split(), *TESTS.split()})
LIST_METHODS = frozenset({"copy", "count", "index"})
DICT_METHODS = frozenset({"copy", "get", "items", "keys", "values"})


def call_method(budget: Budget, method: Any, values: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Call a method of a text, list or dict, paid for before.

    Raises:
        LimitExceeded: Its result would be too large.
    """
    owner, name = method.__self__, method.__name__
    if not isinstance(owner, str):
        for value in (*values, *named.values()):
            budget.read(value)
        budget.read(owner) if name in LIST_METHODS else budget.spend(CALL)
        return method(*values, **named)
    return call_text(budget, owner, name, *values, **named)


def call_text(budget: Budget, text: str, name: str, *values: Any, **named: Any) -> Any:
    """Call a method of a text by its name; see `call_method`."""
    if name == "join" and values:
        values = (budget.gather(values[0]), *values[1:])
    sizes = [budget.measure(value) for value in (*values, *named.values())]
    often = max(1, *sizes) if name in SLOW and sizes else 1
    budget.spend(CALL + ((len(text) * often + sum(sizes)) >> READ_SHIFT))
    if growth := GROWTH.get(name):
        most = growth(text, *values, **named)
        budget.make(most * (ESCAPED if type(text) is Markup else 1))
    return getattr(text, name)(*values, **named)
