"""What a set of gates would leave out of an export, told beforehand."""

from collections import Counter
from pathlib import Path

from constitution.exports.examples import Demonstration, Preference
from constitution.exports.gated import LeftOut, Verdicts
from constitution.exports.options import Options
from constitution.exports.pairs import find_source
from constitution.exports.select import examples, of_search
from constitution.gates.gating import Gating


def foresee(run: Path, gating: Gating) -> LeftOut:
    """Count final revisions and pairs, and those that the gates leave out, as an export with no other option would."""
    options = Options(verdicts=Verdicts(gating))
    source = find_source(run, options)
    options = of_search(run, source, options)
    kept: dict[type, int] = {}
    lost: dict[type, int] = {}
    for kind in (Demonstration, Preference):
        dropped: Counter[str] = Counter()
        kept[kind] = sum(1 for _ in examples(kind, run, source, options, dropped))
        lost[kind] = sum(number for reason, number in dropped.items() if ": gate " in reason)
    return LeftOut(
        set=gating.set.name,
        demonstrations=lost[Demonstration],
        of_demonstrations=lost[Demonstration] + kept[Demonstration],
        pairs=lost[Preference],
        of_pairs=lost[Preference] + kept[Preference],
    )
