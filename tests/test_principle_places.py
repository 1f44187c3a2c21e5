"""Files written in unusual ways: edited where that is safe, else refused with what to type; never a crash."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scale import LONG

from constitution.errors import PrinciplesError
from constitution.principle_files import edits
from constitution.principle_files.edits import Where
from constitution.principle_files.places import HeldFile, hold
from constitution.principle_files.typed import entry_shown, entry_source, replace_entry
from constitution.principles import Principle, PrincipleSet, Rule, parse_principles

MINE = Path("mine.yaml")
HEAD = "name: m\nversion: 1\ndescription: d\n"
ENTRY = "- id: a\n  critique_request: c\n  revision_request: r\n"
MORE = HEAD + "principles:\n" + ENTRY
RULE = "rules: [{id: x, proposition: p}]\n"
ADDED = Rule(id="new", proposition="It is so.")


def changed(text: str, id: str, **fields: object) -> str:
    return edits.set_fields(hold(MINE, text), id, fields)


def unsafe(text: str, id: str, **fields: object) -> None:
    with pytest.raises(PrinciplesError, match="safely; nothing was written") as bad:
        changed(text, id, **fields)
    assert bad.value.hint == "constitution principles edit mine.yaml opens the whole file in your editor."


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("c", "New.", "New."),
        ("  c   # why", "New.", "  New.   # why"),
        ("&x c # why", "New.", "&x New. # why"),
        ('"c"', 'a "b"', '"a \\"b\\""'),
        ("'c'", "it's", "'it''s'"),
        ("'c'", "tab\there", '"tab\\there"'),
        ("c", "yes: no", '"yes: no"'),
        ("c\n   d\n\n   e # f", "New.", "New. # f"),
        (">\n   c\n   d\n\n", "New.", ">\n   New.\n\n"),
        ("|2-  # why\n    c", "New.\n Own.", "|-  # why\n    New.\n     Own."),
        (">-\n   c", "New:\n\n- own", "|-\n   New:\n\n   - own"),
        ("|+\n   c\n\n", "New.", "|+\n   New.\n\n"),
        ("c # why", "w " * 50, ">- # why\n    " + ("w " * 44).strip() + "\n    w w w w w w"),
    ],
)
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_a_text_stays_in_its_style(old: str, value: str, new: str, eol: str) -> None:
    text = MORE.replace("request: c", f"request: {old}", 1)
    after = MORE.replace("request: c", f"request: {new}", 1)
    for end in ("", "\n# end\n", "\n\nrules: []"):
        assert changed((text + end).replace("\n", eol), "a", critique_request=value) == (after + end).replace("\n", eol)


def test_values_that_are_not_written_or_stand_for_others() -> None:
    for old in ("comparison:", "comparison:   # none", "comparison: null # none", "comparison: ~"):
        text = MORE + f"  {old}\n  weight: 2\n"
        new = f"comparison: Better?{old[len(old.split('#')[0].rstrip()) :]}"
        assert changed(text, "a", comparison="Better?") == MORE + f"  {new}\n  weight: 2\n"
    shared = MORE.replace("request: c", "request: &x c").replace("request: r", "request: *x")
    assert changed(shared, "a", revision_request="Own.") == shared.replace("*x", "Own.")
    # Both would change.
    unsafe(shared, "a", critique_request="New.")
    unsafe(MORE.replace("request: c", "request: &x\n   c"), "a", critique_request="New.")
    merged = MORE.replace("- id: a", "- &a\n  id: a") + "- <<: *a\n  id: b\n"
    assert changed(merged, "b", weight=2.0) == merged + "  weight: 2\n"
    unsafe(merged, "a", weight=2.0)
    with pytest.raises(PrinciplesError, match="safely"):
        edits.remove(hold(MINE, merged), ["a"])
    with pytest.raises(PrinciplesError, match="safely"):
        edits.reorder(hold(MINE, merged), ["b"], Where(side="first"))


def test_files_in_brackets() -> None:
    text = (
        '{"name": "m", "version": "1", "description": "d",\n "principles": [{"id": "a", "weight": 1, "tags": ["x"],\n'
    )
    text += '  "critique_request": "c", "revision_request": r}]} # end'
    new = changed(text, "a", weight=2.5, critique_request='a "b"', revision_request="x, y", tags=("x", "y"))
    assert new == text.replace(": 1,", ": 2.5,").replace('"c"', '"a \\"b\\""').replace(": r}", ': "x, y"}').replace(
        '["x"]', '["x", y]'
    )
    unsafe(text, "a", comparison="Better?")
    unsafe(text, "a", tags=None)
    file = hold(MINE, text)
    assert edits.set_head(file, {"version": "2.0"}) == text.replace('"1"', '"2.0"')
    for edit in (
        lambda: edits.add(file, ADDED, Where()),
        lambda: edits.add(file, Principle(id="b", critique_request="c", revision_request="r"), Where()),
        lambda: edits.remove(
            hold(MINE, text.replace("}]}", "}, {id: b, critique_request: c, revision_request: r}]}")), ["b"]
        ),
        lambda: edits.reorder(file, ["a"], Where()),
        lambda: entry_source(file, "a"),
    ):
        with pytest.raises(PrinciplesError, match="safely"):
            edit()
    assert entry_shown(file, "a").startswith('{"id": "a"') and entry_shown(file, "a").endswith("r}")


def test_comments_within_a_value_are_not_lost() -> None:
    unsafe(MORE + "  tags: [x, # why\n    y]\n", "a", tags=("x",))
    block = MORE + "  tags: # why\n  # of all\n  - x\n  # of y\n  - 'y' # y\n"
    assert changed(block, "a", tags=("y", "z")) == MORE + "  tags: # why\n  # of all\n  # of y\n  - 'y' # y\n  - z\n"
    assert changed(block[:-1], "a", tags=("y", "z")) == MORE + "  tags: # why\n  # of all\n  # of y\n  - 'y' # y\n  - z"
    assert changed(block, "a", tags=None) == MORE


def test_first_fields_and_keys_in_the_long_way() -> None:
    first = HEAD + "principles:\n- tags: [x]\n  id: a\n  critique_request: c\n  revision_request: r\n"
    assert changed(first, "a", tags=None) == MORE
    unsafe(first.replace("[x]\n", "[x]\n  # of a\n"), "a", tags=None)
    long = MORE.replace("  revision_request: r", "  ? revision_request\n  : r")
    unsafe(long, "a", revision_request="New.")
    assert changed(long, "a", weight=2.0) == long + "  weight: 2\n"
    compact = HEAD + "? principles\n: " + ENTRY.replace("\n", "\n  ").rstrip() + "\n"
    with pytest.raises(PrinciplesError, match="safely"):
        edits.add(hold(MINE, compact), Principle(id="b", critique_request="c", revision_request="r"), Where())


def test_lists_that_are_empty_or_not_there() -> None:
    rule = "\nrules:\n  - id: new\n    proposition: It is so.\n"
    assert edits.add(hold(MINE, MORE), ADDED, Where()) == MORE + rule
    assert edits.add(hold(MINE, MORE[:-1]), ADDED, Where()) == MORE + rule[:-1]
    for empty, key in (("rules: []\n", "rules:\n"), ("rules:   [ ]  # none\n", "rules:  # none\n")):
        assert edits.add(hold(MINE, MORE + empty), ADDED, Where()) == MORE + key + rule.removeprefix("\nrules:\n")
    both = MORE + "rules: # some\n- id: x\n  proposition: p\n"
    assert edits.remove(hold(MINE, both), ["x"]) == MORE + "rules: [] # some\n"
    assert edits.remove(hold(MINE, both), ["a"]) == both.replace(":\n" + ENTRY, ": []\n")
    # The end of a document is no place for more.
    with pytest.raises(PrinciplesError, match="safely"):
        edits.add(hold(MINE, MORE + "...\n"), ADDED, Where())


def test_an_entry_typed_anew_changes_no_other() -> None:
    text = MORE + "- id: b\n  critique_request: c\n  revision_request: r\n"
    file = hold(MINE, text)
    typed = entry_source(file, "a").replace("c\n", '"c\n')
    with pytest.raises(PrinciplesError, match="nothing was written"):
        replace_entry(file, "a", typed, "typed")
    assert replace_entry(file, "b", "# b\n- {id: b, critique_request: c, revision_request: z}", "typed") == MORE + (
        "# b\n- {id: b, critique_request: c, revision_request: z}\n"
    )


def test_a_file_of_hundreds_of_principles_is_edited_in_seconds() -> None:
    entries = "".join(
        f"  # {n}\n  - id: p{n}\n    critique_request: >-\n      Say {n}.\n    revision_request: r\n\n"
        for n in range(300)
    )
    file = hold(MINE, HEAD + "principles:\n" + entries)
    before = time.process_time()
    new = edits.set_fields(file, "p150", {"weight": 2.0})
    assert time.process_time() - before < 5
    assert len(new) == len(file.text) + len("    weight: 2\n")


COMMENTED = """\
# Head.
name: m # n
version: "1"
description: >-
  d
