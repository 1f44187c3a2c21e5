"""YAML files that were made to do harm: each limit holds before anything is built of the file, and names its line."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from constitution.config import load_settings
from constitution.engines.scripted import open_engine
from constitution.errors import ConfigError, ConstitutionError, PrinciplesError, TemplateError
from constitution.model_settings import ModelSettings
from constitution.principles import load_principles
from constitution.templating import load_options
from constitution.yaml_limits import MOST_BYTES, MOST_DEPTH, MOST_VALUES
from constitution.yamlfile import load_yaml

Cli = Callable[..., subprocess.CompletedProcess[str]]

LAUGHS = "a: &a [" + "x, " * 9 + "]\n"
LAUGHS += "".join(f"{new}: &{new} [" + f"*{old}, " * 9 + "]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True))

# What the file holds, the line that is told, and words of the error and its hint.
HOSTILE = {
    "aliases of aliases": (LAUGHS, 6, ["more than 100,000 values", "with what aliases stand for", "aliases (*NAME)"]),
    "a long text, often": (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 200}]\n", 2, ["16,777,216 characters"]),
    "too many values": ("- 1\n" * MOST_VALUES, MOST_VALUES, ["more than 100,000 values"]),
    "brackets within brackets": ("a:\n  " + "[" * 5000, 2, ["more than 50 lists and keys within each other"]),
    "keys within keys": ("".join(" " * n + "a:\n" for n in range(1500)), 51, ["more than 50 lists and keys"]),
    "a list within itself": ("a: 1\nb: &a [*a]\n", 2, ["the alias *a stands for what it is part of"]),
    "keys within themselves": ("a: &a\n  b:\n    c: *a\n", 3, ["the alias *a stands for what it is part of"]),
    "one anchor twice": ("a: &x 1\nb: &x 2\n", 2, ["the anchor &x is there a second time"]),
    "an alias for nothing": ("a: 1\nb: *c\n", 2, ["found undefined alias 'c'"]),
    "a key twice": ("a:\n  b: 1\n  b: 2\n", 3, ['found duplicate key "b"']),
    "a merge twice": ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", 4, ['found duplicate merge key "<<"']),
    "a call of Python": ('a: !!python/object/apply:os.system ["true"]\n', 1, ["python/object/apply:os.system", "tags"]),
    "a name of Python": ("a: !!python/name:os.system ''\n", 1, ["python/name:os.system", "tags"]),
    "bytes": ("a: !!binary aGVsbG8=\n", 1, ["the tag 'tag:yaml.org,2002:binary'"]),
    "bytes that are none": ("a: !!binary '%%é'\n", 1, ["the tag 'tag:yaml.org,2002:binary'"]),
    "a tag of one's own": ("a:\n- !mine {b: c}\n", 2, ["the tag '!mine'", "Leave it out"]),
    "a number by a tag": ("a: !!int foo\n", 1, ["the tag 'tag:yaml.org,2002:int'"]),
    "a directive": ("%TAG ! tag:x,2000:\n---\na: b\n", 2, ["a directive above this line"]),
    "another version": ("%YAML 1.1\n---\na: 1:59\n", 2, ["a directive above this line"]),
    "two documents": ("a: 1\n---\nb: 2\n", 2, ["a second document", "Keep one in a file."]),
    "a huge number": ("a: " + "9" * 5000 + "\n", 1, ["a number of more than 300 digits", "quotes"]),
    "a huge number in hex": ("a: 0x" + "f" * 5000 + "\n", 1, ["a number of more than 300 digits"]),
    "a number beyond all": ("a: 1e999999\n", 1, ["'1e999999' is no number that can be used"]),
    "half a number": ("a: 0x_\n", 1, ["'0x_' is no number that can be used"]),
    "a date": ("a: 2001-12-14\n", 1, ["'2001-12-14' is read as a date", "quotes"]),
    "a date that is none": ("a: 2001-99-99\n", 1, ["'2001-99-99' is read as a date"]),
    "a number as a key": ("a:\n  7: b\n", 2, ["the key '7': keys are text", "quotes"]),
    "nothing as a key": ("~: b\n", 1, ["the key '~': keys are text"]),
    "a list as a key": ("? [a]\n: b\n", 1, ["as a key: keys are text"]),
    "an alias as a key": ("a: &a b\n*a : c\n", 2, ["as a key: keys are text"]),
}


@pytest.mark.parametrize(("text", "line", "told"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_with_its_line_in_little_time(
    tmp_path: Path, text: str, line: int, told: list[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load_yaml(path, ConfigError)
    # A hundred thousand values take the parser some seconds, all else less than one.
    assert time.process_time() - began < (30 if "100,000 values" in told[0] else 3)
    assert caught.value.message.startswith(f"{path}:{line}: ")
    for words in told:
        assert words in f"{caught.value.message}\n{caught.value.hint}"


def test_a_file_of_more_bytes_than_people_write_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"# " + b"x" * MOST_BYTES)
    with pytest.raises(PrinciplesError, match="more than 4,194,304 bytes"):
        load_yaml(path, PrinciplesError)
    # This one has no end.
    with pytest.raises(PrinciplesError, match="more than 4,194,304 bytes"):
        load_yaml(Path("/dev/zero"), PrinciplesError)


def test_a_pipe_that_nobody_may_ever_write_to_is_not_waited_for(tmp_path: Path, program: Cli) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for words in (("show",), ("lint",), ("import", "--to", "new.yaml"), ("export", "--to", "new.csv")):
        told = program("principles", words[0], "pipe.yaml", *words[1:])
        assert told.returncode == 2 and told.stderr.startswith("error: pipe.yaml: a pipe"), told.stderr
    # One of the shell's has a writer, and no name.
    reading, writing = os.pipe()
    os.write(writing, b"a: 1\n")
    os.close(writing)
    assert dict(load_yaml(Path(f"/dev/fd/{reading}"), PrinciplesError)) == {"a": 1}
    os.close(reading)


def test_what_people_write_passes(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    nested = "[" * (MOST_DEPTH - 2) + "]" * (MOST_DEPTH - 2)
    path.write_text(
        f"%YAML 1.2\n---\na: &a {{x: 1, y: 2}}\nb:\n  <<: *a\n  x: 3\nc: [1.5, -2, 0x1F, 1_000, 1e-3, true, ~, 'no']\n"
        f"d: {nested}\ne: .inf\n'7': 2 o'clock\n",
        encoding="utf-8",
    )
    loaded = load_yaml(path, ConfigError)
    assert dict(loaded["b"]) == {"x": 3, "y": 2}
    assert list(loaded["c"]) == [1.5, -2, 31, 1000, 0.001, True, None, "no"]
    assert loaded["7"] == "2 o'clock"


def test_every_kind_of_file_is_held_to_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(LAUGHS, encoding="utf-8")
    readers = {
        PrinciplesError: lambda: load_principles(str(path)),
        TemplateError: lambda: load_options(tmp_path),
        ConfigError: lambda: load_settings(path, {}),
        ConstitutionError: lambda: asyncio.run(open_engine(ModelSettings(engine="scripted", model=str(path)))),
    }
    for error, read in readers.items():
        with pytest.raises(error, match=r"set\.yaml:6: more than 100,000 values"):
            read()
