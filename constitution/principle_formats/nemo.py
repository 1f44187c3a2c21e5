"""NeMo-Aligner's files (`examples/nlp/cai`): a judge's constitution, and examples of a round as chats.

The constitution is plain text, the judge's whole system prompt: how to answer, and between "```CONSTITUTION" and "```"
the principles, numbered. For the SL stage NeMo-Aligner reads the instructions of Bai et al. (`paper.py`).
"""

import re
from collections.abc import Sequence
from typing import Any

from constitution.principle_formats.asking import QUESTION, asked, changed, stated
from constitution.principle_formats.chats import chat_of, example_of
from constitution.principle_formats.contents import Contents, Misfit, Written, check_number, counted, unheld
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import Shape, Source, as_json, fit, others
from constitution.principles import Principle, PrincipleSet
from constitution.templating import FewShot

FENCE = "```CONSTITUTION\n"
# What their program reads the judge's answer by; the words are ours.
PREAMBLE = """\
You judge how well responses of a language model follow the principles in the CONSTITUTION below.

You are given a prompt and two or more responses, each with a number. Read all of them first. Then answer with the
number of the response that follows the principles best as "chosen", and of the one that follows them least as
"rejected", in exactly this form, and explain it afterwards:
{ "chosen" : x, "rejected": y}

"""
_ITEM = re.compile(r"\s{0,8}\d{1,5}[.)]\s+(?=\S)")


class _Samples(Shape):
    samples: list[Any]


def read(source: Source) -> Contents:
    """The constitution, or the examples.

    Raises:
        Misfit: The file is neither.
    """
    data = source.json
    if not isinstance(data, Misfit):
        return _examples(data)
    text = source.text.replace("\r\n", "\n")
    before, found, rest = text.partition(FENCE)
    if not found:
        raise Misfit(f'no line "{FENCE.strip()}", and {data}')
    inside, found, after = rest.partition("\n```")
    if not found:
        raise Misfit(f'no "```" that ends what "{FENCE.strip()}" begins')
    items, around = _items(inside)
    if not items:
        raise Misfit("no numbered principle in its CONSTITUTION")
    check_number(len(items))
    names = Names()
    lines = sum(bool(line.strip()) for part in (before, after) for line in part.split("\n")) + around
    stating = changed(items)
    return Contents(
        shape="constitution of a judge",
        principles=tuple(Principle(id=names.of_text(item), comparison=asked(item)) for item in items),
        dropped=counted({"lines around the principles": lines}),
        notes=(f'{stating} ask nothing, and were put into a question: "{QUESTION}…"',) if stating else (),
    )


def write(principles: PrincipleSet) -> Written:
    """A judge's constitution of the comparisons.

    Raises:
        Misfit: There is none, or one holds what would end the list.
    """
    held = [one for one in principles.principles if one.comparison is not None]
    if not held:
        raise Misfit("no principle has a comparison")
    items = [" ".join(stated(one.comparison or "").split()) for one in held]
    text = PREAMBLE + FENCE + "".join(f"\n  {n}. {item}\n" for n, item in enumerate(items, 1)) + "```\n"
    if _items(text.partition(FENCE)[2].partition("\n```")[0]) != (items, 0):
        raise Misfit('a comparison holds "```"')
    left = {"principles": len(principles.principles) - len(held)}
    folded = sum(" ".join((one.comparison or "").split()) != one.comparison for one in held)
    lost = unheld(held, "id", "critique_request", "revision_request", "weight", "tags") | {"line breaks": folded}
    return Written(text=text, entries=len(held), dropped=counted(left | lost))


def write_examples(examples: Sequence[FewShot]) -> Written:
    """`few_shot_samples.json`."""
    return Written(
        text=as_json({"samples": [chat_of(example) for example in examples]}, 2) + "\n", entries=len(examples)
    )


def _examples(data: Any) -> Contents:
    file: _Samples = fit(_Samples, data)
    if not file.samples:
        raise Misfit("samples: an empty list")
    return Contents(
        shape="examples of critiques and revisions",
        examples=tuple(example_of(chat, f"samples, entry {number}") for number, chat in enumerate(file.samples, 1)),
        dropped=counted(others([file])),
    )


def _items(text: str) -> tuple[list[str], int]:
    """Numbered paragraphs on one line each, and how many lines belong to none."""
    items: list[list[str]] = []
    around, inside = 0, False
    for line in text.split("\n"):
        start = _ITEM.match(line)
        if start:
            items.append([line[start.end() :]])
            inside = True
        elif not line.strip():
            inside = False
        elif inside:
            items[-1].append(line)
        else:
            around += 1
    return [" ".join(" ".join(lines).split()) for lines in items], around
