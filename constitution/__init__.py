"""Turn prompts and a file of principles into training data, by Constitutional AI (Bai et al. 2022).

The public names, imported when first used:

    Settings, load_settings     what a run is told
    generate                    run the SL stage (async)
    CompareSettings             what a comparison is told
    label_pairs                 run the RL stage (async)
    ScoreSettings               what a scoring by rules is told
    score_run                   score the responses of a run by rules (async)
    rule_reward                 rules as a reward function for TRL's GRPO
    probe_reward                a probe, likewise
    transcripts, comparisons,
    scores                      read a run's folder
    count                       where its rows are
    audit                       the health of a judge
    write_report                write what a run tells as one HTML file
    export                      write training data from a run
    load_principles             a checked principles file
    ConstitutionError           base of every error
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from constitution.config import CompareSettings, Settings, load_settings
    from constitution.errors import ConstitutionError
    from constitution.exports import export
    from constitution.generation import generate
    from constitution.labelling import label_pairs
    from constitution.principles import load_principles
    from constitution.probe_rewarding import probe_reward
    from constitution.report.audit import audit
    from constitution.report.page.writing import write_report
    from constitution.rewarding import rule_reward
    from constitution.score_settings import ScoreSettings
    from constitution.scoring import score_run
    from constitution.store import comparisons, count, scores, transcripts

_HOMES = {
    "CompareSettings": "constitution.config",
    "audit": "constitution.report.audit",
    "comparisons": "constitution.store",
    "label_pairs": "constitution.labelling",
    "Settings": "constitution.config",
    "load_settings": "constitution.config",
    "ConstitutionError": "constitution.errors",
    "export": "constitution.exports",
    "load_principles": "constitution.principles",
    "generate": "constitution.generation",
    "count": "constitution.store",
    "transcripts": "constitution.store",
    "scores": "constitution.store",
    "score_run": "constitution.scoring",
    "ScoreSettings": "constitution.score_settings",
    "probe_reward": "constitution.probe_rewarding",
    "rule_reward": "constitution.rewarding",
    "write_report": "constitution.report.page.writing",
}

__all__ = [
    "CompareSettings",
    "ConstitutionError",
    "ScoreSettings",
    "Settings",
    "audit",
    "comparisons",
    "count",
    "export",
    "generate",
    "label_pairs",
    "load_principles",
    "load_settings",
    "probe_reward",
    "rule_reward",
    "score_run",
    "scores",
    "transcripts",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'constitution' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
