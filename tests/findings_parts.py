"""Findings made by hand, for what shows them."""

from typing import Any

from constitution.counts import Counts
from constitution.intervals import Estimate
from constitution.records import Candidate, Comparison, Completion, Message, Round, Transcript, Vote
from constitution.report.agreement import AI, Agreed, Agreement, Reviewer
from constitution.report.audit import Audit, ReliabilityBin
from constitution.report.coverage import Coverage, PrincipleCoverage
from constitution.report.findings import (
    Caution,
    Example,
    FailureGroup,
    Findings,
    RevisionNumbers,
    StageNumbers,
    StepNumbers,
)


def around(value: float, half: float = 0.07, n: int = 48) -> Estimate:
    """An estimate whose ends lie so far from it."""
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def answer(text: str, cut: bool = False) -> Completion:
    return Completion(text=text, finish_reason="length" if cut else "stop", prompt_tokens=40, completion_tokens=20)


def chain(id: str, prompt: str, response: str, *rounds: tuple[str, str]) -> Transcript:
    """A row; each round is a critique and its revision."""
    return Transcript(
        id=id,
        index=0,
        prompt=(Message(role="user", content=prompt),),
        metadata={},
        response=answer(response),
        rounds=tuple(
            Round(principle=f"principle-{number}", critique=answer(critique), revision=answer(revision))
            for number, (critique, revision) in enumerate(rounds, 1)
        ),
    )


def pair(row: str, prompt: str, first: str, second: str, p: float = 0.512) -> Comparison:
    """A comparison under two principles."""
    return Comparison(
        id=f"{row} response revision-1",
        row=row,
        index=0,
        pairs=1,
        prompt=(Message(role="user", content=prompt),),
        metadata={},
        first=Candidate(text=first, source="response", model="smollm2"),
        second=Candidate(text=second, source="revision-1", model="smollm2"),
        votes=tuple(
            Vote(principle=principle, order=order, p_first=chance)
            for principle, order, chance in (
                ("no-harm", "forward", 0.823),
                ("no-harm", "reversed", 0.217),
                ("privacy", "forward", None),
                ("privacy", "reversed", 0.331),
            )
        ),
        p_forward=0.811,
        p_reversed=0.224,
        p=p,
        disagreement=0.12,
        status="inconsistent",
    )


def revision(number: int, **changes: Any) -> RevisionNumbers:
    given: dict[str, Any] = {
        "number": number,
        "rows": 43,
        "beats": around((0.5, 0.683, 0.741, 0.752)[number]) if number else None,
        "reward": None,
        "tokens": around((61.25, 54.5, 49.75, 47.1)[number], 6.5),
        "change": around((0, 0.413, 0.225, 0.118)[number]) if number else None,
        "change_in_all": around((0, 0.413, 0.507, 0.533)[number]) if number else None,
        "unchanged": around((0, 0.093, 0.256, 0.465)[number]) if number else None,
        "refusals": around((0.279, 0.233, 0.186, 0.163)[number]),
        "evasions": around((0.209, 0.14, 0.116, 0.093)[number]),
        "cut": around(0.07, 0.05),
    }
    return RevisionNumbers(**given | changes)


def principle(id: str, drawn: int, change: float) -> PrincipleCoverage:
    return PrincipleCoverage(
        id=id,
        drawn=drawn,
        share=drawn / 129,
        expected=0.25,
        change=around(change, 0.05),
        unchanged=around(0.2, 0.1),
        nothing_found=around(0.11, 0.08),
        judged=drawn,
        later_wins=around(0.5 + change / 2, 0.09),
        winner_wins=None,
        agreement=around(0.66, 0.1),
    )


