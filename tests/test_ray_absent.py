"""`--ray` where Ray is not installed, as in the environment of these tests; `make test-ray` has the rest."""

import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")


@pytest.mark.parametrize("address", [[], ["local"], ["10.0.0.1:6379"]])
def test_without_ray_the_error_says_what_to_install(
    tmp_path: Path, prompts: Path, program: Callable[..., "subprocess.CompletedProcess[str]"], address: list[str]
) -> None:
    run = tmp_path / "run"
    done = program("generate", "--prompts", prompts, "--out", run, "--engine", "scripted", "--ray", *address)
    assert done.returncode == 2
    assert "Ray, which is not installed" in done.stderr
    assert "pip install '.[ray]' in a checkout of constitution" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (run / "calls.jsonl").exists()


def test_a_finished_run_s_stages_say_so_too(
    generated: Callable[..., Path], program: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    run = generated(limit=2)
    before = {path: path.read_bytes() for path in run.iterdir()}
    for verb in ("compare", "score"):
        done = program(verb, run, "--ray")
        assert done.returncode == 2
        assert "pip install '.[ray]' in a checkout of constitution" in done.stderr
    assert {path: path.read_bytes() for path in run.iterdir()} == before
