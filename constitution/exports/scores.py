"""What a run's scores say of the responses that are exported."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from constitution.errors import ExportError, command
from constitution.exports.examples import Demonstration, Kind, Preference, Rating, Rewarded
from constitution.exports.messages import scalar
from constitution.exports.options import Options
from constitution.exports.picks import Pick
from constitution.manifest import SCORE, has_stage, load_manifest
from constitution.score_records import Scored, Scores
from constitution.store import scores


class Rewards:
    """A run's scores, read along with other records of its rows, which come in the order of the input.

    Args:
        run: A run's folder; without scores, nothing is found.
    """

    def __init__(self, run: Path) -> None:
        self._rows = scores(run) if has_stage(run, SCORE) else iter(())
        self._row = next(self._rows, None)

    def row(self, index: int, id: str) -> Scores | None:
        """The scores of a row; later calls may ask about it again, and about later ones.

        Args:
            index: Its position in the input.
            id: Its name: comparisons of a file's pairs have positions of their own.
        """
        while self._row and self._row.index < index:
            self._row = next(self._rows, None)
        return self._row if self._row and (self._row.index, self._row.id) == (index, id) else None

    def of(self, index: int, id: str, text: str) -> Scored | None:
        """The scores of a response. What it says decides, not what it was called: samples may have been made anew."""
        row = self.row(index, id)
        return next((one for one in row.responses if one.text == text), None) if row else None


def about(scored: Scored | None) -> dict[str, JsonValue]:
    """What a response's provenance says of its scores; nothing if it has none."""
    if scored is None:
        return {}
    return {"reward": scored.reward, "scores": {rule.rule: rule.p for rule in scored.rules}}


def reward_of(scored: Scored | None) -> float | None:
    """The reward; None without scores, or if a rule is invalid."""
    return scored.reward if scored else None


def too_low(reward: float | None, options: Options) -> str | None:
    """Why `--min-reward` leaves out a response, or None if it does not."""
    if options.min_reward is None:
        return None
    if reward is None:
        return "no reward"
    return f"reward below {options.min_reward:g}" if reward < options.min_reward else None


def rewarded(run: Path, options: Options, dropped: Counter[str]) -> Iterator[Pick[Rewarded]]:
    """Every scored response; equal ones of a row once, those without a reward not at all."""
    for row in scores(run):
        for scored in {one.text: one for one in row.responses}.values():
            cut = scored.finish_reason == "length"
            if scored.reward is None:
                dropped["scored: a rule is invalid"] += 1
            elif cut and options.whole_only:
                dropped["scored: cut at max_tokens"] += 1
            else:
                origin: dict[str, JsonValue] = {
                    "id": row.id,
                    "source": scored.source,
                    "model": scored.model,
                    "finish_reason": scored.finish_reason,
                    "row": row.metadata,
                }
                made = Rewarded(
                    prompt=row.prompt,
                    response=scored.text,
                    reward=scored.reward,
                    scores={rule.rule: rule.p for rule in scored.rules if rule.p is not None},
                    origin=origin,
                )
                yield Pick(made, f"{row.id} {scored.source}", cut)


def choose_scored(run: Path, kinds: Mapping[str, Kind], named: bool, options: Options) -> dict[str, Kind]:
    """The kinds of row that this run can give: those of scored responses with a column for each rule.

    Args:
        run: A run's folder.
        kinds: Those of the family, or those that were asked for.
        named: Whether they were asked for by name.
        options: What is exported.

    Raises:
        ExportError: What is asked for needs scores, and there are none; or nothing asked for heeds `--min-reward`.
    """
    of_scores = {name for name, kind in kinds.items() if kind.example is Rewarded}
    wishes = [
        *(["--min-reward"] if options.min_reward is not None else []),
        *(["--revisions best"] if options.revisions == "best" else []),
        *([f"--kind {name}" for name in sorted(of_scores)] if named else []),
    ]
    if not has_stage(run, SCORE):
        if wishes:
            raise ExportError(
                f"{wishes[0]}: {run} has no scores", f"Let a judge score its responses first: {command('score', run)}"
            )
        return {name: kind for name, kind in kinds.items() if name not in of_scores}
    heeding = {Demonstration, Preference, Rating}
    if options.min_reward is not None and not any(kind.example in heeding for kind in kinds.values()):
        raise ExportError(
            f"--min-reward: no demonstrations and no pairs in {', '.join(kinds)}, and it is for these",
            "Leave it out, or choose other kinds of row.",
        )
    kept = load_manifest(run, SCORE).principles
    rules = [scalar(rule_column(rule.id), "float64") for rule in (kept.rules if kept else ())]
    return {
        name: replace(kind, columns=[*kind.columns[:-1], *rules, kind.columns[-1]]) if name in of_scores else kind
        for name, kind in kinds.items()
    }


def rule_column(rule: str) -> str:
    """What the column of a rule's probability is called: never as one of the others."""
    return f"rule_{rule}"


def notes(run: Path, kinds: Mapping[str, Kind], options: Options) -> list[str]:
    """What options mean here, where that may not be what was meant.

    Args:
        run: A run's folder.
        kinds: What is exported.
        options: How.
    """
    told = []
    of_scores = [name for name, kind in kinds.items() if kind.example is Rewarded]
    if options.min_reward is not None and of_scores:
        told.append(f"{', '.join(of_scores)}: every scored response, whatever its reward; --min-reward is not for them")
    imitated = any(kind.example is Demonstration for kind in kinds.values())
    if options.revisions == "best" and imitated and load_manifest(run, SCORE).settings.get("on") == "final":
        told.append(
            "--revisions best: only final revisions have scores, so it chose nothing (score with --on responses)"
        )
    return told
