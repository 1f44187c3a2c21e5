"""Ray: reach the cluster, and tell before anything is loaded whether it has what is asked for."""

import contextlib
import logging
import math
import os
import socket
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from constitution.cluster_settings import ClusterSettings
from constitution.crew import Model
from constitution.errors import ConfigError, first_line
from constitution.masking import masked_address
from constitution.records import Record

# What a driver of this program needs of Ray's memory for objects: next to nothing goes through it.
STORE_BYTES = 128 << 20
KNOCK_SECONDS = 10.0
# As many as the settings allow.
MOST_REPLICAS = 10_000
# Engines that use a GPU of the machine they run on.
ON_GPUS = frozenset({"transformers", "vllm", "probe"})
# The driver's address as workers reach it, where the program guesses wrong.
HOST_VARIABLE = "CONSTITUTION_DRIVER_HOST"
START = "Start one: ray start --head (other machines: ray start --address=HOST:6379); or use this machine: --ray local"


class Room(Record):
    """What a worker is given, and how many there are.

    Attributes:
        least: Workers that are started.
        most: As many as the pool may grow to.
        cpus: Cores of each.
        gpus: GPUs of each.
    """

    least: int
    most: int
    cpus: float
    gpus: float


def connect(settings: ClusterSettings) -> None:
    """Join the cluster, or start one on this machine.

    Raises:
        ConfigError: Ray is not installed, or there is nobody at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Its hook would make Ray copy this environment for every worker.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    # Workers that are lost are this program's daily work; what ends a run is told by the program.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # What raylets have to say of workers that are lost is printed to stdout otherwise, which may be JSON.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    # A pool that ends after the cluster was left must not start another one.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    if find_spec("ray") is None:
        raise ConfigError(
            "--ray runs the rows by Ray, which is not installed",
            "Install it with: pip install '.[ray]' in a checkout of constitution",
        )
    assert settings.ray
    _knock(settings.ray if settings.ray != "auto" else os.environ.get("RAY_ADDRESS", ""))
    logging.getLogger("ray").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    try:
        with _silent():
            _join(settings, quiet)
    except Exception as bad:
        # Ray says in errors of many kinds, plain ones too, that it did not come up.
        why = first_line(bad)[:200]
        if settings.ray == "local":
            raise ConfigError(
                f"--ray local: Ray does not start on this machine ({why})",
                "A busy machine may need another try; Ray's own logs are in /tmp/ray/session_latest/logs.",
            ) from None
        raise _nobody(settings.ray, why) from None


def _join(settings: ClusterSettings, quiet: dict[str, Any]) -> None:
    import ray

    if settings.ray != "local":
        ray.init(address=settings.ray, **quiet)
        return
    cores = math.ceil((settings.max_replicas or settings.replicas or 1) * (settings.cpus_per_replica or 1))
    ray.init(
        address="local",
        num_cpus=max(os.cpu_count() or 1, cores),
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        **quiet,
    )


def _knock(address: str) -> None:
    """Ray itself tries for minutes to reach a place where nobody is.

    Raises:
        ConfigError: Nobody is there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()
    except (OSError, OverflowError) as bad:
        raise _nobody(address, first_line(bad)) from None


def _nobody(address: str, why: str) -> ConfigError:
    where = masked_address(address)
    what = "no Ray cluster is found on this machine" if where == "auto" else f"no Ray cluster answers at {where}"
    return ConfigError(f"--ray {where}: {what} ({why})", START)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Ray's libraries write to the terminal how they were told to be silent; errors come as exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def room_for(settings: ClusterSettings, models: list[Model]) -> Room:
    """What each worker gets, and how many there are.

    Raises:
        ConfigError: The cluster has not got that much.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes_gpus = [float(node.get("GPU", 0)) for node in nodes]
    nodes_cpus = [float(node.get("CPU", 0)) for node in nodes]
    wants_gpu = any(model.settings.engine in ON_GPUS and model.settings.device != "cpu" for model in models)
    gpus = settings.gpus_per_replica
    if gpus is None:
        gpus = 1.0 if wants_gpu and any(nodes_gpus) else 0.0
    cpus = 1.0 if settings.cpus_per_replica is None else settings.cpus_per_replica
    for what, wanted, there in (("GPU", gpus, nodes_gpus), ("CPU", cpus, nodes_cpus)):
        if wanted > max(there, default=0):
            flag, most = f"--{what.lower()}s-per-replica", max(there, default=0)
            raise ConfigError(
                f"{flag} {wanted:g}: no node of the cluster has so many; the largest has {most:g} {what}s",
                f"Lower {flag}, or add a node that has them: ray start --address=HOST:6379 --num-{what.lower()}s=N",
            )
    fitting = sum(_fitting(c, g, cpus, gpus) for c, g in zip(nodes_cpus, nodes_gpus, strict=True))
    least = settings.replicas or (
        max(1, fitting) if gpus else len([c for c in nodes_cpus if c >= max(cpus, 1e-9)]) or 1
    )
    if settings.replicas and settings.replicas > fitting:
        needs = f"{cpus:g} CPUs and {gpus:g} GPUs each"
        raise ConfigError(
            f"--replicas {settings.replicas} with {needs}: the cluster has room for {fitting} "
            f"({sum(nodes_cpus):g} CPUs and {sum(nodes_gpus):g} GPUs on {len(nodes)} nodes)",
            f"Lower --replicas to {max(1, fitting)}, ask for less of each, or add nodes (--max-replicas: grow later).",
        )
    return Room(least=least, most=max(least, settings.max_replicas or least), cpus=cpus, gpus=gpus)


def _fitting(node_cpus: float, node_gpus: float, cpus: float, gpus: float) -> int:
    """How many workers a node has room for."""
    by = [node // wanted for node, wanted in ((node_cpus, cpus), (node_gpus, gpus)) if wanted > 0]
    return int(min(by, default=MOST_REPLICAS))


def own_host(settings: ClusterSettings) -> tuple[str, str]:
    """The address that the desk listens on, and the one that workers find it by."""
    if settings.ray == "local":
        return "127.0.0.1", "127.0.0.1"
    if told := os.environ.get(HOST_VARIABLE):
        return "0.0.0.0", told
    import ray

    host = str(ray.util.get_node_ip_address())
    return ("127.0.0.1" if host == "127.0.0.1" else "0.0.0.0"), host


def disconnect() -> None:
    """Leave the cluster; one that was started for the run ends."""
    import ray

    ray.shutdown()


def free_now() -> str:
    """What of the cluster nobody uses at this moment."""
    import ray

    free = ray.available_resources()
    return f"{free.get('CPU', 0):g} CPUs and {free.get('GPU', 0):g} GPUs"
