"""The prompts that an expansion begins from, and which of them are shown with which call."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydantic import JsonValue

from constitution.config import Settings
from constitution.digests import derive_seed
from constitution.errors import ConfigError, SourceError
from constitution.gates.declining import harmless
from constitution.prompt_sets.answers import LEAST_WORDS, MOST_WORDS
from constitution.prompt_sets.grams import tokens_of
from constitution.readers import rows_of
from constitution.records import Prompt
from constitution.remote.addresses import masked
from constitution.sources import read
from constitution.yamlfile import nearest

# Looked for in this order, where nobody says which column tells the topic.
TOPIC_COLUMNS = ("topic", "category", "tags")
NO_COLUMN = "none"
SHOWN_TOPICS = 20


@dataclass(frozen=True)
class Example:
    """A prompt that may be shown to the model.

    Attributes:
        id: The row's.
        text: On one line.
    """

    id: str
    text: str


@dataclass(frozen=True)
class Seeds:
    """What calls draw from.

    Attributes:
        topics: What the new prompts are to be about, taking turns; (None,): anything.
        by_topic: The examples of each topic; of those that the file does not group, all of them.
        grouped: Whether the file tells the topic of its rows.
        aside: Rows that could be examples, and say that they are harmless.
    """

    topics: tuple[str | None, ...]
    by_topic: dict[str | None, tuple[Example, ...]]
    grouped: bool
    aside: int = 0

    def drawn(self, topic: str | None, number: int, seed: int, call: int) -> list[Example]:
        """Some of a topic's examples, without replacement; who draws is a hash of the seed and the call."""
        left = list(self.by_topic[topic])
        drawn = []
        for place in range(min(number, len(left))):
            drawn.append(left.pop(derive_seed("example", seed, call, place) % len(left)))
        return drawn


def topics_of(given: str | None) -> tuple[str, ...]:
    """Topics as they are typed: names with commas in between, or a file with one on each line.

    Raises:
        ConfigError: There is none in it, or the file cannot be read.
    """
    if given is None:
        return ()
    path = Path(given).expanduser()
    try:
        listed = _is_file(path)
        names = path.read_text(encoding="utf-8-sig").splitlines() if listed else given.split(",")
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"--topics {given}: cannot be read: {bad}", "Name topics: --topics theft,fraud") from None
    if not listed and path.suffix in (".txt", ".csv", ".yaml", ".json", ".jsonl"):
        raise ConfigError(f"--topics {given}: no such file", "Check the path, or name topics: --topics theft,fraud")
    found = dict.fromkeys(name.strip() for name in names if name.strip() and not name.startswith("#"))
    if not found:
        raise ConfigError(f"--topics {given}: no topic in it", "Name topics: --topics theft,fraud")
    return tuple(found)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as bad:
        # Many topics are a longer text than a file's name may be.
        if bad.errno == errno.ENAMETOOLONG:
            return False
        raise


def read_seeds(settings: Settings, column: str | None) -> list[Prompt]:
    """The prompts of a file, with their topics where those are a list, too, which other commands leave out.

    Args:
        settings: Name the input.
        column: As for `seeds_of`.

    Raises:
        SourceError: A row cannot be read, or its topics are something else than values.
    """
    prompts = list(read(settings))
    if column == NO_COLUMN or not prompts:
        return prompts
    names = TOPIC_COLUMNS if column is None else (column,)
    lists: dict[int, dict[str, JsonValue]] = {}
    for index, (where, row) in enumerate(islice(rows_of(settings), prompts[-1].index + 1)):
        name = next((name for name in names if row.get(name) is not None), "")
        value = row.get(name)
        if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
            lists[index] = {name: [str(one) for one in value]}
        elif isinstance(value, list | dict):
            raise SourceError(
                f"{where}: {name!r} is neither a topic nor a list of topics",
                "Name a column that tells a row's topic, or none: --topic-column none",
            )
    return [prompt.model_copy(update={"metadata": prompt.metadata | lists.get(prompt.index, {})}) for prompt in prompts]


