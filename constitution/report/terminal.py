"""Transcripts and summaries for a terminal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from constitution.errors import RunError, command
from constitution.journal import read_records
from constitution.manifest import load_manifest
from constitution.printable import printable
from constitution.records import Candidate, Comparison, Completion, Failure, Filtered, Message, Round, Transcript
from constitution.report.labels import LabelSummary
from constitution.report.summary import Summary
from constitution.reviewed import ReviewCounts
from constitution.score_records import Scores
from constitution.spending import Bill
from constitution.store import comparisons, scores, transcripts
from constitution.yamlfile import nearest

if TYPE_CHECKING:
    from constitution.report.scores import ScoreSummary


def find_row(run: Path, row: str | None) -> Transcript:
    """The finished row with that id, or the first finished row.

    Raises:
        RunError: There is none; says what became of the row.
    """
    load_manifest(run)
    known = []
    for transcript in transcripts(run):
        if row is None or transcript.id == row:
            return transcript
        known.append(transcript.id)
    if row is None:
        raise RunError(f"{run}: no row is finished yet", f"See where the run is with: {command('status', run)}")
    for failure in read_records(run / "failures.jsonl", Failure):
        if failure.id == row:
            raise RunError(f"{run}: row {row!r} failed at {failure.step}: {failure.message}")
    for filtered in read_records(run / "filtered.jsonl", Filtered):
        if filtered.id == row:
            raise RunError(f"{run}: row {row!r} was filtered ({filtered.reason}): {filtered.message}")
    raise RunError(f"{run}: no finished row {row!r}; {nearest(row, known[:1000]) if known else 'none is finished yet'}")


def print_prompt(console: Console, row: str, prompt: Sequence[Message]) -> None:
    """Print the head of a row: its id and what it asks."""
    console.print(Rule(Text(printable(f"row {row}"), "bold")))
    for message in prompt:
        console.print(_turn(message.role, "cyan", message.content))


def print_transcript(console: Console, transcript: Transcript) -> None:
    """Print one row's whole chain."""
    print_prompt(console, transcript.id, transcript.prompt)
    console.print(_turn("initial response", "red", *_answer(transcript.response)))
    for number, round in enumerate(transcript.rounds, 1):
        if round.critique:
            console.print(_turn(f"critique {number} · {round.principle}", "yellow", *_answer(round.critique)))
        title = f"revision {number}" if round.critique else f"revision {number} · {round.principle}"
        title += _of_several(round)
        console.print(_turn(title, "green", *_answer(round.revision)))


def _of_several(round: Round) -> str:
    """Which of how many revisions it is, if a judge took it."""
    if round.selection is None:
        return ""
    chosen, margin = round.selection, round.selection.margin
    ahead = "no ranking" if margin is None else f"{margin:.2f} nats ahead of the worst"
    return f" · number {chosen.taken + 1} of {len(chosen.alternatives)}, {ahead}"


def find_comparisons(run: Path, row: str | None) -> list[Comparison]:
    """The comparisons of a row, or of the first row that has any; none if there are none."""
    found: list[Comparison] = []
    for comparison in comparisons(run):
        row = row or comparison.row
        # Pairs of a file have ids of their own; people know them by the file's.
        if row in (comparison.row, comparison.metadata.get("id")):
            found.append(comparison)
    return found


