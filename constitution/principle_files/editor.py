"""Text typed in the user's own editor. What was typed stays on the disk until it is where it belongs."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from constitution.errors import PrinciplesError
from constitution.records import Record
from constitution.yamlfile import decoded, read_bytes

FOLDER = "constitution-"


class Typed(Record):
    """What an editor left.

    Attributes:
        path: Of the file that was edited; it stays until `forget`.
        begun: What was in it at first.
        text: What is in it; line ends are as they are.
    """

    path: Path
    begun: str
    text: str


def begin(text: str, name: str) -> Typed:
    """Lay a text out for the editor that VISUAL or EDITOR names.

    Args:
        text: To begin with.
        name: Of the file that the editor sees.

    Raises:
        PrinciplesError: No editor is named.
    """
    # Before anything is written.
    _editor()
    path = Path(tempfile.mkdtemp(prefix=FOLDER)) / name
    path.write_bytes(text.encode("utf-8"))
    return Typed(path=path, begun=text, text=text)


def edit(typed: Typed) -> Typed:
    """Open a text in the editor, and wait for that to end.

    Raises:
        PrinciplesError: The editor cannot be started, or it failed; says where what was typed is kept.
    """
    words = _editor()
    try:
        status = subprocess.run([*words, str(typed.path)], check=False).returncode
    except OSError as bad:
        raise PrinciplesError(
            f"the editor {shlex.join(words)!r} cannot be started: {bad.strerror}{_kept(typed)}",
            "VISUAL or EDITOR names a program; for example: export EDITOR=nano",
        ) from None
    if status:
        how = f"ended with exit code {status}" if status > 0 else f"was ended by the signal {-status}"
        raise PrinciplesError(f"the editor {shlex.join(words)!r} {how}; nothing was written{_kept(typed)}")
    try:
        text = decoded(read_bytes(typed.path, PrinciplesError), typed.path, PrinciplesError)
    except PrinciplesError as bad:
        raise PrinciplesError(f"{bad.message}; nothing was written{_kept(typed)}", bad.hint) from None
    return typed.model_copy(update={"text": text})


def forget(typed: Typed) -> None:
    """Remove the file of a text that has been written, or was not changed, with all that the editor left beside it."""
    if typed.path.parent.name.startswith(FOLDER):
        shutil.rmtree(typed.path.parent, ignore_errors=True)


def _kept(typed: Typed) -> str:
    """Where what was typed is; nothing, if nothing was."""
    if not typed.path.exists() or (typed.path.is_file() and typed.path.read_bytes() == typed.begun.encode("utf-8")):
        forget(typed)
        return ""
    if not typed.path.is_file():
        # Some editor's own; it is left to the user.
        return ""
    return f"; what was typed is kept in {typed.path} (--from-text {shlex.quote(str(typed.path))} takes it)"


def _editor() -> list[str]:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(named)
    except ValueError as bad:
        raise PrinciplesError(f"the editor {named!r}: {bad}", "For example: export EDITOR='code --wait'") from None
    if not words:
        raise PrinciplesError(
            "no editor is named: neither VISUAL nor EDITOR is set",
            "For example: export EDITOR=nano; or give what is to be changed as options (see --help).",
        )
    return words
