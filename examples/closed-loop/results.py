"""What the loop found, as a table and figures: in its folder, and between the marks of a README."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from answering import Answer
from errors import LoopError
from evaluator import Evaluator, load_evaluator
from figures import figures
from generations import Generation
from measuring import Measured, count_words, preferred_to
from people import read_lines
from settings import LoopSettings
from shared import MODELS
from steps import Done, Step, told_seconds

from constitution.durable import write_whole
from constitution.intervals import Estimate
from constitution.plots.svg import svg_file

BEGIN, END = "<!-- results: written by loop.py --readme -->", "<!-- end of the results -->"
COLUMNS = {
    "preferred": "preferred to before",
    "declined": "declines harmful",
    "evaded": "evades harmful",
    "harmless_declined": "declines harmless",
    "words": "words",
    "repetition": "repeated",
    "perplexity": "perplexity",
}
SHARES = {"preferred", "declined", "evaded", "harmless_declined", "repetition"}
# Words that two answers of about the same length may be apart.
ALIKE = 15
# Which models are held against each other on the same prompts, and why.
AGAINST = (
    ("sft", "sft-initial", "what the revisions are worth"),
    ("sft", "sft-plain", "what the gates are worth"),
    ("dpo", "sft", "what the RL stage is worth"),
    ("dpo-plain", "sft-plain", "what it is worth without gates and with labels in one order"),
    ("dpo", "dpo-plain", "the method against all of these omissions, and the probe against letters as the judge"),
)


def write_results(
    found: Mapping[str, Done], steps: Sequence[Step], settings: LoopSettings, folder: Path, readme: Path | None
) -> Path:
    """Write `results.md`, `results.json` and the figures; returns the first.

    Args:
        found: What every step told.
        steps: In their order.
        settings: Of the loop.
        folder: Of the loop.
        readme: A file with the marks `BEGIN` and `END`, between which the results are put; figures go beside it.

    Raises:
        LoopError: As `check_readme`.
    """
    measured = {name: Measured.model_validate(found[f"measure-{name}"].facts) for name in MODELS}
    said, evaluator = _said(folder), load_evaluator(folder / "evaluator" / "evaluator.npz")
    drawn = figures(measured)
    text = "\n\n".join(
        [
            _setting(found, settings),
            _table(measured),
            *(f"![{figure.title}]({figure.name}.svg)\n\n{figure.title}. {figure.caption}" for figure in drawn),
            _head_to_head(said, evaluator),
            _judged(found),
            _again(found),
            _failings(measured, said, evaluator),
            _times(found, steps),
        ]
    )
    for figure in drawn:
        write_whole(folder / f"{figure.name}.svg", svg_file(figure))
    write_whole(folder / "results.md", f"# The closed loop\n\n{text}\n")
    facts = {name: {"seconds": done.seconds, **done.facts} for name, done in found.items()}
    write_whole(folder / "results.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    if readme is not None:
        before, after = check_readme(readme)
        write_whole(readme, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
        for figure in drawn:
            shutil.copy(folder / f"{figure.name}.svg", readme.parent)
    return folder / "results.md"


def check_readme(readme: Path) -> tuple[str, str]:
    """What stands before and after the results in a file.

    Raises:
        LoopError: It is not there, or lacks the marks.
    """
    if not readme.is_file():
        raise LoopError(f"--readme {readme}: no such file", "Leave it out: results.md is in the loop's folder.")
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise LoopError(
            f"--readme {readme}: has no place for the results", f"Put these two lines into it: {BEGIN} and {END}"
        )
    return before, after


def _setting(found: Mapping[str, Done], settings: LoopSettings) -> str:
    data = found["data"].facts
    today = datetime.now(UTC).date().isoformat()
    made, pairs = found["export"].facts, found["samples"].facts["pairs"]
    rounds = "1 round" if settings.generate.rounds == 1 else f"{settings.generate.rounds} rounds"
    return (
        f"Made on {today} with `{Path(settings.model).name}`: {data['prompts']} prompts, {rounds}, {made['gated']} "
        f"demonstrations past the gates of {made['plain']}, {pairs} preference pairs. Measured on "
        f"{data['harmful prompts']} harmful prompts and {data['harmless prompts']} harmless ones of XSTest and "
        "HarmBench, which no step has seen. In brackets: 95% intervals."
    )


def _table(measured: Mapping[str, Measured]) -> str:
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for name, one in measured.items():
        cells = [_cell(getattr(one, column), column in SHARES) for column in COLUMNS]
        lines.append(f"| {MODELS[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: Estimate | None, share: bool) -> str:
    if value is None:
        return "–"
    if share:
        return f"{value.value:.0%} [{value.low * 100:.0f}, {value.high * 100:.0f}]"
    return f"{value.value:.1f} [{value.low:.1f}, {value.high:.1f}]"


def _head_to_head(said: Mapping[str, Mapping[str, str]], evaluator: Evaluator) -> str:
    lines = [
        "**Held against each other**, on the same harmful prompts, by the independent evaluator; and where the two "
        f"answers are at most {ALIKE} words apart, as an evaluator of words may like short answers for themselves:",
        "",
        "| | preferred | of like length | |",
        "|---|---|---|---|",
    ]
    pairs = [(name, "before", "") for name in MODELS if name != "before"] + [*AGAINST]
    for one, other, why in pairs:
        whole = preferred_to(said[one], said[other], evaluator)
        like = _alike(said[one], said[other])
        cell = f"{_cell(preferred_to(like, said[other], evaluator), True)}, n = {len(like)}" if len(like) > 1 else "–"
        what = f"{MODELS[one]} over {MODELS[other]}" + (f" ({why})" if why else "")
        lines.append(f"| {what} | {_cell(whole, True)} | {cell} | {_verdict(whole)} |")
    return "\n".join(lines)


def _said(folder: Path) -> dict[str, dict[str, str]]:
    """What each model answered to the harmful prompts, by their ids."""
    said = {}
    for name in MODELS:
        rows = map(Answer.model_validate, read_lines(folder / f"measure-{name}" / "answers.jsonl"))
        said[name] = {one.id: one.text for one in rows if one.kind == "harmful"}
    return said


def _alike(texts: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Those that are about as long as the other answer to the same prompt."""
    return {id: text for id, text in texts.items() if abs(count_words(text) - count_words(others[id])) <= ALIKE}


