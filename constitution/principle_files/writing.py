"""Principles and rules as the YAML that a person would write: texts folded, what is usual left out."""

import json
from collections.abc import Sequence
from textwrap import indent, wrap

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from constitution.principles import Principle, PrincipleSet, Rule

# As wide as a file of texts reads well.
WIDTH = 92
# What is longer is folded.
SHORT = 60


def file_text(principles: PrincipleSet, comment: str = "") -> str:
    """A whole file.

    Args:
        principles: What it holds.
        comment: For its first lines, without `#`.
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    parts = [
        head,
        _scalar("name", principles.name),
        _scalar("version", principles.version),
        _scalar("description", principles.description),
    ]
    for key, entries in (("principles", principles.principles), ("rules", principles.rules)):
        if entries:
            parts.append(f"{key}:\n" + "\n".join(entry_text(entry, 2) for entry in entries))
    return "".join(parts)


def entry_text(entry: Principle | Rule, spaces: int) -> str:
    """One entry of a list, its dash after so many spaces; ends with a line feed."""
    lines = "".join(field_text(name, value) for name, value in told(entry).items())
    return indent("- " + indent(lines, "  ")[2:], " " * spaces)


def told(entry: Principle | Rule) -> dict[str, object]:
    """The fields of an entry that a file says: all but those that are what they would be anyway."""
    return {
        name: value for name, value in entry if name == "id" or value != type(entry).model_fields[name].get_default()
    }


def number_text(value: float) -> str:
    """A number as short as it reads back."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def field_text(name: str, value: object) -> str:
    """One field, not indented; ends with a line feed."""
    match value:
        case str():
            return _scalar(name, value)
        case float():
            return f"{name}: {number_text(value)}\n"
        case tuple() | list():
            return f"{name}: [{', '.join(in_brackets(str(item)) for item in value)}]\n"
        case _:
            raise TypeError(f"no field of a principle is {value!r}")


def _scalar(name: str, text: str) -> str:
    """Plain where it is short and read back as it is; else folded, else line by line, else in quotes."""
    if len(text) <= SHORT and "\n" not in text:
        forms = [f"{name}: {text}\n"]
    else:
        folded = wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
        forms = [_block(name, ">-", folded), _block(name, "|-", text.split("\n"))]
    return next((form for form in forms if reads_as(form, name, text)), f"{name}: {quoted(text)}\n")


def _block(name: str, sign: str, lines: Sequence[str]) -> str:
    return f"{name}: {sign}\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines)


def in_brackets(text: str) -> str:
    """A text as an item of `[…]` or a value of `{…}`: plain where it is read back as it is, else in quotes."""
    return text if reads_as(f"x: [{text}]\n", "x", [text]) else quoted(text)


def quoted(text: str) -> str:
    """A text in double quotes, on one line."""
    # JSON is YAML, but for characters that YAML does not take as they are.
    written = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)


def reads_as(yaml: str, name: str, value: object) -> bool:
    """Whether a text of YAML says that this key has this value, and nothing else."""
    try:
        return bool(YAML(typ="safe", pure=True).load(yaml) == {name: value})
    except (YAMLError, ValueError):
        return False
