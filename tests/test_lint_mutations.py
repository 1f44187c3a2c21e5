"""Principles files that were damaged in every way: only findings and this program's own errors come out."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from linting import words_counted
from planted import HEAD, SOUND, ruled
from scale import LONG

from constitution.errors import PrinciplesError
from constitution.lint import RULES, Allowance, lint
from constitution.principle_diff import compare_sets
from constitution.principles import parse_principles
from constitution.resources import shipped
from constitution.yamlfile import read_text

FILES = 5_000 if LONG else 300
ODD = [
    *("\x00", "\x1b[2J", "\u202e", "\ufeff", "\u2028", "\x85", "\U0001f600", "\ud7ff", "ﬁ", "İ", "\u0301" * 30),
    *("请重写", "ไทย", "مرحبا؟", "&a", "*a", "<<: *a", "!!python/none", "%YAML 1.1", "---", "...", "\t", "[", "{"),
    *("'", '"', "- ", ": ", "#", "# lint: off", "# lint: off schema, x", "|", ">-", "?", "@", "`", "~", "null", "true"),
    *("-1", "1e309", "9" * 400, ".nan", ".inf", "0x", "2001-01-01", "{x}", "<y>", "TODO", "\\", "\\u0000", "_" * 100),
]
VALUES = [
    *("7", "[]", "{}", "[[a]]", "''", "{a: {b: c}}", "null", "", "yes", "-0.0", "1e300", "[1, {2: 3}]", "&x [*x]"),
    "*y",
]
WORDS = ["ash ", "and which is ", "not ", "x", "更", "(", "is it so? ", "do not ", "which response ", ". ", "\n\n"]
# Requests on the lines of their keys, where a value put in leaves the key without its text; those that ship are blocks.
START = HEAD + SOUND.replace(" >-\n     ", "") + ruled(
    "{id: polite, proposition: The response greets the user by name.}",
    "{id: lectures, proposition: The response lectures the user., weight: -1, tags: [tone]}",
).removeprefix(HEAD + SOUND)  # fmt: skip


def bytes_changed(draw: random.Random, text: str) -> bytes:
    content = bytearray(text.encode())
    # Half of the files stay text.
    highest = draw.choice([127, 255])
    for _ in range(draw.randint(1, 20)):
        at = draw.randrange(len(content))
        content[at : at + draw.randint(0, 3)] = bytes(draw.randint(0, highest) for _ in range(draw.randint(0, 3)))
    return bytes(content)


def lines_changed(draw: random.Random, text: str) -> bytes:
    lines = text.split("\n")
    for _ in range(draw.randint(1, 6)):
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        match draw.randrange(5):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = " " * draw.randint(0, 9) + lines[at].lstrip()
            case 4:
                lines[at : at + draw.randint(0, 5)] = lines[other : other + draw.randint(0, 9)]
        lines = lines or [""]
    return "\n".join(lines).encode()


def values_swapped(draw: random.Random, text: str) -> bytes:
    lines = text.split("\n")
    for _ in range(draw.randint(1, 4)):
        at = draw.choice([n for n, line in enumerate(lines) if ":" in line] or [0])
        lines[at] = lines[at].partition(":")[0] + ": " + draw.choice(VALUES)
    return "\n".join(lines).encode()


def signs_put_in(draw: random.Random, text: str) -> bytes:
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice(ODD) + text[at:]
    return text.encode("utf-8", "surrogatepass")


def huge_texts(draw: random.Random, text: str) -> bytes:
    lines = text.split("\n")
    at = draw.choice([n for n, line in enumerate(lines) if ":" in line])
    begin = draw.choice(["", '"', ">-\n        "])
    lines[at] = f"{lines[at].partition(':')[0]}: {begin}{draw.choice(WORDS) * draw.randint(500, 20_000)}"
    return "\n".join(lines).encode()


def nested(draw: random.Random, text: str) -> bytes:
    depth = draw.randint(1, 200)
    opened, closed = draw.choice([("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("[{a: [", "]}]")])
    return (text + draw.choice(["x: ", "    more: ", "  - id: ", ""]) + opened * depth + "x" + closed * depth).encode()


MUTATIONS: list[Callable[[random.Random, str], bytes]] = [
    *(bytes_changed, lines_changed, values_swapped, signs_put_in),
    *(huge_texts, nested),
]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_no_damaged_file_is_a_crash(tmp_path: Path, mutate: Callable[[random.Random, str], bytes]) -> None:
    # Those that grow files take long: a tenth of all.
    number = FILES // 20 if mutate in (huge_texts, nested) else FILES * 9 // 40
    path, shipped_text = tmp_path / "p.yaml", (shipped("principles") / "helpfulness.yaml").read_text("utf-8")
    good = parse_principles(START, path)
    refused = told = sound = 0
    for seed in range(number):
        draw = random.Random(f"{mutate.__name__} {seed}")
        path.write_bytes(mutate(draw, draw.choice([START, START, START, shipped_text])))
        try:
            text = read_text(path, PrinciplesError)
        except PrinciplesError:
            refused += 1
            continue
        found = lint(text, "p.yaml", Allowance(tokenizer="words", context=400), words_counted)
        assert all(1 <= line <= text.count("\n") + 1 for one in found for line in one.lines), seed
        assert all(one.rule in RULES and one.why and one.todo for one in found), seed
        told, sound = told + bool(found), sound + (not found)
        errors = [one for one in found if one.severity == "error"]
        try:
            loaded = parse_principles(text, path)
        except PrinciplesError:
            # What cannot be loaded is an error of lint's too.
            assert errors, seed
        else:
            assert errors == [], seed
            compare_sets(good, loaded, ("a", "b"))
            assert compare_sets(loaded, loaded, ("a", "b")).empty
    print(f"{mutate.__name__}: {number} files, {told} with findings, {sound} without, {refused} no text")
    assert refused + told + sound == number
    assert told > number / 4
