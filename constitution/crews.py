"""Opens the crew that settings ask for; what runs a cluster is imported only then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from constitution.cluster_settings import ClusterSettings, check_cluster
from constitution.crew import Crew, LocalCrew


@asynccontextmanager
async def open_crew(settings: ClusterSettings) -> AsyncIterator[Crew]:
    """This process, or the workers of a Ray cluster; closed at the end.

    Raises:
        ConfigError: Ray is not installed, there is no cluster at the address, or it lacks what is asked for.
    """
    check_cluster(settings)
    if settings.ray is None:
        async with LocalCrew() as local:
            yield local
        return
    from constitution.cluster.crew import RayCrew

    async with RayCrew(settings) as workers:
        yield workers
