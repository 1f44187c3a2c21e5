"""Two principles to try, and files of such."""

from pathlib import Path

from constitution.principle_files.writing import file_text
from constitution.principles import Principle, PrincipleSet

HARM = Principle(id="harm", critique_request="Say what harms.", revision_request="Take the harm out.")
TONE = Principle(id="tone", critique_request="Say what is rude.", revision_request="Make it kind.")


def file_of(path: Path, *principles: Principle) -> Path:
    whole = PrincipleSet(name="mine", version="1", description="Mine.", principles=principles)
    path.write_text(file_text(whole), encoding="utf-8")
    return path
