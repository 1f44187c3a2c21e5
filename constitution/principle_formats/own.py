"""A principles file of this program as JSON: what `constitution principles show FILE --format json` prints."""

from pydantic import ValidationError

from constitution.principle_formats.contents import Contents, Misfit, Written
from constitution.principle_formats.naming import repeated
from constitution.principle_formats.source import Source, fault_of
from constitution.principles import PrincipleSet


def read(source: Source) -> Contents:
    """All that the file holds.

    Raises:
        Misfit: It is not of this form.
    """
    data = source.as_json()
    if not isinstance(data, dict) or not {"name", "principles"} <= data.keys():
        raise Misfit("expected an object with name, version, description and principles")
    try:
        file = PrincipleSet.model_validate(data)
    except ValidationError as bad:
        raise Misfit(fault_of(bad)) from None
    twice = repeated([one.id for one in file.principles] + [one.id for one in file.rules])
    if twice is not None:
        raise Misfit(f"the id {twice!r} is there twice")
    if not file.principles and not file.rules:
        raise Misfit("holds neither a principle nor a rule")
    return Contents(
        shape="principles file",
        principles=file.principles,
        rules=file.rules,
        name=file.name,
        version=file.version,
        description=file.description,
    )


def write(principles: PrincipleSet) -> Written:
    """All of it."""
    return Written(
        text=principles.model_dump_json(indent=2) + "\n", entries=len(principles.principles) + len(principles.rules)
    )
