"""What an edit changes, line by line."""

import re
from difflib import unified_diff

from constitution.principle_files.lines import END

# Lines around a change that are shown.
AROUND = 3


def unified(old: str, new: str, name: str) -> list[str]:
    """A unified diff, as `diff -u` and `git diff` print it; no lines, where nothing changes.

    Args:
        old: The text before.
        new: The text after.
        name: Of the file.

    Returns:
        Lines without line ends. A text without a last one is told as these programs do; one that ends otherwise shows
        as a changed line that looks the same.
    """
    told = list[str]()
    changes = unified_diff(_lines(old), _lines(new), f"{name} (as it is)", f"{name} (edited)", n=AROUND, lineterm="")
    for number, line in enumerate(changes):
        told.append(END.sub("", line))
        # The first two are the names.
        if number > 1 and not line.startswith("@@") and not END.search(line):
            told.append("\\ No newline at end of file")
    return told


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", text)
