"""What is drawn of a run's findings. Names begin with what they belong to: a report puts them there."""

from collections import Counter
from collections.abc import Callable, Iterator

from constitution.plots import Bar, Bars, Figure, Lines
from constitution.report.figures.judge import of_judge, of_people, of_principles, of_rules
from constitution.report.figures.parts import MOST_BARS, model_of
from constitution.report.figures.revisions import by_revision
from constitution.report.findings import Findings, StepNumbers

Told = Callable[[StepNumbers], float | None]


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
        *_steps(findings),
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


def _steps(findings: Findings) -> Iterator[Figure]:
    def figure(
        name: str, title: str, said: str, x: str, of: Told, mark: Told | None = None, mark_name: str = ""
    ) -> Figure:
        told = [(one, value) for one in findings.steps[:MOST_BARS] if (value := of(one)) is not None]
        stages = dict.fromkeys(one.stage for one, _ in told)
        models = "; ".join(f"{stage}: {model_of(findings, stage)}" for stage in stages)
        calls = sum(one.calls for one, _ in told)
        bars = tuple(
            Bar(name=one.step, value=value, n=one.calls, mark=mark(one) if mark else None) for one, value in told
        )
        return Figure(
            name=name,
            title=title,
            caption=f"{said} {models}. n = {calls:,} calls; the n of a bar counts its own.",
            plot=Bars(x=x, bars=bars, mark_name=mark_name),
        )

    tokens: dict[str, Told] = {"read": lambda one: one.prompt_tokens, "sampled": lambda one: one.completion_tokens}
    for name, of in tokens.items():
        said = f"Tokens {name} by all calls of each step. Calls that do not tell are left out."
        yield figure(f"tokens-{name}", f"Tokens {name} by step", said, f"Tokens {name}", of)
    yield figure(
        "time-calls",
        "Time of one call by step",
        "Median time of one call (bars), the time that it waited in the engine included, and the time that 95% of the "
        "calls took at most (strokes).",
        "Seconds",
        lambda one: one.median,
        lambda one: one.p95,
        "95% took at most",
    )
    yield figure(
        "time-steps",
        "Time by step",
        "Seconds of all calls of each step together. Many run at once, so that this is more than the time that went "
        "by.",
        "Seconds, sum over calls",
        lambda one: one.seconds,
    )


def _anything(figure: Figure) -> bool:
    plot = figure.plot
    if isinstance(plot, Lines):
        return bool(plot.series)
    return bool(plot.bars) if isinstance(plot, Bars) else sum(plot.counts) > 0
