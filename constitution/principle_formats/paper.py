r"""The instructions that Bai et al. released (arXiv 2212.08073): `prompts/` of ConstitutionalHarmlessnessPaper.

`CritiqueRevisionInstructions.json` is an object, a key a principle, whose texts stand between `\n\nCritiqueRequest: `
and `\n\nCritique:`, and `\n\nRevisionRequest: ` and `\n\nRevision:`. `RLMadisonInstructions.json` is a list of
questions to a judge, each between `\n` and ` Options:`. The files of examples: `paper_examples.py`.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from constitution.principle_formats import paper_examples, paper_judged
from constitution.principle_formats.contents import Contents, Misfit, Written, counted, unheld
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import Shape, Source, as_json, fit, others
from constitution.principles import Principle, PrincipleSet

CRITIQUE = ("\n\nCritiqueRequest: ", "\n\nCritique:")
REVISION = ("\n\nRevisionRequest: ", "\n\nRevision:")
JUDGE = ("\n", " Options:")


class _Instruction(Shape):
    prompt: Annotated[list[str], Field(min_length=1, max_length=1)]
    edit_request: str


def read(source: Source) -> Contents:
    """Any of the five files.

    Raises:
        Misfit: None of them.
    """
    data = source.as_json()
    if isinstance(data, dict):
        return _critiques(data)
    if not isinstance(data, list) or not data:
        raise Misfit("expected an object of instructions, or a list of texts or examples")
    if isinstance(data[0], dict):
        return paper_judged.read(data)
    texts: list[str] = fit(list[str], data)
    return paper_examples.read(texts) if paper_examples.fits(texts[0]) else _questions(texts)


def write(principles: PrincipleSet) -> Written:
    """`CritiqueRevisionInstructions.json`: the principles that have requests.

    Raises:
        Misfit: None has.
    """
    held = [one for one in principles.principles if one.critique_request is not None]
    if not held:
        raise Misfit("no principle has a critique_request and a revision_request")
    document = {
        one.id: {
            "prompt": [f"{CRITIQUE[0]}{one.critique_request}{CRITIQUE[1]}"],
            "edit_request": f"{REVISION[0]}{one.revision_request}{REVISION[1]}",
        }
        for one in held
    }
    left = {"principles": len(principles.principles) - len(held)}
    return Written(
        text=as_json(document),
        entries=len(held),
        dropped=counted(left | unheld(held, "comparison", "weight", "tags")),
    )


def write_judge(principles: PrincipleSet) -> Written:
    """`RLMadisonInstructions.json`: the comparisons.

    Raises:
        Misfit: There is none.
    """
    held = [one for one in principles.principles if one.comparison is not None]
    if not held:
        raise Misfit("no principle has a comparison")
    left = {"principles": len(principles.principles) - len(held)}
    fields = ("id", "critique_request", "revision_request", "weight", "tags")
    return Written(
        text=as_json([f"{JUDGE[0]}{one.comparison}{JUDGE[1]}" for one in held]),
        entries=len(held),
        dropped=counted(left | unheld(held, *fields)),
    )


def _critiques(data: dict[str, Any]) -> Contents:
    instructions: dict[str, _Instruction] = fit(dict[str, _Instruction], data)
    if not instructions:
        raise Misfit("an object without a single instruction")
    names, principles = Names(), []
    for key, one in instructions.items():
        id, tags = names.of_label(key)
        principles.append(
            Principle(
                id=id,
                critique_request=_between(one.prompt[0], CRITIQUE, f"{key}.prompt"),
                revision_request=_between(one.edit_request, REVISION, f"{key}.edit_request"),
                tags=tags,
            )
        )
    return Contents(
        shape="critique and revision requests",
        principles=tuple(principles),
        dropped=counted(others(instructions.values())),
        notes=names.notes(),
    )


def _questions(texts: Iterable[str]) -> Contents:
    names, principles = Names(), []
    for number, text in enumerate(texts, 1):
        question = _between(text, JUDGE, f"entry {number}")
        principles.append(Principle(id=names.of_text(question), comparison=question))
    return Contents(shape="questions to a judge", principles=tuple(principles))


def _between(text: str, wrapper: tuple[str, str], place: str) -> str:
    before, after = wrapper
    if not text.startswith(before):
        raise Misfit(f"{place} does not begin with {before!r}")
    if not text.endswith(after):
        raise Misfit(f"{place} does not end with {after!r}")
    inside = text[len(before) : len(text) - len(after)].strip()
    if len(text) < len(before) + len(after) or not inside:
        raise Misfit(f"{place} says nothing between {before!r} and {after!r}")
    return inside
