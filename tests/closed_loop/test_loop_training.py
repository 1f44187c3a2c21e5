"""Training stops where it diverges, runs out of memory or fails, and leaves no half model behind."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import training
from errors import TrainingStopped
from settings import Training
from training import Watch, train

# What stands in for TRL's command: prints what it is told to, and writes a model where it was asked to.
TRAINER = """#!{python}
import os, signal, sys, time
from pathlib import Path
{body}
to = Path(sys.argv[sys.argv.index("--output_dir") + 1])
to.mkdir()
(to / "model.safetensors").write_text("whole")
"""
GO_ON = "python loop.py --to here"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Train with a trainer of this body."""
    (tmp_path / "data").mkdir()

    def run(body: str) -> dict[str, Any]:
        program = tmp_path / "trl"
        program.write_text(TRAINER.format(python=sys.executable, body=body))
        program.chmod(0o755)
        monkeypatch.setattr(training, "TRL", program)
        return train(
            "dpo",
            tmp_path / "data",
            "start",
            tmp_path / "model",
            Training(learning_rate=1e-5, epochs=1, batch=4, accumulate=2),
            diverged=2.0,
            seed=0,
            cuda=False,
            log=tmp_path / "log.txt",
            tell=lambda line: None,
            go_on=GO_ON,
        )

    return run


def stopped(run: Any, tmp_path: Path, body: str) -> TrainingStopped:
    with pytest.raises(TrainingStopped) as found:
        run(body)
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / ".model.training").exists()
    assert GO_ON in found.value.hint
    assert found.value.exit_code == 8
    return found.value


def test_a_training_that_ends_leaves_its_model_and_tells_its_losses(run: Any, tmp_path: Path) -> None:
    body = "\n".join(f"print({{'loss': '{loss}', 'grad_norm': '1.5'}})" for loss in (0.7, 0.65, 0.61))
    assert run(body + "\nprint(sys.argv)") == {"steps": 3, "losses": [0.7, 0.65, 0.61]}
    assert (tmp_path / "model" / "model.safetensors").read_text() == "whole"
    told = (tmp_path / "log.txt").read_text()
    assert "'--config', 'recipes/dpo.yaml'" in told
    assert "'--gradient_accumulation_steps', '2'" in told


def test_a_training_that_diverges_is_ended_at_once_and_says_what_to_change(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A trainer does not flush what it logs.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    start = time.monotonic()
    # It would go on for a minute.
    error = stopped(run, tmp_path, "print({'loss': 'nan', 'grad_norm': '2.0'})\ntime.sleep(60)")
    assert time.monotonic() - start < 30
    assert error.message.startswith("training (dpo) diverged: loss is nan at step 1; see ")
    assert error.hint == f"Lower dpo.learning_rate in the settings, then: {GO_ON}"


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB')",
        "sys.exit('RuntimeError: DefaultCPUAllocator: can\\'t allocate memory: you tried to allocate 8 bytes')",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "sys.exit(137)",
    ],
)
def test_a_training_without_memory_says_so(run: Any, tmp_path: Path, body: str) -> None:
    error = stopped(run, tmp_path, body)
    assert error.message.startswith("training (dpo) ran out of memory; see ")
    assert error.hint == f"Halve dpo.batch and double dpo.accumulate in the settings, then: {GO_ON}"


def test_another_failure_tells_the_last_line_of_it(run: Any, tmp_path: Path) -> None:
    error = stopped(run, tmp_path, "print('loading', flush=True)\nsys.exit('ValueError: no such column')")
    assert error.message.startswith("training (dpo) failed (1): ValueError: no such column; see ")


def test_an_earlier_model_is_gone_while_a_new_one_is_made(run: Any, tmp_path: Path) -> None:
    run("")
    stopped(run, tmp_path, "sys.exit(3)")


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        ([0.7, 0.6, 0.8, 0.5, 0.4], None),
        # One hard batch is no divergence.
        ([0.7, 0.7, 0.7, 0.7, 2.5, 0.7], None),
        ([0.7, 0.7, 0.7, 0.8, 1.5, 4.0], "the loss rose from 0.7 to 2.1 by step 6"),
        # What a real training did whose learning rate was far too high: it knows nothing any more, at once.
        ([3.977, 3.27, 10.8, 10.8], "the loss rose from 3.98 to 8.29 by step 4"),
        ([0.7, float("inf")], "loss is inf at step 2"),
    ],
)
def test_a_watch_tells_a_rise_from_a_hard_batch(losses: list[float], why: str | None) -> None:
    watch = Watch(2.0)
    told = [watch.read(f"{{'loss': '{loss}', 'grad_norm': '1.0', 'epoch': '0.1'}}\n") for loss in losses]
    assert told == [None] * (len(losses) - 1) + [why]


def test_a_gradient_that_is_no_number_stops_training_before_the_loss_shows_it() -> None:
    watch = Watch(2.0)
    assert watch.read("{'loss': 0.69, 'grad_norm': nan}") == "grad_norm is nan at step 1"


def test_other_lines_say_nothing() -> None:
    watch = Watch(2.0)
    assert watch.read("loss: nan ahead, said the manual\n") is None
    assert watch.read("{'eval_loss': 'nan'}\n") is None
    assert watch.losses == []
