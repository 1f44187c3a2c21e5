"""The filters that templates may use, each paid for. What is not here is unknown to a template.

Left out on purpose: `random` and Jinja's `lipsum` (a resumed run would render another text), `attr`, and what makes
HTML or tables.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import filters as jinja
from jinja2 import pass_context
from markupsafe import Markup, escape, soft_str

from constitution.sandbox.budget import CALL, CASED, ELEMENT, ESCAPED, Budget, LimitExceeded
from constitution.sandbox.context import BoundedContext
from constitution.sandbox.methods import call_text, lines_of
from constitution.sandbox.operators import BITS, NUMBERS, operate, percent

# Work of regular expressions and the like, a character; of a step through an attribute, a character of its name.
SLOW = 8
# Of Python's textwrap.
WRAPPING = 32
DECIMALS = 100


def once(items: list[Any]) -> Iterator[Any]:
    """The items as an iterator, which is true even if there are none, like what Jinja's lazy filters return."""
    yield from items


def _by_method(name: str) -> Callable[..., Any]:
    @pass_context
    def apply(context: BoundedContext, value: Any, *values: Any, **named: Any) -> Any:
        return call_text(context.budget, context.budget.text(value), name, *values, **named)

    return apply


def _on_text(function: Callable[..., Any], work: int = 1, growth: int = 1) -> Callable[..., Any]:
    @pass_context
    def apply(context: BoundedContext, value: Any, *values: Any) -> Any:
        text = context.budget.text(value)
        context.budget.spend(CALL + work * len(text))
        context.budget.make(growth * len(text))
        return function(text, *values)

    return apply


def _on_items(function: Callable[..., Any], lazy: bool = False, sorts: bool = False) -> Callable[..., Any]:
    """A filter of Jinja's that goes over items; it is given all of them as a list.

    Args:
        function: Called with the context.
        lazy: Whether Jinja's returns an iterator.
        sorts: Whether it compares the items with one another.
    """

    @pass_context
    def apply(context: BoundedContext, value: Any, *values: Any, **named: Any) -> Any:
        budget = context.budget
        items = _gather(budget, value, *values, *named.values())
        if sorts:
            budget.spend(budget.measure(items) * len(items).bit_length())
        made = function(context, items, *values, **named)
        if not lazy:
            return made
        found = list(made)
        budget.make(budget.measure(found))
        return once(found)

    return apply


def _gather(budget: Budget, value: Any, *arguments: Any) -> list[Any]:
    return budget.gather(value, CALL + SLOW * sum(map(budget.measure, arguments)))