def print_comparisons(console: Console, found: Sequence[Comparison]) -> None:
    """Print a row's comparisons: each response once, then label and votes of each pair."""
    texts: dict[str, Candidate] = {}
    for one in found:
        texts |= {candidate.source: candidate for candidate in one.candidates}
    for source, candidate in texts.items():
        place = f" · rank {candidate.rank}" if candidate.rank else ""
        place += f" · reward {candidate.reward:.3f}" if candidate.reward is not None else ""
        cut = " [cut at max_tokens]" if candidate.finish_reason == "length" else ""
        console.print(_turn(f"{source}{place}", "magenta", candidate.text, cut))
    for one in found:
        label = "no label"
        if one.p is not None:
            shares = f", each the share of {plural(one.sampled, 'sampled answer')}" if one.sampled else ""
            how = f"votes averaged as logits{shares}" if one.reward_first is None else "by their rewards"
            label = f"{one.first.source} is better: {one.p:.3f} ({how})"
        lines = [
            f"{vote.principle}, {vote.order}: "
            + ("unreadable" if vote.p_first is None else f"{vote.p_first:.3f}")
            + ("" if vote.bias is None else f" ({vote.bias:+.2f} nats subtracted from the logit of A)")
            for vote in one.votes
        ]
        if one.reward_first is not None:
            lines = [f"reward of {one.first.source}: {one.reward_first:.3f}"]
            lines += [f"reward of {one.second.source}: {one.reward_second:.3f}"]
        title = f"{one.first.source} : {one.second.source} · {one.status} · {label}"
        console.print(_turn(title, "blue", "\n".join(lines)))
        for vote in one.votes:
            for thought in vote.reasonings:
                said = "unreadable" if thought.p_first is None else f"{thought.p_first:.3f} before the clamp"
                console.print(
                    _turn(f"reasoning · {vote.principle}, {vote.order}: {said}", "yellow", thought.completion.text)
                )


# What becomes of control strings, by the setting `control_tokens`.
TREATED = {
    "escape": "a space put into each, so that it is read as text",
    "keep": "sent as they are: a server may read them as control tokens",
    "error": "their rows failed",
}

# Which responses were scored, by the setting `on`.
SCORED = {
    "final": "final revisions",
    "ends": "initial and final",
    "responses": "initial and revised",
    "samples": "compared",
    "all": "initial, revised and compared",
}


def print_summary(console: Console, run: str, summary: Summary) -> None:
    """Print where a run's rows are, and what is worth knowing of them."""
    lines = [f"{run}: {summary.counts.equation}"]
    for name, kinds in (("failed", summary.failures), ("filtered", summary.filtered)):
        lines += [f"  {name}: {number} × {kind}" for kind, number in kinds.items()]
    if summary.pending:
        lines.append(f"  {plural(summary.calls, 'call')} journalled; the same command goes on from there")
    if summary.counts.done:
        lines.append(
            f"  model {summary.model}: {summary.completion_tokens:,} tokens sampled, {summary.prompt_tokens:,} read; "
            f"{summary.cut} answers cut at max_tokens, {summary.unchanged} rows unchanged by revision"
        )
    lines += _control_strings(summary)
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)


def print_labels(console: Console, run: str, summary: LabelSummary) -> None:
    """Print where a run's comparisons are, and what came of them."""
    lines = [f"{run}: comparing: {summary.counts.equation}"]
    for name, kinds in (("failed", summary.failures), ("filtered", summary.filtered)):
        lines += [f"  {name}: {number} × {kind}" for kind, number in kinds.items()]
    if summary.pending:
        lines.append(f"  {plural(summary.calls, 'call')} journalled; the same command goes on from there")
    if summary.comparisons:
        statuses = ", ".join(f"{number} {status}" for status, number in summary.statuses.items())
        how = plural(summary.votes, "vote") if summary.votes or not summary.rewarded else "rewards"
        lines.append(f"  judge {summary.judge}: {plural(summary.comparisons, 'comparison')} by {how}: {statuses}")
    if summary.identical:
        lines.append(f"  {plural(summary.identical, 'comparison')} of one text with itself: nobody was asked")
    lines += [
        f"  {plural(number, 'comparison')} by sampled answers, {plural(answers, 'answer')} a vote: "
        "the judge told no log-probabilities"
        for answers, number in summary.sampled.items()
    ]
    lines += _control_strings(summary)
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)


