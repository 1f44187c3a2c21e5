"""Pools that grow, and nodes with GPUs: as many as nodes say that they have."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from constitution import count
from ray_cluster.parts import done, program, working, write_prompts

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster


@pytest.fixture
def gpus(engines: None) -> "Iterator[Cluster]":
    """A cluster of one node that says it has four GPUs."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 8, "num_gpus": 4, "object_store_memory": 2**27})
    yield made
    made.shutdown()


def command(tmp_path: Path, model: Path, rows: int, seconds: float) -> tuple[object, ...]:
    (model / "seconds").write_text(str(seconds))
    prompts = write_prompts(tmp_path / "prompts.jsonl", (f"Question {n}?" for n in range(rows)))
    made = ("generate", "--prompts", prompts, "--engine", "noted", "--model", model, "--rounds", 1, "-q")
    return (*made, "--concurrency", 1, "--out", tmp_path / "run")


def test_a_pool_grows_to_its_bound(tmp_path: Path, model: Path, cluster: "Cluster") -> None:
    bounds = ("--replicas", 1, "--max-replicas", 3)
    done(*command(tmp_path, model, 120, 0.25), "--ray", cluster.address, *bounds)
    assert count(tmp_path / "run").done == 120
    assert len(working(model, 0)) == 3


def test_workers_are_given_gpus(tmp_path: Path, model: Path, gpus: "Cluster") -> None:
    made = command(tmp_path, model, 12, 0.05)
    refused = program(*made, "--ray", gpus.address, "--gpus-per-replica", 8)
    assert refused.returncode == 2 and "the largest has 4 GPUs" in refused.stderr
    broken = program(*made, "--ray", gpus.address, "--gpus-per-replica", 1.5)
    assert broken.returncode == 2 and "a whole number" in broken.stderr
    done(*made, "--ray", gpus.address, "--gpus-per-replica", 2)
    assert count(tmp_path / "run").done == 12
    # Without --replicas there are as many workers as GPUs allow.
    assert 1 <= len(working(model, 0)) <= 2
