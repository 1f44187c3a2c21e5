"""Template sets as folders of Jinja files: find, read, compile, render.

Templates run in Jinja's sandbox and every undefined name is an error. Row text is only ever a value: it is never
compiled.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from constitution.errors import TemplateError
from constitution.resources import shipped
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
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        self._folder = folder
        self._templates = {name: _compile(environment, folder / name, text) for name, text in sources.items()}
        self.names = frozenset(sources)

    def render(self, name: str, **values: Any) -> str:
        """A file's text with these values, outer white space removed.

        Raises:
            TemplateError: With the file, what failed, and the values that there are.
        """
        try:
            return self._templates[name].render(**values).strip()
        except Exception as bad:
            # A template is a person's own code: it may fail in any way that code can.
            known = ", ".join(sorted(values))
            raise TemplateError(f"{self._folder / name}: {bad}", f"The values this file is given: {known}.") from None


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


def _compile(environment: ImmutableSandboxedEnvironment, file: Path, source: str) -> Template:
    # A chat template speaks the dialect of transformers (it has functions of its own): the engine compiles it.
    if file.name == "chat_template.jinja":
        return environment.from_string("")
    try:
        return environment.from_string(source)
    except TemplateSyntaxError as bad:
        raise TemplateError(f"{file}:{bad.lineno}: {bad.message}") from None
