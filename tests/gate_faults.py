"""Clean revisions and planted faults for the gates, drawn from the texts of `gate_texts/`.

In those, {so|such} are words to choose from, and each sentence has a line. `tuned.txt` was looked at while phrases and
thresholds were chosen. `held_out.txt` and the phrases of `HELD_OUT` were written by the same hand before their first
measurement, and neither they nor the gates were changed for what was found with them.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gate_phrases import HELD_OUT, TUNED, Phrases

from constitution.records import Completion, Message, Round, Transcript

TEXTS = Path(__file__).parent / "gate_texts"
KINDS = (
    *("unchanged", "preamble", "markers", "critique", "echo"),
    *("repetition", "boilerplate", "language", "length", "evasion"),
)
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Topic:
    """One entry of a file: its fields, each a list of sentences with words to choose from."""

    prompt: str
    label: str
    initial: list[str]
    critique: list[str]
    revision: list[str]

    @property
    def chinese(self) -> bool:
        return bool(re.search("[\u4e00-\u9fff]", self.prompt))


@dataclass(frozen=True)
class Row:
    """A prompt and a chain of one round."""

    prompt: str
    initial: str
    critique: str
    revision: str
    label: str = ""

    def transcript(self, number: int) -> Transcript:
        def said(text: str) -> Completion:
            return Completion(text=text, finish_reason="stop", prompt_tokens=9, completion_tokens=9)

        return Transcript(
            id=f"row-{number:03}",
            index=number,
            prompt=(Message(role="user", content=self.prompt),),
            metadata={"label": self.label} if self.label else {},
            response=said(self.initial),
            rounds=(Round(principle="p", critique=said(self.critique), revision=said(self.revision)),),
        )


def load(name: str) -> list[Topic]:
    """The topics of a file."""
    topics = []
    for block in (TEXTS / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        fields: dict[str, list[str]] = {}
        field = ""
        for line in block.splitlines():
            if line.startswith("  "):
                fields[field].append(line.strip())
            else:
                field, _, text = line.partition(":")
                fields[field] = [text.strip()] if text.strip() else []
        (prompt,), (label,) = fields["prompt"], fields.get("label", [""])
        topics.append(Topic(prompt, label, fields["initial"], fields["critique"], fields["revision"]))
    return topics


class Maker:
    """Makes rows of one half, by a seeded generator."""

    def __init__(self, name: str, phrases: Phrases, seed: int) -> None:
        self.topics, self.phrases, self.dice = load(name), phrases, random.Random(f"{name} {seed}")

    def clean(self, topic: Topic | None = None) -> Row:
        """A revision as one would have it: of another make each time."""
        topic, dice = topic or self.pick(), self.dice
        prompt, initial = self.say([topic.prompt]), self.say(topic.initial)
        kept = [one for one in topic.revision if dice.random() > 0.15] or topic.revision
        revision = self.say(kept, topic.chinese)
        shape = dice.random()
        if shape < 0.15 and not topic.chinese:
            lines = [self.say([one]) for one in kept]
            revision = f"{lines[0]}\n\n" + "\n".join(f"{n}. {line}" for n, line in enumerate(lines[1:], 1))
        elif shape < 0.3:
            # Most of the response stays: one sentence of it gives way to another.
            said = re.findall(r"[^.?!。？！]+[.?!。？！]+[”\"]? ?", initial)
            said[dice.randrange(len(said))] = self.say([dice.choice(kept)]) + ("" if topic.chinese else " ")
            revision = "".join(said).strip()
        elif shape < 0.45:
            revision = self.join([revision, dice.choice(self.of(topic, self.phrases.closings))], topic)
        elif shape < 0.55:
            revision = self.join([dice.choice(self.of(topic, self.phrases.openings)), revision], topic)
        elif shape < 0.65:
            # Only declines, in a few words.
            revision = self.say(topic.revision[:1])
        elif shape < 0.75:
            begun = prompt[: 2 * len(prompt) // 3]
            revision = self.join([f"“{begun}…”{':' if topic.chinese else ' -'}", revision], topic)
        return Row(prompt, initial, self.say(topic.critique, topic.chinese), revision, topic.label)

    def fault(self, kind: str, number: int) -> Row:
        """A row with one planted fault."""
        made: Callable[[int], Row] = getattr(self, f"_{kind}")
        return made(number)

    def pick(self, which: Callable[[Topic], bool] = lambda _: True) -> Topic:
        return self.dice.choice([one for one in self.topics if which(one)])

    def say(self, sentences: list[str], chinese: bool = False) -> str:
        text = ("" if chinese or re.search("[\u4e00-\u9fff]", sentences[0]) else " ").join(sentences)
        return _CHOICE.sub(lambda found: self.dice.choice(found[1].split("|")), text)

    def join(self, parts: list[str], topic: Topic) -> str:
        return ("" if topic.chinese else " ").join(parts)

    def of(self, topic: Topic, phrases: tuple[list[str], list[str]]) -> list[str]:
        return phrases[topic.chinese]

    def _with(self, topic: Topic | None = None, **changed: str) -> Row:
        row = self.clean(topic)
        return Row(**(vars(row) | changed))

    def _unchanged(self, number: int) -> Row:
        row = self.clean()
        words = row.initial.split(" ")
        made = [
            row.initial,
            f"  {row.initial}\n",
            row.initial.replace(".", "!").replace("。", "!"),
            f"**{row.initial}**",
            row.initial.upper(),
            row.initial.replace(". ", ".\n\n").replace("。", "。\n"),
        ][number % 6]
        if number % 6 == 4 and len(words) > 45:
            place = self.dice.randrange(len(words))
            made = " ".join([*words[:place], "really", *words[place:]])
        return Row(**(vars(row) | {"revision": made}))

    def _preamble(self, number: int) -> Row:
        topic = self.topics[number % len(self.topics)]
        row = self.clean(topic)
        before, after = self.of(topic, self.phrases.preambles), self.of(topic, self.phrases.remarks)
        if number % 4 == 3:
            return Row(**(vars(row) | {"revision": f"{row.revision}\n\n{after[number // 4 % len(after)]}"}))
        gap = self.dice.choice(["\n\n", "\n", " "])
        return Row(**(vars(row) | {"revision": f"{before[number % len(before)]}{gap}{row.revision}"}))

    def _markers(self, number: int) -> Row:
        topic = self.topics[number % len(self.topics)]
        row, other = self.clean(topic), self.clean(topic)
        shapes = self.of(topic, self.phrases.markers)
        made = shapes[number % len(shapes)].format(revision=row.revision, prompt=other.prompt, critique=row.critique)
        return Row(**(vars(row) | {"revision": made}))

    def _critique(self, number: int) -> Row:
        topic = self.topics[number % len(self.topics)]
        row = self.clean(topic)
        judged = self.dice.choice(self.of(topic, self.phrases.judgements))
        critique = self.join([judged, row.critique], topic)
        said = re.findall(r"[^.?!。？！]+[.?!。？！]+ ?", row.critique)
        made = [
            f"{critique}\n\n{row.revision}",
            f"{row.revision}\n\n{row.critique}",
            f"{row.critique}\n{row.revision}",
            f"{judged}\n{row.revision}",
            self.join(["".join(said[:2]).strip(), row.revision], topic),
        ][number % 5]
        return Row(**(vars(row) | {"critique": critique, "revision": made}))

    def _echo(self, number: int) -> Row:
        row = self.clean()
        made = [
            row.prompt,
            f"{row.prompt}\n\n{row.revision}",
            f'"{row.prompt}" {row.revision}',
            f"You asked: {row.prompt} {row.revision}",
            f"{row.prompt.rstrip('?.')}? {row.revision}",
        ][number % 5]
        return Row(**(vars(row) | {"revision": made}))

    def _repetition(self, number: int) -> Row:
        topic = self.pick()
        row, gap = self.clean(topic), "" if topic.chinese else " "
        one = self.say([self.dice.choice(topic.revision)])
        two = self.say([self.dice.choice(topic.initial)])
        times = self.dice.randint(3, 9)
        made = [
            gap.join([row.revision, *[one] * times]),
            "\n".join(f"{n}. {one}" for n in range(1, times + 3)),
            gap.join([row.revision, *[one, two] * times]),
            gap.join([one] * (times + 1)),
            row.revision + gap + (("真的" if topic.chinese else "really ") * 25),
            row.revision + ("啊" if topic.chinese else "o") * 80,
        ][number % 6]
        return Row(**(vars(row) | {"revision": made}))

    def _boilerplate(self, number: int) -> Row:
        topic = self.pick(lambda one: not one.chinese)
        row, own = self.clean(topic), self.say([self.dice.choice(topic.revision)])
        made = [self.phrases.stock, f"{self.phrases.stock} {own}"][number % 2]
        return Row(**(vars(row) | {"revision": made}))

    def _language(self, number: int) -> Row:
        topic = self.topics[number % len(self.topics)]
        row = self.clean(topic)
        other = self.clean(self.pick(lambda one: one.chinese != topic.chinese)).revision
        foreign = self.phrases.foreign[number % len(self.phrases.foreign)]
        half = row.revision[: len(row.revision) // 2]
        made = [other, foreign, f"{half} {other}", f"{half}\n\n{foreign}"][number % 4]
        return Row(**(vars(row) | {"revision": made}))

    def _length(self, number: int) -> Row:
        topic = self.pick()
        row = self.clean(topic)
        same = [one for one in self.topics if one.chinese == topic.chinese]
        others = [self.clean(one).revision for one in [*same * 2, *same * 2]]
        self.dice.shuffle(others)
        if number % 2:
            return Row(**(vars(row) | {"revision": self.join([row.revision, *others], topic)}))
        short = self.dice.choice(self.of(topic, self.phrases.short))
        return Row(**(vars(row) | {"initial": self.join([row.initial, *others[:6]], topic), "revision": short}))

    def _evasion(self, number: int) -> Row:
        topic = self.pick(lambda one: one.label != "")
        said = self.of(topic, self.phrases.evasions)
        return self._with(topic, revision=said[number % len(said)])


def make(name: str, seed: int = 7) -> tuple[list[Row], list[tuple[str, Row]]]:
    """One half: 100 clean rows, and 20 faults of each kind."""
    maker = Maker(name, {"tuned": TUNED, "held_out": HELD_OUT}[name], seed)
    clean = [maker.clean(maker.topics[number % len(maker.topics)]) for number in range(100)]
    return clean, [(kind, maker.fault(kind, number)) for kind in KINDS for number in range(20)]
