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


class Typed(Record):
    """What an editor left.

    Attributes:
        path: Of the file that was edited; it stays until `forget`.
        text: What is in it, line ends as they are.
    """

    path: Path
    text: str


def edit_text(text: str, name: str) -> Typed:
    """Open a text in the editor that VISUAL or EDITOR names, and wait for it to end.

    Args:
        text: To begin with.
        name: Of the file that the editor sees.

    Raises:
        PrinciplesError: No editor is named, it cannot be started, or it failed; says where the text is kept.
    """
    words = _editor()
    path = Path(tempfile.mkdtemp(prefix="constitution-")) / name
    path.write_bytes(text.encode("utf-8"))
    return reopen(Typed(path=path, text=text), words)


def reopen(typed: Typed, words: list[str] | None = None) -> Typed:
    """Open what was typed once more.

    Raises:
        PrinciplesError: As `edit_text`.
    """
    words = words or _editor()
    before = read_bytes(typed.path, PrinciplesError)
    try:
        status = subprocess.run([*words, str(typed.path)], check=False).returncode
    except OSError as bad:
        _forget_if(typed, before)
        raise PrinciplesError(
            f"the editor {shlex.join(words)!r} cannot be started: {bad.strerror}",
            "VISUAL or EDITOR names a program; for example: export EDITOR=nano",
        ) from None
    if status:
        kept = "" if _forget_if(typed, before) else f"; what was typed is kept in {typed.path}"
        raise PrinciplesError(
            f"the editor {shlex.join(words)!r} ended with exit code {status}; nothing was written{kept}",
            "" if not kept else f"To use it: the same command with --from-text {shlex.quote(str(typed.path))}",
        )
    return typed.model_copy(
        update={"text": decoded(read_bytes(typed.path, PrinciplesError), typed.path, PrinciplesError)}
    )


def forget(typed: Typed) -> None:
    """Remove the file of a text that has been written, or was not changed, with all that the editor left beside it."""
    if typed.path.parent.name.startswith("constitution-"):
        shutil.rmtree(typed.path.parent, ignore_errors=True)


def _forget_if(typed: Typed, before: bytes) -> bool:
    """Whether nothing was typed; then there is nothing to keep."""
    same = typed.path.exists() and typed.path.read_bytes() == before
    if same:
        forget(typed)
    return same


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
