"""What a run tells, for the report: records only; `finding.py` makes them of a run's folder."""

from typing import Literal

from constitution.counts import Counts
from constitution.gates.flags import Gated
from constitution.intervals import Estimate
from constitution.records import Comparison, Record, Transcript
from constitution.report.agreement import Agreement, nameless
from constitution.report.audit import Audit
from constitution.report.coverage import Coverage
from constitution.report.scores import ScoreSummary

# The last two are one stage: by a judge that is asked about rules, or by one that gives rewards.
StageName = Literal["SL stage", "RL stage", "rules", "rewards"]


class StageNumbers(Record):
    """One stage of the run.

    Attributes:
        name: `SL stage`, `RL stage`, `rules` or `rewards`.
        model: Its model; of all but the first the judge.
        counts: Where its rows are.
        filtered: Filtered rows by reason.
        calls: Journalled model calls.
        version: The program's that began it.
        created: When, UTC, ISO 8601.
        determinism: What its engine promises.
    """

    name: StageName
    model: str
    counts: Counts
    filtered: dict[str, int]
    calls: int
    version: str
    created: str
    determinism: str


class RevisionNumbers(Record):
    """The responses after so many rounds, over the finished rows. Intervals are 95%, rows of one prompt one cluster.

    Attributes:
        number: 0 is the initial response.
        rows: Finished rows that have it.
        beats: Mean probability under the judge, both orders averaged as logits, that it is better than the initial
            response, of all readable comparisons of the two: the paper's harmlessness by revision (Bai et al. 2022,
            figure 5) with a judge's probability in the place of a preference model's score. A revision with the text of
            the initial response counts as a half. None without such comparisons, and of the initial response.
        reward: Mean reward, by the run's rules or of a judge that gives rewards; None if it is not scored, or no rule
            can be read.
        tokens: Mean length, in tokens of the model that wrote it.
        change: Mean share of words changed from the response before it (`change.changed_share`); None of 0.
        change_in_all: The same from the initial response.
        unchanged: Share of rows in which it has the words of the response before it; None of 0.
        refusals: Share of responses that decline what was asked and say why or offer something else, by a list of
            phrases (`stance.py`).
        evasions: Share that decline without either, or get out of the way; none of these is a refusal, too.
        cut: Share that end at `max_tokens`.
    """

    number: int
    rows: int
    beats: Estimate | None
    reward: Estimate | None
    tokens: Estimate | None
    change: Estimate | None
    change_in_all: Estimate | None
    unchanged: Estimate | None
    refusals: Estimate | None
    evasions: Estimate | None
    cut: Estimate | None


class Picked(Record):
    """What a judge picked from where each revision was sampled several times.

    Attributes:
        judge: Who picked.
        of: How many revisions each was picked from.
        revisions: How many were picked.
        others: Those that are not the first of theirs, which a run without best of N would have gone on with.
        unranked: Those that are the first because the judge's answers ranked none.
    """

    judge: str
    of: int
    revisions: int
    others: int
    unranked: int


class StepNumbers(Record):
    """One kind of model call.

    Attributes:
        stage: Which stage makes it.
        step: `respond`, `critique-1`, `revise-1`, …; `sample`; `judge` (both orders, all principles) and, where the
            judge reasons first, `reason`; `score`.
        calls: How many are journalled.
        prompt_tokens: Read; None where calls do not tell (`choose`).
        completion_tokens: Sampled; None likewise.
        seconds: Sum over the calls that tell; many run at once, so that this is more than the time that went by. None
            where no call tells, as those of older versions.
        median: Seconds of one call, the time that it waited in the engine included.
        p95: The shortest of the times that 95% of them took at most.
    """

    stage: StageName
    step: str
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    median: float | None
    p95: float | None


class FailureGroup(Record):
    """Rows that failed alike.

    Attributes:
        stage: Where.
        kind: The error's class.
        step: The call, without its number.
        message: What the first of them said: its first line, 300 characters at most.
        count: How many rows; alike are messages that differ only in quoted texts, and in words that hold a digit
            but are no status of an answer, such as `(401)`.
        rows: The ids of the first five in the input.
    """

    stage: StageName
    kind: str
    step: str
    message: str
    count: int
    rows: tuple[str, ...]


Category = Literal["best", "worst", "most changed", "unchanged", "most contested"]


class Example(Record):
    """A row worth reading.

    Attributes:
        category: What it is an example of: by the judge's probability that a revision, the last one that was judged, is
            better than the initial response (without a judge the gain in reward of the final one); by the share of
            words changed; by the nearness of p to a half or the distance of the two orders.
        why: The number, in words.
        transcript: The row's chain, if it has one.
        comparison: What is contested; None of the other categories.
    """

    category: Category
    why: str
    transcript: Transcript | None
    comparison: Comparison | None


class Caution(Record):
    """What a reader must know first.

    Attributes:
        text: In words.
        command: What to type, whole; empty where nothing can be done, or nothing tells it.
    """

    text: str
    command: str = ""

    @property
    def told(self) -> str:
        """Both, as a terminal shows them."""
        return f"{self.text}: {self.command}" if self.command else self.text


class Findings(Record):
    """What a run tells.

    Attributes:
        run: The folder's name.
        stages: Those that the run has.
        revisions: By number; empty without transcripts.
        picked: Where revisions were sampled several times, what was picked from them; else None.
        coverage: What each principle did.
        audit: The judge's health; None without comparisons.
        agreement: What people said; None without reviews.
        scores: None if the run is not scored.
        steps: Tokens and time.
        seconds: Time that went by while any call was under way, all stages; None of runs without times. Calls that
            were taken over from another run count with the time that they took there. Each start of the program tells
            the time once, and counts on from there: what sets the clock later changes nothing, but where it was set
            back between two starts, what both did may be counted once.
        failures: The most frequent first.
        examples: A few of each category.
        gates: What the default quality gates flag among the final revisions; None without transcripts.
        warnings: What a reader must know first: unfinished stages, control strings, warnings of audit and coverage.
    """

    run: str
    stages: tuple[StageNumbers, ...]
    revisions: tuple[RevisionNumbers, ...]
    coverage: Coverage | None
    audit: Audit | None
    agreement: Agreement | None
    scores: ScoreSummary | None
    steps: tuple[StepNumbers, ...]
    seconds: float | None
    failures: tuple[FailureGroup, ...]
    examples: tuple[Example, ...]
    warnings: tuple[Caution, ...]
    gates: Gated | None = None
    picked: Picked | None = None

    def nameless(self) -> "Findings":
        """The same with numbers for reviewers' names: for what is handed on to others."""
        return self.model_copy(update={"agreement": nameless(self.agreement)}) if self.agreement else self
