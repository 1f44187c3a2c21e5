"""How much one rendering may do: work, the size of a value, and seconds, counted where the template acts.

Size is what a value takes as text: characters, and `ELEMENT` for each item of a list. A list that holds another one a
thousand times counts it a thousand times, because printing, comparing or hashing it goes over it so often. As every
list is measured when it is made, none can grow by doubling until one of these never ends.
"""

import time
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateRuntimeError, Undefined
from jinja2.exceptions import SecurityError
from markupsafe import Markup

# Characters of work for one text. No context window holds a tenth of it, and even if all of it were kept in lists it
# would take about 250 MB.
WORK = 32_000_000
# Characters in one value or in the whole text.
TEXT = 16_000_000
# Both grow with the values given: a row of several megabytes is copied a few times for each of its turns.
WORK_PER_CHARACTER, TEXT_PER_CHARACTER = 64, 4
# Of processor time of this thread: a machine that is busy or asleep must not fail a row. A backstop, as work runs out
# before that unless the row is very long.
SECONDS = 5.0
# Work between two looks at the clock.
LOOK_EVERY = 250_000
# What an item of a list counts beside its text: about as much memory as that many characters.
ELEMENT = 16
# What a call or an operation counts, whatever it does.
CALL = 32
# How deep lists may nest. Real messages stay below ten.
DEPTH = 100
# Escaping makes `'` five characters, and case mapping makes some characters three.
ESCAPED, CASED = 5, 3
# Reading goes about this much faster than writing, by powers of two.
READ_SHIFT = 4

SCALARS = frozenset({bool, float, type(None)})
VIEWS = frozenset({type({}.keys()), type({}.values()), type({}.items())})
LISTS = frozenset({list, tuple}) | VIEWS


class LimitExceeded(TemplateRuntimeError):
    """A template did more than one rendering may do."""


class Budget:
    """What is left of one rendering's limits.

    Args:
        values: What the template is given.

    Attributes:
        largest: Characters that one value may have.

    Raises:
        SecurityError: A value is not data: text, numbers, None, lists and dicts.
    """

    __slots__ = ("_left", "_mark", "_until", "largest")

    def __init__(self, values: Mapping[str, Any]) -> None:
        given = 0
        for value in values.values():
            given += len(value) if type(value) is str else _size(value, None, DEPTH)
        self.largest = TEXT + TEXT_PER_CHARACTER * given
        self._left = WORK + WORK_PER_CHARACTER * given
        self._mark = self._left - LOOK_EVERY
        self._until: float | None = None

    def spend(self, work: int) -> None:
        """Take this much work off.

        Raises:
            LimitExceeded: None is left, or the time is over.
        """
        self._left -= work
        if self._left < self._mark:
            self._look()

    def make(self, size: int) -> None:
        """A value of this size, or smaller, is about to be made.

        Raises:
            LimitExceeded: It is too large, or no work is left.
        """
        if size > self.largest:
            raise LimitExceeded(f"makes a value of {size:,} characters, at most {self.largest:,} are allowed")
        self.spend(size)

    def measure(self, value: Any) -> int:
        """A value's size.

        Raises:
            SecurityError: It is not data, e.g. a macro.
            LimitExceeded: It is too large, or nested too deep.
        """
        return _size(value, self.largest, DEPTH)

    def read(self, value: Any) -> None:
        """A value is about to be gone over: searched, compared, hashed."""
        kind = type(value)
        if kind is str or kind is Markup:
            self.spend(CALL + (len(value) >> READ_SHIFT))
        else:
            self.spend(self.measure(value) if kind in LISTS or kind is dict else CALL)

    def text(self, value: Any) -> str:
        """A value as text; text stays what it is."""
        if isinstance(value, str):
            return value
        self.make(self.measure(value))
        return str(value)

    def gather(self, iterable: Any, work: int = 0) -> list[Any]:
        """The items of anything iterable, `work` done with each of them."""
        # Whatever has no length here is made of a list that is paid for (`once` in filters.py).
        items = iterable if hasattr(type(iterable), "__len__") else list(iterable)
        self.spend(CALL + len(items) * (ELEMENT + work))
        return list(items)

    def _look(self) -> None:
        if self._left < 0:
            raise LimitExceeded("goes on too long: a loop, a macro or a text that grows without end")
        now = time.thread_time()
        if self._until is None:
            self._until = now + SECONDS
        elif now > self._until:
            raise LimitExceeded(f"takes more than {SECONDS:g} seconds")
        self._mark = self._left - LOOK_EVERY


def _size(value: Any, room: int | None, depth: int) -> int:
    """Size of a value; no more than `room` of it is gone over."""
    kind = type(value)
    if kind is str or kind is Markup:
        return len(value)
    if kind is int:
        return ELEMENT + (int(value).bit_length() >> 1)
    if kind in SCALARS or isinstance(value, Undefined):
        return ELEMENT
    if kind is dict:
        parts = [value.keys(), value.values()]
    elif kind in LISTS:
        parts = [value]
    else:
        raise SecurityError(f"text, numbers, None, lists and dicts are data, {kind.__name__!r} is not")
    if not depth:
        raise LimitExceeded(f"nests lists more than {DEPTH} deep")
    total = ELEMENT
    for part in parts:
        for item in part:
            total += ELEMENT
            total += len(item) if type(item) is str else _size(item, room and max(room - total, 1), depth - 1)
            if room is not None and total > room:
                raise LimitExceeded("makes a list that would be too long as text")
    return total
