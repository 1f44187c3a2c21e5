"""A heavily commented principles file in parts, as a reader would cut it, and what each edit should make of the parts.

It knows nothing of how the program finds its places: each part is known because it was put there.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

FIELDS = {
    "principles": ("id", "critique_request", "revision_request", "comparison", "weight", "tags"),
    "rules": ("id", "proposition", "weight", "tags"),
}
WORDS = [
    "the",
    "reply",
    "names",
    "it's",
    "a",
    "“doses”",
    "C#",
    "50%",
    "批评",
    "🜚",
    "x: y",
    "mind—",
    "[so]",
    "& more",
    "#1",
]


@dataclass
class Entry:
    """One entry: its lines by field, with the comments above and below that are its own."""

    id: str
    lead: str
    chunks: list[tuple[str, str]]
    tail: str = ""
    flow: bool = False

    @property
    def text(self) -> str:
        return self.lead + "".join(text for _, text in self.chunks) + self.tail


@dataclass
class Part:
    """A list of entries: its key's line, the entries, and what is before each of them and after the last."""

    name: str
    key: str
    entries: list[Entry]
    gaps: list[str]

    @property
    def text(self) -> str:
        inner = "".join(gap + entry.text for gap, entry in zip(self.gaps, self.entries, strict=False))
        return self.key + inner + self.gaps[-1]


@dataclass
class File:
    """All of it; the last line's end may be missing."""

    eol: str
    ended: bool
    head: list[tuple[str, str]]
    parts: list[Part]
    added: int = 0

    @property
    def whole(self) -> str:
        """With the last line's end."""
        return "".join(text for _, text in self.head) + "".join(part.text for part in self.parts)

    @property
    def text(self) -> str:
        return self.shown(self.whole)

    def shown(self, text: str) -> str:
        return text if self.ended else text.removesuffix(self.eol)


