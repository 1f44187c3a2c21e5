"""Pairs whose better response has a word that the worse one lacks, and a probe of a small random model on them."""

import asyncio
import json
import random
from pathlib import Path

from models import random_model

from constitution.model_settings import ModelSettings
from constitution.probes.card import ProbeCard
from constitution.probes.fitting import Fit, fit_probe

WORDS = ["river", "runs", "past", "a mill", "and", "under", "an old", "bridge", "where", "children", "play", "daily"]


def pair_rows(number: int, seed: int = 0, wrong: float = 0.0) -> list[dict[str, str]]:
    """Pairs as hh-rlhf text; in a share `wrong` of them people preferred the other response."""
    dice = random.Random(seed)
    rows = []
    for n in range(number):
        words = [" ".join(dice.choices(WORDS, k=dice.randint(3, 9))) for _ in range(2)]
        sides = [f"Gladly, {words[0]}.", f"Never, {words[1]}."][:: -1 if dice.random() < wrong else 1]
        # Two pairs of each prompt.
        prompt = f"\n\nHuman: Tell me about number {seed}-{n // 2}.\n\nAssistant:"
        rows.append({"chosen": f"{prompt} {sides[0]}", "rejected": f"{prompt} {sides[1]}"})
    return rows


def write_rows(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def fit(folder: Path, pairs: str, model: Path, name: str = "mine", **told: object) -> ProbeCard:
    settings = ModelSettings(model=str(model), dtype="float32")
    return asyncio.run(fit_probe(Fit(pairs=pairs, to=folder / f"{name}.safetensors", model=settings, **told)))  # type: ignore[arg-type]


def small_model(folder: Path) -> Path:
    return random_model(folder, "llama")
