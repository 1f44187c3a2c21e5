"""LangChain's `ConstitutionalPrinciple`: `name`, `critique_request`, `revision_request`, as JSON or YAML.

One object, a list of them, or an object of them by name, as in its table `PRINCIPLES`.
"""

from typing import Any

from constitution.principle_formats.contents import Contents, Misfit, Written, counted, unheld
from constitution.principle_formats.naming import Names, labels
from constitution.principle_formats.source import Shape, Source, as_json, fit, others
from constitution.principle_formats.wrappers import of_requests, unwrapping
from constitution.principles import PrincipleSet, Text

# What a principle is called there that nobody named.
UNNAMED = "Constitutional Principle"


class _Object(Shape):
    critique_request: Text
    revision_request: Text
    name: Text = UNNAMED


def read(source: Source) -> Contents:
    """Principles.

    Raises:
        Misfit: The file holds no such objects.
    """
    data = source.as_document()
    objects: list[_Object] = fit(list[_Object], _listed(data))
    if not objects:
        raise Misfit("an empty list")
    names, principles = Names(), []
    for one in objects:
        id, tags = names.of_label(one.name)
        principles.append(of_requests(id, one.critique_request, one.revision_request, tags))
    return Contents(
        shape="principles",
        principles=tuple(principles),
        dropped=counted(others(objects)),
        notes=(
            *names.notes(),
            *unwrapping((one.critique_request for one in objects), (one.revision_request for one in objects)),
        ),
    )


def write(principles: PrincipleSet) -> Written:
    """The principles that have requests.

    Raises:
        Misfit: None has.
    """
    held = [one for one in principles.principles if one.critique_request is not None]
    if not held:
        raise Misfit("no principle has a critique_request and a revision_request")
    labelled = labels(held)
    document = [
        {"name": label, "critique_request": one.critique_request, "revision_request": one.revision_request}
        for one, (label, _) in zip(held, labelled, strict=True)
    ]
    left = {"principles": len(principles.principles) - len(held)}
    return Written(
        text=as_json(document, 2) + "\n",
        entries=len(held),
        dropped=counted(
            left | unheld(held, "comparison", "weight") | {"tags": sum(bool(tags) for _, tags in labelled)}
        ),
    )


def _listed(data: Any) -> Any:
    if not isinstance(data, dict) or "critique_request" in data or "revision_request" in data:
        return data if isinstance(data, list) else [data]
    return [{"name": key, **one} if isinstance(one, dict) else one for key, one in data.items()]
