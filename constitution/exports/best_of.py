"""Preference pairs of the best and the worst of a round's revisions (West-of-N: Pace et al. 2024, arXiv 2401.12086).

All revisions of a round answer one prompt, under one principle, and were ranked by the judge that took one of them. The
probability of a pair is that of the ranking, sigmoid of the difference of Bradley-Terry strengths, held away from 0 and
1 as labels are (`votes.OPEN`); with two revisions that is the label of the two. The status is that of the two's own
comparison. `--max-per-prompt 1` keeps the round of the largest margin.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from constitution.config import CompareSettings
from constitution.errors import ExportError, command
from constitution.exports.examples import Preference
from constitution.exports.filters import IDENTICAL
from constitution.exports.gated import Gates
from constitution.exports.options import Options
from constitution.exports.people import People
from constitution.exports.picks import Labeller, Pick, response_key
from constitution.exports.scores import Rewards, about, reward_of
from constitution.manifest import Manifest, load_manifest
from constitution.records import Selection, Status, Transcript
from constitution.store import transcripts
from constitution.votes import OPEN, is_tie, sigmoid
from constitution.words import same_text


def check_best_of(run: Path, options: Options) -> None:
    """Refuse such pairs where there are none.

    Raises:
        RunError: The folder is not a run.
        ExportError: The run has one revision of each round; or only people's labels count.
    """
    if not load_manifest(run).settings.get("best_of"):
        raise ExportError(
            f"--pairs best-of: {run} has one revision of each round, and so no best and no worst",
            f"Sample several, in a run of its own: {command('generate')} … --best-of 4 --fork NEW",
        )
    if options.labels == "human":
        raise ExportError(
            "--pairs best-of with --labels human: people review comparisons and final revisions, and not these pairs",
            "Use --labels both, which leaves out pairs that choose a revision that people rejected; or --labels ai.",
        )


def selected_pairs(run: Path, options: Options, dropped: Counter[str]) -> Iterator[Pick[Preference]]:
    """The pairs of a run, unfiltered, in the order of its rows and rounds."""
    rewards, refused, gates = Rewards(run), People(run, options).refused(), Gates(run, options.verdicts)
    tie = _tie(load_manifest(run))
    for transcript in transcripts(run):
        for number, round in enumerate(transcript.rounds, 1):
            selection = round.selection
            pick = _pair(transcript, number, selection, rewards, options, tie, dropped) if selection else None
            if pick is None:
                continue
            made = pick.example
            assert selection and selection.worst is not None
            ends = [selection.alternatives[place].completion for place in (selection.taken, selection.worst)]
            chosen, rejected = (response_key(made.prompt, text) for text in (made.chosen, made.rejected))
            if why := refused.get(chosen):
                dropped[f"pairs: chosen response {why}"] += 1
            else:
                other = gates.of_sampled(transcript, number, ends[1]) if options.soft_labels.turns else ""
                gated = gates.of_sampled(transcript, number, ends[0])
                yield replace(pick, other_refused=refused.get(rejected, ""), gated=gated, other_gated=other)


def _pair(
    transcript: Transcript,
    number: int,
    selection: Selection,
    rewards: Rewards,
    options: Options,
    tie: float,
    dropped: Counter[str],
) -> Pick[Preference] | None:
    worst, margin = selection.worst, selection.margin
    if worst is None or margin is None:
        dropped["pairs: status invalid"] += 1
        return None
    ends = [selection.alternatives[place] for place in (selection.taken, worst)]
    best, last = (one.completion for one in ends)
    p_chosen = OPEN.hold(sigmoid(margin))
    status = _status(selection, worst, p_chosen, tie)
    if same_text(best.text, last.text):
        dropped[IDENTICAL] += 1
        return None
    if status is None:
        dropped["pairs: the best and the worst were not compared"] += 1
        return None
    if status != "labelled" and status not in options.include:
        dropped[f"pairs: status {status}"] += 1
        return None
    scored = [rewards.of(transcript.index, transcript.id, one.text) for one in (best, last)]
    labelled_by: Labeller | None = "AI" if options.labels == "both" else None
    sides: list[JsonValue] = [
        {
            "source": f"revision-{number}",
            "alternative": place + 1,
            "finish_reason": end.completion.finish_reason,
            "rank": end.rank,
            "strength": end.strength,
            # Not `reward`: that is what `constitution score` says.
            **({"judge_reward": end.reward} if end.reward is not None else {}),
            **about(score),
        }
        for place, end, score in zip((selection.taken, worst), ends, scored, strict=True)
    ]
    origin: dict[str, JsonValue] = {
        "id": transcript.id,
        "revision": number,
        "best_of": len(selection.alternatives),
        "status": status,
        "principles": [transcript.rounds[number - 1].principle],
        **({"labelled_by": labelled_by} if labelled_by else {}),
        "chosen": sides[0],
        "rejected": sides[1],
        "row": transcript.metadata,
    }
    preference = Preference(
        prompt=transcript.prompt,
        chosen=best.text,
        rejected=last.text,
        p_chosen=p_chosen,
        margin=0.0,
        origin=origin,
        judge=selection.judge,
    )
    cut = "length" in (best.finish_reason, last.finish_reason)
    id = f"{transcript.id} best-of-{number}"
    return Pick(preference, id, cut, margin, reward_of(scored[0]), reward_of(scored[1]), labelled_by)


def _status(selection: Selection, worst: int, p: float, tie: float) -> Status | None:
    """That of the comparison of the two; a tie too where the ranking, with its probability `p`, puts them level.

    None if they never met, in runs of older versions: the judge did not decide between them.
    """
    for one in selection.judgements:
        if {one.first, one.second} == {selection.taken, worst}:
            return "tie" if one.status == "labelled" and is_tie(p, tie) else one.status
    return None


def _tie(manifest: Manifest) -> float:
    """The threshold that the run's judgements were made with."""
    told = manifest.affecting.get("picking")
    tie = told.get("tie") if isinstance(told, dict) else None
    return tie if isinstance(tie, int | float) else CompareSettings().tie