principles: # all
  # Of a.
  - id: a
    critique_request: &x >-  # why
      c
    revision_request: 'r'
    tags: [x, "y"]

  # Nobody's.

  - {id: b, critique_request: *x, revision_request: r}
  -
    id: c
    # Of c.
    critique_request: c
      d
    revision_request: |+
      r

    tags:
    - x # x
rules:
- id: d
  proposition: p
  weight: -1
"""
PIECES = [
    "\n",
    "\r\n",
    "\r",
    " ",
    "  ",
    "\t",
    "#",
    "# x\n",
    "- ",
    ":",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    "&y ",
    "*x",
    "? ",
    "|",
    ">+",
]
PIECES += ["\x85", "\u2028", "\ufeff", "\x0b", "批", "🜚", "...", "---\n", "<<: ", "!x ", ",", "id: a", "tags:", "\n\n"]


def rest(said: PrincipleSet, id: str) -> list[object]:
    return [entry for entry in (*said.principles, *said.rules) if entry.id != id]


MUTATED: dict[str, Callable[[HeldFile, str], str]] = {
    "set": lambda file, id: edits.set_fields(file, id, {"weight": 7.0, "tags": ("x", "new")}),
    "out": lambda file, id: edits.set_fields(file, id, {"tags": None}),
    "rename": lambda file, id: edits.rename(file, id, "renamed"),
    "remove": lambda file, id: edits.remove(file, [id]),
    "reorder": lambda file, id: edits.reorder(file, [id], Where(side="last")),
    "add": lambda file, id: edits.add(file, ADDED, Where(side="first")),
}


def test_mutated_files_are_edited_right_or_refused() -> None:
    draw, done, refused = random.Random(7), 0, 0
    for _ in range(5_000 if LONG else 120):
        text = COMMENTED
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(PIECES) + text[at + draw.choice([0, 0, 1, 3]) :]
        try:
            file = hold(MINE, text)
        except PrinciplesError:
            continue
        ids = [entry.id for entry in (*file.said.principles, *file.said.rules)]
        id = draw.choice(ids)
        for name, edit in MUTATED.items():
            try:
                new = edit(file, id)
            except PrinciplesError:
                refused += 1
                continue
            done += 1
            said = parse_principles(new.replace("\r\n", "\n").replace("\r", "\n"), MINE)
            kept = [entry for entry in rest(said, id) if entry.id not in ("renamed", "new")]
            if name != "reorder":
                assert kept == rest(file.said, id)
            if name in ("rename", "add"):
                # One place, and no more than the id of what was there.
                same = len(os.path.commonprefix([new, text]))  # noqa: RUF071
                same += len(os.path.commonprefix([new[same:][::-1], text[same:][::-1]]))  # noqa: RUF071
                assert len(text) - same <= (len(id) if name == "rename" else 0)
    print(f"{done} edits made, {refused} refused")
    assert done > refused
