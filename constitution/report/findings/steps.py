"""Tokens and time of a run's model calls, by what they were for."""

from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from constitution.journal import read_records
from constitution.manifest import COMPARE, SCORE, Stage
from constitution.records import Call
from constitution.report.findings import StageName, StepNumbers

# Of a row's calls, which comes first.
_ORDER = ("respond", "critique", "revise", "pick", "sample", "reason", "judge", "score")


def step_group(stage: Stage, step: str) -> str:
    """What a call is for: its step, but of calls of a judge without sources, principle and order."""
    if stage is SCORE:
        return "score"
    if stage is not COMPARE:
        # Of the best of several: all revisions of a round, and all that the judge was asked about them.
        return step.partition("/")[0]
    if "/" not in step:
        return step.partition("-")[0]
    return "reason" if step.endswith("/reason") else "judge"


class _Group:
    """The calls of one group: eight bytes each, as a run may have millions."""

    def __init__(self) -> None:
        self.calls = self.read = self.sampled = self.tell = 0
        self.seconds = array("d")


class Steps:
    """Collects calls; texts are not kept."""

    def __init__(self) -> None:
        self._groups: dict[tuple[StageName, str], _Group] = {}
        self._began, self._ended = array("d"), array("d")
        self.calls: dict[StageName, int] = {}
        self.control_strings: dict[StageName, int] = {}

    def read(self, run: Path, stage: Stage, name: StageName) -> None:
        """Read the journal of a stage.

        Raises:
            RunError: It is damaged.
        """
        self.calls[name] = self.control_strings[name] = 0
        for call in read_records(run / stage.calls, Call):
            self.calls[name] += 1
            self.control_strings[name] += sum(one.control_strings for one in (call.completion, call.choice) if one)
            self._see(name, step_group(stage, call.step), call)

    def _see(self, name: StageName, step: str, call: Call) -> None:
        of = self._groups.setdefault((name, step), _Group())
        of.calls += 1
        if call.completion:
            of.tell += 1
            of.read += call.completion.prompt_tokens
            of.sampled += call.completion.completion_tokens
        if call.began is not None and call.seconds is not None:
            of.seconds.append(call.seconds)
            self._began.append(call.began)
            self._ended.append(call.began + call.seconds)

    def numbers(self) -> tuple[StepNumbers, ...]:
        """Each group, in the order of the stages and of a row's calls."""
        return tuple(_numbers(name, step, of) for (name, step), of in sorted(self._groups.items(), key=self._place))

    def _place(self, item: tuple[tuple[StageName, str], _Group]) -> tuple[int, int, int]:
        (name, step), _ = item
        kind, _, number = step.partition("-")
        place = _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
        return list(self.calls).index(name), int(number) if number.isdecimal() else 0, place

    def seconds(self) -> float | None:
        """Time that went by while any call was under way; None if no call tells when it began."""
        return covered(self._began, self._ended) if self._began else None


def covered(began: Iterable[float], ended: Iterable[float]) -> float:
    """The length of the union of intervals, in their own unit."""
    starts, ends = np.fromiter(began, np.float64), np.fromiter(ended, np.float64)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    # How far all that began earlier reach.
    reach = np.concatenate([[-np.inf], np.maximum.accumulate(ends)[:-1]])
    return float(np.maximum(0.0, ends - np.maximum(starts, reach)).sum())


def _numbers(name: StageName, step: str, of: _Group) -> StepNumbers:
    taken = np.frombuffer(of.seconds, np.float64) if of.seconds else None
    return StepNumbers(
        stage=name,
        step=step,
        calls=of.calls,
        prompt_tokens=of.read if of.tell else None,
        completion_tokens=of.sampled if of.tell else None,
        seconds=None if taken is None else float(taken.sum()),
        median=None if taken is None else float(np.median(taken)),
        # One of the times themselves, so that 95% are at most that.
        p95=None if taken is None else float(np.percentile(taken, 95, method="inverted_cdf")),
    )
