"""Principles: load a file, check it, draw from it.

A principle is a pair of requests in plain language: one asks the model to criticise its answer, one asks it to
rewrite it (Bai et al. 2022, section 3.1); `comparison` asks a judge which of two answers is better (section 4.1). The
paper has a set of each: here a principle may be in both, or in either.
A rule is a proposition that is true or false of one answer (Glaese et al. 2022; OpenAI 2023, GPT-4 system card; Mu et
al. 2024, rule-based rewards).
"""

import math
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from constitution.digests import derive_uniform, digest
from constitution.errors import PrinciplesError
from constitution.records import Record
from constitution.resources import shipped
from constitution.yamlfile import line_of, nearest, parse_yaml, read_text, validate

# The fault of one request without the other, as lint knows it.
UNPAIRED = "unpaired_request"
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# Letters and digits of any script; the marks are those that some scripts put on their letters.
ID_PATTERN = r"^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
# Weights are relative, and sums of them and their squares must stay numbers.
MOST_WEIGHT = 1e6


def _no_switch(weight: object) -> object:
    # Python takes true for 1.
    if isinstance(weight, bool):
        raise PydanticKnownError("float_type")
    return weight


# After a field's bounds: before them, pydantic leaves these out of the JSON Schema.
_NO_SWITCH = BeforeValidator(_no_switch)


class Principle(Record):
    """One principle of a file: both requests, a comparison, or all three.

    Attributes:
        id: Unique in its file; letters, digits, `.`, `_` and `-`.
        critique_request: Asks the model to criticise its last response; only the SL stage needs it.
        revision_request: Asks the model to rewrite it; there if and only if `critique_request` is.
        comparison: Asks a judge which of two responses is better; only the RL stage needs it.
        weight: Relative chance of being drawn; at most `MOST_WEIGHT`.
        tags: Free labels.
    """

    id: Id
    critique_request: Text | None = None
    revision_request: Text | None = None
    comparison: Text | None = None
    weight: Annotated[float, Field(gt=0, le=MOST_WEIGHT, allow_inf_nan=False), _NO_SWITCH] = 1.0
    tags: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        missing = [name for name in ("critique_request", "revision_request") if getattr(self, name) is None]
        if len(missing) == 1:
            raise PydanticCustomError(
                UNPAIRED,
                "the key {key} is missing or empty: a critique and its revision go together",
                {"key": repr(missing[0])},
            )
        if missing and self.comparison is None:
            raise ValueError("neither 'critique_request' and 'revision_request' nor 'comparison'")
        return self


class Rule(Record):
    """One proposition of a file, for `constitution score`.

    Attributes:
        id: Unique among the file's principles and rules.
        proposition: Says something of a response that is true or false.
        weight: What the probability that it is true counts for in the reward; below 0 where it should not be true.
            From -`MOST_WEIGHT` to `MOST_WEIGHT`.
        tags: Free labels.
    """

    id: Id
    proposition: Text
    weight: Annotated[float, Field(ge=-MOST_WEIGHT, le=MOST_WEIGHT, allow_inf_nan=False), _NO_SWITCH] = 1.0
    tags: tuple[Text, ...] = ()

    @field_validator("weight")
    @classmethod
    def _weight_counts(cls, weight: float) -> float:
        if weight == 0:
            raise ValueError("a rule of weight 0 counts for nothing")
        return weight


