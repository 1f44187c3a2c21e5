"""vLLM on the bundled model, in an environment of its own (`make test-vllm`); elsewhere nothing here is collected.

The folder is not called vllm: Python would take it for the package.
"""

import asyncio
import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("vllm") else ["test_*.py"]

# Before vLLM is imported, which reads them once: no compiling, which takes minutes, and little memory.
os.environ |= {"VLLM_CPU_CI_ENV": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.Runner]:
    """One event loop for all that asks one engine."""
    with asyncio.Runner() as runner:
        yield runner
