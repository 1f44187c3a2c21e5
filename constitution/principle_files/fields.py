"""A field of an entry, or of the head of a file: set where it stands, added where it would stand, taken out."""

from constitution.principle_files.lines import SPACE, Lines
from constitution.principle_files.nodes import Node, Pair
from constitution.principle_files.places import HeldFile, unsafe
from constitution.principle_files.values import Splice, field_lines, loses_comment, write_over

# As fields are usually written; a new one is put below the nearest of those before it that is there.
ORDER = ("id", "critique_request", "revision_request", "comparison", "proposition", "weight", "tags")


def set_field(file: HeldFile, keys: Node, name: str, value: object) -> list[Splice]:
    """Set a field, in the style that it has if it is there.

    Args:
        file: Holds it.
        keys: The entry's, or the whole file's.
        name: Of the field.
        value: Text, a number, or a tuple of texts; checked already.

    Raises:
        PrinciplesError: It cannot be done without touching something else.
    """
    if keys.kind != "pairs":
        raise unsafe(file.path, "what is to be edited is an alias (`*NAME`)")
    lines, pair = Lines(file.text), keys.get(name)
    if pair is None:
        return [_added(file, lines, keys, name, value)]
    if pair.colon is None:
        raise unsafe(file.path, f"the key `{name}` is written in the long way (`?`)")
    old = pair.value
    if old.anchored and (old.start >= old.end or file.text[old.start] in SPACE + "\r\n#"):
        raise unsafe(file.path, f"the value of `{name}` does not begin on the line of its anchor")
    if old.kind == "pairs" or loses_comment(file.text, old):
        raise unsafe(file.path, f"there are comments within `{name}`, which would be lost")
    return write_over(lines, old, name, value, lines.column(pair.key.start), keys.flow)


def take_out(file: HeldFile, keys: Node, name: str) -> list[Splice]:
    """Take a field out, with the comment on its line; comment lines above it stay.

    Raises:
        PrinciplesError: It cannot be done without touching something else.
    """
    pair = keys.get(name) if keys.kind == "pairs" else None
    if pair is None:
        raise unsafe(file.path, f"`{name}` is not written in the entry itself")
    if keys.flow or pair.colon is None:
        raise unsafe(file.path, f"`{name}` is in brackets, or written in the long way (`?`)")
    lines = Lines(file.text)
    start, end = lines.start(lines.at(pair.key.start)), lines.after(pair.value.end)
    if not file.text[start : pair.key.start].strip(SPACE):
        return [Splice(start=start, end=end, text="")]
    following = _following(keys, pair)
    if following is None or file.text[pair.value.end : following.key.start].strip(SPACE + "\r\n"):
        raise unsafe(file.path, f"`{name}` is on the line of the dash, with a comment below or nothing after it")
    # The next field moves up behind the dash.
    return [Splice(start=pair.key.start, end=following.key.start, text="")]


def _following(keys: Node, pair: Pair) -> Pair | None:
    index = keys.pairs.index(pair) + 1
    return keys.pairs[index] if index < len(keys.pairs) else None


def _added(file: HeldFile, lines: Lines, keys: Node, name: str, value: object) -> Splice:
    """Below the field that it follows in the usual order."""
    if keys.flow:
        raise unsafe(file.path, f"the entry is in brackets and has no `{name}` yet")
    before = next(pair for known in reversed(ORDER[: ORDER.index(name)]) if (pair := keys.get(known)) is not None)
    at, text = lines.after(before.value.end), field_lines(lines, name, value, lines.column(keys.pairs[0].key.start))
    if not file.text[:at].endswith(("\n", "\r")):
        text = lines.eol + text.removesuffix(lines.eol)
    return Splice(start=at, end=at, text=text)
