"""Two constitutions' figures for a terminal."""

from constitution.intervals import Estimate
from constitution.report.terminal import plural
from constitution.report.versus import VersusSummary

# More of them are no overview.
MOST_LINES = 30
# With so many 95% intervals, one that leaves out its value by chance is to be reckoned with.
MANY = 5


def versus_lines(found: VersusSummary) -> list[str]:
    """The figures as lines of text, warnings last."""
    of = found.figures
    lines = [
        f"A: {found.a}: {found.rows_a.equation}",
        f"B: {found.b}: {found.rows_b.equation}",
        f"judge {found.judge}, asked under {plural(found.principles, 'principle')} in both orders: "
        f"{found.rows_judged.equation}",
        "comparisons: " + (", ".join(f"{number} {status}" for status, number in of.statuses.items()) or "none"),
    ]
    if of.identical:
        lines.append(f"  {plural(of.identical, 'pair')} of one text: ties that nobody was asked about")
    lines.append(f"B beats A: {_percent(of.overall.win_rate)} (even: 50%; ties and inconsistent ones count half)")
    lines.append(f"  {of.overall.b} for B, {of.overall.a} for A, {of.overall.ties} for neither")
    rate = of.overall.win_rate
    if rate and rate.low <= 0.5 <= rate.high:
        lines.append("  so which of them is better cannot be told from these prompts")
    lines.append(f"  mean soft label of B: {_number(of.overall.soft_label)}")
    for standing in (of.under_a, of.under_b):
        if standing:
            lines.append(f"  under {standing.name} alone: {_percent(standing.win_rate)}")
    if of.under_a and of.under_b:
        lines.append(f"  both counted evenly: {_percent(of.evenly)}")
    for title, standings in (("by tag of the judge's principles", of.tags), (f"by {found.column}", of.groups)):
        if standings:
            lines.append(f"{title}: B beats A")
            lines += [f"  {standing.name}: {_percent(standing.win_rate)}" for standing in standings[:MOST_LINES]]
            if len(standings) > MOST_LINES:
                lines.append(f"  and {len(standings) - MOST_LINES} more, with --format json")
            if len(standings) >= MANY:
                lines.append("  among so many intervals some leave out 50% by chance: about one in twenty")
    lines.append(f"the response shown as (A) wins: {_percent(of.first_position)} (fair: 50%)")
    lines.append(f"the two orders agree: {_percent(of.order_agreement)} (chance: 50%)")
    return [*lines, *(f"warning: {warning}" for warning in of.warnings)]


def _percent(estimate: Estimate | None) -> str:
    return estimate.percent if estimate else "cannot be told"


def _number(estimate: Estimate | None) -> str:
    return estimate.number if estimate else "cannot be told"
