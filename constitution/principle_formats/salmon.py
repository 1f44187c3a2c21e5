"""SALMON's principle collections (IBM/SALMON, `prompts/principles`): dimensions that a reward model judges by.

Each is a name, a statement of how the model should be, sometimes one of the opposite, and sometimes a weight, by which
it is drawn; here as there.
"""

from typing import Annotated

from pydantic import Field

from constitution.principle_formats.asking import QUESTION, asked, changed, stated
from constitution.principle_formats.contents import Contents, Misfit, Written, counted, unheld
from constitution.principle_formats.naming import Names, labels
from constitution.principle_formats.source import Shape, Source, as_json, fit, others
from constitution.principles import Principle, PrincipleSet, Text


class _Dimension(Shape):
    dimension: Text
    definition: Text
    negative_definition: str | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


def read(source: Source) -> Contents:
    """Principles for a judge; a dimension is the id, and a tag if it is not fit for an id.

    Raises:
        Misfit: The file is no such list.
    """
    dimensions: list[_Dimension] = fit(list[_Dimension], source.as_json())
    if not dimensions:
        raise Misfit("an empty list")
    names, principles = Names(), []
    for one in dimensions:
        id, tags = names.of_label(one.dimension)
        principles.append(Principle(id=id, comparison=asked(one.definition), weight=one.weight or 1.0, tags=tags))
    stating = changed(one.definition for one in dimensions)
    told = [f'{stating} say how a model should be, and were put into a question: "{QUESTION}…"'] if stating else []
    return Contents(
        shape="principles for a judge",
        principles=tuple(principles),
        dropped=counted(
            {"negative_definition": sum(one.negative_definition is not None for one in dimensions)} | others(dimensions)
        ),
        notes=(*told, *names.notes()),
    )


def write(principles: PrincipleSet) -> Written:
    """The comparisons.

    Raises:
        Misfit: There is none.
    """
    held = [one for one in principles.principles if one.comparison is not None]
    if not held:
        raise Misfit("no principle has a comparison")
    labelled = labels(held)
    weighted = any(one.weight != 1 for one in held)
    document = [
        {"dimension": label, "definition": stated(one.comparison or "")}
        | ({"weight": int(one.weight) if one.weight.is_integer() else one.weight} if weighted else {})
        for one, (label, _) in zip(held, labelled, strict=True)
    ]
    left = {"principles": len(principles.principles) - len(held)}
    lost = unheld(held, "critique_request", "revision_request") | {"tags": sum(bool(tags) for _, tags in labelled)}
    return Written(text=as_json(document, 4), entries=len(held), dropped=counted(left | lost))
