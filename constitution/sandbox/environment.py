"""Jinja's sandbox, narrowed to data and a few methods of it, with every operation paid for."""

from collections.abc import Mapping, Sequence
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import LoopControlExtension
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Cycler, Joiner, Namespace
from markupsafe import Markup

from constitution.sandbox.budget import CALL
from constitution.sandbox.context import BoundedContext
from constitution.sandbox.dialect import Generation, strftime_now
from constitution.sandbox.filters import FILTERS
from constitution.sandbox.methods import DICT_METHODS, LIST_METHODS, TEXT_METHODS, call_method
from constitution.sandbox.operators import OPERATORS, Format, operate
from constitution.sandbox.rewriting import FUNCTIONS
from constitution.sandbox.tests import TESTS

LOOP = "index index0 revindex revindex0 first last length depth depth0 previtem nextitem cycle changed"
# What may be had of each type of value by a dot; of a dict also its keys.
ATTRIBUTES: dict[type, frozenset[str]] = {
    str: TEXT_METHODS,
    Markup: TEXT_METHODS,
    dict: DICT_METHODS,
    list: LIST_METHODS,
    tuple: LIST_METHODS,
    LoopContext: frozenset(LOOP.split()),
    Cycler: frozenset({"current", "next", "reset"}),
    BlockReference: frozenset({"super"}),
}
# A tuple as a key is gone over each time.
KEYS = frozenset({str, Markup, int, float, bool, type(None)})
QUOTE = 500


class BoundedNamespace(Namespace):
    """Jinja's, without names that begin with an underscore, and told by its name alone."""

    def __init__(*values: Any, **named: Any) -> None:
        # No parameter has a name, so that `namespace(self=...)` works.
        attributes = _named(values[1:], named)
        for name in attributes:
            _check_name(name)
        Namespace.__init__(values[0], attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)

    def __repr__(self) -> str:
        return "<Namespace>"


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Compiles and runs templates; see the package's docstring for what holds.

    Args:
        chat: Whether it speaks the dialect of chat templates, as transformers does.
    """

    context_class = BoundedContext
    default_binop_table = OPERATORS
    intercepted_binops = frozenset(OPERATORS)

    def __init__(self, chat: bool) -> None:
        super().__init__(
            trim_blocks=chat,
            lstrip_blocks=chat,
            undefined=Undefined if chat else StrictUndefined,
            extensions=[LoopControlExtension, Generation] if chat else [],
            finalize=_printed,
            # Constants would be computed when the template is compiled, unwatched.
            optimized=False,
        )
        self.filters = {**FILTERS, **FUNCTIONS}
        self.tests = dict(TESTS)
        self.globals = {
            "range": safe_range,
            "dict": _dict,
            "namespace": BoundedNamespace,
            "cycler": Cycler,
            "joiner": Joiner,
        }
        if chat:
            self.globals |= {"raise_exception": _raise, "strftime_now": strftime_now}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may have an attribute of a value."""
        if type(obj) is BoundedNamespace:
            return not attr.startswith("_")
        return attr in ATTRIBUTES.get(type(obj), ())

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`."""
        # Python finds out slowly that a dict has no such attribute.
        if type(obj) is dict and attribute in obj and not hasattr(dict, attribute):
            return obj[attribute]
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        if type(argument) not in KEYS and not isinstance(argument, Undefined):
            raise SecurityError(f"a key is text or a number, not {type(argument).__name__!r}")
        return super().getitem(obj, argument)

    def wrap_str_format(self, value: Any) -> Any:
        """The methods `format` and `format_map` of a text, which `call` fills in."""
        if isinstance(value, BuiltinMethodType) and value.__name__ in ("format", "format_map"):
            return Format(value.__self__, value.__name__ == "format_map") if type(value.__self__) is str else None
        return None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left operator right`."""
        assert isinstance(context, BoundedContext)
        if operator == "+" and type(left) is str and type(right) is str:
            context.budget.make(CALL + len(left) + len(right))
            return left + right
        return operate(context.budget, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """`obj(...)`."""
        assert isinstance(__context, BoundedContext)
        budget, kind = __context.budget, type(__obj)
        if kind is Macro:
            if __obj.catch_varargs or __obj.catch_kwargs:
                caught = {name: value for name, value in kwargs.items() if name not in ("caller", *INTERNAL)}
                budget.make(budget.measure([args, caught]))
            return __context.call(__obj, *args, **kwargs)
        if kind is LoopContext or kind is BlockReference:
            return __context.call(__obj, *map(budget.gather, args), **kwargs)
        named = {name: value for name, value in kwargs.items() if name not in INTERNAL}
        if kind is Format:
            return __obj.fill(__self, budget, args, named)
        if kind is BuiltinMethodType or (kind is MethodType and type(__obj.__self__) is Markup):
            return call_method(budget, __obj, args, named)
        for value in (*args, *named.values()):
            budget.read(value)
        if kind in (FunctionType, MethodType, Joiner) or (kind is type and __obj in (BoundedNamespace, Cycler, Joiner)):
            return __context.call(__obj, *args, **named)
        if isinstance(__obj, Undefined):
            # It says what is undefined.
            return __obj()
        raise TypeError(f"{kind.__name__!r} is not callable")


# What Jinja's compiler adds to calls.
INTERNAL = ("_loop_vars", "_block_vars")


@pass_context
def _printed(context: BoundedContext, value: Any) -> Any:
    budget = context.budget
    if type(value) is str:
        budget.spend(CALL + len(value))
    else:
        budget.make(budget.measure(value))
    return value


@pass_context
def _dict(context: BoundedContext, *values: Any, **named: Any) -> dict[str, Any]:
    budget = context.budget
    budget.make(budget.measure([values, named]))
    return _named(values, named)


def _named(values: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """What `dict(*values, **named)` is, of names that are text.

    Numbers can be chosen such that a dict goes over all others for each of them; text cannot.
    """
    made = {}
    for value in values:
        for key, item in value.items() if isinstance(value, dict) else value:
            if not isinstance(key, str):
                raise SecurityError(f"a name is text, not {type(key).__name__!r}")
            made[key] = item
    return {**made, **named}


@pass_context
def _raise(context: BoundedContext, message: Any) -> None:
    raise TemplateError(context.budget.text(message)[:QUOTE])


def _check_name(name: str) -> None:
    if name.startswith("_"):
        raise SecurityError(f"a namespace has no name like {name[:QUOTE]!r}: it begins with an underscore")
