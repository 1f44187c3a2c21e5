"""Edits of a principles file, from text to text: nothing but the entries and fields that they are about is touched.

Nothing is loaded and dumped: the places of entries and fields are found in the text, and the text itself is spliced.
Each edit also makes the principles that are meant, by plain code; text that does not say exactly these is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from constitution.errors import PrinciplesError, command
from constitution.principle_files.checking import Entry, checked, made, refuse_taken, with_entries
from constitution.principle_files.fields import ORDER, set_field, take_out
from constitution.principle_files.lines import Lines
from constitution.principle_files.moving import column_of, cut, dealt, indented, put_in
from constitution.principle_files.nodes import parse_nodes
from constitution.principle_files.places import LISTS, HeldFile, ListName, unsafe
from constitution.principle_files.values import Splice, spliced
from constitution.principle_files.writing import entry_text
from constitution.principles import Principle, PrincipleSet
from constitution.records import Record
from constitution.yamlfile import plainly


class Where(Record):
    """Where in its list an entry is put: at the beginning or end, or beside the one of an id."""

    side: Literal["first", "last", "before", "after"] = "last"
    id: str = ""


def list_of(entry: Entry) -> ListName:
    """The list that an entry belongs in."""
    return "principles" if isinstance(entry, Principle) else "rules"


def add(file: HeldFile, entry: Entry, where: Where, written: str = "") -> str:
    """Add an entry to the list of its kind.

    Args:
        file: To be edited.
        entry: What is added.
        where: In the list.
        written: The entry's own lines, if it is written already; line ends do not matter, nor how far it is indented.

    Raises:
        PrinciplesError: The id is taken, the neighbour is not there, or the text cannot be spliced safely.
    """
    name = list_of(entry)
    refuse_taken(file, entry.id)
    entries, index = file.entries(name), _index(file, name, where)
    column = column_of(file, name)
    text = indented(written, column) if written else entry_text(entry, column)
    splice = put_in(file, name, index, where.side in ("last", "after"), text.replace("\n", Lines(file.text).eol))
    meant = with_entries(file.said, name, [*entries[:index], entry, *entries[index:]])
    return checked(file, spliced(file.text, [splice]), meant)


def set_fields(file: HeldFile, id: str, fields: Mapping[str, object]) -> str:
    """Set fields of an entry; one that is None is taken out, with the comment on its line.

    Raises:
        PrinciplesError: No such entry or field, a value that breaks its rule, or text that cannot be spliced safely.
    """
    place = file.place(id)
    # One that is to be taken out stays here if no entry of this kind has it, to be refused.
    known = type(place.entry).model_fields
    given = {name: value for name, value in fields.items() if value is not None or name not in known}
    kept = place.entry.model_dump(exclude=set(fields))
    entry = made(type(place.entry), kept | given, f"{file.path}: {id}")
    if entry.id != id:
        refuse_taken(file, entry.id)
    held, text = file, file.text
    for name in sorted(fields, key=ORDER.index):
        value = getattr(entry, name)
        if value == getattr(place.entry, name):
            continue
        # One after the other: where one ends, another may have to begin.
        held = held if text == held.text else _reread(held, text)
        node = held.nodes(place.list)[place.index]
        splices = take_out(held, node, name) if fields[name] is None else set_field(held, node, name, value)
        text = spliced(held.text, splices)
    entries = [entry if old.id == id else old for old in file.entries(place.list)]
    return checked(file, text, with_entries(file.said, place.list, entries))


def set_head(file: HeldFile, fields: Mapping[str, str]) -> str:
    """Set the file's name, version or description.

    Raises:
        PrinciplesError: A value is empty, or the text cannot be spliced safely.
    """
    try:
        meant = PrincipleSet.model_validate(dict(file.said) | dict(fields))
    except ValidationError as bad:
        fault = bad.errors()[0]
        raise PrinciplesError(f"{file.path}: {fault['loc'][0]}: {plainly(fault)}; nothing was written") from None
    splices = list[Splice]()
    for name in fields:
        if getattr(meant, name) != getattr(file.said, name):
            splices += set_field(file, file.root, name, getattr(meant, name))
    return checked(file, spliced(file.text, splices), meant)


def rename(file: HeldFile, old: str, new: str) -> str:
    """Give an entry another id.

    Raises:
        PrinciplesError: No such entry, or the new id is taken or breaks the rule of ids.
    """
    return set_fields(file, old, {"id": new})


def remove(file: HeldFile, ids: Sequence[str]) -> str:
    """Take entries out with their comments, and the blank lines below them (above, for those at the end of the text).

    Raises:
        PrinciplesError: No such entry, nothing would be left, or the text cannot be spliced safely.
    """
    places = [file.place(id) for id in dict.fromkeys(ids)]
    if len(places) == sum(len(file.entries(name)) for name in LISTS):
        raise PrinciplesError(
            f"{file.path}: nothing would be left, and a file holds a principle or a rule; nothing was written",
            f"Add another one first: {command('principles', 'add', file.path)}",
        )
    splices, meant = list[Splice](), file.said
    for name in LISTS:
        gone = [place.index for place in places if place.list == name]
        if gone:
            meant = with_entries(meant, name, [e for n, e in enumerate(file.entries(name)) if n not in gone])
            splices += cut(file, name, gone)
    return checked(file, spliced(file.text, splices), meant)


def reorder(file: HeldFile, ids: Sequence[str], where: Where) -> str:
    """Put entries beside another one, or at the ends of their lists, in the order they are named in.

    The blank lines and comments between entries stay where they are, as if entries were cards put into other slots.

    Raises:
        PrinciplesError: No such entry, entries of both lists beside one, or text that cannot be spliced safely.
    """
    places = [file.place(id) for id in dict.fromkeys(ids)]
    beside = file.place(where.id) if where.side in ("before", "after") else None
    for place in places:
        if beside and place.list != beside.list:
            raise _apart(file, place.entry.id, where.id)
        if beside and place.index == beside.index:
            raise PrinciplesError(f"{file.path}: {where.id!r} cannot be put beside itself", "Leave one of them out.")
    meant, splices = file.said, list[Splice]()
    for name in LISTS:
        moved = [place.index for place in places if place.list == name]
        if not moved:
            continue
        entries = file.entries(name)
        rest = [index for index in range(len(entries)) if index not in moved]
        at = rest.index(beside.index) + (where.side == "after") if beside else len(rest) * (where.side == "last")
        order = [*rest[:at], *moved, *rest[at:]]
        meant = with_entries(meant, name, [entries[index] for index in order])
        splices += dealt(file, name, order)
    return checked(file, spliced(file.text, splices), meant)


def _index(file: HeldFile, name: ListName, where: Where) -> int:
    if where.side in ("first", "last"):
        return len(file.entries(name)) if where.side == "last" else 0
    place = file.place(where.id)
    if place.list != name:
        raise _apart(file, "the new entry", where.id)
    return place.index + (where.side == "after")


def _apart(file: HeldFile, one: str, other: str) -> PrinciplesError:
    return PrinciplesError(
        f"{file.path}: {one!r} and {other!r} cannot stand beside each other: one is a principle, the other a rule",
        "They are in two lists, each with an order of its own.",
    )


def _reread(file: HeldFile, text: str) -> HeldFile:
    """The text on its way, and where its parts are now; what it says is checked at the end."""
    try:
        return file.model_copy(update={"text": text, "root": parse_nodes(text, file.path)})
    except PrinciplesError as bad:
        raise unsafe(file.path, f"the text would be broken ({bad.message})") from None