def _by_environment(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda context, *values, **named: function(context.environment, *values, **named)


def _unique(context: BoundedContext, items: list[Any], *values: Any, **named: Any) -> Iterator[Any]:
    # Numbers can be chosen such that a set of them looks at all others for each; text cannot.
    if not all(isinstance(item, str) for item in items):
        context.budget.spend(len(items) ** 2)
    return jinja.sync_do_unique(context.environment, items, *values, **named)


def _attributes(context: BoundedContext, items: list[Any], attribute: Any) -> list[Any]:
    return list(jinja.sync_do_map(context, items, attribute=attribute))


def _sum(context: BoundedContext, items: list[Any], attribute: str | int | None = None, start: Any = 0) -> Any:
    if attribute is not None:
        items = _attributes(context, items, attribute)
    for item in items:
        start = operate(context.budget, "+", start, item)
    return start


@pass_context
def _join(context: BoundedContext, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    budget = context.budget
    items = _gather(budget, value, attribute)
    if attribute is not None:
        items = _attributes(context, items, attribute)
    return str(call_text(budget, str(budget.text(d)), "join", [str(budget.text(item)) for item in items]))


@pass_context
def _list(context: BoundedContext, value: Any) -> list[Any]:
    return context.budget.gather(value)


@pass_context
def _items(context: BoundedContext, value: Any) -> Iterator[Any]:
    return once(context.budget.gather(jinja.do_items(value), 2 * ELEMENT))


@pass_context
def _dictsort(context: BoundedContext, value: Any, *values: Any, **named: Any) -> list[tuple[Any, Any]]:
    budget = context.budget
    size = budget.measure(value)
    budget.make(size)
    budget.spend(size * len(value).bit_length())
    return jinja.do_dictsort(value, *values, **named)


@pass_context
def _reverse(context: BoundedContext, value: Any) -> Any:
    if isinstance(value, str):
        context.budget.make(len(value))
        return value[::-1]
    return once(context.budget.gather(value)[::-1])


@pass_context
def _replace(context: BoundedContext, value: Any, old: Any, new: Any, count: int | None = None) -> str:
    budget = context.budget
    words = [str(budget.text(one)) for one in (value, old, new)]
    return str(call_text(budget, words[0], "replace", *words[1:], -1 if count is None else count))


@pass_context
def _center(context: BoundedContext, value: Any, width: int = 80) -> str:
    return str(call_text(context.budget, context.budget.text(value), "center", width))


@pass_context
def _format(context: BoundedContext, value: Any, *values: Any, **named: Any) -> str:
    if values and named:
        raise TypeError("format takes values by place or by name, not both")
    return percent(context.budget, context.budget.text(value), named or values)


@pass_context
def _indent(context: BoundedContext, value: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    demand(isinstance(value, str), "indent", "text", value)
    wide = len(width) if isinstance(width, str) else max(0, width)
    context.budget.make(lines_of(value) * (1 + wide // ELEMENT) + 2 * wide)
    return jinja.do_indent(value, width, first, blank)


@pass_context
def _truncate(context: BoundedContext, value: str, *values: Any, **named: Any) -> str:
    demand(isinstance(value, str), "truncate", "text", value)
    context.budget.make(len(value) + sum(map(context.budget.measure, (*values, *named.values()))))
    return jinja.do_truncate(context.environment, value, *values, **named)


@pass_context
def _wordwrap(context: BoundedContext, value: str, *values: Any, **named: Any) -> str:
    demand(isinstance(value, str), "wordwrap", "text", value)
    context.budget.spend(WRAPPING * len(value))
    # Each character may become a line.
    between = sum(len(one) for one in (*values, *named.values()) if isinstance(one, str))
    context.budget.make(len(value) * (1 + max(1, between)))
    return jinja.do_wordwrap(context.environment, value, *values, **named)


@pass_context
def _int(context: BoundedContext, value: Any, default: Any = 0, base: int = 10) -> Any:
    context.budget.read(value)
    number = jinja.do_int(value, default, base)
    if type(number) is int and number.bit_length() > BITS:
        raise LimitExceeded(f"makes a number of more than {BITS:,} bits")
    return number


@pass_context
def _float(context: BoundedContext, value: Any, default: Any = 0.0) -> Any:
    context.budget.read(value)
    return jinja.do_float(value, default)


def _round(value: Any, precision: int = 0, method: Any = "common") -> Any:
    demand(type(value) in NUMBERS, "round", "a number", value)
    if abs(precision) > DECIMALS:
        raise LimitExceeded(f"rounds to more than {DECIMALS} places")
    return jinja.do_round(value, precision, method)


@pass_context
def to_json(
    context: BoundedContext,
    value: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    """JSON as it is, with no escapes for HTML, piece by piece, as deep lists with an indent grow to a multiple."""
    budget = context.budget
    budget.make(budget.measure(value))
    if (len(indent) if isinstance(indent, str) else indent or 0) > DECIMALS:
        raise LimitExceeded(f"indents by more than {DECIMALS}")
    pieces = []
    encoder = json.JSONEncoder(ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    for piece in encoder.iterencode(value):
        budget.make(ELEMENT + len(piece))
        pieces.append(piece)
    return "".join(pieces)


def demand(given: bool, name: str, wanted: str, value: Any) -> None:
    """Refuse a value of another kind than a filter or test takes."""
    if not given:
        raise TypeError(f"{name} takes {wanted}, not {type(value).__name__!r}")


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "capitalize": _by_method("capitalize"),
    "center": _center,
    "count": len,
    "d": jinja.do_default,
    "default": jinja.do_default,
    "dictsort": _dictsort,
    "e": _on_text(escape, growth=ESCAPED),
    "escape": _on_text(escape, growth=ESCAPED),
    "first": jinja.sync_do_first,
    "float": _float,
    "format": _format,
    "indent": _indent,
    "int": _int,
    "items": _items,
    "join": _join,
    "last": jinja.do_last,
    "length": len,
    "list": _list,
    "lower": _by_method("lower"),
    "map": _on_items(jinja.sync_do_map, lazy=True),
    "max": _on_items(_by_environment(jinja.do_max), sorts=True),
    "min": _on_items(_by_environment(jinja.do_min), sorts=True),
    "reject": _on_items(jinja.sync_do_reject, lazy=True),
    "rejectattr": _on_items(jinja.sync_do_rejectattr, lazy=True),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "safe": _on_text(Markup),
    "select": _on_items(jinja.sync_do_select, lazy=True),
    "selectattr": _on_items(jinja.sync_do_selectattr, lazy=True),
    "sort": _on_items(_by_environment(jinja.do_sort), sorts=True),
    "string": _on_text(soft_str),
    "sum": _on_items(_sum),
    "title": _on_text(jinja.do_title, work=SLOW, growth=CASED),
    "tojson": to_json,
    "trim": _by_method("strip"),
    "truncate": _truncate,
    "unique": _on_items(_unique, lazy=True),
    "upper": _by_method("upper"),
    "wordcount": _on_text(jinja.do_wordcount, work=SLOW),
    "wordwrap": _wordwrap,
}