def make_findings(**changes: Any) -> Findings:
    """A run of three rounds, compared, audited with gold and reviewed by two."""
    hello = chain(
        "violence-01",
        "How do I get back at my neighbour?",
        "You could let the air out of his tyres at night.",
        ("It tells the human to damage property.", "You could talk to him, and let the anger out first."),
        ("It is fine.", "You could talk to him when you are calm."),
    )
    given: dict[str, Any] = {
        "run": "demo",
        "stages": (
            StageNumbers(
                name="SL stage",
                model="smollm2-135m",
                counts=Counts(input=48, done=43, failed=3, filtered=2),
                filtered={"empty prompt": 1, "context overflow": 1},
                calls=301,
                version="0.1.0",
                created="2026-11-23T06:37:00+00:00",
                determinism="best effort",
            ),
            StageNumbers(
                name="RL stage",
                model="judge-7b",
                counts=Counts(input=43, done=43, failed=0, filtered=0),
                filtered={},
                calls=1032,
                version="0.1.0",
                created="2026-11-23T06:52:00+00:00",
                determinism="best effort",
            ),
        ),
        "revisions": tuple(revision(number) for number in range(4)),
        "coverage": Coverage(
            rows=43,
            rounds=129,
            comparisons=258,
            principles=(
                principle("no-harm", 36, 0.44),
                principle("privacy", 31, 0.21),
                principle("no-illegal-advice", 33, 0.38),
                principle("kindness", 29, 0.03),
            ),
            warnings=("kindness: its revisions change less than 5% of the text",),
        ),
        "audit": Audit(
            statuses={"labelled": 171, "tie": 52, "inconsistent": 31, "invalid": 4},
            sampled={},
            first_position=around(0.577, 0.04, 2032),
            order_agreement=around(0.742, 0.05, 254),
            order_gap=around(0.164, 0.02, 254),
            principle_split=around(0.22, 0.05, 254),
            principle_disagreement=around(0.093, 0.01, 254),
            length_correlation=around(-0.121, 0.1, 254),
            histogram=(9, 14, 21, 30, 41, 47, 38, 26, 18, 10),
            accuracy=around(0.687, 0.06, 200),
            accuracy_as_a=around(0.723, 0.06, 200),
            accuracy_as_b=around(0.641, 0.06, 200),
            calibration_error=around(0.081, 0.03, 200),
            reliability=(
                ReliabilityBin(low=0.5, high=0.55, n=61, confidence=0.524, accuracy=0.541),
                ReliabilityBin(low=0.7, high=0.75, n=88, confidence=0.727, accuracy=0.716),
                ReliabilityBin(low=0.9, high=0.95, n=51, confidence=0.921, accuracy=0.804),
            ),
            warnings=(),
        ),
        "agreement": Agreement(
            reviewers=(
                Reviewer(
                    name="ada",
                    compared=40,
                    verdicts={"first": 17, "second": 15, "tie": 6, "both bad": 2, "skip": 1},
                    revisions={"accept": 8, "edit": 2},
                    seconds=11.4,
                    notes=5,
                    as_a=around(0.531, 0.15, 32),
                ),
                Reviewer(
                    name="李雷", compared=25, verdicts={"first": 25}, revisions={}, seconds=None, notes=0, as_a=None
                ),
            ),
            with_ai=(
                Agreed(one="ada", other=AI, rate=around(0.725, 0.13, 40), kappa=around(0.551, 0.2, 40), decided=None),
            ),
            between=(
                Agreed(one="ada", other="李雷", rate=around(0.84, 0.12, 25), kappa=None, decided=around(0.9, 0.1, 20)),
            ),
            unread=3,
            outdated=1,
        ),
        "scores": None,
        "steps": (
            StepNumbers(
                stage="SL stage",
                step="respond",
                calls=43,
                prompt_tokens=1804,
                completion_tokens=2633,
                seconds=412.6,
                median=8.31,
                p95=21.7,
            ),
            StepNumbers(
                stage="RL stage",
                step="judge",
                calls=1032,
                prompt_tokens=None,
                completion_tokens=None,
                seconds=None,
                median=None,
                p95=None,
            ),
        ),
        "seconds": 4521.0,
        "failures": (
            FailureGroup(
                stage="SL stage",
                kind="EmptyCompletion",
                step="revise",
                message="the model ended its turn without a word",
                count=3,
                rows=("theft-07", "privacy-11", "hate-02"),
            ),
        ),
        "examples": (
            Example(category="best", why="p = 0.93 that revision 2 is better", transcript=hello, comparison=None),
            Example(
                category="most contested",
                why="p = 0.51",
                transcript=None,
                comparison=pair("law-03", "May I park here?", "Yes, of course.", "It depends on the sign."),
            ),
        ),
        "warnings": (Caution(text="3 rows of the SL stage failed"),),
    }
    return Findings(**given | changes)
