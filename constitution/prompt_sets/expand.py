"""New prompts, few-shot from a file (Bai et al. 2022, section 3.2).

The paper has a pretrained model write 140,335 red-team prompts few-shot, beside the 42,496 that people wrote. Here a
call shows some prompts of the file and asks for several more, on one topic after the other. Departures: any model may
be asked; topics are named; and the kind `benign` asks for harmless prompts that sound dangerous, as those of XSTest do
(Röttger et al. 2023), so that who trains on them learns the difference.

Each call is a row of an ordinary stage (`expand.json`): journalled before its answer is used, and safe against crashes.
What a call asks depends on the seed and its number only; what is taken of the answers depends on these and nothing
else (`taking.py`). So a larger `-n` in the same folder goes on from what there is.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from constitution import __version__
from constitution.calls import Caller
from constitution.caps import Spending, begin_spending
from constitution.config import Settings
from constitution.crew import Crew, Job, LocalCrew, Model
from constitution.digests import digest
from constitution.engines import check_writes
from constitution.errors import ConfigError, FolderTaken
from constitution.manifest import EXPAND, REVISE, has_stage, load_manifest, new_manifest
from constitution.prompt_sets.answers import LEAST_WORDS, MOST_WORDS
from constitution.prompt_sets.dedup import THRESHOLD
from constitution.prompt_sets.expand_templates import ExpandTemplates, Kind, load_expand_templates
from constitution.prompt_sets.seeds import Seeds, read_seeds, seeds_of
from constitution.prompt_sets.taking import Expanded, Taken, take
from constitution.records import Prompt, Record, Sampling, Transcript
from constitution.run import Run
from constitution.runner import Chain, Stop, Tally, Watch
from constitution.sources import no_rows

# Calls are at most so many times those that would do if every line were taken.
PATIENCE = 6


class Wanted(Record):
    """What is asked for.

    Attributes:
        number: New prompts.
        topics: What they are to be about, taking turns; none: the file's own, or anything.
        topic_column: See `seeds.seeds_of`.
        kind: Of prompts; `both` take turns.
        examples: Prompts of the file that a call shows.
        each: New prompts that a call asks for.
        threshold: From here on two prompts are one.
        least_words: Words of a prompt at least.
        most_words: Words of a prompt at most.
        max_calls: Calls at most; None: six times as many as would do if every line were taken.
    """

    number: Annotated[int, Field(ge=1)]
    topics: tuple[str, ...] = ()
    topic_column: str | None = None
    kind: Literal["red-team", "benign", "both"] = "red-team"
    examples: Annotated[int, Field(ge=1, le=50)] = 5
    each: Annotated[int, Field(ge=1, le=50)] = 5
    threshold: Annotated[float, Field(ge=0.3, le=1)] = THRESHOLD
    least_words: Annotated[int, Field(ge=1)] = LEAST_WORDS
    most_words: Annotated[int, Field(ge=1)] = MOST_WORDS
    max_calls: Annotated[int | None, Field(ge=1)] = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """In the order in which they take turns."""
        return ("red-team", "benign") if self.kind == "both" else (self.kind,)

    @property
    def calls(self) -> int:
        """Those that would do if every line were taken."""
        return math.ceil(self.number / self.each)

    @property
    def last(self) -> int:
        """Calls at most."""
        return self.max_calls or PATIENCE * self.calls


async def expand(
    settings: Settings,
    wanted: Wanted,
    watch: Watch | None = None,
    stop: Stop | None = None,
    retry_failed: bool = False,
    crew: Crew | None = None,
) -> Expanded:
    """Have a model write new prompts, or go on where that was stopped.

    Args:
        settings: `prompts` is the file, `out` the folder; with the model and how it samples.
        wanted: What is asked for.
        watch: For progress.
        stop: Ends it early, with what is under way finished and journalled.
        retry_failed: Make the calls that failed again, first of all.
        crew: Who makes the calls; closed by whoever opened it. None: this process.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its call instead.
        Stopped: `stop` was asked for.
    """
    if crew is None:
        async with LocalCrew() as own:
            return await expand(settings, wanted, watch, stop, retry_failed, own)
    stop, folder = stop or Stop(), Path(settings.out)
    least, most = wanted.least_words, wanted.most_words
    if least > most:
        raise ConfigError(f"--least-words {least}: more than --most-words {most}", "Raise the latter.")
    check_writes(settings.generator, "--model")
    prompts = read_seeds(settings, wanted.topic_column)
    if not prompts:
        raise no_rows(settings)
    seeds = seeds_of(prompts, wanted.topics, wanted.topic_column, settings.prompts)
    templates = load_expand_templates(settings.templates, settings.system_prompt)
    if has_stage(folder, REVISE):
        raise FolderTaken(f"{folder}: holds a run of generate", EXPAND.elsewhere)
    if retry_failed:
        load_manifest(folder, EXPAND)
    spending = begin_spending(folder, settings, [settings.generator])
    affecting = _affecting(settings, wanted, seeds, templates)
    with Run(folder, EXPAND) as run:
        run.check(affecting)
        (model,) = await crew.open([Model(settings.generator, templates.chat_template)])
        affecting |= {"model (identity)": model.identity.model_dump()}
        stored = settings.model_dump(mode="json") | {"expand": wanted.model_dump(mode="json")}
        manifest = new_manifest(__version__, model.determinism, wanted.calls, stored, affecting)
        run.begin(manifest, retry_failed)
        stage = _Calls(settings, wanted, seeds, templates, crew, run, watch, stop, spending)
        if retry_failed:
            await stage.make(load_manifest(folder, EXPAND).input, retrying=True)
            run.begin(load_manifest(folder, EXPAND))
        calls = min(wanted.calls, wanted.last)
        while True:
            await stage.make(calls)
            taken = take(folder, prompts, calls, wanted.number, wanted.threshold, least, most)
            if len(taken.prompts) >= wanted.number or calls >= wanted.last:
                break
            calls = min(wanted.last, calls + _more(taken, wanted, calls))
        return taken.write(folder, wanted.number, run.counts(calls), seeds.aside)


class _Calls:
    """The calls of one start."""

    def __init__(
        self,
        settings: Settings,
        wanted: Wanted,
        seeds: Seeds,
        templates: ExpandTemplates,
        crew: Crew,
        run: Run,
        watch: Watch | None,
        stop: Stop,
        spending: Spending | None,
    ) -> None:
        self._settings, self._wanted, self._seeds, self._templates = settings, wanted, seeds, templates
        self._crew, self._run, self._watch, self._stop, self._spending = crew, run, watch, stop, spending

    async def make(self, calls: int, retrying: bool = False) -> None:
        """Make those of the first so many calls that are owed."""
        if not retrying and not any(self._run.owes(number) for number in range(calls)):
            return
        self._run.grow(max(calls, load_manifest(self._run.folder, EXPAND).input))
        settings = self._settings
        job = Job(
            partial(_chain, settings, self._templates.stop), settings.seed, settings.attempts, settings.concurrency
        )
        tally = Tally(calls, 1, retrying=retrying)
        await self._crew.work(
            self._rows(calls), job, self._run, tally, self._watch, self._stop, spending=self._spending
        )

    def _rows(self, calls: int) -> Iterator[Prompt]:
        return (
            call_of(number, self._settings.seed, self._wanted, self._seeds, self._templates)
            for number in range(calls)
            if self._run.owes(number)
        )


def call_of(number: int, seed: int, wanted: Wanted, seeds: Seeds, templates: ExpandTemplates) -> Prompt:
    """One call, as the row of a stage: topics and kinds take turns, and the examples are drawn."""
    topic = seeds.topics[number % len(seeds.topics)]
    kind = wanted.kinds[number // len(seeds.topics) % len(wanted.kinds)]
    shown = seeds.drawn(topic, wanted.examples, seed, number)
    about = topic if seeds.grouped else None
    lookalikes: list[str] = []
    if kind == "benign":
        left = list(templates.benign)
        places = range(min(wanted.examples, len(left)))
        lookalikes = [left.pop(_place(seed, number, place, len(left))) for place in places]
    texts = [example.text for example in shown]
    messages = templates.request(kind, topic, about, texts, lookalikes, wanted.each)
    metadata = {"topic": topic or "", "kind": kind, "examples": ", ".join(example.id for example in shown)}
    return Prompt(id=f"call-{number:06}", index=number, messages=tuple(messages), metadata={**metadata})


def _place(seed: int, number: int, place: int, left: int) -> int:
    return int(digest(["lookalike", seed, number, place]), 16) % left


def _more(taken: Taken, wanted: Wanted, calls: int) -> int:
    """How many calls more, by how many prompts a call has given so far; at most as many again."""
    rate = len(taken.prompts) / calls
    missing = wanted.number - len(taken.prompts)
    return min(calls, math.ceil(missing / rate)) if rate else calls


def _affecting(settings: Settings, wanted: Wanted, seeds: Seeds, templates: ExpandTemplates) -> dict[str, object]:
    """What changes a call, by name. What is taken of its answer may be decided anew."""
    examples = [[topic, [[one.id, one.text] for one in group]] for topic, group in seeds.by_topic.items()]
    sampling = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "seed")
    return {
        **{name: getattr(settings, name) for name in sampling},
        "topics": [topic or "" for topic in seeds.topics],
        "kinds": list(wanted.kinds),
        "examples": wanted.examples,
        "each": wanted.each,
        "prompts (content)": digest(examples),
        "templates (content)": templates.digest,
    }


def _chain(settings: Settings, stop: tuple[str, ...], callers: Sequence[Caller]) -> Chain[Prompt]:
    """One call's way to its answer."""
    (caller,) = callers
    sampling = Sampling(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        min_p=settings.min_p,
        stop=stop,
    )

    async def chain(row: Prompt) -> Sequence[Transcript]:
        answer = await caller.ask(row, sampling)("expand", row.messages)
        return [
            Transcript(
                id=row.id, index=row.index, prompt=row.messages, metadata=row.metadata, response=answer, rounds=()
            )
        ]

    return chain
