"""How many rows of a shard belong to a stage, also where the shard lacks it."""

from constitution.config import CompareSettings
from constitution.manifest import COMPARE, REVISE, SCORE, Stage
from constitution.row_states import State, read_states
from constitution.score_settings import ScoreSettings
from constitution.scoring_rows import COMPARED
from constitution.shard_sets import Part, ShardSet
from constitution.stored_settings import stored_settings


def rows_of(part: Part, stage: Stage, found: ShardSet) -> int:
    """The rows of a shard that a stage has; where the shard lacks it, those that the joined run's command would find.

    Raises:
        RunError: A journal is damaged.
    """
    if stage in part.manifests:
        return part.manifests[stage].input
    score = stored_settings(ScoreSettings, found.manifests[SCORE].settings, part.folder) if stage is SCORE else None
    of_compared = score is None or score.on in COMPARED
    before = COMPARE if score and of_compared and COMPARE in part.manifests else REVISE
    limits = [score.limit] if score else []
    if of_compared and before is REVISE and COMPARE in found.manifests:
        # Those that are scored are compared first.
        limits.append(stored_settings(CompareSettings, found.manifests[COMPARE].settings, part.folder).limit)
    end = min((found.skip + limit for limit in limits if limit is not None), default=None)
    return sum(end is None or position < end for position in read_states(part.folder, before).of(State.DONE))
