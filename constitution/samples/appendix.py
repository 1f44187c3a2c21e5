"""A sample as Markdown, to read or to attach to a paper.

What rows and models wrote stands in blocks of code whose fences are longer than any in it: shown letter by letter,
never as markup, so that nothing in it is run, loaded or linked to.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from constitution.markdown import code, escaped, fenced
from constitution.samples.drawing import Sample
from constitution.samples.items import Item


def appendix(sample: Sample, items: Sequence[Item], blind: bool) -> str:
    """How the sample was drawn, then a section for each item."""
    lines = [f"# A sample of {escaped(sample.run.absolute().name)}", " ".join(_drawn(sample, len(items), blind))]
    if not blind:
        lines.append("\n".join(_strata(sample)))
    for number, item in enumerate(items, 1):
        lines += [f"## {number}. {code(item['blind_id' if blind else 'id'])}", *_section(item, blind)]
    return "\n\n".join(lines) + "\n"


def _drawn(sample: Sample, items: int, blind: bool) -> Iterator[str]:
    """How, in sentences."""
    by = ", ".join(map(code, sample.by))
    yield (f"{items} of {sample.population} {sample.of}, drawn at random (seed {sample.seed}) within strata by {by}.")
    if sample.identical:
        yield f"Left out were comparisons of one text with itself: {sample.identical}."
    if not blind:
        yield "An item's weight is how many of the run it stands for; in a blind sample, its title is its blind id."


def _strata(sample: Sample) -> Iterator[str]:
    names = " | ".join(map(escaped, sample.by))
    yield f"| {names} | in the run | drawn | weight |"
    yield "|" + "---|" * len(sample.by) + "---:|---:|---:|"
    for one in sample.strata:
        if one.drawn:
            said = " | ".join(map(escaped, one.values.values()))
            yield f"| {said} | {one.size} | {one.drawn} | {one.weight:.4g} |"
    if missed := [one.size for one in sample.strata if not one.drawn]:
        # Not one by one: a field with a value of its own for each row would fill the page.
        yield f"\nStrata that have no item, and are not told of: {len(missed)}, of {sum(missed)} {sample.of}."


def _section(item: Item, blind: bool) -> Iterator[str]:
    if not blind:
        said = [f"{escaped(name)}: {escaped(value)}" for name, value in item["stratum"].items()]
        yield "; ".join([*said, f"weight {item['weight']:.4g}", f"blind id {code(item['blind_id'])}"])
    for turn in item["prompt"]:
        yield from _text(str(turn["role"]).capitalize(), turn["content"])
    if blind:
        yield from _text("Response A", item["a"])
        yield from _text("Response B", item["b"])
    elif item["of"] == "comparisons":
        yield from _comparison(item)
    else:
        yield from _chain(item)


def _comparison(item: Item) -> Iterator[str]:
    for place in ("first", "second"):
        side = item[place]
        by = f" by {code(side['model'])}" if side["model"] else ""
        yield from _text(f"{place.capitalize()} response, {code(side['source'])}{by}{_cut(side)}", side["text"])
    p, gold = item["p"], item["gold"]
    told = "no probability" if p is None else f"the first is better with probability {p:.3f}"
    people = f"; people preferred the {gold}" if gold else ""
    principles = ", ".join(map(code, item["principles"])) or "none"
    yield f"Label: {escaped(item['status'])}; {told}{people}. Principles: {principles}."


def _chain(item: Item) -> Iterator[str]:
    yield from _text(f"Response{_cut(item['response'])}", item["response"]["text"])
    for number, round in enumerate(item["rounds"], 1):
        if round["critique"] is not None:
            yield from _text(f"Critique {number}, {code(round['principle'])}", round["critique"])
        revision = round["revision"]
        yield from _text(f"Revision {number}, {code(round['principle'])}{_cut(revision)}", revision["text"])


def _cut(side: dict[str, Any]) -> str:
    return " (cut at its limit of tokens)" if side["finish_reason"] == "length" else ""


def _text(title: str, text: str) -> Iterator[str]:
    yield f"**{title}**"
    yield fenced(text)