@st.composite
def files(draw: Any) -> File:
    """Lists indented or not, any line end, every way to write a text, comments wherever one may stand."""
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    marks = list[str]()

    def mark() -> str:
        marks.append(f"mark{len(marks):03}.")
        return f"# {marks[-1]} " + draw(st.sampled_from(["why", "a: b", "- dash", "🜚\tx", "&a *b", ""]))

    def maybe(text: str) -> str:
        return text if draw(st.booleans()) else ""

    def behind() -> str:
        # ruamel.yaml takes no tab before a comment.
        return maybe(draw(st.sampled_from([" ", "   "])) + mark())

    def comments(spaces: int) -> str:
        return "".join(" " * spaces + mark() + "\n" for _ in range(draw(st.integers(0, 2))))

    def words(most: int) -> list[str]:
        return ["Say", *draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=most)), "now."]

    def text_field(name: str, spaces: int, keep: bool) -> str:
        margin, said = " " * spaces, words(12)
        style = draw(st.sampled_from(["plain", "'", '"', ">", "|", *(["+"] if keep else []), "wrapped"]))
        if style in (">", "|", "+"):
            sign = {"+": "|+"}.get(style, style + draw(st.sampled_from(["", "-"])))
            deep = margin + " " * draw(st.integers(1, 4))
            lines = "".join(deep + " ".join(said[n : n + 4]) + "\n" for n in range(0, len(said), 4))
            return f"{name}: {sign}{behind()}\n{lines}" + ("\n\n" if style == "+" else "")
        one = " ".join(said)
        if style == "'":
            return f"{name}: '{one.replace(chr(39), chr(39) * 2)}'{behind()}\n"
        if style == '"':
            return f'{name}: "{one}"{behind()}\n'
        safe = [word for word in said if word not in ("x: y", "#1")]
        if style == "wrapped":
            return f"{name}: {safe[0]}\n{margin}   {' '.join(safe[1:])}{behind()}\n"
        return f"{name}:{draw(st.sampled_from([' ', '   ']))}{' '.join(safe)}{behind()}\n"

    def tags(spaces: int) -> str:
        some = draw(st.lists(st.sampled_from(["a", "two words", "批评", "#x"]), min_size=1, max_size=3, unique=True))
        if draw(st.booleans()):
            return f"tags: [{', '.join(repr(tag) for tag in some)}]{behind()}\n"
        dash = " " * (spaces + draw(st.sampled_from([0, 2]))) + "- "
        return f"tags:{behind()}\n" + "".join(f"{dash}{tag!r}{behind()}\n" for tag in some)

    def entry(kind: str, id: str, column: int) -> Entry:
        lead, dash = comments(draw(st.integers(0, column))), " " * column + "-"
        if draw(st.integers(0, 7)) == 0:
            rest = ["proposition: so"] if kind == "rules" else ["critique_request: c", 'revision_request: "r"']
            return Entry(
                id, lead, [("flow", f"{dash} {{id: {id}, {', '.join(rest)}, weight: 2}}{behind()}\n")], flow=True
            )
        apart = draw(st.sampled_from([" ", " ", "   ", f"{behind()}\n"]))
        spaces = column + 2 if apart.endswith("\n") else column + 1 + len(apart)
        margin, chunks = " " * spaces, list[tuple[str, str]]()
        for name in FIELDS[kind]:
            if name in ("comparison", "weight", "tags") and draw(st.booleans()):
                continue
            if name == "id":
                shown = draw(st.sampled_from([id, f"'{id}'", f'"{id}"']))
                text = f"{dash}{apart}{margin if apart.endswith(chr(10)) else ''}id: {shown}{behind()}\n"
            elif name == "weight":
                text = f"{margin}weight: {draw(st.sampled_from(['1', '2.50', '0.5']))}{behind()}\n"
            elif name == "tags":
                text = margin + tags(spaces)
            else:
                text = margin + text_field(name, spaces, name == "critique_request")
            # A comment between two fields, and a blank line, are lines of the field above.
            chunks.append((name, text))
            chunks.append(("", comments(spaces) + maybe("\n" if name == "id" else "")))
        # Blank lines at the very end would be no part of it.
        chunks[-1] = ("", comments(spaces))
        return Entry(id, lead, chunks)

    def gap(column: int) -> str:
        kind = draw(st.sampled_from(["", "\n", "\n", "\n\n", "free"]))
        return f"{maybe(chr(10))}{' ' * column}{mark()}\n\n" if kind == "free" else kind

    head = [
        ("", draw(st.sampled_from(["", "\ufeff"])) + maybe(f"{mark()}\n\n{mark()}\n")),
        ("name", f"name: file{behind()}\n"),
        ("version", f"version: {draw(st.sampled_from(['1', '1.0', chr(34) + '1.0' + chr(34)]))}{behind()}\n"),
        ("", maybe(mark() + "\n")),
        ("description", text_field("description", 0, False)),
        ("", maybe(f"\n{mark()}\n")),
    ]
    parts, number = list[Part](), 0
    kinds = draw(st.sampled_from([["principles"], ["principles", "rules"], ["rules", "principles"]]))
    for kind in kinds:
        column = draw(st.sampled_from([0, 2, 4]))
        entries = list[Entry]()
        for _ in range(draw(st.integers(1, 4))):
            entries.append(entry(kind, f"e{number}", column))
            number += 1
        first = maybe(f"{' ' * column}{mark()}\n\n")
        end = maybe("\n") + maybe(f"{mark()}\n") if kind == kinds[-1] else "\n" + maybe(f"{mark()}\n")
        gaps = [first, *(gap(column) for _ in entries[1:]), end]
        parts.append(Part(kind, f"{kind}:{behind()}\n", entries, gaps))
    # A blank line at the end is a line end that is there.
    ended = draw(st.booleans()) or parts[-1].text.endswith("\n\n")
    made = File(eol, ended, head, parts)
    if eol == "\r\n":
        _with_ends(made)
    return made


def _with_ends(file: File) -> None:
    def crlf(text: str) -> str:
        return text.replace("\n", "\r\n")

    file.head = [(name, crlf(text)) for name, text in file.head]
    for part in file.parts:
        part.key, part.gaps = crlf(part.key), [crlf(gap) for gap in part.gaps]
        for entry in part.entries:
            entry.lead, entry.tail = crlf(entry.lead), crlf(entry.tail)
            entry.chunks = [(name, crlf(text)) for name, text in entry.chunks]