def print_scores(console: Console, run: str, summary: "ScoreSummary") -> None:
    """Print where a run's scores are, what the judge said of each rule, and whether revision raises the reward."""
    lines = [f"{run}: scoring: {summary.counts.equation}"]
    for name, kinds in (("failed", summary.failures), ("filtered", summary.filtered)):
        lines += [f"  {name}: {number} × {kind}" for kind, number in kinds.items()]
    if summary.pending:
        lines.append(f"  {plural(summary.calls, 'call')} journalled; the same command goes on from there")
    if summary.responses:
        how = f" by {plural(len(summary.rules), 'rule')}" if summary.rules else ", a reward each"
        scored = f"{plural(summary.responses, 'response')} ({SCORED[summary.on]}){how}"
        lines.append(f"  judge {summary.judge}: {scored}")
    if summary.unrewarded:
        lines.append(f"  {summary.unrewarded} of them without a reward: the judge did not answer yes or no")
    rewards = {"mean reward": summary.reward, "of initial responses": summary.before}
    rewards |= {"of final revisions": summary.after, "gained by revision": summary.gain}
    lines += [f"  {name}: {found.number}" for name, found in rewards.items() if found]
    lines += _control_strings(summary)
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)
    if summary.responses and summary.rules:
        console.print(_rule_table(summary))


def _rule_table(summary: "ScoreSummary") -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("rule", "weight", "n", "mean p", "p > 0.5", "before", "after", "invalid"):
        table.add_column(name, justify="left" if name == "rule" else "right")
    for rule in summary.rules:
        numbers = [rule.mean, rule.share, rule.before, rule.after]
        mean, share, before, after = ("-" if number is None else f"{number:.3f}" for number in numbers)
        cells = [rule.rule, f"{rule.weight:g}", str(rule.n), mean, share, before, after, str(rule.invalid)]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return Padding(table, (0, 0, 0, 2), expand=False)


def find_scores(run: Path, row: str) -> Scores | None:
    """The scores of a row, if it has any."""
    return next((one for one in scores(run) if one.id == row), None)


def print_row_scores(console: Console, found: Scores) -> None:
    """Print what the rules, or the judge itself, say of each of a row's responses."""
    for response in found.responses:
        reward = "no reward" if response.reward is None else f"reward {response.reward:.3f}"
        lines = [f"{rule.rule}: " + ("invalid" if rule.p is None else f"{rule.p:.3f}") for rule in response.rules]
        console.print(_turn(f"scores · {response.source} · {reward}", "blue", "\n".join(lines)))


def _control_strings(summary: "Summary | LabelSummary | ScoreSummary") -> list[str]:
    if not summary.control_strings:
        return []
    treated = "; ".join(f"{TREATED[word]} (--control-tokens {word})" for word in summary.control_tokens)
    return [f"  {plural(summary.control_strings, 'control string')} in texts for a server, {treated}"]


def as_json(
    summary: Summary | None,
    compared: LabelSummary | None,
    scored: "ScoreSummary | None" = None,
    reviewed: ReviewCounts | None = None,
    spent: Bill | None = None,
) -> str:
    """A run's stages as one JSON object; what else there is is under `comparing`, `scoring`, `reviews` and `spent`."""
    numbers = summary.model_dump(mode="json") if summary else {}
    others = {"comparing": compared, "scoring": scored, "reviews": reviewed, "spent": spent}
    told = {name: stage.model_dump(mode="json") for name, stage in others.items() if stage}
    return json.dumps(numbers | told, indent=2)


def spent_line(spent: Bill) -> str:
    """What a run has spent, in a line; a cost that nobody knows is `unknown`, and why."""
    tokens, currency = spent.tokens, f" {spent.currency}" if spent.currency else ""
    reused = f" ({tokens.reused_tokens:,} reused)" if tokens.reused_tokens else ""
    line = f"{tokens.prompt_tokens:,} tokens read{reused}, {tokens.completion_tokens:,} sampled"
    if tokens.untold:
        line += f", and {plural(tokens.untold, 'call')} without a count"
    if spent.cost is not None:
        return f"{line}; cost {spent.cost:,.4f}{currency}"
    why = f"no price for {', '.join(spent.unpriced)}" if spent.unpriced else "calls without a count of tokens"
    return f"{line}; cost unknown ({why})"


def plural(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _answer(completion: Completion) -> tuple[str, str]:
    return completion.text, " [cut at max_tokens]" if completion.finish_reason == "length" else ""


def _turn(title: str, colour: str, text: str, note: str = "") -> RenderableType:
    head = Text(printable(title), f"bold {colour}") + Text(note, "dim")
    return Group(head, Padding(Text(printable(text)), (0, 0, 1, 2)))
