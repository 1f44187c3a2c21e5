"""What the YAML parser says of a text that it cannot read, in the words of someone who edits it."""

from dataclasses import dataclass

from ruamel.yaml.error import MarkedYAMLError

_QUOTES = "Put the text in quotes, or write it on the lines below, indented, after `KEY: >-`."
_BACKSLASH = "In double quotes a backslash is written twice; in single quotes, as it is."


@dataclass(frozen=True)
class Told:
    """A problem as it is told.

    Attributes:
        line: Where, from 1.
        rule: What is wrong.
        hint: What to do about it.
    """

    line: int
    rule: str
    hint: str


@dataclass(frozen=True)
class _Known:
    """A problem of the parser's.

    Attributes:
        begins: How the parser tells it.
        rule: What it is in plain words; empty where the parser's are.
        hint: What to do about it.
    """

    begins: str
    rule: str
    hint: str


_KNOWN = (
    _Known("mapping values are not allowed here", "", f"A colon and a space begin a value. {_QUOTES}"),
    _Known("could not find expected ':'", "a text that belongs to no key", f"Indent it, or give it a key. {_QUOTES}"),
    _Known("expected <block end>, but found '<scalar>'", "text goes on after a closed quote", _QUOTES),
    _Known(
        "expected <block end>, but found",
        "the line is indented otherwise than those that it belongs to",
        "Put its first letter under theirs.",
    ),
    _Known("expected the node content", "a bracket that closes nothing", _QUOTES),
    _Known("found character", "a text that begins with a sign that YAML keeps for itself", _QUOTES),
    _Known("expected alphabetic or numeric", "& and * stand before a name in YAML", _QUOTES),
    _Known("found undefined alias", "", "A text that begins with * is put in quotes."),
    _Known("found duplicate", "", "Keep one of the two."),
    _Known("found unknown escape", "", _BACKSLASH),
    _Known("expected escape sequence", "", _BACKSLASH),
    _Known("expected chomping", "text after > or |, which begins on the next line", "Begin a new line, indented."),
    _Known("sequence entries are not allowed", "a list that begins beside its key", "Begin it on a line of its own."),
)


def plain_words(bad: MarkedYAMLError, text: str) -> Told:
    """The parser's problem in plain words, with a next step; as the parser tells it, where it is a rare one."""
    # Duplicate keys carry three lines of advice about ruamel's own API: only the first is for our reader.
    problem = (bad.problem or "not valid YAML").splitlines()[0]
    line = bad.problem_mark.line + 1 if bad.problem_mark else 1
    began = bad.context_mark.line + 1 if bad.context_mark else line
    lines = text.split("\n")
    shown = lines[line - 1] if line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return Told(
            line, "a tab at the beginning of the line, where YAML takes spaces only", "Indent with spaces instead."
        )
    if problem == "found unexpected end of stream":
        return Told(began, "the quote that opens on this line is never closed", "Close it, or leave it out.")
    if problem.startswith("expected the node content") and "<stream end>" in problem:
        return Told(line, "the text ends within a bracket", "Close it.")
    if problem.startswith("expected ',' or"):
        bracket = "]" if "']'" in problem else "}"
        return Told(began, f"a bracket that opens on this line is not closed by {bracket!r}", f"Add the {bracket!r}.")
    known = next((known for known in _KNOWN if problem.startswith(known.begins)), None)
    return Told(line, (known and known.rule) or problem, known.hint if known else "")
