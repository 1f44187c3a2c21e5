"""What a journalled call of `choose` stands in for."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from constitution.calls import Caller
from constitution.engines.base import Determinism, Identity, Usage
from constitution.journal import read_records
from constitution.manifest import REVISE, new_manifest
from constitution.principles import load_principles
from constitution.records import Call, Choice, Completion, Message, Prompt, Sampling
from constitution.run import Run
from constitution.runner import Stop, Tally

ROW = Prompt(id="row", index=0, messages=())
ASKED = [Message(role="user", content="A or B?")]


class Judge:
    """Tells probabilities, or the shares of sampled votes; counts how often it is asked."""

    identity = Identity(engine="test", model="judge", revision="")
    determinism: Determinism = "none"
    usage = Usage()

    def __init__(self, sampled: int | None) -> None:
        self.sampled = sampled
        self.asked = 0

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        raise AssertionError("nothing is generated")

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        self.asked += 1
        return Choice(logprobs=(-1.0, -2.0), sampled=self.sampled)

    async def aclose(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(("sampled", "asked"), [(None, 1), (8, 2)], ids=["probabilities", "votes"])
def test_sampled_votes_are_those_of_their_seed(tmp_path: Path, sampled: int | None, asked: int) -> None:
    judge = Judge(sampled)
    with Run(tmp_path) as run:
        run.begin(new_manifest("0", "none", 1, {}, {}, load_principles("harmlessness")))
        for seed in (0, 0, 1, 1):
            caller = Caller(judge, run, seed, 1, Tally(1, 1), Stop())
            assert asyncio.run(caller.weigh(ROW)("judge", ASKED, ["A", "B"])).logprobs == (-1.0, -2.0)
    assert judge.asked == asked


def test_a_clock_that_is_set_meanwhile_moves_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = time.time()
    with Run(tmp_path) as run:
        run.begin(new_manifest("0", "none", 1, {}, {}, load_principles("harmlessness")))
        for step, wall in (("one", before), ("two", before - 3600), ("three", before + 3600)):
            monkeypatch.setattr(time, "time", lambda wall=wall: wall)
            asyncio.run(Caller(Judge(None), run, 0, 1, Tally(1, 3), Stop()).weigh(ROW)(step, ASKED, ["A", "B"]))
    calls = list(read_records(tmp_path / REVISE.calls, Call))
    began = [call.began for call in calls if call.began is not None]
    assert [call.step for call in calls] == ["one", "two", "three"] and began == sorted(began)
    assert len(began) == 3 and all(abs(one - before) < 60 for one in began)
