"""What the tests share that run `constitution principles …` on a small commented file."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TEXT = """\
# Head.
name: mine   # short
version: "1.0"
description: For tests.
principles:
  # Above one.
  - id: one # why
    critique_request: "Say what is wrong."
    revision_request: 'Rewrite it.'   # behind
    tags: [a, "b"]
    # Below one.

  # Nobody's.

  - id: two
    critique_request: >-
      Say what is
      wrong here.
    revision_request: Rewrite this.
    comparison: Which is better?
    weight: 2
rules:
- id: three
  proposition: It is kind.
"""


class Ran:
    """How the program ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Run = Callable[..., Ran]


def refused(ran: Ran, mine: Path, *words: str, text: str = TEXT) -> None:
    """Refused with these words, and nothing is written or left about."""
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    for word in words:
        assert word in ran.err
    assert mine.read_bytes() == text.encode()
    assert not [path for path in mine.parent.iterdir() if path.name.startswith(".")]


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """An editor that runs this code on `path`, the file it is given."""
    script = tmp_path / "editor.py"
    script.write_text(f"import sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n{code}\n")
    monkeypatch.setenv("EDITOR", f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}")
