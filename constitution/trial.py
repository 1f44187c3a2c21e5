"""One prompt through principles one by one: what each of them makes of the same response.

The editing loop of a principles file. Calls are made as `generate` makes those of a row's first round: with the same
seeds, and for a prompt without an id of its own under the same row id. So what is seen here is what a run does when it
draws the principle first. No seed depends on a principle: what one gives does not change when another is edited, and
what changes when one is edited comes of its words.

Departure from all other commands: finished calls are kept in memory only. A trial is a look, and no data comes of it;
but while it lasts no call is made twice, so that a pass after an edit asks only what the edit has changed.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from constitution.config import Settings
from constitution.digests import digest
from constitution.engines.base import Engine
from constitution.engines.pool import Engines
from constitution.errors import CallError, ConstitutionError, PrinciplesError, SourceError
from constitution.model_settings import resolve
from constitution.principles import Principle, PrincipleSet
from constitution.recall import Recall
from constitution.records import Completion, Message, Prompt, Record, Sampling
from constitution.sources import messages_of
from constitution.tasks import task_group
from constitution.templating import TemplateSet
from constitution.yamlfile import nearest


class Trial(Record):
    """What one principle made of the response.

    Attributes:
        principle: Its id.
        critique: None in direct revision, and where the call failed.
        revision: None where a call failed.
        failure: Which call failed and why; empty if none did.
        seconds: Since the response was there; 0 if all answers were known.
    """

    principle: str
    critique: Completion | None = None
    revision: Completion | None = None
    failure: str = ""
    seconds: float = 0.0


class Pass(Record):
    """One prompt through all principles.

    Attributes:
        prompt: What was asked.
        response: The initial response, which all principles were given; None where the call failed.
        failure: Why there is no response; empty if there is one.
        trials: In the file's order.
        asked: Ids of the principles that calls were made for.
        response_seconds: How long the response took; 0 if it was known.
        seconds: How long all took, without the time in which the model was loaded.
    """

    prompt: tuple[Message, ...]
    response: Completion | None = None
    failure: str = ""
    trials: tuple[Trial, ...] = ()
    asked: tuple[str, ...] = ()
    response_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether any call did."""
        return bool(self.failure) or any(trial.failure for trial in self.trials)


class Show(Protocol):
    """Told what a pass finds, as soon as it is known."""

    def responded(self, response: Completion) -> None:
        """The initial response is there, and is not the one that was told last."""

    def asking(self, owed: Sequence[str], again: Sequence[str], same: int) -> None:
        """Ids of the principles that calls are made for, and of those that are told again; how many are as before.

        All answers for those that are told again are known, but others were told last: an edit was taken back.
        """

    def tried(self, trial: Trial, response: Completion) -> None:
        """A principle that calls were made for is through, or is told again; in the file's order."""

    def ended(self, done: Pass) -> None:
        """The pass is over."""

    def refused(self, bad: ConstitutionError) -> None:
        """What was saved cannot be tried; the watch goes on (see `watching.py`)."""


class Trials:
    """A prompt, and all that models have said to it so far.

    Args:
        settings: Name the models, and say how they sample; `prompts`, `out`, `principles` and `rounds` do not count.
        prompt: What is asked.
        engines: Opens the models; closed by whoever opened it.
    """

    def __init__(self, settings: Settings, prompt: Prompt, engines: Engines) -> None:
        self._settings = settings
        self._prompt = prompt
        self._engines = engines
        self._recall = Recall(prompt.id, settings.seed, settings.attempts, settings.concurrency)
        self._chat_template: str | None = None
        self._response: Completion | None = None
        self._told: dict[str, Trial] = {}

    async def go(self, templates: TemplateSet, principles: Sequence[Principle], show: Show) -> Pass:
        """Put the prompt through principles, all at once; only what was not asked before is asked.

        Args:
            templates: Turn a principle into what is asked.
            principles: In the order in which they are shown.
            show: Told what is found.

        Raises:
            ModelError: The model cannot be found, loaded or kept running.
        """
        steps = await self._steps(templates)
        begun = time.monotonic()
        known_response = steps.known_response()
        try:
            response = known_response or await steps.respond()
        except CallError as bad:
            done = Pass(prompt=self._prompt.messages, failure=bad.message, seconds=time.monotonic() - begun)
            show.ended(done)
            return done
        responded = time.monotonic()
        if response != self._response:
            self._response, self._told = response, {}
            show.responded(response)
        known = {one.id: trial for one in principles if (trial := steps.known(response, one))}
        owed = [one.id for one in principles if one.id not in known]
        again = [id for id, trial in known.items() if trial != self._told.get(id)]
        show.asking(owed, again, len(known) - len(again))

        trials = []
        async with task_group() as group:
            tasks = {one.id: group.create_task(steps.trial(response, one)) for one in principles if one.id in owed}
            for id in (one.id for one in principles):
                trial = known.get(id) or await tasks[id]
                if id in owed or id in again:
                    self._told[id] = trial.model_copy(update={"seconds": 0.0})
                    show.tried(trial, response)
                trials.append(trial)
        done = Pass(
            prompt=self._prompt.messages,
            response=response,
            trials=tuple(trials),
            asked=tuple(owed),
            response_seconds=0.0 if known_response else responded - begun,
            seconds=time.monotonic() - begun,
        )
        show.ended(done)
        return done

    async def _steps(self, templates: TemplateSet) -> "_Steps":
        if templates.chat_template != self._chat_template:
            # An edited chat template opens the model anew, and two copies may be more than memory holds.
            await self._engines.close()
        self._chat_template = templates.chat_template
        settings = self._settings
        critic = resolve(settings.generator, settings.critic) if settings.critic else settings.generator
        return _Steps(
            prompt=self._prompt,
            templates=templates,
            recall=self._recall,
            generator=await self._engines.open(settings.generator, templates.chat_template),
            critic=await self._engines.open(critic, templates.chat_template),
            sampling=Sampling(
                max_tokens=settings.max_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                top_k=settings.top_k,
                min_p=settings.min_p,
                stop=templates.stop,
            ),
            critique=settings.critique,
        )


