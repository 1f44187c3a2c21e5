"""What the steps of the loop share: settings, folders, and the commands they run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commands import constitution
from people import Pair, read_lines
from settings import LoopSettings

# Who is measured, by step, with what it is called in the results.
MODELS = {
    "before": "before training",
    "sft-initial": "SL, initial responses",
    "sft-plain": "SL, no gates",
    "sft": "SL",
    "dpo-plain": "RL, no gates, one-order labels",
    "dpo": "RL",
}


@dataclass(frozen=True)
class Loop:
    """What the stages share.

    Attributes:
        settings: Of the loop.
        folder: Where every step has its folder.
        cuda: Whether there is a GPU.
        go_on: The command that goes on.
        tell: Is given a line at a time.
    """

    settings: LoopSettings
    folder: Path
    cuda: bool
    go_on: str
    tell: Callable[[str], None]

    def run(self, place: Path, *words: object) -> None:
        """A command of the program; its output goes into the step's log."""
        constitution(*words, log=place / "log.txt", tell=self.tell)

    @property
    def probe(self) -> str:
        """The judge."""
        return f"probe:{self.folder / 'judge' / 'judge.safetensors'}"

    def model(self, step: str) -> str:
        """The model that a training step made; before all of them, the one that the loop begins with."""
        return self.settings.model if step == "before" else str(self.folder / step / "model")

    def generate(self, model: str, prompts: Path, run: Path) -> list[object]:
        """The command that makes a run of the SL stage."""
        told = self.settings.generate
        words: list[object] = ["generate", "--prompts", prompts, "--out", run, "--model", model]
        words += ["--rounds", told.rounds, "--max-tokens", told.max_tokens, "--temperature", told.temperature]
        words += ["--seed", self.settings.seed, *self.where]
        return words if told.few_shots is None else [*words, "--few-shots", told.few_shots]

    def pairs(self, name: str) -> list[Pair]:
        """People's pairs of one part."""
        return [Pair.model_validate(row) for row in read_lines(self.folder / "data" / f"{name}.jsonl")]

    @property
    def prompts(self) -> Path:
        """What the data is made from."""
        return self.folder / "data" / "prompts.jsonl"

    @property
    def first(self) -> Path:
        """The run of the first generation."""
        return self.folder / "generate" / "run"

    @property
    def second_opinion(self) -> Path:
        """The independent evaluator."""
        return self.folder / "evaluator" / "evaluator.npz"

    @property
    def where(self) -> list[object]:
        """On which device a command runs. Numbers are float32 throughout: processors have no fast bfloat16."""
        return ["--dtype", "float32", "--device", self.settings.device]