def seeds_of(prompts: Sequence[Prompt], topics: Sequence[str], column: str | None, file: str) -> Seeds:
    """Group the prompts of a file by topic.

    A prompt serves as an example if it is one user turn of 3 to 60 words, on one line, and the row's own columns do not
    call it harmless (`docs/gates.md`): of either kind, examples are shown as what is dangerous to answer.

    Args:
        prompts: Of the file.
        topics: That are asked for; none: those of the column, if there is one.
        column: That tells a row's topic; `none`: none does. None: the first of `TOPIC_COLUMNS` that a row has.
        file: For messages.

    Raises:
        SourceError: A topic matches nothing, the column is not there, or there are too few examples: maybe as all are
            harmless.
    """
    names = {name for prompt in prompts for name in prompt.metadata}
    if column is None:
        column = next((name for name in TOPIC_COLUMNS if name in names), NO_COLUMN)
    elif column != NO_COLUMN and column not in names:
        others = nearest(column, names or {"none"})
        raise SourceError(
            f"--topic-column {column}: no row of {masked(file)} has such a column; {others}",
            "Name one that tells a row's topic, or none: --topic-column none",
        )
    serving = [prompt for prompt in prompts if _serves(prompt)]
    usable = [(one, Example(one.id, " ".join(one.text.split()))) for one in serving if not harmless(one.metadata)]
    everything, aside = tuple(example for _, example in usable), len(serving) - len(usable)
    if len(everything) < 2:
        others = f", as {aside} say that they are harmless" if aside else ""
        raise SourceError(
            f"{masked(file)}: {len(everything)} prompts that can be examples{others}; at least 2 are needed",
            f"An example is one user turn on one line, of {LEAST_WORDS} to {MOST_WORDS} words, and no column calls it "
            "harmless; benign prompts are made from harmful ones, too.",
        )
    if column == NO_COLUMN:
        asked = tuple(topics) or (None,)
        return Seeds(asked, dict.fromkeys(asked, everything), grouped=False, aside=aside)
    groups: dict[str, list[Example]] = {}
    spelt: dict[str, str] = {}
    for prompt, example in usable:
        for name in _topics(prompt, column):
            groups.setdefault(name.casefold(), []).append(example)
            spelt.setdefault(name.casefold(), name)
    lacking = [topic for topic in topics if topic.casefold() not in groups]
    if lacking:
        there = sorted(spelt.values())
        but = " (but for harmless ones)" if aside else ""
        more = f" and {len(there) - SHOWN_TOPICS} more" if len(there) > SHOWN_TOPICS else ""
        raise SourceError(
            f"--topics {lacking[0]}: matches no row's {column!r} in {masked(file)}{but}; "
            f"there are: {', '.join(there[:SHOWN_TOPICS])}{more}",
            "Name some of these; for topics that the file does not have, with examples of all: --topic-column none",
        )
    chosen = tuple(topics) or tuple(spelt.values())
    if not chosen:
        raise SourceError(f"{masked(file)}: no row with a {column!r}", "Leave it out: --topic-column none")
    return Seeds(chosen, {topic: tuple(groups[topic.casefold()]) for topic in chosen}, grouped=True, aside=aside)


def _topics(prompt: Prompt, column: str) -> list[str]:
    """A row's topics: one, several with commas in between, or a list."""
    told = prompt.metadata.get(column, "")
    names = map(str, told) if isinstance(told, list) else str(told).split(",")
    return [name.strip() for name in names if name.strip()]


def _serves(prompt: Prompt) -> bool:
    one = [message.role for message in prompt.messages if message.role != "system"] == ["user"]
    return one and "\n" not in prompt.text.strip() and LEAST_WORDS <= len(tokens_of(prompt.text)) <= MOST_WORDS
