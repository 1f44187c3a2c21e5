"""OpenCharacterTraining's constitutions: traits in the first person, each with questions that bring it out.

`constitutions/few-shot/*.jsonl` has an object a line, `constitutions/hand-written/*.txt` a list of them.
"""

from pydantic import Field

from constitution.principle_formats.asking import asks
from constitution.principle_formats.contents import Contents, Misfit, Question, counted
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import Shape, Source, fit, others
from constitution.principles import Principle, Text

QUESTION = "Choose the response of an assistant that better fits what it says of itself: "


class _Trait(Shape):
    trait: Text
    questions: list[Text]
    additional_questions: list[Text] = Field(default_factory=list)


def read(source: Source) -> Contents:
    """Principles for a judge, and their questions as prompts.

    Raises:
        Misfit: The file holds no traits.
    """
    traits: list[_Trait] = fit(list[_Trait], source.as_lines())
    if not traits:
        raise Misfit("an empty list")
    names, principles, questions = Names(), [], []
    for one in traits:
        id = names.of_text(one.trait)
        principles.append(Principle(id=id, comparison=one.trait if asks(one.trait) else QUESTION + one.trait))
        questions += [Question(prompt=text, principle=id) for text in (*one.questions, *one.additional_questions)]
    return Contents(
        shape="traits",
        principles=tuple(principles),
        questions=tuple(questions),
        dropped=counted(others(traits)),
        notes=(f'Traits were put into a question to a judge: "{QUESTION}…"',),
    )