@dataclass(frozen=True)
class _Steps:
    """The calls of one pass."""

    prompt: Prompt
    templates: TemplateSet
    recall: Recall
    generator: Engine
    critic: Engine
    sampling: Sampling
    critique: bool

    def known_response(self) -> Completion | None:
        return self.recall.known(self.generator, "respond", self.templates.respond(self.prompt), self.sampling)

    async def respond(self) -> Completion:
        return await self.recall.ask(self.generator, "respond", self.templates.respond(self.prompt), self.sampling)

    def known(self, response: Completion, principle: Principle) -> Trial | None:
        """What this principle makes of the response, if no call is to be made for it."""
        try:
            critique = None
            if self.critique:
                asked = self.templates.critique(self.prompt, response.text, principle)
                critique = self.recall.known(self.critic, "critique-1", asked, self.sampling)
                if critique is None:
                    return None
            asked = self.templates.revise(self.prompt, response.text, principle, critique.text if critique else None)
        except CallError:
            # The chain runs into it, too, and tells of it.
            return None
        revision = self.recall.known(self.generator, "revise-1", asked, self.sampling)
        return Trial(principle=principle.id, critique=critique, revision=revision) if revision else None

    async def trial(self, response: Completion, principle: Principle) -> Trial:
        """One principle's critique and revision; a call that fails is told, and is no error."""
        begun = time.monotonic()
        critique, step = None, "critique"
        try:
            if self.critique:
                asked = self.templates.critique(self.prompt, response.text, principle)
                critique = await self.recall.ask(self.critic, "critique-1", asked, self.sampling)
            step = "revision"
            asked = self.templates.revise(self.prompt, response.text, principle, critique.text if critique else None)
            revision = await self.recall.ask(self.generator, "revise-1", asked, self.sampling)
        except CallError as bad:
            failure = f"{step}: {bad.message}"
            seconds = time.monotonic() - begun
            return Trial(principle=principle.id, critique=critique, failure=failure, seconds=seconds)
        seconds = time.monotonic() - begun
        return Trial(principle=principle.id, critique=critique, revision=revision, seconds=seconds)


def prompt_of(text: str) -> Prompt:
    """What is typed as a prompt: text, an hh-rlhf transcript, or a JSON list of messages.

    Raises:
        SourceError: It asks nothing, or is a list of something else.
    """
    value: object = text
    if text.lstrip().startswith("["):
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    messages = messages_of({"prompt": value}, ("prompt",), "--prompt")
    if not messages:
        raise SourceError("--prompt: no user turn with text", "Give what a user would ask, or - to read it from stdin.")
    # As a row without an id is called in a run.
    return Prompt(id=digest([message.model_dump() for message in messages]), index=0, messages=messages)


def chosen(principles: PrincipleSet, only: Sequence[str], file: object) -> tuple[Principle, ...]:
    """The principles with these ids, in the file's order; all of them if none is named.

    Raises:
        PrinciplesError: There is no such id; names the nearest.
    """
    known = [principle.id for principle in principles.principles]
    for id in only:
        if id not in known:
            raise PrinciplesError(
                f"{file}: no principle {id!r}; {nearest(id, known)}", "Name one that is there: --only ID"
            )
    return tuple(principle for principle in principles.principles if not only or principle.id in only)
