"""kill -9 of workers, again and again: no row lost, none doubled, and the run that was never killed."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plugging import start, wait_for_calls

from constitution import count
from constitution.journal import read_records
from constitution.records import Failure
from ray_cluster.parts import Assailant, asked_in_vain, assert_same, done, program, whole_lines, workers, write_prompts

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROWS, KILLS, WORKERS, IN_FLIGHT = 2000, 24, 4, 4
SECONDS = 0.1


@pytest.mark.parametrize("seed", [2212])
def test_two_thousand_rows_and_workers_killed_at_random(tmp_path: Path, model: Path, seed: int) -> None:
    (model / "seconds").write_text(str(SECONDS))
    prompts = write_prompts(tmp_path / "prompts.jsonl", (f"Question {n}?" for n in range(ROWS)))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    made = ("generate", "--prompts", prompts, "--engine", "noted", "--model", model, "--rounds", 1, "-q", "--out")
    options = ("--concurrency", IN_FLIGHT, "--ray", "local", "--replicas", WORKERS)
    began = time.monotonic()
    with start(*made, killed, *options) as process:
        wait_for_calls(process, killed, 20)
        assailant = Assailant(process, seed)
        assailant.kill(KILLS, (0.2, 3.0))
        _, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors[-4000:]
    took = time.monotonic() - began
    assert assailant.kills == KILLS, "the run ended before"
    assert not workers()

    again = asked_in_vain(killed, model)
    assert again <= KILLS * IN_FLIGHT
    (model / "asked").unlink()
    (model / "seconds").write_text("0.001")
    done(*made, whole, "--concurrency", 64)
    assert_same(killed, whole)
    counts = count(killed)
    assert (counts.done, counts.failed, counts.filtered, counts.pending) == (ROWS, 0, 0, 0)
    assert whole_lines(killed / "transcripts.jsonl") == ROWS
    assert whole_lines(killed / "calls.jsonl") == 3 * ROWS
    ids = [json.loads(line)["id"] for line in (killed / "transcripts.jsonl").read_bytes().splitlines()]
    assert len(set(ids)) == ROWS
    print(f"{KILLS} of {WORKERS} workers at work killed at random in a run of {ROWS} rows × 3 calls ({took:.0f} s): ")
    print(f"0 rows lost, 0 doubled, output equal to the byte; {again} calls of {3 * ROWS} made twice")


def test_a_row_that_ends_every_worker_fails_alone(tmp_path: Path, model: Path, cluster: "Cluster") -> None:
    (model / "seconds").write_text("0.05")
    texts = [f"Question {n}?" for n in range(60)]
    texts[20] = "A deadly question."
    prompts = write_prompts(tmp_path / "prompts.jsonl", texts)
    made = ("generate", "--prompts", prompts, "--engine", "noted", "--model", model, "--rounds", 1, "-q")
    options = ("--concurrency", IN_FLIGHT, "--ray", cluster.address, "--replicas", 2)
    # On a busy machine Ray takes half a minute to start each worker in the place of one that was lost.
    ended = program(*made, "--out", tmp_path / "run", *options, timeout=600)
    assert ended.returncode == 5, ended.stderr
    counts = count(tmp_path / "run")
    assert (counts.done, counts.failed, counts.pending) == (59, 1, 0)
    (failure,) = read_records(tmp_path / "run" / "failures.jsonl", Failure)
    assert (failure.id, failure.kind) == ("r20", "WorkerLost")


def test_a_worker_that_hangs_is_not_waited_for_nor_heard_later(tmp_path: Path, model: Path, cluster: "Cluster") -> None:
    (model / "seconds").write_text(str(SECONDS))
    rows = 1600
    prompts = write_prompts(tmp_path / "prompts.jsonl", (f"Question {n}?" for n in range(rows)))
    run = tmp_path / "hung"
    made = ("generate", "--prompts", prompts, "--engine", "noted", "--model", model, "--rounds", 1, "-q", "--out")
    options = ("--concurrency", IN_FLIGHT, "--ray", cluster.address, "--replicas", 2)
    with start(*made, run, *options) as process:
        wait_for_calls(process, run, 400)
        hung = workers()[0]
        hung.suspend()
        # Until it is given up; then it goes on, and says what nobody waits for any more.
        time.sleep(70)
        assert process.poll() is None
        hung.resume()
        _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors[-4000:]
    assert asked_in_vain(run, model) <= IN_FLIGHT
    (model / "seconds").write_text("0.001")
    done(*made, tmp_path / "whole", "--concurrency", 64)
    assert_same(run, tmp_path / "whole")
