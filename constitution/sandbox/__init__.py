"""Templates in a sandbox that ends: whatever a template says, it reads nothing but its values, and it comes to an end.

Template sets are a person's own files or a stranger's, and the chat template of a model is code that came with it. Here
such code gets data only (text, numbers, None, lists, dicts), may use the filters and methods that are named in tables,
and pays for what it does out of a budget, which limits the text that it writes, the memory that it takes and the time.
The same template with the same values always gets equally far, except where a very long row runs into the clock.

budget.py       the limits, and what a value's size is
environment.py  Jinja's sandbox, asked about attributes, operators and calls
rewriting.py    the tree of a template, with its loops, lists and comparisons counted
operators.py    operators and formats
methods.py      methods of text, lists and dicts
filters.py      filters
tests.py        tests, such as `is odd`
dialect.py      what chat templates have beyond Jinja
context.py      where the budget is at hand
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError

from constitution.sandbox.budget import Budget, LimitExceeded
from constitution.sandbox.context import BoundedContext
from constitution.sandbox.environment import BoundedEnvironment
from constitution.sandbox.rewriting import rewritten

__all__ = ["LimitExceeded", "compile_template", "line_of", "render", "words_of"]

# Characters of a message that are shown: it may quote a row.
SHOWN = 500
# The longest chat templates that are known have about 30,000 characters; a million would take a minute to compile.
SOURCE = 250_000


def compile_template(source: str, chat: bool = False) -> Template:
    """Compile a template.

    Args:
        source: Jinja.
        chat: Whether it is a chat template, in the dialect of transformers: an undefined name is empty in it, while in
            a template set's it is an error.

    Raises:
        TemplateSyntaxError: It is not Jinja, or not what is allowed here; with the line where that is known.
    """
    if len(source) > SOURCE:
        raise TemplateSyntaxError(f"it has {len(source):,} characters, at most {SOURCE:,} are allowed", 1)
    environment = _environment(chat)
    try:
        return environment.from_string(rewritten(environment.parse(source)))
    except TemplateSyntaxError:
        raise
    except RecursionError:
        raise TemplateSyntaxError("it nests too deep", 1) from None
    except (SyntaxError, MemoryError, ValueError, OverflowError) as bad:
        # Python's compiler has limits of its own, on nested loops for one.
        reason = bad.msg if isinstance(bad, SyntaxError) else words_of(bad)
        raise TemplateSyntaxError(f"it cannot be compiled: {reason}", 1) from None


def render(template: Template, values: Mapping[str, Any]) -> str:
    """A template's text with these values.

    Args:
        template: From `compile_template`.
        values: Text, numbers, None, lists and dicts.

    Raises:
        LimitExceeded: It is too long, or takes too much work or time.
        Exception: Anything that code can raise: a template is code.
    """
    environment = template.environment
    context = BoundedContext(environment, {**environment.globals, **values}, template.name, template.blocks)
    context.budget = Budget(values)
    try:
        text = "".join(template.root_render_func(context))
    except RecursionError:
        raise LimitExceeded("calls itself, or nests, too deep") from None
    except MemoryError:
        raise LimitExceeded("takes more memory than there is") from None
    if len(text) > context.budget.largest:
        raise LimitExceeded(f"writes {len(text):,} characters, at most {context.budget.largest:,} are allowed")
    return text


def line_of(error: BaseException, template: Template) -> int | None:
    """The line of a template where an error that `render` raised came from, if that is known."""
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line


def words_of(error: BaseException) -> str:
    """What an error says, not at any length; its type if it says nothing."""
    return str(error)[:SHOWN] or type(error).__name__


@cache
def _environment(chat: bool) -> BoundedEnvironment:
    return BoundedEnvironment(chat)
