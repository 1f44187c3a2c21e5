"""A file of another system as text and, as far as it is that, as JSON, JSON lines and YAML."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from constitution.errors import PrinciplesError
from constitution.principle_formats.contents import MOST_ENTRIES, Misfit, check_number
from constitution.yamlfile import parse_yaml, plainly, read_bytes

Fitted = TypeVar("Fitted")


class Shape(BaseModel):
    """Base of the shapes of other systems: what else is in them is kept, to be told."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


@dataclass(frozen=True)
class Source:
    """A file, parsed.

    Attributes:
        text: As it is, without a byte-order mark.
        json: The document, or why it is not JSON.
        lines: The objects of a file that has one a line, or why it has not.
        yaml: The document, or why it is not YAML; JSON is not parsed a second time.
    """

    text: str
    json: Any | Misfit
    lines: list[Any] | Misfit
    yaml: Any | Misfit

    def as_json(self) -> Any:
        """The JSON document.

        Raises:
            Misfit: It is none.
        """
        return _sound(self.json)

    def as_lines(self) -> list[Any]:
        """The objects of a file with one a line; those of a list count as such.

        Raises:
            Misfit: There are none.
        """
        if isinstance(self.json, list):
            return self.json
        lines: list[Any] = _sound(self.lines)
        return lines

    def as_document(self) -> Any:
        """The JSON or YAML document.

        Raises:
            Misfit: It is neither.
        """
        return _sound(self.yaml if isinstance(self.json, Misfit) else self.json)


def read_source(path: Path) -> str:
    """The text of a file, line ends as they are.

    Raises:
        PrinciplesError: It cannot be read, is too long, or is not UTF-8.
    """
    content = read_bytes(path, PrinciplesError)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise PrinciplesError(
            f"{path}: not UTF-8 (byte {bad.start})",
            f"Convert it first, for example: iconv -f UTF-16 -t UTF-8 {path.name} > utf8-{path.name}",
        ) from None


def parse(text: str) -> Source:
    """All that a text can be read as."""
    document = _tried(_parse_json, text)
    if not isinstance(document, Misfit):
        return Source(text, document, _tried(_parse_lines, text) if isinstance(document, dict) else [], document)
    lines = _tried(_parse_lines, text)
    if text.lstrip()[:1] in ("{", "["):
        # Broken JSON is told as that: what a parser of YAML says of it helps nobody.
        return Source(text, document, lines, document)
    return Source(text, document, lines, _tried(_parse_yaml, text))


def fit(shape: Any, data: Any) -> Any:
    """Check data against a type.

    Raises:
        Misfit: With the place of the first fault.
    """
    if isinstance(data, list | dict):
        check_number(len(data))
    try:
        return TypeAdapter(shape).validate_python(data)
    except ValidationError as bad:
        raise Misfit(fault_of(bad)) from None


def fault_of(bad: ValidationError) -> str:
    """The first fault and its place, for people: `samples, entry 2: no key 'role'`."""
    fault = bad.errors(include_url=False)[0]
    missing = fault["type"] == "missing"
    location = fault["loc"][:-1] if missing else fault["loc"]
    place = ", ".join(f"entry {part + 1}" if isinstance(part, int) else part for part in location)
    why = f"no key {fault['loc'][-1]!r}" if missing else plainly(fault)
    return f"{place}: {why}" if place else why


def others(entries: Iterable[Shape], prefix: str = "") -> dict[str, int]:
    """Keys that a shape does not know, and in how many entries they are."""
    found: dict[str, int] = {}
    for entry in entries:
        for key in entry.model_extra or {}:
            found[prefix + key] = found.get(prefix + key, 0) + 1
    return found


def as_json(data: Any, indent: int | None = None) -> str:
    """A document as the other systems have it: ASCII on one line, or indented and in all characters."""
    return json.dumps(data, indent=indent, ensure_ascii=indent is None)


def _sound(parsed: Any) -> Any:
    if isinstance(parsed, Misfit):
        raise parsed
    return parsed


def _tried(parser: Any, text: str) -> Any:
    try:
        return parser(text)
    except Misfit as bad:
        return bad


def _parse_json(text: str) -> Any:
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        # Half a character, as "\\ud800", is JSON, but no text that a file can hold.
        json.dumps(document, ensure_ascii=False).encode()
        return document
    except json.JSONDecodeError as bad:
        raise Misfit(f"not JSON: line {bad.lineno}, column {bad.colno}: {bad.msg}") from None
    except UnicodeEncodeError:
        raise Misfit("a text holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise Misfit("lists and keys nested too deeply") from None
    except ValueError as bad:
        raise Misfit(f"not JSON: {bad}") from None


def _parse_lines(text: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(_parse_json(line))
            except Misfit as bad:
                raise Misfit(f"line {number}: {bad}".replace("not JSON: line 1, ", "not JSON: ")) from None
        if len(rows) > MOST_ENTRIES:
            raise Misfit(f"more than {MOST_ENTRIES:,} lines, too many for a file of principles")
    if not rows:
        raise Misfit("empty")
    return rows


def _parse_yaml(text: str) -> Any:
    try:
        return parse_yaml(text.replace("\r\n", "\n").replace("\r", "\n"), Path("line"), PrinciplesError)
    except PrinciplesError as bad:
        raise Misfit(f"not YAML: {bad.message.replace('line:', 'line ', 1)}") from None


def _object(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Misfit(f"the key {twice!r} is there twice in one object")
    return found


def _constant(name: str) -> float:
    raise Misfit(f"{name} is no number that JSON knows")
