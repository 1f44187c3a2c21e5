"""Real training, in an environment of its own with TRL (`make test-train`); elsewhere nothing here is collected."""

from importlib.util import find_spec
from pathlib import Path

import pytest

collect_ignore_glob = [] if find_spec("trl") else ["test_*.py"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of two layers."""
    from trainers import tiny_model

    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")
