"""A real Ray on this machine, in an environment of its own (`make test-ray`); elsewhere nothing here is collected."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plugging import plug

from ray_cluster.parts import NOTED, UNLOADABLE

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

collect_ignore_glob = [] if find_spec("ray") else ["test_*.py"]

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="session", autouse=True)
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The engines `noted` and `unloadable` are installed, here and on all nodes that are started from here."""
    site = tmp_path_factory.mktemp("site")
    plug(site, "noted", NOTED)
    plug(site, "unloadable", UNLOADABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def cluster(engines: None) -> "Iterator[Cluster]":
    """A cluster of one node with sixteen places. One for each module: what is told without one is tested too."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 16, "num_gpus": 0, "object_store_memory": 2**27})
    yield made
    made.shutdown()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What the engine `noted` is given as its model: the folder where it notes what it is asked."""
    path = tmp_path / "model"
    path.mkdir()
    return path
