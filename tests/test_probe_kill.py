"""Fitting a probe and judging by it, killed with -9: the same command goes on, and ends as if nothing had happened."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_pairs import fit, pair_rows, small_model, write_rows
from plugging import start

from constitution.probes.files import load_probe

Lines = Callable[[Path], list[Any]]
Cli = Callable[..., subprocess.CompletedProcess[str]]


def kill_when(process: "subprocess.Popen[str]", reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not reached():
        assert process.poll() is None, f"ended before it could be killed: {process.communicate()}"
        assert time.monotonic() < deadline, "did not get so far in time"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "model")


def test_a_fit_goes_on_with_what_was_read(
    model: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", pair_rows(160))
    monkeypatch.setenv("CONSTITUTION_CACHE", str(tmp_path / "other-cache"))
    fit(tmp_path, pairs, model, "never-killed", layers=(1,))
    cache = tmp_path / "cache"
    monkeypatch.setenv("CONSTITUTION_CACHE", str(cache))
    to = tmp_path / "killed.safetensors"
    words = ["judge", "fit", pairs, "--to", to, "--model", model, "--dtype", "float32", "--layers", 1, "-q"]
    kill_when(start(*words), lambda: any(cache.glob("features/*/*.safetensors")))
    assert not to.exists()
    kept = {path: path.read_bytes() for path in cache.glob("features/*/*.safetensors")}
    result = cli(*words)
    assert result.returncode == 0, result.stderr
    # What was read before is where it was: the second start wrote only the rest.
    assert all(path.read_bytes() == content for path, content in kept.items())
    # Which responses a model reads at once moves its numbers by rounding.
    killed, other = load_probe(str(to)), load_probe(str(tmp_path / "never-killed.safetensors"))
    assert killed.card.data == other.card.data
    np.testing.assert_allclose(killed.weights, other.weights, rtol=1e-3, atol=1e-5)


def test_comparisons_by_a_probe_go_on(
    model: Path, tmp_path: Path, cli: Cli, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSTITUTION_CACHE", str(tmp_path / "cache"))
    pairs = write_rows(tmp_path / "pairs.jsonl", pair_rows(60))
    fit(tmp_path, pairs, model)
    words = [
        "compare",
        "RUN",
        "--pairs",
        "file",
        "--file",
        pairs,
        "--judge",
        f"probe:{tmp_path / 'mine.safetensors'}",
        "-q",
    ]

    def command(run: str) -> list[object]:
        return [tmp_path / run if word == "RUN" else word for word in words]

    assert cli(*command("whole")).returncode == 0
    journal = tmp_path / "run" / "compare-calls.jsonl"
    kill_when(start(*command("run")), lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 20)
    assert journal.read_bytes().count(b"\n") < 120, "it had ended before it was killed"
    result = cli(*command("run"))
    assert result.returncode == 0, result.stderr

    def rows(run: str) -> list[str]:
        return sorted(json.dumps(row) for row in lines(tmp_path / run / "comparisons.jsonl"))

    assert len(rows("run")) == 60 and rows("run") == rows("whole")
    made = Counter((call["row"], call["step"]) for call in lines(journal))
    assert len(made) == 120 and set(made.values()) == {1}
