"""Operators and formats of a template, each paid for before its result is made."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment
from jinja2.sandbox import SandboxedFormatter
from markupsafe import Markup

from constitution.sandbox.budget import CALL, ESCAPED, VIEWS, Budget, LimitExceeded

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": operator.pow,
    "%": operator.mod,
}
NUMBERS = frozenset({int, float, bool})
# Python's own limit on numbers as text is 4,300 digits.
BITS = 1 << 14
# Digits of a width or precision in a format.
WIDTH_DIGITS = 4
# A float in plain digits.
NUMBER_WIDTH = 400
# `repr` of a character may be ten: \U0001f600.
QUOTED = 10
CONVERSION = re.compile(
    r"%(?:\([^()]*\))?[-#0 +]*(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?[hlL]?(?P<kind>[diouxXeEfFgGcrsa%])"
)
TOO_WIDE = f"asks for a width of more than {WIDTH_DIGITS} digits"


def operate(budget: Budget, sign: str, left: Any, right: Any) -> Any:
    """The result of a binary operator.

    Raises:
        LimitExceeded: It would be too large.
    """
    budget.spend(CALL)
    kinds = {type(left), type(right)}
    if kinds <= NUMBERS:
        _check_bits(sign, left, right)
    elif sign == "%" and isinstance(left, str):
        return percent(budget, left, right)
    elif sign == "*" and kinds & NUMBERS:
        value, times = (right, left) if type(left) in NUMBERS else (left, right)
        budget.make(budget.measure(value) * max(0, int(times)))
    elif kinds & VIEWS:
        raise TypeError(f"the keys, values or items of a dict have no operator {sign}; make a list of them first")
    else:
        budget.make((ESCAPED if Markup in kinds else 1) * (budget.measure(left) + budget.measure(right)))
    return OPERATORS[sign](left, right)


def concatenate(budget: Budget, values: Sequence[Any]) -> str:
    """All values as one text, as `~` joins them."""
    texts = [budget.text(value) for value in values]
    budget.make(sum(map(len, texts)))
    return "".join(texts)


def percent(budget: Budget, text: str, values: Any) -> str:
    """`text % values`; the widths that it asks for are read first."""
    wide, count, quoted = 0, 0, 1
    for match in CONVERSION.finditer(text):
        count += 1
        quoted = QUOTED if match["kind"] in "ra" else quoted
        for width in match.group("width", "precision"):
            if width and (width == "*" or len(width) > WIDTH_DIGITS):
                raise LimitExceeded(TOO_WIDE)
            wide += int(width or 0)
    if "%" in CONVERSION.sub("", text):
        raise ValueError("the format's % signs cannot be told apart; write %% for one that stands for itself")
    # Only a dict's values can be asked for more than once.
    often = count if isinstance(values, dict) else 1
    most = len(text) + wide + count * NUMBER_WIDTH + quoted * often * budget.measure(values)
    budget.make(most * (ESCAPED if type(text) is Markup else 1))
    filled: str = text % values
    return filled


class _Formatter(SandboxedFormatter):
    def __init__(self, environment: Environment, budget: Budget) -> None:
        super().__init__(environment)
        self._budget = budget

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion is not None:
            self._budget.make(QUOTED * self._budget.measure(value))
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        if re.search(rf"\d{{{WIDTH_DIGITS + 1}}}", format_spec):
            raise LimitExceeded(TOO_WIDE)
        self._budget.make(CALL + 10**WIDTH_DIGITS * bool(format_spec) + self._budget.measure(value))
        return super().format_field(value, format_spec)


class Format:
    """The method `format` or `format_map` of a text, not yet called.

    Attributes:
        text: The text.
        by_map: Whether it is `format_map`.
    """

    __slots__ = ("by_map", "text")

    def __init__(self, text: str, by_map: bool) -> None:
        self.text = text
        self.by_map = by_map

    def fill(self, environment: Environment, budget: Budget, values: Sequence[Any], named: Mapping[str, Any]) -> str:
        """The text with its fields filled in, attributes of values as safe as anywhere in a template."""
        if self.by_map:
            (named,), values = values, ()
        # A field may go through as many attributes as it has dots.
        budget.make(8 * len(self.text))
        return _Formatter(environment, budget).vformat(self.text, values, named)


def _check_bits(sign: str, left: Any, right: Any) -> None:
    """Refuse numbers beyond `BITS`: products of large ones take minutes."""
    bits = [value.bit_length() for value in (left, right) if type(value) is not float]
    needed = max(bits, default=0)
    if len(bits) == 2 and sign in ("*", "**"):
        needed = sum(bits) if sign == "*" else max(needed, bits[0] * abs(right))
    if needed > BITS:
        raise LimitExceeded(f"makes a number of more than {BITS:,} bits")
