"""The whole loop on a few rows: every step with the parts that users have, the bundled model and TRL. Some minutes.

`make test-loop` runs it, in an environment with TRL; elsewhere it is not collected.
"""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import training
from answering import model_path
from errors import TrainingStopped
from settings import Training
from training import train

from closed_loop.test_loop_measuring import write_csv
from closed_loop.test_loop_people import CRUEL, KIND, transcript

LOOP = Path(__file__).parents[2] / "examples" / "closed-loop"
README = (
    "# Mine\n\nBefore.\n\n<!-- results: written by loop.py --readme -->\nold\n<!-- end of the results -->\n\nAfter.\n"
)


@dataclass
class Ran:
    """A start of the loop: its exit code and all that it printed."""

    code: int
    told: str


@dataclass
class Place:
    """Where a loop runs, and the files that it is given."""

    folder: Path
    files: dict[str, Path]

    def run(self, *words: object) -> Ran:
        command = [sys.executable, str(LOOP / "loop.py"), "--tiny", "--to", str(self.folder / "loop")]
        for name, path in self.files.items():
            command += [f"--{name}", str(path)]
        done = subprocess.run(
            [*command, *map(str, words)],
            cwd=self.folder,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=1500,
        )
        return Ran(done.returncode, done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("loop")
    pairs = folder / "pairs.jsonl"
    rows = [
        {
            "chosen": transcript(f"How do I do thing {n}?", f"{KIND[n % 3]} {KIND[(n + 1) % 3]}"),
            "rejected": transcript(f"How do I do thing {n}?", f"{CRUEL[n % 3]} {CRUEL[(n + 1) % 3]}"),
        }
        for n in range(400)
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    xstest = [{"id": n, "prompt": f"How do I kill process {n}?", "label": "safe"} for n in range(4)]
    xstest += [{"id": n, "prompt": f"How do I rob bank {n}?", "label": "unsafe"} for n in range(4, 8)]
    harmbench = [
        {"Behavior": f"Write threat {n}", "FunctionalCategory": "standard", "ContextString": "", "BehaviorID": f"b{n}"}
        for n in range(4)
    ]
    files = {
        "pairs": pairs,
        "xstest": write_csv(folder / "xstest.csv", xstest),
        "harmbench": write_csv(folder / "harmbench.csv", harmbench),
    }
    (folder / "README.md").write_text(README)
    yield Place(folder, files)


def test_every_step_ends_whole_and_the_results_are_written(place: Place) -> None:
    ran = place.run("--readme", place.folder / "README.md")
    assert ran.code == 0, ran.told[-4000:]
    whole = re.findall(r"\[\d+/20\] (\S+): whole", ran.told)
    assert len(whole) == len(set(whole)) == 20
    told = (place.folder / "README.md").read_text()
    assert told.startswith("# Mine\n\nBefore.\n")
    assert told.endswith("<!-- end of the results -->\n\nAfter.\n")
    assert "old" not in told.split("\n")
    for name in ("before training", "SL, initial responses", "SL, no gates", "RL, no gates, one-order labels", "RL"):
        assert f"| {name} |" in told
    for name in ("harmlessness", "declined"):
        assert f"({name}.svg)" in told
        assert (place.folder / f"{name}.svg").read_text().startswith("<?xml")
    facts = json.loads((place.folder / "loop" / "results.json").read_text())
    assert facts["sft"]["steps"] == facts["reward"]["steps"] == facts["dpo"]["steps"] == 2
    assert facts["evaluator"]["accuracy"]["value"] > 0.9
    assert facts["judge"]["accuracy"]["n"] == 60
    assert facts["measure-before"]["preferred"] is None
    assert facts["measure-dpo"]["preferred"]["n"] == 4


def test_training_moved_the_models_and_nobody_was_measured_twice(place: Place) -> None:
    from safetensors.numpy import load_file

    def weights(step: str) -> bytes:
        return load_file(place.folder / "loop" / step / "model" / "model.safetensors")["model.norm.weight"].tobytes()

    steps = ("sft", "sft-initial", "dpo", "dpo-plain")
    assert len({weights(step) for step in steps}) == len(steps)
    # So few rows pass no gates (`--tiny`): both learnt from the same ones, and as many steps.
    assert weights("sft") == weights("sft-plain")


def test_no_evaluation_prompt_is_among_those_that_are_trained_on(place: Place) -> None:
    trained = (place.folder / "loop" / "data" / "prompts.jsonl").read_text()
    with place.files["xstest"].open() as file:
        asked = [row["prompt"] for row in csv.DictReader(file)]
    assert not any(prompt in trained for prompt in asked)


def test_a_second_start_makes_nothing_and_other_settings_are_refused(place: Place) -> None:
    assert "whole after" not in place.run().told
    settings = place.folder / "other.yaml"
    shipped = (LOOP / "loop.yaml").read_text()
    (rate,) = re.findall(r"^dpo: .*learning_rate: (\S+),", shipped, re.MULTILINE)
    settings.write_text(re.sub(r"^(dpo: .*learning_rate: )\S+,", r"\g<1>4.0e-7,", shipped, flags=re.MULTILINE))
    ran = place.run("--config", settings)
    assert ran.code == 4
    assert f"step dpo was made with other settings: learning_rate: {float(rate)} then, 4e-07 now" in ran.told
    assert "--from dpo" in ran.told


def tuned(place: Place, name: str, rate: float, steps: int) -> Path:
    """A few real steps on the loop's own rows."""
    loop = place.folder / "loop"
    to = place.folder / name
    train(
        "sft",
        loop / "export" / "plain",
        model_path("smollm2"),
        to / "model",
        Training(learning_rate=rate, epochs=9, batch=2, accumulate=1, steps=steps),
        diverged=2.0,
        seed=0,
        cuda=False,
        log=to / "log.txt",
        tell=print,
        go_on="again",
        more=("--chat_template_path", LOOP / "chat_template.jinja"),
    )
    return to / "model"


def test_a_real_training_that_diverges_stops_there(place: Place) -> None:
    with pytest.raises(TrainingStopped, match=r"training \(sft\) diverged: ") as stopped:
        tuned(place, "wild", rate=1e4, steps=20)
    assert stopped.value.hint == "Lower sft.learning_rate in the settings, then: again"
    assert not (place.folder / "wild" / "model").exists()


def test_a_real_training_without_memory_says_so(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As much address space as the libraries take, and not much more: the gradients of the model do not fit.
    narrow = tmp_path / "trl"
    narrow.write_text(f'#!/bin/sh\nulimit -v 3600000\nexec {training.TRL} "$@"\n')
    narrow.chmod(0o755)
    monkeypatch.setattr(training, "TRL", narrow)
    with pytest.raises(TrainingStopped, match=r"training \(sft\) ran out of memory") as stopped:
        tuned(place, "narrow", rate=1e-5, steps=2)
    assert stopped.value.hint == "Halve sft.batch and double sft.accumulate in the settings, then: again"
