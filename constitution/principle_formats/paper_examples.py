r"""The examples for critiques and revisions that Bai et al. released: `CritiqueRevisionFewShotPrompts.json`.

A list of texts, each a conversation as in hh-rlhf that goes on with turns `CritiqueRequest`, `Critique`,
`RevisionRequest` and `Revision`; most end in `\n\nHuman:`, where the next text begins.
"""

import re
from collections.abc import Iterable, Sequence

from constitution.principle_formats.contents import Contents, Misfit, Written
from constitution.principle_formats.source import as_json
from constitution.records import Message
from constitution.templating import FewShot

# A marker counts only after a blank line, or where the text begins: "my question: how" is none.
_MARKER = re.compile(r"(?:\A\n{0,2}|\n\n)(Human|Assistant|CritiqueRequest|Critique|RevisionRequest|Revision):")
_ROUND = ("CritiqueRequest", "Critique", "RevisionRequest", "Revision")
END = "\n\nHuman:"
_ROLES = {"user": "Human", "assistant": "Assistant"}


def fits(text: str) -> bool:
    """Whether a text is such an example rather than a question to a judge."""
    return bool(re.match(r"\n{0,2}Human:", text))


def read(texts: Sequence[str]) -> Contents:
    """The examples; one with several rounds becomes as many.

    The paper puts the revision in the response's place after each round and begins anew (section 3.1), and so does
    this program: the second round's response is the first one's revision.

    Raises:
        Misfit: A text is no such example.
    """
    examples = [list(_rounds(text, f"example {number}")) for number, text in enumerate(texts, 1)]
    several = sum(len(rounds) > 1 for rounds in examples)
    return Contents(
        shape="examples of critiques and revisions",
        examples=tuple(example for rounds in examples for example in rounds),
        notes=(f"{several} of {len(texts)} texts hold several rounds: each became an example.",) if several else (),
    )


def write(examples: Sequence[FewShot]) -> Written:
    r"""The file; each text ends in `\n\nHuman:`.

    Raises:
        Misfit: A turn holds what would be read as the beginning of another, or is a system prompt.
    """
    texts = []
    for number, example in enumerate(examples, 1):
        turns = [(_ROLES.get(turn.role, ""), turn.content) for turn in example.before]
        turns += [("Human", example.prompt), ("Assistant", example.response)]
        said = (example.critique_request, example.critique, example.revision_request, example.revision)
        turns += zip(_ROUND, said, strict=True)
        text = "".join(f"\n\n{name}: {content}" for name, content in turns) + END
        if [*_rounds(text, f"example {number}")] != [example]:
            raise Misfit(f"example {number}: a turn of it would be read as two, or is a system prompt")
        texts.append(text)
    return Written(text=as_json(texts), entries=len(texts))


def _rounds(text: str, place: str) -> Iterable[FewShot]:
    parts = _MARKER.split(text)
    if parts[0].strip():
        raise Misfit(f"{place} begins with {parts[0][:20]!r}, not with a turn")
    turns = [(name, content.strip()) for name, content in zip(parts[1::2], parts[2::2], strict=True)]
    if turns and turns[-1] == ("Human", ""):
        turns.pop()
    first = next((n for n, (name, _) in enumerate(turns) if name in _ROUND), len(turns))
    conversation, rest = turns[:first], turns[first:]
    if not conversation or conversation[-1][0] != "Assistant" or not rest:
        raise Misfit(f"{place} has no response that is then criticised")
    for number, (name, content) in enumerate(conversation):
        if name != ("Human", "Assistant")[number % 2]:
            raise Misfit(f"{place}: two turns of the {name} in a row")
        if not content:
            raise Misfit(f"{place}: an empty turn of the {name}")
    before = tuple(
        Message(role="user" if name == "Human" else "assistant", content=content) for name, content in conversation[:-2]
    )
    prompt, response = conversation[-2][1], conversation[-1][1]
    for start in range(0, len(rest), len(_ROUND)):
        round = rest[start : start + len(_ROUND)]
        if tuple(name for name, _ in round) != _ROUND:
            raise Misfit(f"{place}: {', '.join(name for name, _ in round)} where {', '.join(_ROUND)} are due")
        empty = next((name for name, content in round if not content), None)
        if empty:
            raise Misfit(f"{place}: an empty {empty}")
        critique_request, critique, revision_request, revision = (content for _, content in round)
        yield FewShot(
            before=before,
            prompt=prompt,
            response=response,
            critique_request=critique_request,
            critique=critique,
            revision_request=revision_request,
            revision=revision,
        )
        response = revision
