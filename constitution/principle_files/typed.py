"""Entries as text that a person types: what an editor is opened on, and what its result is taken for."""

import re
from collections.abc import Mapping
from pathlib import Path

from constitution.errors import PrinciplesError, command
from constitution.principle_files.checking import Entry, checked, made, with_entries
from constitution.principle_files.lines import END, Lines
from constitution.principle_files.places import HeldFile
from constitution.principle_files.writing import field_text
from constitution.principles import Principle, Rule, parse_principles
from constitution.yamlfile import as_parsed, kind_of, parse_yaml

# Lines of a template that tell what to do, and are not kept.
TOLD = "#|"
HELP = {
    "id": "Letters, digits, '.', '_' and '-'; unique in the file.",
    "critique_request": "Asks the model to criticise its last response.",
    "revision_request": "Asks the model to rewrite it.",
    "comparison": "Asks a judge which of two responses is better; only the RL stage needs it:",
    "proposition": "Says something of a response that is true or false.",
    "weight": "How much it counts beside the others, 1 if it is left out:",
    "tags": "Words to pick out some entries by:",
}
EXAMPLES = {"comparison": "comparison: Which response …?", "weight": "weight: 2", "tags": "tags: [medical]"}


def template(path: Path, kind: type[Principle] | type[Rule], given: Mapping[str, object], spaces: int) -> str:
    """An entry to be filled in.

    Args:
        path: Of the file that it is for.
        kind: Principle or rule.
        given: Fields that are known already.
        spaces: Before its dash.
    """
    what = "A principle" if kind is Principle else "A rule"
    lines = [
        f"{TOLD} {what} for {path.name}. Fill it in, save, and leave the editor. Lines with {TOLD} are not kept; what",
        f"{TOLD} stands behind {TOLD} in a line of its own may be left out: take {TOLD} away to have it.",
    ]
    for name in kind.model_fields:
        margin = " " * spaces + ("- " if name == "id" else "  ")
        lines.append(f"{TOLD} {HELP[name]}")
        if name in given:
            field = field_text(name, given[name])
        elif name in EXAMPLES:
            lines.append(f"{TOLD}{margin}{EXAMPLES[name]}")
            continue
        else:
            field = f"{name}: \n" if name == "id" else f"{name}: >-\n  \n"
        first, *more = field.removesuffix("\n").split("\n")
        lines += [margin + first, *(" " * len(margin) + line for line in more)]
    return "\n".join(lines) + "\n"


def without_told(typed: str) -> str:
    """What was typed in a template, without the lines that tell what to do and blank lines around it; ends in one."""
    lines = [line for line in as_parsed(typed).split("\n") if not line.startswith(TOLD)]
    while lines and not lines[0].strip(" \t"):
        lines.pop(0)
    while lines and not lines[-1].strip(" \t"):
        lines.pop()
    return "".join(line + "\n" for line in lines)


def typed_entry(written: str, name: str) -> Entry:
    """The one entry that a text says.

    Args:
        written: A list with dashes, of one item.
        name: What errors call it.

    Raises:
        PrinciplesError: It says something else, or a field breaks its rule.
    """
    data = parse_yaml(written, Path(name), PrinciplesError)
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        many = f"{len(data)} entries" if isinstance(data, list) else kind_of(data)
        raise PrinciplesError(f"{name}: expected one entry, `- id: …` and its fields, found {many}")
    return made(Rule if "proposition" in data[0] else Principle, dict(data[0]), name)


def entry_source(file: HeldFile, id: str) -> str:
    """An entry as it is written, with its comments; its line ends as they are.

    Raises:
        PrinciplesError: No such entry, or its list is in brackets.
    """
    place = file.place(id)
    block = file.blocks(place.list)[place.index]
    return file.text[block.start : block.end]


def entry_shown(file: HeldFile, id: str) -> str:
    """As `entry_source`; of one in a list in brackets, what is between its own.

    Raises:
        PrinciplesError: No such entry.
    """
    place = file.place(id)
    try:
        return entry_source(file, id)
    except PrinciplesError:
        return file.text[place.node.start : place.node.end]


def replace_entry(file: HeldFile, id: str, typed: str, name: str) -> str:
    """Put a text in the place of an entry's own.

    Args:
        file: Holds the entry.
        id: Of the entry; the text may say another one.
        typed: The text; where the file's lines all end alike, so will these.
        name: What errors call the text.

    Raises:
        PrinciplesError: It does not say one entry, or the rest of the file would no longer say what it says.
    """
    place = file.place(id)
    block = file.blocks(place.list)[place.index]
    whole = f"{command('principles', 'edit', file.path)} opens the whole file."
    if not typed.strip():
        hint = f"To take the entry out: {command('principles', 'remove', file.path, id)}"
        raise PrinciplesError(f"{name}: empty; nothing was written", hint)
    eol = Lines(file.text).eol
    if len(set(END.findall(file.text))) <= 1:
        typed = as_parsed(typed).replace("\n", eol)
    if not typed.endswith(("\n", "\r")) and file.text[: block.end].endswith(("\n", "\r")):
        typed += eol
    text = file.text[: block.start] + typed + file.text[block.end :]
    try:
        says = parse_principles(as_parsed(text), file.path)
    except PrinciplesError as bad:
        above, own = (as_parsed(part).count("\n") for part in (file.text[: block.start], typed))
        raise PrinciplesError(
            f"{name}{_below(bad.message, file.path, above, own)}; nothing was written", bad.hint
        ) from None
    entries = says.principles if place.list == "principles" else says.rules
    old = file.entries(place.list)
    if len(entries) != len(old):
        raise PrinciplesError(
            f"{name}: expected one entry, found {len(entries) - len(old) + 1}; nothing was written", whole
        )
    meant = [*old[: place.index], entries[place.index], *old[place.index + 1 :]]
    return checked(file, text, with_entries(file.said, place.list, meant))


def _below(message: str, path: Path, above: int, own: int) -> str:
    """What is wrong with a file, told of the text in it: the line is the text's, if it is there."""
    found = re.match(rf"{re.escape(str(path))}:(\d+): ", message)
    if found is None:
        return f": {message}"
    line = int(found[1]) - above
    rest = message[found.end() :]
    return f":{line}: {rest}" if 0 < line <= own + 1 else f": as line {found[1]} of {path.name}: {rest}"
