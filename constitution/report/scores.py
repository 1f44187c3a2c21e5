"""A run's scores in numbers, from its stored records."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from constitution.counts import Counts
from constitution.intervals import Estimate
from constitution.journal import read_records
from constitution.manifest import SCORE, load_manifest
from constitution.principles import PrincipleSet
from constitution.records import Filtered, Record
from constitution.report.observed import Observed, cluster_of
from constitution.report.summary import count_calls, standing, told, treatments
from constitution.score_records import Scored, Scores
from constitution.score_settings import ScoreSettings
from constitution.scoring_plan import base_of, judge_of
from constitution.store import count, scores
from constitution.stored_settings import stored_settings


class RuleSummary(Record):
    """One rule over all scored responses.

    Attributes:
        rule: Its id.
        weight: What its probability counts for.
        n: Responses for which it could be read.
        mean: Mean probability that it is true of them; None without any.
        share: Share of them for which that is above 0.5.
        before: Mean probability over initial responses whose final revision is scored too.
        after: The same over these revisions.
        invalid: Responses for which it could not be read.
    """

    rule: str
    weight: float
    n: int
    mean: float | None
    share: float | None
    before: float | None
    after: float | None
    invalid: int


class ScoreSummary(Record):
    """A run's scores in numbers. Intervals are 95%, rows of one prompt one cluster.

    One prompt says nothing of how much prompts differ: its intervals are all that is possible.

    Attributes:
        counts: Where the rows are.
        pending: Rows still owed.
        judge: Who was asked.
        on: Which responses.
        responses: How many are scored.
        unrewarded: Those of them that have no reward, as a rule could not be read.
        rules: Each rule; none of a judge that rewards.
        reward: Mean reward; None without any.
        before: Mean reward of initial responses, over rows in which both ends have one.
        after: The same of final revisions.
        gain: Mean of after less before: whether revision raises the reward.
        calls: Journalled model calls.
        failures: Failed rows by kind of error.
        last_failure: As in `Summary`.
        filtered: Filtered rows by reason.
        control_strings: As in `Summary`.
        control_tokens: As in `Summary`.
    """

    counts: Counts
    pending: int
    judge: str
    on: str
    responses: int
    unrewarded: int
    rules: tuple[RuleSummary, ...]
    reward: Estimate | None
    before: Estimate | None
    after: Estimate | None
    gain: Estimate | None
    calls: int
    failures: dict[str, int]
    last_failure: str
    filtered: dict[str, int]
    control_strings: int
    control_tokens: tuple[str, ...]


class Ends(NamedTuple):
    """A row's initial response and its final revision."""

    first: Scored
    last: Scored


class Bounds(NamedTuple):
    """The least and the greatest reward that a run's rules can give."""

    least: float
    most: float


def bounds(asked: PrincipleSet | None) -> Bounds:
    """Where each rule's probability is 0 or 1, whichever counts less, and where it is the other one.

    None: no rules were asked about, and nothing bounds a reward.
    """
    if asked is None:
        return Bounds(-math.inf, math.inf)
    rules = asked.rules
    weights = [rule.weight for rule in rules]
    return Bounds(sum(weight for weight in weights if weight < 0), sum(weight for weight in weights if weight > 0))


@dataclass
class _Tally:
    """Sums of one rule."""

    ps: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    invalid: int = 0


def summarise_scores(run: Path) -> ScoreSummary:
    """Read a run's folder.

    Raises:
        RunError: It holds no scores.
    """
    manifest, counts = load_manifest(run, SCORE), count(run, SCORE)
    rules = manifest.principles.rules if manifest.principles else ()
    tallies = {rule.id: _Tally() for rule in rules}
    rewards, befores, afters, gains = Observed(), Observed(), Observed(), Observed()
    responses = unrewarded = 0
    for row in scores(run):
        prompt = cluster_of(row.prompt)
        for response in row.responses:
            responses += 1
            unrewarded += response.reward is None
            if response.reward is not None:
                rewards.add(response.reward, prompt)
            for rule in response.rules:
                tallies[rule.rule].invalid += rule.p is None
                tallies[rule.rule].ps += [] if rule.p is None else [rule.p]
        if both := ends(row):
            first, last = both.first, both.last
            if first.reward is not None and last.reward is not None:
                befores.add(first.reward, prompt)
                afters.add(last.reward, prompt)
                gains.add(last.reward - first.reward, prompt)
            for old, new in zip(first.rules, last.rules, strict=True):
                if old.p is not None and new.p is not None:
                    tallies[old.rule].before.append(old.p)
                    tallies[old.rule].after.append(new.p)
    filtered = Counter(record.reason for record in read_records(run / SCORE.filtered, Filtered))
    failures = standing(run, SCORE)
    calls = count_calls(run / SCORE.calls)
    least, most = bounds(manifest.principles)
    settings = stored_settings(ScoreSettings, manifest.settings, run)
    return ScoreSummary(
        counts=counts,
        pending=counts.pending,
        judge=manifest.model,
        on=settings.on,
        responses=responses,
        unrewarded=unrewarded,
        rules=tuple(
            RuleSummary(
                rule=rule.id,
                weight=rule.weight,
                n=len(tally.ps),
                mean=_mean(tally.ps),
                share=_mean([float(p > 0.5) for p in tally.ps]),
                before=_mean(tally.before),
                after=_mean(tally.after),
                invalid=tally.invalid,
            )
            for rule, tally in ((rule, tallies[rule.id]) for rule in rules)
        ),
        reward=rewards.mean(least, most),
        before=befores.mean(least, most),
        after=afters.mean(least, most),
        gain=gains.mean(least - most, most - least),
        calls=calls.number,
        failures=dict(Counter(failure.kind for failure in failures)),
        last_failure=told(failures[-1]) if failures else "",
        filtered=dict(filtered),
        control_strings=(found := calls.control_strings + sum(failure.control_strings for failure in failures)),
        control_tokens=treatments([judge_of(base_of(run), settings)]) if found else (),
    )


def ends(row: Scores) -> Ends | None:
    """A row's initial response and its final revision, if both are scored."""
    revised = [one for one in row.responses if one.source.startswith("revision-")]
    first = next((one for one in row.responses if one.source == "response"), None)
    if not first or not revised:
        return None
    return Ends(first, max(revised, key=lambda one: int(one.source.removeprefix("revision-"))))


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
