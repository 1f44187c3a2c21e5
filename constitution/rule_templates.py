"""How a judge is asked about a rule: Jinja files that turn a response and a proposition into a question.

A template set scores with `score.jinja` (the question) and, if wanted, `score_few_shots.yaml` (worked examples);
`system.jinja`, `chat_template.jinja` and `set.yaml` are those of the other stages (see `templating.py`).

The proposition stands at the end, after the response, so that all rules of one response share everything up to it and
only the few last tokens are computed for each.
"""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from constitution.digests import derive_seed, digest
from constitution.errors import TemplateError
from constitution.principles import Rule, Text
from constitution.records import Message, Record
from constitution.rendering import Renderer, checking, find_set, read_sources
from constitution.templating import SHARED, SetOptions, load_options
from constitution.yamlfile import load_yaml, validate

# As many for yes as for no; enough to show that either may be right.
FEW_SHOTS = 4


class RuleExample(Record):
    """A judged proposition, shown to the judge before the real one.

    Attributes:
        prompt: What the response answers.
        response: The response.
        proposition: What is said of it.
        holds: Whether that is true.
    """

    prompt: Text
    response: Text
    proposition: Text
    holds: bool


class _Examples(Record):
    examples: tuple[RuleExample, ...]


class RuleTemplates:
    """A loaded set, as far as rules go. Build it with `load_rule_templates`.

    Attributes:
        yes_no: How answers begin that find a proposition true, and false.
        chat_template: Jinja source of the set's own chat template, or None for the model's.
        digest: Hash of every text that can change a probability.
    """

    def __init__(
        self,
        folder: Path,
        sources: dict[str, str],
        options: SetOptions,
        examples: tuple[RuleExample, ...],
        few_shots: int,
    ) -> None:
        # All it is made of: compiled templates do not travel to other machines.
        self._parts = folder, sources, options, examples, few_shots
        self._renderer = Renderer(folder, sources)
        self._examples = examples
        self._few_shots = few_shots
        self.yes_no = options.yes_no
        self.chat_template = sources.get("chat_template.jinja")
        shown = [example.model_dump() for example in examples] if few_shots else []
        self.digest = digest([sources, self.yes_no, shown, few_shots])

    def __reduce__(self) -> tuple[type["RuleTemplates"], tuple[Any, ...]]:
        """Pickled as its parts."""
        return RuleTemplates, self._parts

    def score(self, prompt: Sequence[Message], response: str, rule: Rule, *, seed: int, row: str) -> list[Message]:
        """The conversation that asks whether a rule's proposition is true of a response.

        Args:
            prompt: The conversation that it answers.
            response: The response.
            rule: What is said of it.
            seed: With `row`, draws the examples and their order.
            row: The row's id: all questions about its responses begin with the same examples.
        """
        system = self._renderer.render("system.jinja", step="score", system_prompt=None)
        turns = [Message(role="system", content=system)] if system else []
        for example in self._drawn(seed, row):
            asked = [Message(role="user", content=example.prompt)]
            question = self._question(asked, example.response, Rule(id="example", proposition=example.proposition))
            answer = self.yes_no[0 if example.holds else 1].strip()
            turns += [Message(role="user", content=question), Message(role="assistant", content=answer)]
        return [*turns, Message(role="user", content=self._question(prompt, response, rule))]

    def check(self) -> None:
        """Render every file once, so that a fault shows before the first model call.

        Raises:
            TemplateError: With the file and the undefined name, or the limit.
        """
        rule = Rule(id="check", proposition="The response is an answer.")
        with checking():
            self.score([Message(role="user", content="A question?")], "An answer.", rule, seed=0, row="check")

    def _drawn(self, seed: int, row: str) -> list[RuleExample]:
        """True and false ones by turns: which answer is the usual one must tell nothing."""
        places = sorted(range(len(self._examples)), key=lambda n: derive_seed("rule example", seed, row, n))
        drawn = [self._examples[n] for n in places]
        sides = [[one for one in drawn if one.holds], [one for one in drawn if not one.holds]]
        if derive_seed("rule example side", seed, row) % 2:
            sides.reverse()
        turns = [one for pair in zip_longest(*sides) for one in pair if one is not None]
        return turns[: self._few_shots]

    def _question(self, prompt: Sequence[Message], response: str, rule: Rule) -> str:
        return self._renderer.render(
            "score.jinja",
            conversation=[message.model_dump() for message in prompt],
            response=response,
            rule=rule.model_dump(),
        )


def load_rule_templates(name: str, few_shots: int | None = None) -> RuleTemplates:
    """Load what a template set has for rules, by shipped name or folder, and check it.

    Args:
        name: The set.
        few_shots: How many of its examples go before each question; None is four, or as many as there are.

    Raises:
        TemplateError: A file is missing or broken, or it holds fewer examples than asked for, or fewer than none are.
    """
    folder = find_set(name)
    sources = read_sources(folder, required=("score.jinja",), optional=SHARED)
    sources.setdefault("system.jinja", "")
    file = folder / "score_few_shots.yaml"
    examples: tuple[RuleExample, ...] = ()
    if file.exists():
        document = {"examples": load_yaml(file, TemplateError) or []}
        examples = validate(_Examples, document, file, TemplateError).examples
    few_shots = min(FEW_SHOTS, len(examples)) if few_shots is None else few_shots
    if few_shots < 0:
        raise TemplateError(
            f"{file}: {few_shots} few-shot examples asked for, and there are no fewer than none", "Ask for 0 or more."
        )
    if few_shots > len(examples):
        raise TemplateError(
            f"{file}: {few_shots} few-shot examples asked for, it holds {len(examples)}",
            f"Use --few-shots {len(examples)} or fewer, or add examples to the file.",
        )
    loaded = RuleTemplates(folder, sources, load_options(folder), examples, few_shots)
    loaded.check()
    return loaded