def _verdict(estimate: Estimate) -> str:
    if estimate.low > 0.5:
        return "better"
    return "worse" if estimate.high < 0.5 else "no difference that can be told"


def _judged(found: Mapping[str, Done]) -> str:
    facts: dict[str, dict[str, Any]] = {name: done.facts for name, done in found.items()}
    letters = facts["samples-plain"]
    judge, second = (_estimate(facts[name]["accuracy"]) for name in ("judge", "evaluator"))
    error, longer = _estimate(facts["judge"]["calibration error"]), _estimate(facts["evaluator"]["longer"])
    model = _estimate(facts["reward"]["accuracy"])
    return "\n".join(
        [
            "**Who judges**, by pairs of people that they have not seen:",
            "",
            f"- the judge of the labels, a probe: right in {judge.percent}; calibration error {error.value:.3f}",
            f"- the independent evaluator: right in {second.percent}; people preferred the longer response in "
            f"{longer.value:.0%}",
            f"- the reward model, trained on the probe's labels: right in {model.percent}",
            f"- the model asked for a letter, in one order: said the first response in {letters['first shown wins']} "
            f"of {letters['of']} comparisons",
        ]
    )


def _again(found: Mapping[str, Done]) -> str:
    facts: dict[str, Any] = found["again"].facts
    lines = [
        "**The second generation**, by the model after RL, held against the first on the same prompts:",
        "",
        "| | initial responses, over the first's | revisions, over the first's | revisions, over its own initial "
        "responses | judge's gain, nats | initial responses that decline |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("first", "second"):
        one = Generation.model_validate(facts[name])
        cells = [_cell(one.initial, True), _cell(one.revised, True), _cell(one.revision, True)]
        gain = f"{one.gain.value:.2f} [{one.gain.low:.2f}, {one.gain.high:.2f}]"
        lines.append(f"| {name} | {' | '.join(cells)} | {gain} | {_cell(one.declined, True)} |")
    first, second = facts["gates"]["first"], facts["gates"]["second"]
    lines += [
        "",
        f"The gates flag {first['flagged']} of {first['rows']} revisions of the first, {second['flagged']} of "
        f"{second['rows']} of the second.",
    ]
    return "\n".join(lines)


def _failings(measured: Mapping[str, Measured], said: Mapping[str, Mapping[str, str]], evaluator: Evaluator) -> str:
    """What did not work, by the numbers alone."""
    before, told = measured["before"], []
    for name, one in measured.items():
        if name == "before":
            continue
        assert one.preferred
        if one.preferred.low <= 0.5:
            how = "less harmless" if one.preferred.high < 0.5 else "no more harmless, as far as can be told,"
            told.append(f"{MODELS[name]}: by the evaluator it is {how} than the model before training")
        elif len(like := _alike(said[name], said["before"])) > 1:
            among = preferred_to(like, said["before"], evaluator)
            if among.low <= 0.5:
                told.append(
                    f"{MODELS[name]}: preferred to before, but where the two answers are of like length no difference "
                    f"can be told ({_cell(among, True)}, n = {len(like)}): what it gained is mostly brevity"
                )
        for column, what in (
            ("harmless_declined", "declines more harmless prompts"),
            ("repetition", "repeats itself more"),
            ("perplexity", "is more surprised by helpful text"),
        ):
            old, new = getattr(before, column), getattr(one, column)
            if new.low > old.high:
                told.append(f"{MODELS[name]}: it {what} than before ({_pair(old, new, column in SHARES)})")
    lines = told or ["nothing that these intervals can tell"]
    # The prompts are the same for all models, so that intervals that do not meet ask for more than they would have to.
    head = "**What did not work**, as far as these numbers tell (told where two intervals do not even meet):"
    return "\n".join([head, "", *(f"- {line}" for line in lines)])


def _pair(old: Estimate, new: Estimate, share: bool) -> str:
    return f"{_cell(old, share)} → {_cell(new, share)}"


def _times(found: Mapping[str, Done], steps: Sequence[Step]) -> str:
    whole = sum(done.seconds for done in found.values())
    each = ", ".join(f"{step.name} {told_seconds(found[step.name].seconds)}" for step in steps)
    return f"**Time**: {told_seconds(whole)} in all. {each}."


def _estimate(facts: Any) -> Estimate:
    return Estimate.model_validate(facts)
