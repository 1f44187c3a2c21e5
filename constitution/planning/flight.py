"""How many rows a run has in flight, and what more replicas do to that.

A worker of a cluster has models of its own, as each copy of a server has: with more of them, each has fewer rows to
run. Where the models stand behind servers, though, more workers only ask the same servers more at once.
"""

from constitution.config import Settings
from constitution.labelling_plan import plan_labelling
from constitution.model_settings import models_of


def shares_servers(settings: Settings, stage: str) -> bool:
    """Whether a cluster's workers ask the same servers in a stage, `generate` or `compare`.

    Raises:
        ConstitutionError: As `plan_labelling`.
    """
    if settings.ray is None:
        return False
    if stage == "compare" and settings.compare:
        models = [turn.settings for turn in plan_labelling(settings, settings.compare).turns]
    else:
        models = models_of(settings.generator, settings.critic if settings.critique else None, settings.judge)
    return all(model.engine == "openai" for model in models)


def rows_in_flight(settings: Settings, stage: str, judges: bool = False) -> int:
    """Of one process that runs rows; a judge has two questions of each (see `labelling.py`)."""
    compare = settings.compare if stage == "compare" else None
    workers = (compare and compare.concurrency) or settings.concurrency
    return max(1, workers // 2) if compare and judges else workers


def with_one_worker(settings: Settings) -> Settings:
    """How a run on a cluster is tried: by one worker, which asks shared servers all that the run's workers will.

    Raises:
        ConstitutionError: As `plan_labelling`.
    """
    if settings.ray is None:
        return settings

    def flight(stage: str) -> int:
        times = (settings.replicas or 1) if shares_servers(settings, stage) else 1
        return rows_in_flight(settings, stage) * times

    compare = settings.compare and settings.compare.model_copy(update={"concurrency": flight("compare")})
    own = {"replicas": 1, "max_replicas": None, "concurrency": flight("generate"), "compare": compare}
    return settings.model_copy(update=own)
