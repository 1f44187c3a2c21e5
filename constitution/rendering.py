"""Template sets as folders of Jinja files: find, read, compile, render.

Templates run in the sandbox (`sandbox/`) and every undefined name is an error. Row text is only ever a value: it is
never compiled.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateSyntaxError

from constitution.errors import TemplateError, TemplateLimit
from constitution.resources import shipped
from constitution.sandbox import LimitExceeded, compile_template, line_of, render, words_of
from constitution.yamlfile import nearest, read_text


class Renderer:
    """Compiled templates of one set.

    Args:
        folder: The set's.
        sources: Jinja source by file name.

    Raises:
        TemplateError: One of them is not Jinja; with file and line.
    """

    def __init__(self, folder: Path, sources: Mapping[str, str]) -> None:
        self._folder = folder
        self._templates = {name: _compile(folder / name, text) for name, text in sources.items()}
        self.names = frozenset(sources)

    def render(self, name: str, **values: Any) -> str:
        """A file's text with these values, outer white space removed.

        Args:
            name: The file's.
            values: Text, numbers, None, lists and dicts.

        Raises:
            TemplateError: With file and line, what failed, and the values that there are.
            TemplateLimit: With file and line, and the limit.
        """
        template = self._templates[name]
        try:
            return render(template, values).strip()
        except Exception as bad:
            # A template is a person's own code: it may fail in any way that code can.
            line = line_of(bad, template)
            message = f"{self._folder / name}{f':{line}' if line else ''}: {words_of(bad)}"
            if isinstance(bad, LimitExceeded):
                limit = TemplateLimit(message, "Change the file such that it ends, and writes less.")
                limit.step = Path(name).stem
                raise limit from None
            known = ", ".join(sorted(values))
            raise TemplateError(message, f"The values this file is given: {known}.") from None


@contextmanager
def checking() -> Iterator[None]:
    """While a set is tried out, a limit is the set's fault and no row's.

    Raises:
        TemplateError: A template did more than is allowed.
    """
    try:
        yield
    except TemplateLimit as bad:
        raise TemplateError(bad.message, bad.hint) from None


def read_sources(folder: Path, required: Sequence[str], optional: Sequence[str]) -> dict[str, str]:
    """The Jinja sources of a set by file name.

    Raises:
        TemplateError: A required file is missing; names one to copy.
    """
    for name in required:
        if not (folder / name).exists():
            raise TemplateError(
                f"{folder}: the file {name} is missing",
                f"Copy {shipped('templates') / 'chat' / name} into the folder and edit the copy.",
            )
    names = [name for name in (*required, *optional) if (folder / name).exists()]
    return {name: read_text(folder / name, TemplateError) for name in names}


def find_set(name: str) -> Path:
    """The folder of a set, by shipped name or path.

    Raises:
        TemplateError: Neither a shipped name nor a folder; names the nearest.
    """
    root = shipped("templates")
    known = [folder.name for folder in sorted(root.iterdir()) if folder.is_dir()]
    # Shipped names come first: a folder called `chat` that happens to lie about must not change a run.
    if name in known:
        return root / name
    path = Path(name).expanduser()
    if not path.is_dir():
        raise TemplateError(
            f"no template set called {name!r}; {nearest(name, known)}", "Give one of these, or a folder."
        )
    return path


def _compile(file: Path, source: str) -> Template:
    try:
        # The engine renders the chat template; here its faults are told with file and line.
        return compile_template(source, chat=file.name == "chat_template.jinja")
    except TemplateSyntaxError as bad:
        raise TemplateError(f"{file}:{bad.lineno}: {bad.message}") from None
