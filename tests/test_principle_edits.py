"""Edits of commented files: what they are not about is the same to the byte, and what they say is what was meant."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from principle_parts import FIELDS, Entry, File, Part, files
from scale import LONG

from constitution.errors import PrinciplesError
from constitution.principle_files import edits
from constitution.principle_files.edits import Where
from constitution.principle_files.places import hold
from constitution.principles import Principle, PrincipleSet, Rule, parse_principles

MINE = Path("mine.yaml")
NEW_TEXTS = [
    "Short.",
    "It's “quoted”: yes # no",
    "A long one that has to be folded, as it is " + "wider than a file of texts reads well, " * 4 + "and so on.",
    "Two\nlines, 批评 🜚.",
    "C:\\temp\tand a tab",
    "- no list",
    "1.10",
]
SIDES = ["first", "last", "before", "after"]
counts = Counter[str]()


def said(text: str) -> PrincipleSet:
    return parse_principles(text.replace("\r\n", "\n"), MINE)


def between(file: File, new: str, before: str, after: str) -> str:
    """What stands between two parts that must be there as they were, to the byte."""
    # Where the last line's end was missing, it is there for the comparison.
    new = new if file.ended else new + file.eol
    assert new[: len(before)] == before
    assert new[len(new) - len(after) :] == after
    assert len(new) >= len(before) + len(after)
    return new[len(before) : len(new) - len(after)]


def around(file: File, part: Part, index: int, chunk: int | None = None) -> tuple[str, str]:
    """The text before and after an entry, or before and after one of its chunks."""
    at = file.parts.index(part)
    before = "".join(text for _, text in file.head) + "".join(p.text for p in file.parts[:at]) + part.key
    before += "".join(gap + entry.text for gap, entry in zip(part.gaps, part.entries[:index], strict=False))
    before += part.gaps[index]
    after = "".join(
        gap + entry.text for gap, entry in zip(part.gaps[index + 1 :], part.entries[index + 1 :], strict=False)
    )
    after += part.gaps[-1] + "".join(p.text for p in file.parts[at + 1 :])
    if chunk is None:
        return before, after
    entry = part.entries[index]
    own = [entry.lead, *(text for _, text in entry.chunks), entry.tail]
    return before + "".join(own[: chunk + 1]), "".join(own[chunk + 2 :]) + after


def blank(text: str) -> str:
    """The blank lines that a text begins with."""
    return re.match(r"(?:[ \t]*\r?\n)*", text)[0]


def do_set(data: Any, file: File, part: Part, index: int) -> str:
    entry, old = part.entries[index], getattr(said(file.text), part.name)[index]
    name = data.draw(st.sampled_from(FIELDS[part.name]))
    value: object
    if name == "weight":
        value = data.draw(st.sampled_from([1.0, 0.25, 3.0, 1e-7]))
    elif name == "tags":
        value = data.draw(st.sampled_from([("a", "new"), ("two words",), ("x, y", "批评", "#x")]))
    elif name == "id":
        value = f"{entry.id}-x"
    else:
        value = data.draw(st.sampled_from(NEW_TEXTS))
    if name in ("comparison", "tags") and getattr(old, name) and data.draw(st.booleans()):
        value = None
    held = hold(MINE, file.text)
    try:
        new = edits.set_fields(held, entry.id, {name: value})
    except PrinciplesError as bad:
        # Only what brackets leave no line for.
        assert "safely" in bad.message
        assert entry.flow
        assert name not in entry.chunks[0][1]
        counts["refused"] += 1
        return file.text
    update = {name: value if value is not None else None if name == "comparison" else ()}
    meant = [old.model_copy(update=update) if e.id == old.id else e for e in getattr(held.said, part.name)]
    assert said(new) == held.said.model_copy(update={part.name: tuple(meant)})
    if value is None and new.endswith("\n"):
        # The line whose end was missing may be gone.
        file.ended = True
    if entry.flow or not any(known == "id" for known, _ in entry.chunks):
        # In brackets, or added by the program: one part.
        before, after = around(file, part, index)
        own = between(file, new, before, after)
        assert entry.lead == own[: len(entry.lead)]
        entry.chunks = [("flow" if entry.flow else "new", own[len(entry.lead) : len(own) - len(entry.tail)])]
    elif (at := next((n for n, (known, _) in enumerate(entry.chunks) if known == name), None)) is not None:
        before, after = around(file, part, index, at)
        chunk, was = between(file, new, before, after), entry.chunks[at][1]
        if value is None:
            assert chunk == ""
        elif update[name] == getattr(old, name):
            assert chunk == was
        elif name == "id":
            assert chunk == re.sub(rf"\b{entry.id}\b", str(value), was, count=1)
        elif name != "tags":
            # The comment behind the value, and how it stands, is as it was.
            assert re.findall(r"[ \t]+# mark\d+\..*", chunk) == re.findall(r"[ \t]+# mark\d+\..*", was)
            assert set(re.findall(r"\r?\n", chunk)) <= {file.eol}
        else:
            kept = set(old.tags) & set(value)
            for line in was.splitlines():
                if any(f"- {tag!r}" in line for tag in kept) or line.strip().startswith("tags: #"):
                    assert line in chunk.splitlines()
        entry.chunks[at] = (name if value is not None else "", chunk)
    elif update[name] == getattr(old, name):
        assert new == file.text
    else:
        order = FIELDS[part.name]
        above = next(known for known in reversed(order[: order.index(name)]) if known in dict(entry.chunks))
        at = next(n for n, (known, _) in enumerate(entry.chunks) if known == above) + 1
        entry.chunks.insert(at, (name, ""))
        before, after = around(file, part, index, at)
        entry.chunks[at] = (name, between(file, new, before, after))
    if name == "id":
        entry.id = str(value)
    return new


def do_remove(data: Any, file: File, part: Part, index: int) -> str:
    gone = [part.entries[index]]
    if len(part.entries) > 2 and data.draw(st.booleans()):
        gone.append(data.draw(st.sampled_from([entry for entry in part.entries if entry is not gone[0]])))
    if len(gone) == sum(len(p.entries) for p in file.parts):
        return file.text
    held = hold(MINE, file.text)
    ids = [entry.id for entry in gone]
    new = edits.remove(held, ids)
    meant = tuple(e for e in getattr(held.said, part.name) if e.id not in ids)
    assert said(new) == held.said.model_copy(update={part.name: meant})
    for entry in gone:
        at = part.entries.index(entry)
        below = part.gaps[at + 1]
        last = part is file.parts[-1] and not "".join(e.text for e in part.entries[at + 1 :]) + below
        if last and at > 0:
            gap = part.gaps[at]
            part.gaps[at] = gap[: len(gap.rstrip("\r\n"))] + (file.eol if gap.rstrip("\r\n") else "")
        part.gaps[at : at + 2] = [part.gaps[at] + below[len(blank(below)) :]]
        del part.entries[at]
    if not part.entries:
        part.key = part.key.replace(":", ": []", 1)
    return new


def do_reorder(data: Any, file: File, part: Part, index: int) -> str:
    ids = [entry.id for entry in part.entries]
    moved = [ids[index], *data.draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))]
    moved = list(dict.fromkeys(moved))
    rest = [id for id in ids if id not in moved]
    side = data.draw(st.sampled_from(SIDES)) if rest else "first"
    beside = data.draw(st.sampled_from(rest)) if rest else ""
    at = {"first": 0, "last": len(rest)}.get(side, rest.index(beside) + (side == "after") if rest else 0)
    order = rest[:at] + moved + rest[at:]
    held = hold(MINE, file.text)
    new = edits.reorder(held, moved, Where(side=side, id=beside))
    by_id = {entry.id: entry for entry in getattr(held.said, part.name)}
    assert said(new) == held.said.model_copy(update={part.name: tuple(by_id[id] for id in order)})
    entries = {entry.id: entry for entry in part.entries}
    part.entries = [entries[id] for id in order]
    return new


def do_add(data: Any, file: File, part: Part, index: int) -> str:
    file.added += 1
    id, text = f"n{file.added}", data.draw(st.sampled_from(NEW_TEXTS))
    entry = (
        Principle(id=id, critique_request=text, revision_request="Do better.", tags=("x",))
        if part.name == "principles"
        else Rule(id=id, proposition=text, weight=-2.0)
    )
    side, beside = data.draw(st.sampled_from(SIDES)), part.entries[index].id
    held = hold(MINE, file.text)
    new = edits.add(held, entry, Where(side=side, id=beside))
    at = {"first": 0, "last": len(part.entries), "before": index, "after": index + 1}[side]
    old = list(getattr(held.said, part.name))
    meant = (*old[:at], entry, *old[at:])
    assert said(new) == held.said.model_copy(update={part.name: meant})
    space = file.eol if len(part.entries) == 1 or any(part.gaps[1:-1]) else ""
    part.entries.insert(at, Entry(id, "", [("new", "")]))
    # A free comment between two entries stays with the one that is not named.
    part.gaps[at : at + 1] = [part.gaps[at], space] if side in ("first", "before") else [space, part.gaps[at]]
    before, after = around(file, part, at)
    part.entries[at].chunks = [("new", between(file, new, before, after))]
    return new


def do_head(data: Any, file: File, part: Part, index: int) -> str:
    name, value = data.draw(st.sampled_from([("version", "2.10"), ("description", NEW_TEXTS[2]), ("name", "yes")]))
    held = hold(MINE, file.text)
    new = edits.set_head(held, {name: value})
    assert said(new) == held.said.model_copy(update={name: value})
    at = next(n for n, (known, _) in enumerate(file.head) if known == name)
    rest = "".join(text for _, text in file.head[at + 1 :]) + "".join(p.text for p in file.parts)
    was = file.head[at][1]
    file.head[at] = (name, between(file, new, "".join(text for _, text in file.head[:at]), rest))
    assert re.findall(r"# mark\d+\.", file.head[at][1]) == re.findall(r"# mark\d+\.", was)
    return new


DO = {"set": do_set, "remove": do_remove, "reorder": do_reorder, "add": do_add, "head": do_head}


@settings(
    max_examples=3_000 if LONG else 40,
    deadline=None,
    # Making a failing file smaller takes minutes: it is one line a part as it is.
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files(), st.data())
def edit_in_sequence(file: File, data: Any) -> None:
    counts["sequences"] += 1
    for kind in data.draw(st.lists(st.sampled_from(["set", "set", *DO]), min_size=1, max_size=8)):
        part = data.draw(st.sampled_from([part for part in file.parts if part.entries]))
        new = DO[kind](data, file, part, data.draw(st.integers(0, len(part.entries) - 1)))
        counts[kind] += 1
        if not file.ended and new.endswith(("\n", "\r")):
            # The entry whose line end was missing is gone; the one before it keeps its own.
            assert kind == "remove"
            file.ended = True
        assert new == file.text


def test_edits_leave_every_untouched_byte() -> None:
    counts.clear()
    edit_in_sequence()
    print(dict(counts))
    assert all(counts[kind] for kind in DO)
    assert counts["refused"] < counts["set"] / 4
