"""Ids for principles of systems that have none, or names of another kind."""

import re
import unicodedata
from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from constitution.principles import Id, Principle

_ID = TypeAdapter[str](Id)
# Words of an id.
MOST_WORDS = 4
LONGEST = 60
# Words that most principles begin with: they tell nothing of the one.
_WORDS = """
a about above ai all also amend an and any anything are as aspects assistant assistants at be been better but by can
chat choose compare consider content could critique degree describe did discuss do does each either else explain
find following follows for from give has have how however human humans i identify if in into is it its last less
like list make model models more most my name no not note of on one or out output pick please point possible
preceding prefer previous principle rate read replies reply response responses revise rewrite s said say should show
so some sounds specific such t take than that thats the their them there these they this to trait up user users
version was ways what where whether which while who will with would write you your
"""
_USUAL = frozenset(_WORDS.split())


class Names:
    """Gives each entry an id of its own."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        # Where the search for a free number begins: many texts may begin alike.
        self._numbers: dict[str, int] = {}
        self._tags = 0

    def of_label(self, label: str) -> tuple[str, tuple[str, ...]]:
        """An id for a name of another system, and the tags that keep the name where it is no id."""
        if _is_id(label) and label not in self._taken:
            self._taken.add(label)
            return label, ()
        self._tags += 1
        return self._unique(_label_slug(label)), (label,)

    def notes(self) -> tuple[str, ...]:
        """What a reader of the entries should know of their names."""
        return (f"{self._tags} of the names are no ids, or twice there: each became a tag.",) if self._tags else ()

    def would_be(self, label: str) -> str:
        """The id that a name that is no id would get now; empty for one that is."""
        return "" if _is_id(label) else self._free(_label_slug(label))

    def of_text(self, text: str) -> str:
        """An id of a text's telling words."""
        words = [word for word in slug(text, LONGEST * 10).split("-") if word not in _USUAL]
        return self._unique("-".join(words[:MOST_WORDS])[:LONGEST].strip("-") or "principle")

    def _unique(self, wanted: str) -> str:
        found = self._free(wanted)
        self._taken.add(found)
        return found

    def _free(self, wanted: str) -> str:
        number = self._numbers.get(wanted, 1)
        found = wanted if number == 1 else f"{wanted}-{number}"
        while found in self._taken:
            number += 1
            found = f"{wanted}-{number}"
        self._numbers[wanted] = number
        return found


def _label_slug(label: str) -> str:
    return slug(label) or "principle"


def slug(text: str, longest: int = LONGEST) -> str:
    """Letters and digits of a text as an id: small, without accents, a hyphen for all else; empty if there are none.

    Letters of all scripts stay, as ids may have them.
    """
    plain = ""
    for character in unicodedata.normalize("NFKC", text.lower().replace("'", "")):
        kept = _plain(character)
        # A mark belongs to the letter before it.
        alone = unicodedata.category(kept)[0] == "M" and plain[-1:] in ("", "-")
        plain += "-" if alone else kept
    return re.sub("-+", "-", plain).strip("-")[:longest].strip("-")


def _plain(character: str) -> str:
    first = unicodedata.normalize("NFKD", character)[0]
    if first.isascii() and first.isalnum():
        return first
    return character if unicodedata.category(character)[0] in "LMN" else "-"


def _is_id(label: str) -> bool:
    try:
        _ID.validate_python(label)
    except ValidationError:
        return False
    return True


def labels(principles: Iterable[Principle]) -> list[tuple[str, tuple[str, ...]]]:
    """Of each principle the name that another system had for it, else its id, and the tags that are no such name.

    A tag is such a name if `Names` would make the principle's id of it.
    """
    names, found = Names(), []
    for principle in principles:
        name = next((tag for tag in principle.tags if names.would_be(tag) == principle.id), None)
        label = name or principle.id
        names.of_label(label)
        found.append((label, tuple(tag for tag in principle.tags if tag != name)))
    return found


def repeated(ids: Iterable[str]) -> str | None:
    """The first id that is there a second time."""
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            return one
        seen.add(one)
    return None