class PrincipleSet(Record):
    """A principles file: principles, rules or both."""

    name: Text
    version: Text
    description: Text
    principles: tuple[Principle, ...] = ()
    rules: tuple[Rule, ...] = ()

    @field_validator("version", mode="before")
    @classmethod
    def _version_is_text(cls, version: object) -> object:
        # YAML reads an unquoted 1.0 as a number; an unquoted yes or true is a slip.
        return str(version) if isinstance(version, int | float) and not isinstance(version, bool) else version

    def draw(self, seed: int, row: str, round: int, replacement: bool = True) -> Principle:
        """The principle of one round of one row: the same whatever the order or number of rows.

        Weighted. With replacement, as in the paper's released samples, rounds are independent; without it, a
        row's rounds get distinct principles (Efraimidis and Spirakis 2006: the k largest of u^(1/weight)).

        Args:
            seed: The run's seed.
            row: The row's id.
            round: From 1.
            replacement: Whether a row may meet a principle twice.

        Raises:
            PrinciplesError: Without replacement, when there are fewer principles than rounds.
        """
        if replacement:
            mark = derive_uniform("principle", seed, row, round) * sum(p.weight for p in self.principles)
            for principle in self.principles:
                mark -= principle.weight
                if mark < 0:
                    return principle
            return self.principles[-1]
        if round > len(self.principles):
            raise PrinciplesError(
                f"{self.name}: round {round} of a row without replacement, but only {len(self.principles)} principles",
                "Lower --rounds, or draw with --replacement.",
            )
        ranked = sorted(
            self.principles,
            key=lambda p: math.log(derive_uniform("principle", seed, row, p.id)) / p.weight,
            reverse=True,
        )
        return ranked[round - 1]

    @property
    def digest(self) -> str:
        """Hash of everything in the file that can change a row."""
        return digest([p.model_dump(exclude={"tags"}) for p in self.principles])


def find_principles(name: str) -> Path:
    """The file behind a shipped name (`harmlessness`) or a path.

    Raises:
        PrinciplesError: Neither a shipped name nor a file; names the nearest.
    """
    folder = shipped("principles")
    known = [file.stem for file in sorted(folder.glob("*.yaml"))]
    # Shipped names come first: a file called `harmlessness` that happens to lie about must not change a run.
    if name in known:
        return folder / f"{name}.yaml"
    path = Path(name).expanduser()
    if path.suffix not in {".yaml", ".yml"} and not path.is_file():
        raise PrinciplesError(
            f"no principles called {name!r}; {nearest(name, known)}",
            "Give one of these names or the path of a .yaml file; constitution principles list shows them.",
        )
    return path


def load_principles(name: str) -> PrincipleSet:
    """Load and check a principles file, by shipped name or path, to criticise and revise by.

    Raises:
        PrinciplesError: With file, line and rule; or it holds rules only, or principles for a judge only.
    """
    loaded = load_file(name)
    if not loaded.principles:
        raise PrinciplesError(
            f"{find_principles(name)}: holds rules and no principle, so there is nothing to draw",
            "Rules are for constitution score; give a file with principles here.",
        )
    without = [principle.id for principle in loaded.principles if principle.critique_request is None]
    if without:
        raise PrinciplesError(
            f"{find_principles(name)}: a model is asked each principle's `critique_request` and `revision_request`, "
            f"and these have none: {', '.join(without)}",
            "They are for a judge only (constitution compare RUN --principles FILE): add both, or keep them in a file "
            "of their own.",
        )
    return loaded


def load_file(name: str) -> PrincipleSet:
    """As `load_principles`, for a file that may also hold rules only, or principles for a judge only.

    Raises:
        PrinciplesError: With file, line and rule.
    """
    path = find_principles(name)
    return parse_principles(read_text(path, PrinciplesError), path)


def parse_principles(text: str, path: Path) -> PrincipleSet:
    """Check the text of a principles file.

    Args:
        text: YAML.
        path: What errors call it.

    Raises:
        PrinciplesError: With file, line and rule.
    """
    data = parse_yaml(text, path, PrinciplesError)
    loaded = validate(PrincipleSet, data, path, PrinciplesError)
    if not loaded.principles and not loaded.rules:
        raise PrinciplesError(
            f"{path}:{line_of(data, ('principles',))}: holds neither a principle nor a rule",
            "Add one under `principles:`; constitution principles new FILE writes an example.",
        )
    seen: dict[str, int] = {}
    entries: dict[str, tuple[Principle | Rule, ...]] = {"principles": loaded.principles, "rules": loaded.rules}
    for key in entries:
        for position, entry in enumerate(entries[key]):
            line = line_of(data, (key, position, "id"))
            if entry.id in seen:
                raise PrinciplesError(
                    f"{path}:{line}: the id {entry.id!r} is already used on line {seen[entry.id]}",
                    "Give each principle and each rule an id of its own.",
                )
            seen[entry.id] = line
    return loaded
