"""What is drawn of a run's findings. Names begin with what they belong to: a report puts them there."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from constitution.plots import Bar, Bars, Figure, Lines
from constitution.report.figures.judge import of_judge, of_people, of_principles, of_rules
from constitution.report.figures.parts import MOST_BARS
from constitution.report.figures.revisions import by_revision
from constitution.report.findings import Findings, StepNumbers


def figures(findings: Findings) -> tuple[Figure, ...]:
    """A run's figures, in the order of a report; one without data is left out.

    Of the initial response, harmlessness is one half without an interval: the probability that a response is better
    than itself. It is drawn where any revision was compared with it, so that the curve begins where the paper's does
    (Bai et al. 2022, figure 5, where scores are shown with the initial response's as zero).
    """
    drawn = (
        *by_revision(findings),
        *(of_principles(findings, findings.coverage) if findings.coverage else ()),
        *(of_judge(findings, findings.audit) if findings.audit else ()),
        *(of_people(findings.agreement) if findings.agreement else ()),
        *(of_rules(findings, findings.scores) if findings.scores else ()),
        *_failures(findings),
        *_steps(findings.steps),
    )
    return tuple(figure for figure in drawn if _anything(figure))


def _failures(findings: Findings) -> Iterator[Figure]:
    types: Counter[str] = Counter()
    for group in findings.failures:
        types[f"{group.kind} ({group.step})" if group.step else group.kind] += group.count
    yield Figure(
        name="failures",
        title="Failures by type",
        caption=f"{sum(types.values()):,} rows that failed, by the kind of error and the call that it happened in.",
        plot=Bars(x="Rows", bars=tuple(Bar(name=name, value=count) for name, count in types.most_common(MOST_BARS))),
    )


def _steps(steps: Sequence[StepNumbers]) -> Iterator[Figure]:
    def bars(of: Callable[[StepNumbers], float | None], mark: Callable[[StepNumbers], float | None]) -> tuple[Bar, ...]:
        told = ((one, of(one)) for one in steps[:MOST_BARS])
        return tuple(
            Bar(name=one.step, value=value, n=one.calls, mark=mark(one)) for one, value in told if value is not None
        )

    for name, done, of in (
        ("read", "read", lambda one: one.prompt_tokens),
        ("sampled", "sampled", lambda one: one.completion_tokens),
    ):
        yield Figure(
            name=f"tokens-{name}",
            title=f"Tokens {done} by step",
            caption=f"Tokens {done} by all calls of each step; n counts calls. Calls that do not tell are left out.",
            plot=Bars(x=f"Tokens {done}", bars=bars(of, lambda one: None)),
        )
    yield Figure(
        name="time-calls",
        title="Time of one call by step",
        caption="Median time of one call (bars), the time that it waited in the engine included, and the time that 95% "
        "of the calls took at most (strokes); n counts calls.",
        plot=Bars(x="Seconds", bars=bars(lambda one: one.median, lambda one: one.p95), mark_name="95% took at most"),
    )
    yield Figure(
        name="time-steps",
        title="Time by step",
        caption="Seconds of all calls of each step together. Many run at once, so that this is more than the time that "
        "went by; n counts calls.",
        plot=Bars(x="Seconds, sum over calls", bars=bars(lambda one: one.seconds, lambda one: None)),
    )


def _anything(figure: Figure) -> bool:
    plot = figure.plot
    if isinstance(plot, Lines):
        return bool(plot.series)
    return bool(plot.bars) if isinstance(plot, Bars) else sum(plot.counts) > 0
