"""A probe as a file: safetensors, with its card as JSON in the file's metadata and as Markdown beside it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from constitution.durable import write_whole
from constitution.errors import ConfigError, unwritable
from constitution.model_settings import AnyRole, ModelSettings, label_of
from constitution.probes.card import ProbeCard, card_text
from constitution.resources import shipped
from constitution.yamlfile import nearest

SUFFIX = ".safetensors"
# What the card is called in the file's metadata.
CARD = "card"
FIT = "Fit one: constitution judge fit PAIRS --model MODEL --to FILE"
Weights = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class Probe:
    """A preference model, ready to judge.

    Attributes:
        name: What it is called: the shipped name, or the file's.
        digest: Hash of the file.
        card: What it is.
        weights: [layers, poolings, width], of `card.layers` in order; each feature's scale is in them.
        bias: Taken off, so that responses like those of the fit have rewards around 0. No probability depends on it.
    """

    name: str
    digest: str
    card: ProbeCard
    weights: Weights
    bias: float

    def reward(self, states: Weights) -> float:
        """The reward of a response in nats.

        Args:
            states: [layers, poolings, width] of `card.read`, in order.
        """
        kept = [self.card.read.index(layer) for layer in self.card.layers]
        return float(np.sum(self.weights.astype(np.float64) * states[kept])) - self.bias


def find_probe(name: str) -> Path:
    """The file of a probe, by path or by the name of one that ships.

    Raises:
        ConfigError: There is no such file and no such name.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known = _shipped()
    if name in known:
        return known[name]
    raise ConfigError(
        f"no probe {name!r}: no such file{f'; {nearest(name, known)}' if known else ', and none ships'}",
        FIT,
    )


def check_judge(judge: ModelSettings) -> None:
    """See that a judge's name is whole: one of a probe that ships, without its engine, names no model.

    Raises:
        ConfigError: Part of the name is missing.
    """
    if judge.model == "probe:":
        known = ", ".join(f"probe:{name}" for name in _shipped())
        raise ConfigError(
            "--judge probe: which one?",
            f"Name the file of a probe after it, or one that ships ({known}). {FIT}",
        )
    # A server may have a model of any name.
    if judge.engine in ("scripted", "transformers", "vllm") and judge.model in _shipped():
        if Path(judge.model).exists():
            return
        raise ConfigError(
            f"--judge {judge.model}: that is a probe, and a probe is named with its engine",
            f"Type: --judge probe:{judge.model}",
        )


def _shipped() -> dict[str, Path]:
    return {one.stem: one for one in sorted(shipped("probes").glob(f"*{SUFFIX}"))}


def probe_name(name: str) -> str:
    """What a probe is called in manifests, journals and price tables, as which `--judge` names it too."""
    return f"probe:{Path(name).name.removesuffix(SUFFIX)}"


def judge_label(judge: ModelSettings, role: AnyRole) -> str:
    """What a judge is called among what changes rows: a probe by its name alone, as its file and its model may move.

    What both hold is in the judge's identity, which is compared too.
    """
    return probe_name(judge.model) if judge.engine == "probe" else label_of(role)


def load_probe(name: str) -> Probe:
    """Read a probe, by path or by the name of one that ships.

    Raises:
        ConfigError: There is no such file, or it is no probe.
    """
    path = find_probe(name)
    try:
        content = path.read_bytes()
        with safe_open(path, framework="numpy") as file:
            card = ProbeCard.model_validate_json((file.metadata() or {}).get(CARD, ""))
            weights, bias = file.get_tensor("weights"), file.get_tensor("bias")
    except OSError as bad:
        raise ConfigError(f"{path}: cannot be read: {bad.strerror or bad}") from None
    except (SafetensorError, ValidationError) as bad:
        why = "it holds no card of a probe" if isinstance(bad, ValidationError) else str(bad)
        raise ConfigError(f"{path}: no probe: {why}", FIT) from None
    if weights.shape[:2] != (len(card.layers), len(card.pooling)) or not np.isfinite(weights).all():
        raise ConfigError(f"{path}: no probe: its weights are not those of its card", "Fit it again.")
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return Probe(probe_name(name).removeprefix("probe:"), digest, card, weights, float(bias[0]))


def save_probe(path: Path, card: ProbeCard, weights: Weights, bias: float) -> None:
    """Write a probe, and its card beside it.

    Raises:
        Unwritable: The disk does not take it.
    """
    tensors = {"weights": np.ascontiguousarray(weights, dtype=np.float32), "bias": np.array([bias], dtype=np.float64)}
    try:
        write_whole(path, save(tensors, {CARD: card.model_dump_json()}))
        name = path.name.removesuffix(SUFFIX)
        write_whole(card_path(path), card_text(name, card).encode())
    except OSError as bad:
        raise unwritable(path, bad) from None


def card_path(path: Path) -> Path:
    """Where the readable card of a probe is."""
    return path.with_name(f"{path.name}.md")
