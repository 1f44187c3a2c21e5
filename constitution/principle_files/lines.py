"""A text as lines, by offsets into it; line ends are whatever they are."""

import re
from bisect import bisect_right

END = re.compile(r"\r\n|\n|\r")
# What may stand before a dash or a comment, and on a blank line.
SPACE = " \t"


class Lines:
    """Where the lines of a text begin and end. Lines count from 0; offsets are in characters.

    Args:
        text: YAML breaks lines at CR LF, LF and CR, so this does, unlike `str.splitlines`.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(end.end() for end in END.finditer(text))]
        if len(self.starts) > 1 and self.starts[-1] == len(text):
            # What comes after the last line's end is no line.
            self.starts.pop()

    def at(self, offset: int) -> int:
        """The line that an offset is in; the end of the text is in the last one."""
        return bisect_right(self.starts, offset) - 1

    def start(self, line: int) -> int:
        """Where a line begins; the end of the text, for the one after the last."""
        return self.starts[line] if line < len(self.starts) else len(self.text)

    def after(self, offset: int) -> int:
        """Where the line after the one of this offset begins."""
        return self.start(self.at(offset) + 1)

    def said(self, line: int) -> str:
        """A line without its end."""
        return self.text[self.start(line) : self.start(line + 1)].rstrip("\r\n")

    def blank(self, line: int) -> bool:
        """Whether nothing but space is on it."""
        return not self.said(line).strip(SPACE)

    def comment(self, line: int) -> bool:
        """Whether nothing but a comment is on it."""
        return self.said(line).lstrip(SPACE).startswith("#")

    def indent(self, line: int) -> int:
        """How many characters of space it begins with."""
        said = self.said(line)
        return len(said) - len(said.lstrip(SPACE))

    def column(self, offset: int) -> int:
        """How many characters of its line are before an offset."""
        return offset - self.start(self.at(offset))

    @property
    def eol(self) -> str:
        """How most lines of the text end; a line feed if there is one line."""
        ends = END.findall(self.text)
        return max(dict.fromkeys(ends), key=ends.count) if ends else "\n"
