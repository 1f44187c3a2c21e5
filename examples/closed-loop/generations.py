"""What a generation of data is worth: what the gates catch in it, what its revisions gain, how it compares."""

from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator import Evaluator
from measuring import preferred_to

from constitution.intervals import Estimate, mean, share
from constitution.records import Record, Transcript
from constitution.report.findings.stance import stance
from constitution.store import scores, transcripts

if TYPE_CHECKING:
    from constitution.gates.sets import GateSet


class Generation(Record):
    """A generation, on prompts that the other one has too.

    Attributes:
        initial: Mean probability, by the independent evaluator, that its initial response is preferred to the first
            generation's; one half of that one itself.
        revised: Likewise of its final revisions, to the first generation's.
        revision: Likewise of its final revisions, to its own initial responses.
        gain: How much higher the judge's reward is of a revision than of its initial response, in nats.
        declined: Share of initial responses that decline.
    """

    initial: Estimate
    revised: Estimate
    revision: Estimate
    gain: Estimate
    declined: Estimate


def caught(run: Path, gates: str) -> dict[str, Any]:
    """How many final revisions there are, how many a set of gates flags, and by which gate."""
    from constitution.gates.flags import write_flags
    from constitution.gates.gating import Gating, look
    from constitution.gates.sets import find_set

    found = write_flags(run, Gating(find_set(gates), look(run)))
    by_gate = {one.gate: one.rows for one in found.gates if one.rows}
    return {"rows": found.rows, "flagged": found.flagged_rows, "by gate": by_gate}


def caught_on_same(first: Path, second: Path, gates: str) -> dict[str, dict[str, int]]:
    """Final revisions of two generations, and those that a set of gates flags, of the prompts that both hold.

    What many rows say is told by these rows alone: of more of them, another share is boilerplate.
    """
    from constitution.gates.sets import find_set

    ids = {one.id for one in transcripts(first)} & {one.id for one in transcripts(second)}
    asked = find_set(gates)
    return {name: _caught(run, ids, asked) for name, run in (("first", first), ("second", second))}


def generations(first: Path, second: Path, evaluator: Evaluator) -> dict[str, Generation]:
    """Two generations, on the prompts that both hold.

    Args:
        first: The run of the model before training, scored.
        second: That of the trained model, scored.
        evaluator: Fitted on pairs that the judge has not seen.
    """
    rows = {name: {one.id: one for one in transcripts(run)} for name, run in (("first", first), ("second", second))}
    ids = [id for id in rows["first"] if id in rows["second"]]
    both = {name: [found[id] for id in ids] for name, found in rows.items()}
    gains = {"first": _gains(first), "second": _gains(second)}
    return {name: _generation(both[name], both["first"], gains[name], evaluator) for name in both}


def _caught(run: Path, ids: Set[str], gates: "GateSet") -> dict[str, int]:
    from constitution.gates.boilerplate import Frequencies
    from constitution.gates.gain import Gains
    from constitution.gates.gating import Gating, see_row
    from constitution.gates.seen import seen_of

    gating, gains = Gating(gates, Frequencies()), Gains(run)
    rows = [one for one in transcripts(run) if one.id in ids]
    for row in rows:
        see_row(gating.frequencies, row)
    finals = [seen_of(row, len(row.rounds), gains.of(row)[-1]) for row in rows]
    return {"rows": len(rows), "flagged": sum(gating.first(seen) is not None for seen in finals)}


def _generation(
    rows: Sequence[Transcript], first: Sequence[Transcript], gains: dict[str, float], evaluator: Evaluator
) -> Generation:
    initial, revised = _initial(rows), _revised(rows)
    gained = mean([gains[id] for id in initial if id in gains], [id for id in initial if id in gains])
    declined = share([float(stance(text) != "answer") for text in initial.values()], list(initial))
    assert gained and declined, "the same prompts are in both generations"
    return Generation(
        initial=preferred_to(initial, _initial(first), evaluator),
        revised=preferred_to(revised, _revised(first), evaluator),
        revision=preferred_to(revised, initial, evaluator),
        gain=gained,
        declined=declined,
    )


def _initial(rows: Sequence[Transcript]) -> dict[str, str]:
    return {row.id: row.response.text for row in rows}


def _revised(rows: Sequence[Transcript]) -> dict[str, str]:
    return {row.id: row.responses[-1].text for row in rows}


def _gains(run: Path) -> dict[str, float]:
    """By row: the reward of the last response less that of the first."""
    found = {}
    for row in scores(run):
        rewards = [one.reward for one in row.responses]
        if len(rewards) > 1 and rewards[0] is not None and rewards[-1] is not None:
            found[row.id] = rewards[-1] - rewards[0]
    return found
