"""The engine that judges by a probe: a linear preference model on the hidden states of a model in this process.

`--judge probe:FILE` names a probe by its file, or by its name if it ships with the program. Its model is opened as it
was when the probe was fitted; `probe:FILE@MODEL` says where that model is, if it has been moved.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from constitution.engines.base import Determinism, Identity, Usage
from constitution.engines.bundled import BUNDLED
from constitution.errors import ConfigError, ModelError
from constitution.probes.features import Features, FeatureStore
from constitution.probes.files import Probe, load_probe
from constitution.records import Choice, Completion, Message, Reward, Sampling

if TYPE_CHECKING:
    from constitution.engines.transformers import TransformersEngine
    from constitution.model_settings import ModelSettings


class ProbeEngine:
    """Gives rewards, and answers nothing.

    Args:
        probe: The preference model.
        base: The model that reads.
        store: What it has read before, for this probe or another one.
    """

    determinism: Determinism = "best effort"

    def __init__(self, probe: Probe, base: "TransformersEngine", store: FeatureStore) -> None:
        self._probe, self._base, self._store = probe, base, store
        known = base.identity
        self.identity = Identity(
            engine="probe",
            model=f"probe:{probe.name}",
            revision=probe.digest,
            detail=f"{known.model} {known.revision}, {known.detail}",
        )

    @property
    def usage(self) -> Usage:
        """Those of the model that reads."""
        return self._base.usage

    async def reward(self, messages: Sequence[Message], response: str) -> Reward:
        """See `Rewarding.reward`."""
        kept = self._store.find(messages, response)
        reused = kept.tokens if kept else 0
        if kept is None:
            read = await self._base.hidden(messages, response, self._probe.card.read)
            kept, reused = Features(read.states, read.tokens), read.reused
            self._store.add(messages, response, kept)
        return Reward(value=self._probe.reward(kept.states), prompt_tokens=kept.tokens, reused_tokens=reused)

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """Raises: a probe writes nothing."""
        raise self._silent("writes nothing")

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """Raises: a probe is asked nothing."""
        raise self._silent("is asked nothing")

    def count(self, messages: Sequence[Message]) -> int:
        """Prompt tokens of a call, or a few more."""
        return self._base.count(messages)

    async def aclose(self) -> None:
        """Keep what was read, and stop."""
        self._store.flush()
        await self._base.aclose()

    def _silent(self, what: str) -> ModelError:
        return ModelError(
            f"{self.identity.model} {what}: a probe gives each response a reward",
            "Use it as a judge: constitution compare RUN --judge probe:FILE, or constitution score RUN --judge "
            "probe:FILE. Elsewhere name a model that answers, such as smollm2.",
        )


async def open_engine(settings: "ModelSettings", chat_template: str | None = None) -> ProbeEngine:
    """Open a probe and its model.

    Args:
        settings: `model` names the probe, `revision` the place of its model if that has moved.
        chat_template: Of no use: the probe has the one that it was fitted with.

    Raises:
        ConfigError: There is no such probe.
        ModelError: Its model cannot be found or loaded, or is not the one that it was fitted on.
    """
    from constitution.engines.transformers import open_engine as open_base

    probe = load_probe(settings.model)
    named = _base(probe, settings)
    base = await open_base(named, probe.card.chat_template)
    try:
        _check_same(probe, named.model, base.identity)
    except ModelError:
        await base.aclose()
        raise
    return ProbeEngine(probe, base, FeatureStore(base.identity, probe.card.chat_template, probe.card.read))


async def check_model(settings: "ModelSettings") -> None:
    """Look whether the probe and its model are there.

    Raises:
        ConfigError: There is no such probe.
        ModelError: Its model is not there.
    """
    from constitution.engines.transformers import check_model as check_base

    await check_base(_base(load_probe(settings.model), settings))


def _base(probe: Probe, settings: "ModelSettings") -> "ModelSettings":
    """What opens the model of a probe."""
    card = probe.card
    if settings.dtype not in ("auto", card.dtype):
        raise ConfigError(
            f"--dtype {settings.dtype}: the probe {probe.name} was fitted in {card.dtype}, and in another number "
            "format its rewards would be others",
            "Leave --dtype out, or fit a probe in that format: constitution judge fit PAIRS --dtype DTYPE --to FILE",
        )
    name = settings.revision or card.path
    # A folder that has gone must not be looked for on the Hub, where anybody may have a model of that name.
    if not (card.hub or name == BUNDLED or Path(name).expanduser().exists()):
        raise ModelError(
            f"{name}: there is no such model; the probe {probe.name} was fitted on {card.path}",
            f"Say where it is: --judge {probe_command(probe, 'FOLDER')}",
        )
    update = {
        "engine": "transformers",
        "model": name,
        "revision": card.model.revision if card.hub else None,
        "dtype": card.dtype,
    }
    return settings.model_copy(update=update)


def probe_command(probe: Probe, place: str) -> str:
    """How a judge is named whose model is elsewhere."""
    return f"probe:{probe.name}@{place}"


def _check_same(probe: Probe, named: str, found: Identity) -> None:
    """See that a model is the one that a probe was fitted on.

    Raises:
        ModelError: It is another one, or another revision of it.
    """
    card = probe.card
    if (found.revision, found.detail) == (card.model.revision, card.model.detail):
        return
    raise ModelError(
        f"the probe {probe.name} was fitted on {card.model.model}, revision {card.model.revision}, "
        f"{card.model.detail}; {named} is revision {found.revision}, {found.detail}: its rewards would mean nothing",
        f"Give it that model (--judge {probe_command(probe, 'MODEL')}), or fit one on this model: constitution judge "
        f"fit PAIRS --model {named} --to FILE",
    )
