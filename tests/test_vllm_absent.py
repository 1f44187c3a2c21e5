"""The engine vllm where vLLM is not installed, as in the environment of these tests; `make test-vllm` has the rest."""

import asyncio
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from constitution.engines import check_model, open_engine
from constitution.errors import ConfigError
from constitution.model_settings import ModelSettings

pytestmark = pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")


@pytest.mark.parametrize("ask", [check_model, open_engine])
def test_without_vllm_the_error_says_what_to_install(ask: Callable[..., object]) -> None:
    with pytest.raises(ConfigError, match="vLLM, which is not installed") as error:
        asyncio.run(ask(ModelSettings(engine="vllm")))
    assert "pip install '.[vllm]' in a checkout of constitution" in error.value.hint


def test_the_program_says_so_too(
    tmp_path: Path, prompts: Path, program: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    done = program("generate", "--prompts", prompts, "--out", tmp_path / "run", "--engine", "vllm")
    assert done.returncode == 2
    assert "pip install '.[vllm]' in a checkout of constitution" in done.stderr
    assert "Traceback" not in done.stderr
