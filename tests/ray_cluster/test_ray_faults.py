"""What can go wrong with a cluster: told in words, and nothing is lost."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from conftest import PROGRAM
from plugging import journalled, start, told, wait_for_calls

from constitution import count
from ray_cluster.parts import asked_in_vain, assert_same, done, program, whole_lines, workers, write_prompts

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROWS, WORKERS, IN_FLIGHT = 120, 2, 3


@pytest.fixture
def made(tmp_path: Path, model: Path) -> tuple[object, ...]:
    """A run's command, but for its folder."""
    (model / "seconds").write_text("0.2")
    prompts = write_prompts(tmp_path / "prompts.jsonl", (f"Question {n}?" for n in range(ROWS)))
    options = ("--engine", "noted", "--model", model, "--rounds", 1, "--concurrency", IN_FLIGHT)
    return ("generate", "--prompts", prompts, *options, "--out")


def gone(processes: list[psutil.Process], seconds: float = 30) -> bool:
    """Whether they end within that time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


# --- settings


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("no-such-host.invalid:6379", "no-such-host.invalid:6379"),
        ("auto", "--ray"),
    ],
)
def test_no_cluster_there(tmp_path: Path, made: tuple[object, ...], address: str, words: str) -> None:
    began = time.monotonic()
    ended = program(*made, tmp_path / "run", "--ray", address)
    assert ended.returncode == 2, ended.stderr
    assert time.monotonic() - began < 60
    assert words in ended.stderr and "Traceback" not in ended.stderr
    # What to type instead.
    assert "ray start --head" in ended.stderr or "--ray local" in ended.stderr, ended.stderr
    assert len(ended.stderr.splitlines()) < 8, ended.stderr
    assert not (tmp_path / "run" / "calls.jsonl").exists()


@pytest.mark.parametrize("address", ["my cluster", "10.0.0.1", "http://10.0.0.1:6379"])
def test_no_address(tmp_path: Path, made: tuple[object, ...], address: str) -> None:
    ended = program(*made, tmp_path / "run", "--ray", address)
    assert ended.returncode == 2, ended.stderr
    assert "--ray" in ended.stderr and address in ended.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gpus-per-replica", 1), "GPU"),
        (("--gpus-per-replica", 1000), "GPU"),
        (("--cpus-per-replica", 17), "CPU"),
        (("--replicas", 3, "--max-replicas", 2), "--max-replicas 2"),
        (("--replicas", 0), "replicas"),
    ],
)
def test_more_than_there_is(
    tmp_path: Path, made: tuple[object, ...], cluster: "Cluster", options: tuple[object, ...], words: str
) -> None:
    ended = program(*made, tmp_path / "run", "--ray", cluster.address, *options)
    assert ended.returncode == 2, ended.stderr
    assert words in ended.stderr and "Traceback" not in ended.stderr
    assert not whole_lines(tmp_path / "run" / "calls.jsonl")


# --- a model that cannot be loaded


def test_a_model_that_no_worker_can_load_is_told_once(
    tmp_path: Path, made: tuple[object, ...], cluster: "Cluster"
) -> None:
    ended = program(*made, tmp_path / "run", "--engine", "unloadable", "--model", "big", "--ray", cluster.address)
    assert ended.returncode == 3, ended.stderr
    assert ended.stderr.count("the weights of big are damaged") == 1, ended.stderr
    assert "Download them again." in ended.stderr
    assert "Traceback" not in ended.stderr and "ray::" not in ended.stderr
    assert gone(workers())


def test_a_model_that_ends_every_worker_that_loads_it(
    tmp_path: Path, made: tuple[object, ...], cluster: "Cluster"
) -> None:
    ended = program(*made, tmp_path / "run", "--engine", "unloadable", "--model", "crash", "--ray", cluster.address)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    assert gone(workers())


# --- a driver that is stopped


@pytest.mark.parametrize(("ask", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_journals_what_is_under_way_and_can_go_on(
    tmp_path: Path, made: tuple[object, ...], model: Path, ask: signal.Signals, code: int
) -> None:
    run, options = tmp_path / "run", ("--ray", "local", "--replicas", WORKERS)
    with start(*made, run, *options) as process:
        wait_for_calls(process, run, 40)
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(ask)
        asked = time.monotonic()
        _, errors = process.communicate(timeout=60)
        took = time.monotonic() - asked
    assert process.returncode == code, errors
    assert took < 11
    # Progress, two lines of the program's own, and nothing of Ray's.
    lines = [line for line in errors.splitlines() if " rows, " not in line]
    assert len(lines) == 2, errors
    assert lines[0].startswith("stopping: ") and 0 < int(lines[0].split()[1]) <= WORKERS * IN_FLIGHT
    assert lines[1] == "stopped; the same command goes on from here"
    assert gone(below)
    # Everything that was begun is in the journal: nothing of it is asked again.
    assert asked_in_vain(run, model) == 0
    assert count(run).pending > 0
    done(*made, run, *options, "-q")
    assert asked_in_vain(run, model) == 0
    (model / "seconds").write_text("0")
    done(*made, tmp_path / "whole", "-q")
    assert_same(run, tmp_path / "whole")


def test_ctrl_c_on_a_terminal_reaches_all_of_ray_and_is_as_gentle(
    tmp_path: Path, made: tuple[object, ...], model: Path
) -> None:
    run = tmp_path / "run"
    command = [str(PROGRAM), *map(str, made), str(run), "--ray", "local", "--replicas", str(WORKERS)]

    def as_on_a_terminal() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(
        command, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True, preexec_fn=as_on_a_terminal
    ) as process:
        wait_for_calls(process, run, 40)
        below = psutil.Process(process.pid).children(recursive=True)
        # A terminal sends it to all of the group: this process, and those of Ray's that are in it.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here", errors
    assert "Traceback" not in errors
    assert gone(below)
    assert asked_in_vain(run, model) == 0


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, made: tuple[object, ...], model: Path) -> None:
    (model / "seconds").write_text("20")
    run = tmp_path / "run"
    with start(*made, run, "--ray", "local", "--replicas", WORKERS) as process:
        while whole_lines(model / "asked") < WORKERS * IN_FLIGHT:
            assert process.poll() is None
            time.sleep(0.05)
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        told(process, "stopping:")
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert gone(below)


def test_a_killed_driver_leaves_nothing_and_repeats_what_was_in_flight(
    tmp_path: Path, made: tuple[object, ...], model: Path
) -> None:
    run, options = tmp_path / "run", ("--ray", "local", "--replicas", WORKERS)
    for calls in (40, 200):
        with start(*made, run, *options) as process:
            wait_for_calls(process, run, calls)
            below = psutil.Process(process.pid).children(recursive=True)
            # Ray's own agents, which run nothing of ours, miss their node only after a minute.
            below = [one for one in below if "Agent" not in "".join(one.cmdline())]
            process.kill()
            process.communicate()
        assert journalled(run) >= calls
        assert gone(below)
    done(*made, run, *options, "-q")
    assert 0 < asked_in_vain(run, model) <= 2 * WORKERS * IN_FLIGHT
    (model / "seconds").write_text("0")
    (model / "asked").unlink()
    done(*made, tmp_path / "whole", "-q")
    assert_same(run, tmp_path / "whole")


def test_a_killed_driver_leaves_no_worker_on_a_cluster(
    tmp_path: Path, made: tuple[object, ...], model: Path, cluster: "Cluster"
) -> None:
    run, options = tmp_path / "run", ("--ray", cluster.address, "--replicas", WORKERS)
    with start(*made, run, *options) as process:
        wait_for_calls(process, run, 40)
        at_work = workers()
        process.kill()
        process.communicate()
    assert len(at_work) == WORKERS
    assert gone(at_work, 60)
    done(*made, run, *options, "-q")
    assert 0 < asked_in_vain(run, model) <= WORKERS * IN_FLIGHT
    assert count(run).done == ROWS
