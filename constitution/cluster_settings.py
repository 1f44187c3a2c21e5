"""What a run is told of the cluster that runs its rows."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from constitution.config_faults import validated
from constitution.errors import ConfigError
from constitution.settings_help import HELP, RAY_ADDRESS


def _setting(name: str, **rule: Any) -> Any:
    return Field(description=HELP[name], **rule)


# What `--ray` may be: a cluster that is found by itself, one of this machine alone, or where one is.
_ADDRESS = rf"^({RAY_ADDRESS})$"

RayAddress = Annotated[str | None, _setting("ray", pattern=_ADDRESS)]
Replicas = Annotated[int | None, _setting("replicas", ge=1, le=10_000)]
MaxReplicas = Annotated[int | None, _setting("max_replicas", ge=1, le=10_000)]
GpusPerReplica = Annotated[float | None, _setting("gpus_per_replica", ge=0, allow_inf_nan=False)]
CpusPerReplica = Annotated[float | None, _setting("cpus_per_replica", ge=0, allow_inf_nan=False)]


class ClusterSettings(BaseModel):
    """Where rows are run: in this process, or by the workers of a Ray cluster. None of it changes a row."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )

    ray: RayAddress = None
    replicas: Replicas = None
    max_replicas: MaxReplicas = None
    gpus_per_replica: GpusPerReplica = None
    cpus_per_replica: CpusPerReplica = None


NAMES = tuple(ClusterSettings.model_fields)


def check_cluster(settings: ClusterSettings) -> None:
    """What no single setting tells.

    Raises:
        ConfigError: Settings of a cluster without one, or bounds that exclude each other.
    """
    given = [name for name in NAMES if getattr(settings, name) is not None]
    if given and settings.ray is None:
        raise ConfigError(
            f"--{given[0].replace('_', '-')} is about the workers of a cluster, and there is none without --ray",
            "Add --ray (a cluster that is there), --ray local (one of this machine), or leave it out.",
        )
    if (gpus := settings.gpus_per_replica or 0) > 1 and gpus % 1:
        raise ConfigError(
            f"--gpus-per-replica {gpus:g}: more than one GPU is a whole number of them",
            f"Give {int(gpus)} or {int(gpus) + 1}, or a part of one, such as 0.5.",
        )
    if settings.max_replicas is not None and settings.max_replicas < (settings.replicas or 1):
        raise ConfigError(
            f"--max-replicas {settings.max_replicas} is below --replicas {settings.replicas or 1}",
            "Workers are added up to --max-replicas; give a higher one.",
        )


def load_cluster_settings(flags: dict[str, Any]) -> ClusterSettings:
    """Settings of a cluster from the flags that were given.

    Raises:
        ConfigError: A value out of range.
    """
    return validated(ClusterSettings, flags, flags, HELP, None, {})
