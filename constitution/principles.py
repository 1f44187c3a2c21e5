"""Principles: load a file, check it, draw from it.

A principle is a pair of requests in plain language: one asks the model to criticise its answer, one asks it to
rewrite it (Bai et al. 2022, section 3.1); `comparison` asks a judge which of two answers is better (section 4.1).
"""

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from constitution.digests import derive_uniform, digest
from constitution.errors import PrinciplesError
from constitution.records import Record
from constitution.resources import shipped
from constitution.yamlfile import line_of, load_yaml, nearest, validate

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Principle(Record):
    """One principle of a file.

    Attributes:
        id: Unique in its file; letters, digits, `.`, `_` and `-`.
        critique_request: Asks the model to criticise its last response.
        revision_request: Asks the model to rewrite it.
        comparison: Asks a judge which of two responses is better; only the RL stage needs it.
        weight: Relative chance of being drawn.
        tags: Free labels.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    critique_request: Text
    revision_request: Text
    comparison: Text | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    tags: tuple[Text, ...] = ()


class PrincipleSet(Record):
    """A principles file."""

    name: Text
    version: Text
    description: Text
    principles: Annotated[tuple[Principle, ...], Field(min_length=1)]

    @field_validator("version", mode="before")
    @classmethod
    def _version_is_text(cls, version: object) -> object:
        # YAML reads an unquoted 1.0 as a number.
        return str(version) if isinstance(version, int | float) else version

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
    """Load and check a principles file, by shipped name or path.

    Raises:
        PrinciplesError: With file, line and rule.
    """
    path = find_principles(name)
    data = load_yaml(path, PrinciplesError)
    loaded = validate(PrincipleSet, data, path, PrinciplesError)
    seen: dict[str, int] = {}
    for position, principle in enumerate(loaded.principles):
        line = line_of(data, ("principles", position, "id"))
        if principle.id in seen:
            raise PrinciplesError(
                f"{path}:{line}: the id {principle.id!r} is already used on line {seen[principle.id]}",
                "Give each principle an id of its own.",
            )
        seen[principle.id] = line
    return loaded
