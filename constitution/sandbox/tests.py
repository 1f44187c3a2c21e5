"""The tests that templates may ask (`x is odd`), those that go over a value paid for."""

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.tests import TESTS as NAMED_TESTS

from constitution.sandbox.context import BoundedContext
from constitution.sandbox.filters import demand
from constitution.sandbox.operators import NUMBERS

JINJA_TESTS: dict[str, Any] = dict(NAMED_TESTS)


def _of_numbers(name: str) -> Callable[..., bool]:
    function: Callable[..., bool] = JINJA_TESTS[name]

    # `%` on a text would be a format.
    def test(value: Any, *values: int) -> bool:
        demand(type(value) in NUMBERS, name, "a number", value)
        return function(value, *values)

    return test


def _comparing(name: str) -> Callable[..., bool]:
    function: Callable[..., bool] = JINJA_TESTS[name]

    @pass_context
    def test(context: BoundedContext, *values: Any) -> bool:
        for value in values:
            context.budget.read(value)
        return function(*values)

    return test


PLAIN_TESTS = """boolean callable defined escaped false filter float integer iterable mapping none number sameas
    sequence string test true undefined"""
COMPARING = """!= < <= == > >= eq equalto ge greaterthan gt in le lessthan lower lt ne upper"""
TESTS: dict[str, Callable[..., Any]] = {
    **{name: test for name, test in JINJA_TESTS.items() if name in PLAIN_TESTS.split()},
    **{name: _of_numbers(name) for name in ("divisibleby", "even", "odd")},
    **{name: _comparing(name) for name in COMPARING.split()},
}
