"""The steps of the loop as a list: what each needs, which settings it depends on, and how long it should take."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import arms
import first
from estimates import CHARACTERS, FRAME, START, WRITTEN, Speed
from settings import Training
from shared import MODELS, Loop
from steps import Step


def plan(loop: Loop, speed: Speed) -> list[Step]:
    """The steps in order.

    Args:
        loop: What they share.
        speed: Of this machine, for the estimates.
    """
    told = loop.settings
    seconds = _Seconds(loop, speed)
    files = {f"{name} (content)": _content(Path(getattr(told, name))) for name in ("pairs", "xstest", "harmbench")}
    data = {
        **files,
        "prompts": told.prompts,
        "longest": told.longest,
        "system": told.generate.system,
        "judge pairs": told.judge.pairs,
    }
    made = {"model": told.model, **told.generate.model_dump(mode="json", exclude={"gates", "system"})}
    compared = {"samples": told.judge.samples, "max_tokens": told.generate.max_tokens}
    trained = {name: getattr(told, name).model_dump(mode="json") for name in ("sft", "reward", "dpo")}
    evaluated = told.evaluate.model_dump(mode="json")
    # How long answers may be is no matter of which prompts there are: it makes the measuring anew, and nothing else.
    drawn = told.evaluate.model_dump(mode="json", exclude={"max_tokens"})

    def step(
        name: str,
        about: str,
        needs: tuple[str, ...],
        settings: dict[str, Any],
        make: Callable[[Path], dict[str, Any]],
        estimate: float,
    ) -> Step:
        return Step(name, about, needs, {"seed": told.seed, **settings}, make, estimate)

    def sft(name: str, rows: str, about: str) -> Step:
        return step(name, about, ("export",), trained["sft"], arms.tune(loop, rows), seconds.sft)

    def dpo(name: str, pairs: str, start: str, about: str) -> Step:
        make = arms.prefer(loop, pairs, start)
        return step(name, about, (pairs, start), trained["dpo"], make, seconds.dpo)

    steps = [
        step(
            "data",
            "split people's pairs, draw prompts",
            (),
            {**data, "evaluate": drawn},
            partial(first.data, loop),
            START,
        ),
        step(
            "judge",
            "fit the judge, a probe",
            ("data",),
            {"model": told.model},
            partial(first.judge, loop),
            seconds.judge,
        ),
        step("evaluator", "fit the independent evaluator", ("data",), {}, partial(first.evaluator, loop), START),
        step(
            "generate",
            "the SL stage's responses",
            ("data", "judge"),
            made,
            partial(first.generate, loop),
            seconds.generate,
        ),
        step(
            "export",
            "demonstrations",
            ("generate",),
            {"gates": told.generate.gates},
            partial(first.export, loop),
            START,
        ),
        sft("sft", "gated", "SL-CAI: tune on gated revisions"),
        sft("sft-plain", "plain", "baseline: tune on all revisions"),
        sft("sft-initial", "initial", "baseline: tune on initial responses"),
        step(
            "samples",
            "sample and compare by the probe",
            ("sft", "judge", "generate"),
            {**compared, "tie": told.judge.tie, "gates": told.generate.gates},
            partial(arms.samples, loop),
            seconds.samples,
        ),
        step(
            "samples-plain",
            "baseline: sample, and compare by letters in one order",
            ("sft-plain", "generate", "samples"),
            compared,
            partial(arms.samples_plain, loop),
            seconds.letters,
        ),
        step(
            "reward",
            "a reward model",
            ("samples", "sft", "data"),
            trained["reward"],
            partial(arms.reward, loop),
            seconds.reward,
        ),
        dpo("dpo", "samples", "sft", "RL-CAI: DPO on the probe's labels"),
        dpo("dpo-plain", "samples-plain", "sft-plain", "baseline: DPO on one-order labels"),
        step(
            "again",
            "a second generation, by the trained model",
            ("dpo", "generate", "evaluator", "judge", "data"),
            {**made, "again": told.again, "gates": told.generate.gates},
            partial(arms.again, loop),
            seconds.again,
        ),
    ]
    for name, called in MODELS.items():
        needs = () if name == "before" else (name, "measure-before")
        settings = {"temperature": told.generate.temperature, "model": told.model, "evaluate": evaluated}
        steps.append(
            step(
                f"measure-{name}",
                f"measure: {called}",
                ("data", "evaluator", *needs),
                settings,
                arms.measured(loop, name),
                seconds.measure,
            )
        )
    return steps


class _Seconds:
    """Estimates of the steps, in seconds."""

    def __init__(self, loop: Loop, speed: Speed) -> None:
        told = loop.settings
        # Most conversations are about half as long as the longest.
        prompt = told.longest / 2 / CHARACTERS + FRAME
        answer, rounds = WRITTEN * told.generate.max_tokens, told.generate.rounds
        few = 0 if told.generate.few_shots == 0 else 400
        row = speed.write(answer * (1 + 2 * rounds)) + speed.read(prompt + 2 * rounds * (prompt + 2 * answer + few))
        scored = speed.read(2 * (prompt + answer))
        self.generate = 2 * START + told.prompts * (row + scored)
        self.again = 2 * START + told.again * (row + scored)
        self.judge = START + told.judge.pairs * speed.read(prompt + 2 * answer)
        sampled = told.prompts * told.judge.samples * (speed.write(answer) + speed.read(prompt))
        pairs = told.prompts * told.judge.samples * (told.judge.samples - 1) / 2
        self.samples = 3 * START + sampled + told.prompts * told.judge.samples * speed.read(prompt + answer)
        self.letters = 3 * START + sampled + 2 * pairs * speed.read(2 * few + prompt + 2 * answer)
        whole = prompt + answer
        self.sft = self._training(told.sft, told.prompts, speed.train(whole))
        self.reward = self._training(told.reward, pairs, 2 * speed.train(whole))
        self.reward += told.evaluate.held_out * speed.read(2 * whole)
        # The model before it reads both responses, too.
        self.dpo = self._training(told.dpo, pairs, 2 * (speed.train(whole) + speed.read(whole)))
        asked = told.evaluate.harmless + 2 * told.evaluate.harmful
        self.measure = START + asked * (speed.write(WRITTEN * told.evaluate.max_tokens) + speed.read(2 * FRAME))

    @staticmethod
    def _training(told: Training, rows: float, each: float) -> float:
        passed = rows * told.epochs
        if told.steps is not None:
            passed = min(passed, told.steps * told.batch * told.accumulate)
        return 2 * START + passed * each


def _content(file: Path) -> str | None:
    """None of a file that is not there: to tell the steps and their times, none is needed."""
    if not file.is_file():
        return None
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
