"""Best of N: a judge picks the revision that goes on (West-of-N: Pace et al. 2024, arXiv 2401.12086).

There, N responses are sampled from one prompt, and the best and the worst of them under a preference model make a pair
to train on; with a model that compares pairs, by a tournament. Here that is done with each round's revisions, which
answer the same request, under the round's own principle, in both orders. The best one goes on, and the pair of best and
worst can be exported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

from constitution.calls import Caller
from constitution.compare import Judge, compare
from constitution.config import CompareSettings, Settings
from constitution.engines import rewards
from constitution.errors import ConfigError, PrinciplesError
from constitution.judging import JudgeTemplates, load_judge_templates
from constitution.model_settings import ModelSettings, resolve
from constitution.patience import Patience, unreadable
from constitution.principles import Principle, PrincipleSet
from constitution.probes.files import check_judge
from constitution.records import (
    Alternative,
    Candidate,
    Comparison,
    Completion,
    Judgement,
    Prompt,
    Sampling,
    Selection,
    Transcript,
)
from constitution.revise import Pick
from constitution.reward_judge import RewardJudge
from constitution.run import Outcome
from constitution.store import transcripts
from constitution.votes import Thresholds


@dataclass(frozen=True)
class Picking:
    """How revisions are picked, ready to begin. It can be pickled: on a cluster it travels to the workers.

    Attributes:
        judge: Who picks.
        templates: How the judge is asked; None: it gives rewards.
        best_of: N.
        seed: The run's.
        thresholds: What makes a label unfit: those of the RL stage that the run has, else the default ones.
    """

    judge: ModelSettings
    templates: JudgeTemplates | None
    best_of: int
    seed: int
    thresholds: Thresholds

    @property
    def affecting(self) -> dict[str, float] | None:
        """The thresholds that change rows, by setting; None if all are the default, of which older runs do not tell."""
        given, default = (
            # A judge that rewards has no orders and no letters.
            {"tie": one.tie} | ({"order_gap": one.order_gap, "min_mass": one.mass} if self.templates else {})
            for one in (self.thresholds, _thresholds(CompareSettings()))
        )
        return given if given != default else None

    @property
    def calls(self) -> int:
        """Model calls a round beyond those of one revision; an estimate, as ties of equal texts need none."""
        if self.templates is None:
            return self.best_of - 1 + self.best_of
        pairs = min(comb(self.best_of, 2), 3 * self.best_of // 2)
        return self.best_of - 1 + 2 * pairs

    def pick(self, prompt: Prompt, principles: PrincipleSet, caller: Caller) -> Pick:
        """One row's way to pick.

        Args:
            prompt: The row.
            principles: The round's principle is of these.
            caller: The judge.
        """
        weigh, rate = caller.weigh(prompt), caller.rate(prompt)

        def judge(step: str, principle: Principle) -> Judge | RewardJudge:
            if self.templates is None:
                return RewardJudge(
                    lambda name, messages, response: rate(f"{step}/{name}", messages, response),
                    self.thresholds.tie,
                    self.seed,
                )
            return Judge(
                # Nobody reasons here.
                ask=caller.ask(prompt, Sampling(max_tokens=CompareSettings().cot_tokens)),
                weigh=lambda name, messages, options: weigh(f"{step}/{name}", messages, options),
                principles=principles.model_copy(update={"principles": (principle,)}),
                templates=self.templates,
                per_pair=1,
                seed=self.seed,
                thresholds=self.thresholds,
            )

        async def pick(number: int, principle: Principle, revisions: Sequence[Completion]) -> Selection:
            candidates = [Candidate(text=one.text, source=str(place)) for place, one in enumerate(revisions)]
            found = await compare(prompt, candidates, judge(f"pick-{number}", principle), match="best-worst")
            return selected(caller.engine.identity.model, revisions, found)

        return pick


def selected(judge: str, revisions: Sequence[Completion], found: Sequence[Comparison]) -> Selection:
    """What comes of a judge's comparisons: the strongest revision is taken, of equals the first.

    Where the judge's answers do not rank all of them, nothing tells which is best: then the first is taken, which is
    the revision of a run without best of N, and no pair comes of it.

    Args:
        judge: The judge's name.
        revisions: What was compared.
        found: The comparisons; sources are positions among the revisions.
    """
    placed: dict[int, tuple[Candidate, float | None]] = {}
    for one in found:
        ends = [(one.first, one.reward_first), (one.second, one.reward_second)]
        ends += [(other, other.reward) for other in one.others]
        placed |= {int(end.source): (end, reward) for end, reward in ends}
    alternatives = tuple(
        Alternative(completion=revision, rank=end.rank, strength=end.strength, reward=reward)
        for revision, (end, reward) in zip(revisions, (placed[place] for place in range(len(revisions))), strict=True)
    )
    known = [(one.rank, place) for place, one in enumerate(alternatives) if one.rank is not None]
    return Selection(
        judge=judge,
        alternatives=alternatives,
        taken=min(known)[1] if known else 0,
        judgements=tuple(
            Judgement(
                first=int(one.first.source), second=int(one.second.source), votes=one.votes, p=one.p, status=one.status
            )
            for one in found
        ),
    )


def patience_with(picking: Picking, folder: Path, rows: int) -> Patience:
    """With what the judge was asked in earlier starts."""
    hint = (
        "Name another --judge, or --templates transcript for a base model, and begin a run of its own with --fork NEW."
    )
    patience = Patience(picking.judge.model, "verdict", rows, hint)
    for transcript in transcripts(folder):
        _see(patience, transcript)
        if patience.settled:
            break
    return patience


def see(patience: Patience, outcomes: Sequence[Outcome]) -> None:
    """Take note of a row's selections, and give up on a judge that cannot be read.

    Raises:
        ModelError: No row has a readable verdict, and there were enough of them.
    """
    for one in outcomes:
        if isinstance(one, Transcript):
            _see(patience, one)
    patience.look()


def _see(patience: Patience, transcript: Transcript) -> None:
    for round in transcript.rounds:
        asked = [one for one in round.selection.judgements if one.votes] if round.selection else []
        if asked:
            readable = any(one.p is not None for one in asked)
            patience.count(transcript.id, None if readable else unreadable(asked[-1].votes[-1]))


def plan_picking(settings: Settings, principles: PrincipleSet) -> Picking | None:
    """Load what the judge is asked with, and check all that can be checked without a model; None if nobody picks.

    Raises:
        ConfigError: Settings that do not go together.
        PrinciplesError: A principle that a judge cannot be asked about.
        TemplateError: A template set that cannot judge.
    """
    if settings.best_of is None:
        if settings.judge is not None:
            raise ConfigError(
                "--judge picks between revisions, and without --best-of there is one of each",
                "Add --best-of 4. The judge of the RL stage is named in the config file: compare: {judge: NAME}",
            )
        return None
    if settings.temperature == 0:
        raise ConfigError(
            f"--best-of {settings.best_of} with --temperature 0: all revisions of a round would be the same",
            "Sample them: --temperature 0.7",
        )
    judge = resolve(settings.generator, settings.judge) if settings.judge else settings.generator
    if settings.judge:
        check_judge(judge)
    thresholds = _thresholds(settings.compare or CompareSettings())
    if rewards(judge.engine):
        return Picking(judge, None, settings.best_of, settings.seed, thresholds)
    without = [principle.id for principle in principles.principles if principle.comparison is None]
    if without:
        raise PrinciplesError(
            f"{settings.principles}: --best-of asks a judge each principle's `comparison`, and these have none: "
            f"{', '.join(without)}",
            "Add a `comparison` to each, or leave out --best-of.",
        )
    return Picking(judge, load_judge_templates(settings.templates), settings.best_of, settings.seed, thresholds)


def picks_its_own(settings: Settings) -> bool:
    """Whether the judge that picks is the model that writes the revisions, as far as the settings tell."""
    wrote = settings.generator
    judge = resolve(wrote, settings.judge) if settings.judge else wrote
    return settings.best_of is not None and (
        (judge.engine, judge.model, judge.revision) == (wrote.engine, wrote.model, wrote.revision)
    )


def _thresholds(settings: CompareSettings) -> Thresholds:
    return Thresholds(settings.tie, settings.order_gap, settings.min_mass)
