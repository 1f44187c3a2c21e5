"""A cluster of several nodes that loses nodes, and gets others."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from plugging import start, wait_for_calls

from constitution import count
from ray_cluster.parts import asked_in_vain, assert_same, done, whole_lines, working, write_prompts

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROWS, IN_FLIGHT, SECONDS = 1500, 4, 0.1
Node = Any


@pytest.fixture
def nodes(engines: None) -> "Iterator[tuple[Cluster, Callable[[], Node]]]":
    """A cluster whose head runs no worker, and what adds a node with a place for one."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 2**27})
    yield made, lambda: made.add_node(num_cpus=1, num_gpus=0, object_store_memory=2**27)
    made.shutdown()


def prepare(tmp_path: Path, model: Path, rows: int) -> tuple[object, ...]:
    """A run's command, but for its folder."""
    (model / "seconds").write_text(str(SECONDS))
    prompts = write_prompts(tmp_path / "prompts.jsonl", (f"Question {n}?" for n in range(rows)))
    return ("generate", "--prompts", prompts, "--engine", "noted", "--model", model, "--rounds", 1, "-q", "--out")


def check(tmp_path: Path, model: Path, made: tuple[object, ...], rows: int, at_most: int) -> int:
    """The run `lost` is the run that lost no node; how many calls were made twice."""
    again = asked_in_vain(tmp_path / "lost", model)
    assert again <= at_most
    (model / "seconds").write_text("0.001")
    done(*made, tmp_path / "whole", "--concurrency", 64)
    assert_same(tmp_path / "lost", tmp_path / "whole")
    counts = count(tmp_path / "lost")
    assert (counts.done, counts.pending) == (rows, 0)
    assert whole_lines(tmp_path / "lost" / "calls.jsonl") == 3 * rows
    return again


def test_three_of_four_nodes_removed_and_one_added(
    tmp_path: Path, model: Path, nodes: "tuple[Cluster, Callable[[], Node]]"
) -> None:
    cluster, add = nodes
    up = [add() for _ in range(4)]
    dice, removed = random.Random(73), 0
    made = prepare(tmp_path, model, ROWS)
    options = ("--concurrency", IN_FLIGHT, "--ray", cluster.address, "--replicas", 4, "--cpus-per-replica", 1)
    began = time.monotonic()
    with start(*made, tmp_path / "lost", *options) as process:
        wait_for_calls(process, tmp_path / "lost", 200)
        at_first = len(working(model, 0))
        while removed < 3:
            time.sleep(dice.uniform(1.0, 6.0))
            assert process.poll() is None, "the run ended before"
            cluster.remove_node(up.pop(dice.randrange(len(up))), allow_graceful=False)
            removed += 1
            if removed == 2:
                up.append(add())
        _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors[-4000:]
    again = check(tmp_path, model, made, ROWS, removed * IN_FLIGHT)
    took = time.monotonic() - began
    print(
        f"{removed} of 4 nodes removed at random and 1 added in a run of {ROWS} rows × 3 calls ({took:.0f} s, ", end=""
    )
    print(f"{at_first} workers at first): 0 rows lost, 0 doubled; {again} calls of {3 * ROWS} made twice")


def test_without_any_node_the_run_waits_for_another(
    tmp_path: Path, model: Path, nodes: "tuple[Cluster, Callable[[], Node]]"
) -> None:
    cluster, add = nodes
    only = add()
    made = prepare(tmp_path, model, 300)
    options = ("--concurrency", IN_FLIGHT, "--ray", cluster.address, "--replicas", 1, "--cpus-per-replica", 1)
    with start(*made, tmp_path / "lost", *options) as process:
        wait_for_calls(process, tmp_path / "lost", 100)
        cluster.remove_node(only, allow_graceful=False)
        time.sleep(10)
        assert process.poll() is None, process.communicate()[1]
        so_far = whole_lines(tmp_path / "lost" / "calls.jsonl")
        time.sleep(2)
        assert whole_lines(tmp_path / "lost" / "calls.jsonl") == so_far < 900
        add()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-4000:]
    check(tmp_path, model, made, 300, IN_FLIGHT)
