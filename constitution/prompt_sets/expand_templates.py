"""How a model is asked for new prompts: examples as an answer of its own, then a request for more of them.

A template set asks with `expand.jinja`; `expand_examples.yaml` holds harmless requests that sound dangerous, for the
kind `benign`, whose form the user's own file need not have. `system.jinja`, `chat_template.jinja` and `set.yaml` are
those of the other stages (see `templating.py`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from constitution.digests import digest
from constitution.errors import TemplateError
from constitution.principles import Text
from constitution.records import Message, Record
from constitution.rendering import Renderer, checking, find_set, read_sources
from constitution.templating import SHARED, SetOptions, load_options
from constitution.yamlfile import load_yaml, validate

Kind = Literal["red-team", "benign"]
EXAMPLES_FILE = "expand_examples.yaml"


class Lookalikes(Record):
    """`expand_examples.yaml`: requests that sound dangerous and are harmless."""

    benign: Annotated[tuple[Text, ...], Field(min_length=2)]


class ExpandTemplates:
    """A loaded set, as far as new prompts go. Build it with `load_expand_templates`.

    Attributes:
        stop: Strings that end an answer.
        chat_template: Jinja source of the set's own chat template, or None for the model's.
        digest: Hash of every text that can change an answer.
        benign: Harmless requests that sound dangerous.
    """

    def __init__(
        self,
        folder: Path,
        sources: dict[str, str],
        options: SetOptions,
        examples: Lookalikes,
        system_prompt: str | None,
    ) -> None:
        # All it is made of: compiled templates do not travel to other machines.
        self._parts = folder, sources, options, examples, system_prompt
        self._renderer = Renderer(folder, sources)
        self._system_prompt = system_prompt
        self.benign = examples.benign
        self.stop = options.stop
        self.chat_template = sources.get("chat_template.jinja")
        self.digest = digest([sources, options.stop, examples.model_dump(), system_prompt])

    def __reduce__(self) -> tuple[type["ExpandTemplates"], tuple[Any, ...]]:
        """Pickled as its parts."""
        return ExpandTemplates, self._parts

    def request(
        self,
        kind: Kind,
        topic: str | None,
        about: str | None,
        examples: Sequence[str],
        lookalikes: Sequence[str],
        number: int,
    ) -> list[Message]:
        """The conversation that asks for new prompts.

        Args:
            kind: Of prompt.
            topic: What they are to be about; None: anything.
            about: The topic of the examples; None: they have several.
            examples: Prompts from the user's file. Of the kind `red-team` they are shown as what was answered before;
                of the kind `benign` as what the new ones are to sound like.
            lookalikes: Of the kind `benign`, what was answered before.
            number: How many new prompts are asked for.
        """
        before = lookalikes if kind == "benign" else examples
        opening = self._asked(kind, None if kind == "benign" else about, [], len(before), more=False)
        like = examples if kind == "benign" else []
        system = self._renderer.render("system.jinja", step="expand", system_prompt=self._system_prompt)
        return [
            *([Message(role="system", content=system)] if system else []),
            Message(role="user", content=opening),
            Message(role="assistant", content="\n".join(f"{n}. {text}" for n, text in enumerate(before, 1))),
            Message(role="user", content=self._asked(kind, topic, like, number, more=True)),
        ]

    def check(self) -> None:
        """Render every file once, so that a fault shows before the first model call.

        Raises:
            TemplateError: With the file and the undefined name, or the limit.
        """
        kinds: tuple[Kind, ...] = ("red-team", "benign")
        with checking():
            for kind in kinds:
                self.request(kind, "a topic", None, ["An example?"], self.benign, 3)
                self.request(kind, None, "a topic", ["An example?"], self.benign, 3)

    def _asked(self, kind: Kind, topic: str | None, examples: Sequence[str], number: int, more: bool) -> str:
        return self._renderer.render(
            "expand.jinja", kind=kind, topic=topic, examples=list(examples), number=number, more=more
        )


def load_expand_templates(name: str, system_prompt: str | None = None) -> ExpandTemplates:
    """Load what a template set has for new prompts, by shipped name or folder, and check it.

    Raises:
        TemplateError: A file is missing or broken.
    """
    folder = find_set(name)
    sources = read_sources(folder, required=("expand.jinja",), optional=SHARED)
    sources.setdefault("system.jinja", "")
    file = folder / EXAMPLES_FILE
    if not file.exists():
        raise TemplateError(f"{folder}: the file {EXAMPLES_FILE} is missing", "Copy it from a set that ships.")
    examples = validate(Lookalikes, load_yaml(file, TemplateError) or {}, file, TemplateError)
    loaded = ExpandTemplates(folder, sources, load_options(folder), examples, system_prompt)
    loaded.check()
    return loaded
