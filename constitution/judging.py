"""How a judge is asked: Jinja files that turn two responses and a principle into a question (Bai et al. 2022, 4.1).

A template set judges with `compare.jinja` (the question), `verdict.jinja` (what is asked after a chain of thought) and,
if wanted, `compare_few_shots.yaml` (worked examples); `system.jinja`, `chat_template.jinja` and `set.yaml` are those of
the SL stage (see `templating.py`).

Departure from the paper: there the principle stands before the two responses. In the sets that ship it stands after
them, so that all principles of one pair and order share everything up to it and only the few last tokens are computed
for each. The judge answers with the bare letter, which is one token in nearly every vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from constitution.digests import derive_seed, digest
from constitution.errors import TemplateError
from constitution.principles import Principle, Text
from constitution.records import Completion, Label, Message, Record
from constitution.rendering import Renderer, checking, find_set, read_sources
from constitution.templating import SHARED, SetOptions, load_options
from constitution.verdicts import last_verdict
from constitution.yamlfile import load_yaml, validate

# Enough to show that either letter may be right.
FEW_SHOTS = 4
JUDGED_FILE = "compare_few_shots.yaml"
# Responses without content (Zhao et al. 2021, section 5): if a judge prefers a letter where both are such a text, it is
# not for what they say.
CONTENT_FREE = ("N/A", "[MASK]", "")
# Stand for the label of either response in an example's reasoning.
BETTER, WORSE = "{better}", "{worse}"
# Stands for the name of a response in the sentence that ends an example's reasoning.
LABEL = "{label}"


class JudgeExample(Record):
    """A judged pair, shown to the judge before the real one.

    Attributes:
        before: The conversation's turns before `prompt`, if it has any.
        prompt: What both responses answer.
        better: The response to prefer.
        worse: The other.
        comparison: The question put to the judge; None: the one that it is asked of the real pair, as in the paper.
        reasoning: The way to the answer, for chains of thought; `{better}` and `{worse}` in it become (A) and (B), or
            what the set calls them. None: the example is of no use to a judge that thinks first.
    """

    before: tuple[Message, ...] = ()
    prompt: Text
    better: Text
    worse: Text
    comparison: Text | None = None
    reasoning: Text | None = None


class _Examples(Record):
    examples: tuple[JudgeExample, ...]


class JudgeTemplates:
    """A loaded set, as far as judging goes. Build it with `load_judge_templates`.

    Attributes:
        labels: How answers that prefer (A) and (B) begin.
        stop: Strings that end an answer.
        chat_template: Jinja source of the set's own chat template, or None for the model's.
        digest: Hash of every text that can change a label.
    """

    def __init__(
        self,
        folder: Path,
        sources: dict[str, str],
        options: SetOptions,
        examples: tuple[JudgeExample, ...],
        few_shots: int,
    ) -> None:
        # All it is made of: compiled templates do not travel to other machines.
        self._parts = folder, sources, options, examples, few_shots
        self._renderer = Renderer(folder, sources)
        self._options = options
        self._examples = examples
        self._few_shots = few_shots
        self.labels = options.labels
        self.stop = options.stop
        self.chat_template = sources.get("chat_template.jinja")
        # Without what they leave out: a field that is new must not change the digest of older sets.
        shown = [example.model_dump(exclude_defaults=True) for example in examples] if few_shots else []
        told = [sources, options.labels, options.stop, shown, few_shots]
        if shown and (options.named, options.answer) != (SetOptions().named, SetOptions().answer):
            # Only then: the digests of sets without these options are those of the runs that used them.
            told.append([options.named, options.answer])
        self.digest = digest(told)

    def __reduce__(self) -> tuple[type["JudgeTemplates"], tuple[Any, ...]]:
        """Pickled as its parts."""
        return JudgeTemplates, self._parts

    def compare(
        self,
        prompt: Sequence[Message],
        response_a: str,
        response_b: str,
        principle: Principle,
        *,
        seed: int,
        row: str,
        reason: bool = False,
    ) -> list[Message]:
        """The conversation that asks which response is better; with `reason`, to think first.

        Args:
            prompt: The conversation that both responses answer.
            response_a: Shown as (A).
            response_b: Shown as (B).
            principle: Must have a `comparison`.
            seed: With `row`, draws the examples, their order, and on which side the better one stands.
            row: The row's id.
            reason: Whether the judge thinks first.
        """
        system = self._renderer.render("system.jinja", step="compare", system_prompt=None)
        turns = [Message(role="system", content=system)] if system else []
        for place, example in enumerate(self._drawn(seed, row)):
            # Every other example has the better response as (A): which side is right must tell nothing.
            better_first = (place + derive_seed("example side", seed, row)) % 2 == 0
            turns += self._example_turns(example, principle, "A" if better_first else "B", reason)
        question = self._question(prompt, response_a, response_b, principle, reason)
        return [*turns, Message(role="user", content=question)]

    def verdict(self, conversation: Sequence[Message], reasoning: str) -> list[Message]:
        """The conversation that asks for the label after a chain of thought."""
        request = self._renderer.render("verdict.jinja")
        return [
            *conversation,
            Message(role="assistant", content=reasoning),
            Message(role="user", content=request),
        ]

    def check(self) -> None:
        """Render every file once, so that a fault shows before the first model call.

        Raises:
            TemplateError: With the file and the undefined name, or the limit.
        """
        prompt = [Message(role="user", content="A question?")]
        principle = Principle(id="check", critique_request="-", revision_request="-", comparison="Which one?")
        with checking():
            for reason in (False, True):
                asked = self.compare(prompt, "One.", "Two.", principle, seed=0, row="check", reason=reason)
            self.verdict(asked, "A thought.")

    def _drawn(self, seed: int, row: str) -> list[JudgeExample]:
        shuffled = sorted(range(len(self._examples)), key=lambda n: derive_seed("example", seed, row, n))
        return [self._examples[n] for n in shuffled[: self._few_shots]]

    def _example_turns(self, example: JudgeExample, asked: Principle, label: Label, reason: bool) -> list[Message]:
        prompt = [*example.before, Message(role="user", content=example.prompt)]
        comparison = example.comparison or asked.comparison
        principle = Principle(id="example", critique_request="-", revision_request="-", comparison=comparison)
        pair = (example.better, example.worse) if label == "A" else (example.worse, example.better)
        turns = [Message(role="user", content=self._question(prompt, *pair, principle, reason))]
        if reason:
            named = self._options.named
            better, worse = named if label == "A" else named[::-1]
            thought = (example.reasoning or "").replace(BETTER, better).replace(WORSE, worse)
            turns = self.verdict(turns, f"{thought}\n{self._options.answer.replace(LABEL, better)}")
        answer = self.labels["AB".index(label)].strip()
        return [*turns, Message(role="assistant", content=answer)]

    def _question(
        self, prompt: Sequence[Message], response_a: str, response_b: str, principle: Principle, reason: bool
    ) -> str:
        return self._renderer.render(
            "compare.jinja",
            conversation=[message.model_dump() for message in prompt],
            response_a=response_a,
            response_b=response_b,
            principle=principle.model_dump(),
            reason=reason,
        )


def load_judged(file: Path) -> tuple[JudgeExample, ...]:
    """The examples of a `compare_few_shots.yaml`.

    Raises:
        TemplateError: With file, line and rule.
    """
    document = {"examples": load_yaml(file, TemplateError) or []}
    return validate(_Examples, document, file, TemplateError).examples


def load_judge_templates(name: str, few_shots: int | None = None, reason: bool = False) -> JudgeTemplates:
    """Load what a template set has for judging, by shipped name or folder, and check it.

    Args:
        name: The set.
        few_shots: How many of its examples go before each question; None is four, or as many as there are.
        reason: Whether the judge thinks first: then examples without a reasoning are left out.

    Raises:
        TemplateError: A file is missing or broken, or there are fewer examples than asked for.
    """
    folder = find_set(name)
    sources = read_sources(folder, required=("compare.jinja", "verdict.jinja"), optional=SHARED)
    sources.setdefault("system.jinja", "")
    options, file = load_options(folder), folder / JUDGED_FILE
    examples = load_judged(file) if file.exists() else ()
    held = len(examples)
    examples = tuple(example for example in examples if example.reasoning or not reason)
    few_shots = min(FEW_SHOTS, len(examples)) if few_shots is None else few_shots
    if few_shots > len(examples):
        raise TemplateError(
            f"{file}: {few_shots} few-shot examples asked for, it holds {len(examples)}"
            + (f" with a reasoning, which --cot needs, of {held}" if len(examples) < held else ""),
            f"Use --few-shots {len(examples)} or fewer, or add examples to the file.",
        )
    _check_answer(folder / "set.yaml", options)
    loaded = JudgeTemplates(folder, sources, options, examples, few_shots)
    loaded.check()
    return loaded


def _check_answer(file: Path, options: SetOptions) -> None:
    """Examples teach the judge how to end: on words that the program then reads.

    Raises:
        TemplateError: The set's answer is not read as the label that it names.
    """
    for label, name in zip(("A", "B"), options.named, strict=True):
        said = options.answer.replace(LABEL, name)
        ended = Completion(text=said, finish_reason="stop", prompt_tokens=0, completion_tokens=0)
        if last_verdict(ended, ()) != label:
            raise TemplateError(
                f"{file}: `answer` with the name of response {label} is {said!r}, where the program reads no {label}",
                "Word it as: The answer is {label}. or 答案是{label}。 with names such as (A) and (B).",
            )
