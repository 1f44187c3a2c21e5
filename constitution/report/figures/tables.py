"""The numbers of a run's findings as tables, for papers."""

from collections.abc import Iterable, Sequence

from constitution.plots import Cell, Table
from constitution.report.audit_lines import measures
from constitution.report.findings import Findings


def tables(findings: Findings) -> tuple[Table, ...]:
    """A run's tables; one without rows, and a column without a value, is left out. Shares are between 0 and 1."""
    made = (
        *_by_revision(findings),
        *_gates(findings),
        *_principles(findings),
        *_judge(findings),
        *_people(findings),
        *_rules(findings),
        *_rest(findings),
    )
    return tuple(table for table in made if table.rows)


def _by_revision(findings: Findings) -> Iterable[Table]:
    revisions = findings.revisions
    yield _table(
        "revisions",
        "Revision by revision",
        ("revision", "rows", "better than initial", "reward", "tokens", "words changed"),
        [(one.number, one.rows, one.beats, one.reward, one.tokens, one.change) for one in revisions],
    )
    yield _table(
        "responses",
        "What responses are like, by revision",
        ("revision", "refusals", "evasions", "cut at max_tokens", "unchanged", "changed from initial"),
        [(one.number, one.refusals, one.evasions, one.cut, one.unchanged, one.change_in_all) for one in revisions],
    )


def _gates(findings: Findings) -> Iterable[Table]:
    yield _table(
        "gates",
        "What quality gates flag among the final revisions",
        ("gate", "from", "flagged", "share"),
        [
            (one.gate, one.threshold, one.rows, one.rows / findings.gates.rows)
            for one in (findings.gates.gates if findings.gates else ())
            if findings.gates
        ],
    )


def _principles(findings: Findings) -> Iterable[Table]:
    known = findings.coverage.principles if findings.coverage else ()
    yield _table(
        "principles",
        "What each principle did",
        ("principle", "drawn", "share", "expected", "words changed", "unchanged", "nothing found"),
        [
            (one.id, one.drawn, one.share, one.expected, one.change, one.unchanged, one.nothing_found)
            for one in known
            if one.share is not None
        ],
    )
    yield _table(
        "principles-judging",
        "How each principle judged",
        ("principle", "comparisons", "later wins", "winner wins", "agrees with others"),
        [(one.id, one.judged, one.later_wins, one.winner_wins, one.agreement) for one in known if one.judged],
    )


def _judge(findings: Findings) -> Iterable[Table]:
    found = findings.audit
    if not found:
        return
    yield _table(
        "judge",
        "The judge's health",
        ("measure", "value"),
        [(one.name, one.estimate) for one in measures(found) if one.estimate],
    )
    yield _table(
        "judge-reliability",
        "How often the judge is right, by how sure it is",
        ("confidence from", "to", "comparisons", "mean confidence", "right"),
        [(one.low, one.high, one.n, one.confidence, one.accuracy) for one in found.reliability],
    )


def _people(findings: Findings) -> Iterable[Table]:
    found = findings.agreement
    if not found:
        return
    yield _table(
        "agreement",
        "Agreement of people with the AI and each other",
        ("one", "other", "rate", "kappa", "same side"),
        [(one.one, one.other, one.rate, one.kappa, one.decided) for one in (*found.all_with_ai, *found.between)],
    )
    yield _table(
        "reviewers",
        "What each reviewer did",
        ("reviewer", "comparisons", "revisions", "median seconds", "for the response shown as A"),
        [(one.name, one.compared, sum(one.revisions.values()), one.seconds, one.as_a) for one in found.reviewers],
    )


def _rules(findings: Findings) -> Iterable[Table]:
    rules = findings.scores.rules if findings.scores else ()
    yield _table(
        "rules",
        "Rules before and after revision",
        ("rule", "weight", "responses", "mean probability", "initial", "final revision", "invalid"),
        [(one.rule, one.weight, one.n, one.mean, one.before, one.after, one.invalid) for one in rules],
    )


def _rest(findings: Findings) -> Iterable[Table]:
    yield _table(
        "failures",
        "Failures by type",
        ("stage", "error", "step", "rows", "first message"),
        [(one.stage, one.kind, one.step, one.count, one.message) for one in findings.failures],
    )
    yield _table(
        "steps",
        "Tokens and seconds by step",
        ("stage", "step", "calls", "tokens read", "tokens sampled", "seconds in all", "median", "95% at most"),
        [
            (one.stage, one.step, one.calls, one.prompt_tokens, one.completion_tokens, one.seconds, one.median, one.p95)
            for one in findings.steps
        ],
    )


def _table(name: str, title: str, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> Table:
    told = [number for number in range(len(columns)) if any(row[number] is not None for row in rows)]
    return Table(
        name=name,
        title=title,
        columns=tuple(columns[number] for number in told),
        rows=tuple(tuple(row[number] for number in told) for row in rows),
    )
