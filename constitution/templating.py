"""Template sets: Jinja files that turn a principle and an answer into the next user turn.

A set is a folder: `critique.jinja`, `revise.jinja`, and, if wanted, `system.jinja` (a system prompt),
`few_shots.yaml` (examples), `set.yaml` (stop strings, how many examples) and `chat_template.jinja` (how a base model
that has no chat template reads a conversation). Templates run in a sandbox (`sandbox/`) and every undefined name is
an error. Row text is only ever a value: it is never compiled.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from constitution.digests import digest
from constitution.errors import TemplateError
from constitution.principles import Principle, Text
from constitution.records import Message, Prompt, Record
from constitution.rendering import Renderer, checking, find_set, read_sources
from constitution.yamlfile import load_yaml, validate

AnyText = Annotated[str, StringConstraints(min_length=1)]
# What both stages read, beside the stage's own files.
SHARED = ("system.jinja", "chat_template.jinja")
FEW_SHOTS_FILE = "few_shots.yaml"


class FewShot(Record):
    """One worked example of a round, shown to the model before the real one.

    Attributes:
        before: The conversation's turns before `prompt`, if it has any.
        prompt: The last user turn.
        response: The answer to rewrite.
        critique_request: The principle's.
        critique: What is wrong with the response.
        revision_request: The principle's.
        revision: The response rewritten.
    """

    before: tuple[Message, ...] = ()
    prompt: Text
    response: Text
    critique_request: Text
    critique: Text
    revision_request: Text
    revision: Text


class SetOptions(Record):
    """`set.yaml`: what a template set asks of the engine.

    Attributes:
        description: For readers of the file.
        stop: Strings that end an answer, for models that would go on to write the human's next turn.
        few_shots: How many examples are used unless the user says otherwise.
        labels: How a judge's answer begins that prefers response (A), and one that prefers (B): a letter, after a space
            for models that go on with a text.
        named: What worked chains of thought call the two responses.
        answer: The sentence on which they end; `{label}` in it becomes one of those names.
        yes_no: How a judge's answer begins that finds a rule's proposition true of a response, and one that finds it
            false; likewise.
    """

    description: str = ""
    stop: tuple[AnyText, ...] = ()
    few_shots: Annotated[int, Field(ge=0)] = 0
    labels: Annotated[tuple[AnyText, ...], Field(min_length=2, max_length=2)] = ("A", "B")
    named: Annotated[tuple[AnyText, ...], Field(min_length=2, max_length=2)] = ("(A)", "(B)")
    answer: Annotated[str, StringConstraints(pattern=r"\{label\}")] = "The answer is {label}."
    yes_no: Annotated[tuple[AnyText, ...], Field(min_length=2, max_length=2)] = ("Yes", "No")


class _Examples(Record):
    examples: tuple[FewShot, ...]


class TemplateSet:
    """A loaded set. Build it with `load_templates`.

    Attributes:
        stop: Strings that end an answer.
        chat_template: Jinja source of the set's own chat template, or None for the model's.
        digest: Hash of every text that can change a row.
    """

    def __init__(
        self,
        folder: Path,
        sources: dict[str, str],
        options: SetOptions,
        examples: tuple[FewShot, ...],
        system_prompt: str | None,
    ) -> None:
        # All it is made of: compiled templates do not travel to other machines.
        self._parts = folder, sources, options, examples, system_prompt
        self._renderer = Renderer(folder, sources)
        self._examples = examples
        self._system_prompt = system_prompt
        self.stop = options.stop
        self.chat_template = sources.get("chat_template.jinja")
        # Without what they leave out: a field that is new must not change the digest of older sets.
        shown = [example.model_dump(exclude_defaults=True) for example in examples]
        self.digest = digest([sources, options.stop, shown, system_prompt])

    def __reduce__(self) -> tuple[type["TemplateSet"], tuple[Any, ...]]:
        """Pickled as its parts."""
        return TemplateSet, self._parts

    def respond(self, prompt: Prompt) -> list[Message]:
        """The conversation that asks for the initial response."""
        return self._opening(prompt, "respond")

    def critique(self, prompt: Prompt, response: str, principle: Principle) -> list[Message]:
        """The conversation that asks for a critique of `response`.

        Only the answer under revision stands in it, not the rounds before: after each round the paper puts the
        revision in the initial response's place and begins anew (section 3.1).
        """
        request = self._renderer.render(
            "critique.jinja", prompt=prompt.text, response=response, principle=principle.model_dump()
        )
        return [*self._conversation(prompt, "critique", response, critique=True), _user(request)]

    def revise(self, prompt: Prompt, response: str, principle: Principle, critique: str | None) -> list[Message]:
        """The conversation that asks for a revision; it goes on where the critique's conversation ended.

        Args:
            prompt: The row.
            response: The answer to rewrite.
            principle: The round's principle.
            critique: The model's critique, or None for direct revision.
        """
        turns = self._conversation(prompt, "revise", response, critique=critique is not None)
        if critique is not None:
            request = self._renderer.render(
                "critique.jinja", prompt=prompt.text, response=response, principle=principle.model_dump()
            )
            turns += [_user(request), _assistant(critique)]
        request = self._renderer.render(
            "revise.jinja",
            prompt=prompt.text,
            response=response,
            principle=principle.model_dump(),
            critique=critique,
        )
        return [*turns, _user(request)]

    def check(self) -> None:
        """Render every file once, so that a fault shows before the first model call.

        Raises:
            TemplateError: With the file and the undefined name, or the limit.
        """
        prompt = Prompt(id="check", index=0, messages=(_user("A question?"),))
        principle = Principle(id="check", critique_request="Criticise.", revision_request="Revise.")
        with checking():
            self.respond(prompt)
            self.critique(prompt, "An answer.", principle)
            self.revise(prompt, "An answer.", principle, "A critique.")
            self.revise(prompt, "An answer.", principle, None)

    def _conversation(self, prompt: Prompt, step: str, response: str, critique: bool) -> list[Message]:
        opening = self._opening(prompt, step)
        head = opening[:1] if opening[0].role == "system" else []
        shots = [turn for example in self._examples for turn in self._example_turns(example, critique)]
        return [*head, *shots, *opening[len(head) :], _assistant(response)]

    def _opening(self, prompt: Prompt, step: str) -> list[Message]:
        if prompt.messages[0].role == "system" or "system.jinja" not in self._renderer.names:
            return list(prompt.messages)
        system = self._renderer.render("system.jinja", step=step, system_prompt=self._system_prompt)
        return [Message(role="system", content=system), *prompt.messages] if system else list(prompt.messages)

    def _example_turns(self, example: FewShot, critique: bool) -> list[Message]:
        # The example speaks through the same templates as the real round, so that both look alike to the model.
        principle = Principle(
            id="example", critique_request=example.critique_request, revision_request=example.revision_request
        )
        values: dict[str, Any] = {
            "prompt": example.prompt,
            "response": example.response,
            "principle": principle.model_dump(),
        }
        turns = [*example.before, _user(example.prompt), _assistant(example.response)]
        if critique:
            turns += [_user(self._renderer.render("critique.jinja", **values)), _assistant(example.critique)]
        request = self._renderer.render("revise.jinja", **values, critique=example.critique if critique else None)
        return [*turns, _user(request), _assistant(example.revision)]


def load_options(folder: Path) -> SetOptions:
    """A set's `set.yaml`, or the defaults.

    Raises:
        TemplateError: With file, line and rule.
    """
    file = folder / "set.yaml"
    if not file.exists():
        return SetOptions()
    return validate(SetOptions, load_yaml(file, TemplateError) or {}, file, TemplateError)


def load_examples(file: Path) -> tuple[FewShot, ...]:
    """The examples of a `few_shots.yaml`.

    Raises:
        TemplateError: With file, line and rule.
    """
    document = {"examples": load_yaml(file, TemplateError) or []}
    return validate(_Examples, document, file, TemplateError).examples


def load_templates(name: str, few_shots: int | None = None, system_prompt: str | None = None) -> TemplateSet:
    """Load a template set by shipped name (`chat`, `chat.zh`, `transcript`) or folder, and check it.

    Args:
        name: The set.
        few_shots: How many of its examples to use; None is the set's own choice.
        system_prompt: The value of `system_prompt` in `system.jinja`.

    Raises:
        TemplateError: A file is missing or broken, or there are fewer examples than asked for.
    """
    folder = find_set(name)
    sources = read_sources(folder, required=("critique.jinja", "revise.jinja"), optional=SHARED)
    options, examples_file = load_options(folder), folder / FEW_SHOTS_FILE
    examples = load_examples(examples_file) if examples_file.exists() else ()
    wanted = options.few_shots if few_shots is None else few_shots
    if wanted > len(examples):
        raise TemplateError(
            f"{examples_file}: {wanted} few-shot examples asked for, it holds {len(examples)}",
            f"Use --few-shots {len(examples)} or fewer, or add examples to the file.",
        )
    loaded = TemplateSet(folder, sources, options, examples[:wanted], system_prompt)
    loaded.check()
    return loaded


def _user(text: str) -> Message:
    return Message(role="user", content=text)


def _assistant(text: str) -> Message:
    return Message(role="assistant", content=text)
