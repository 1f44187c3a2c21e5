"""Read a YAML file that a person edits, and tell them the line when it breaks a rule."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import Event
from ruamel.yaml.reader import ReaderError

from constitution.errors import ConstitutionError
from constitution.yaml_limits import MOST_BYTES, Unsafe, check_limits
from constitution.yaml_problems import plain_words

Model = TypeVar("Model", bound=BaseModel)
ErrorType = type[ConstitutionError]

# What pydantic's types of error ask for, in the words of someone who edits YAML.
WANTED = {
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


# Of what is known, where nothing is near. More than any table of names here has.
SHOWN = 60


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` with the closest known word, else the list of them all."""
    known = sorted(known)
    match = get_close_matches(word, known, n=1)
    if match:
        return f"did you mean {match[0]!r}?"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"known: {', '.join(known[:SHOWN])}{more}"


def read_text(path: Path, error: ErrorType) -> str:
    """The text of a file that people write; one that cannot be read, or is too long for that, is raised as `error`."""
    return as_parsed(decoded(read_bytes(path, error), path, error))


def read_bytes(path: Path, error: ErrorType) -> bytes:
    """What is in a file that people write; one that cannot be read, or is too long for that, is raised as `error`."""
    try:
        if path.is_fifo() and path.resolve().exists():
            # Nobody may ever write to it. Pipes of the shell, as in `<(…)` and /dev/stdin, have no name of their own.
            raise error(f"{path}: a pipe", "Give a file.")
        with path.open("rb") as file:
            # No more than that, whatever the file is: some devices never end.
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as bad:
        raise error(f"{path}: cannot be read: {bad.strerror}") from None
    if len(content) > MOST_BYTES:
        raise error(f"{path}: more than {MOST_BYTES:,} bytes, too much for a file of this kind", "Check the path.")
    return content


def decoded(content: bytes, path: Path, error: ErrorType) -> str:
    """Bytes of a file as text, its line ends and byte-order mark as they are."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as bad:
        raise error(f"{path}: not UTF-8 (byte {bad.start})", "Save the file as UTF-8.") from None


def as_parsed(text: str) -> str:
    """The text with each line's end as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def load_yaml(path: Path, error: ErrorType) -> Any:
    """Read and parse one YAML document, keeping line numbers; what is wrong with it is raised as `error`."""
    return parse_yaml(read_text(path, error), path, error)


def parse_yaml(text: str, path: Path, error: ErrorType) -> Any:
    """As `load_yaml`, of text that is at hand; `path` is what errors call it."""
    with _told(text, path, error):
        check_limits(text)
        return YAML(typ="rt").load(text)


def yaml_events(text: str, path: Path, error: ErrorType) -> list[Event]:
    """What the parser finds, each with its place in the text; what is wrong with it is raised as `error`."""
    with _told(text, path, error):
        check_limits(text)
        return list(YAML(typ="rt").parse(text))


@contextmanager
def _told(text: str, path: Path, error: ErrorType) -> Iterator[None]:
    """Raises what the parser says as `error`."""
    try:
        yield
    except Unsafe as bad:
        raise error(f"{path}:{bad.line}: {bad.rule}", bad.hint) from None
    except MarkedYAMLError as bad:
        told = plain_words(bad, text)
        raise error(f"{path}:{told.line}: {told.rule}", told.hint) from None
    except ReaderError as bad:
        line = text.count("\n", 0, bad.position) + 1
        raise error(f"{path}:{line}: the control character {chr(bad.character)!r}, which YAML does not allow") from None


def line_of(data: Any, location: tuple[int | str, ...]) -> int:
    """The 1-based line of the deepest part of `location` that the document has."""
    line = 1
    for key in location:
        position = getattr(data, "lc", None)
        try:
            # A list at the top of a file is wrapped in a mapping of ours, which has no place in the file.
            if position is not None:
                line = position.item(key)[0] + 1 if isinstance(key, int) else position.key(key)[0] + 1
            data = data[key]
        except (KeyError, IndexError, TypeError):
            break
    return line


def validate(model: type[Model], data: Any, path: Path, error: ErrorType) -> Model:
    """Check a parsed document against `model`; the first fault is raised as `error` with file, line and rule."""
    if not isinstance(data, dict):
        raise error(f"{path}:1: expected keys and values at the top, found {kind_of(data)}")
    try:
        return model.model_validate(data)
    except ValidationError as bad:
        faults = bad.errors()
        # A misspelt key is both unknown and missing: the line with the misspelling is the one to show.
        fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        raise error(f"{path}:{line_of(data, fault['loc'])}: {told_fault(model, fault)}") from None


def told_fault(model: type[BaseModel], fault: Mapping[str, Any]) -> str:
    """One of the errors of a validation against `model`, with the key that it is about."""
    key = fault["loc"][-1] if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {nearest(str(key), _fields_at(model, fault['loc']))}"
    if fault["type"] == "missing":
        return f"the key {key!r} is missing"
    name = ".".join(str(part) for part in fault["loc"])
    return f"{name}: {plainly(fault)}" if name else plainly(fault)


def close_key(model: type[BaseModel], location: tuple[int | str, ...]) -> str | None:
    """The key that an unknown one at `location` is taken for; None if it is near to none."""
    return next(iter(get_close_matches(str(location[-1]), _fields_at(model, location), n=1)), None)


def plainly(fault: Mapping[str, Any]) -> str:
    """What a validation error says, without Python's names for things."""
    if fault["type"] == "too_short":
        return f"expected at least {fault['ctx']['min_length']} entry, found {fault['ctx']['actual_length']}"
    if fault["type"] == "string_too_short":
        return "empty"
    if fault["type"] == "string_pattern_mismatch":
        pattern = fault["ctx"]["pattern"]
        if pattern.startswith("^https?"):
            return f"{fault['input']!r} does not begin with http:// or https://"
        if pattern.startswith("^[\\p{L}"):
            return f"{fault['input']!r} is no id: letters, digits, `.`, `_` and `-`, the first a letter or digit"
        return f"{fault['input']!r} does not fit the pattern {pattern}"
    wanted = WANTED.get(fault["type"])
    if wanted is None:
        return str(fault["msg"]).removeprefix("Value error, ")
    return f"expected {wanted}, found {kind_of(fault['input'])}"


def kind_of(value: Any) -> str:
    """A YAML value's kind, as a person would call it."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "keys and values"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
        case _:
            return repr(value)


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterable[str]:
    """The field names of the nested model in which the last part of `location` stands."""
    for part in location[:-1]:
        # A place in a list, or a name that the file chose.
        if isinstance(part, int) or part not in model.model_fields:
            continue
        annotation = model.model_fields[part].annotation
        inner = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)]
        if not inner:
            break
        model = inner[0]
    return model.model_fields
