"""The first steps: people's pairs in parts, who judges, and the demonstrations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from answering import evaluation_prompts
from errors import LoopError
from evaluator import fit
from exports import initial_responses, rows_of
from generations import caught
from people import Pair, read_lines, read_parts, some, write_lines, write_pairs
from shared import Loop

from constitution.store import transcripts

SHIPPED = Path(__file__).parents[1] / "prompts" / "harmlessness.jsonl"


def data(loop: Loop, place: Path) -> dict[str, Any]:
    """Split people's pairs, draw the prompts, and leave out what the evaluation's prompts share with them."""
    told = loop.settings
    parts = read_parts(Path(told.pairs), told.seed)
    judge = some(parts["judge"], told.judge.pairs, told.longest, told.seed)
    held_out = some(parts["evaluator"], told.evaluate.held_out, told.longest, told.seed)
    openings = {pair.opening for pair in held_out}
    # The evaluator reads no prompts, so these may be of any length.
    rest = [pair for pair in parts["evaluator"] if pair.opening not in openings]
    evaluator = rest[: told.evaluate.pairs]
    for name, pairs in (("judge", judge), ("held-out", held_out), ("evaluator", evaluator)):
        write_pairs(pairs, place / f"{name}.jsonl")
    # More than are wanted, as some may be left out.
    people = some(parts["prompts"], 2 * told.prompts, told.longest, told.seed)
    write_lines(_prompt_rows(people, told.generate.system), place / "all-prompts.jsonl")
    against = ["--against", told.xstest, "--against", told.harmbench]
    columns = ["--against-column", "prompt", "--against-column", "Behavior"]
    kept = place / "clean-prompts.jsonl"
    loop.run(
        place, "prompts", "decontaminate", place / "all-prompts.jsonl", *against, *columns, "--to", kept, "--overwrite"
    )
    rows = read_lines(kept)[: told.prompts]
    write_lines(rows, place / "prompts.jsonl")
    asked = evaluation_prompts(
        Path(told.xstest), Path(told.harmbench), told.evaluate.harmless, told.evaluate.harmful, told.seed
    )
    write_lines((one.model_dump() for one in asked), place / "evaluation.jsonl")
    return {
        "prompts": len(rows),
        "judge pairs": len(judge),
        "evaluator pairs": len(evaluator),
        "held-out pairs": len(held_out),
        "harmless prompts": sum(one.kind == "harmless" for one in asked),
        "harmful prompts": sum(one.kind == "harmful" for one in asked),
        "left out as the evaluation's": len(read_lines(place / "all-prompts.jsonl")) - len(read_lines(kept)),
    }


def judge(loop: Loop, place: Path) -> dict[str, Any]:
    """Fit the judge: a probe on the model's hidden states."""
    from constitution.probes.files import load_probe

    pairs = loop.folder / "data" / "judge.jsonl"
    to = place / "judge.safetensors"
    loop.run(place, "judge", "fit", pairs, "--to", to, "--model", loop.settings.model, *loop.where, "--overwrite")
    measured = load_probe(str(to)).card.measured
    return {
        "accuracy": measured.accuracy.model_dump(),
        "calibration error": measured.calibration_error.model_dump(),
    }


def evaluator(loop: Loop, place: Path) -> dict[str, Any]:
    """Fit the independent evaluator."""
    fitted = fit(loop.pairs("evaluator"), loop.settings.seed)
    fitted.evaluator.save(place / "evaluator.npz")
    return fitted.told()


def generate(loop: Loop, place: Path) -> dict[str, Any]:
    """The SL stage, and what the judge says of each initial response and its revision."""
    loop.run(place, *loop.generate(loop.settings.model, loop.prompts, place / "run"))
    loop.run(place, "score", place / "run", "--judge", loop.probe, "--on", "ends")
    return {"rows": sum(1 for _ in transcripts(place / "run"))}


def export(loop: Loop, place: Path) -> dict[str, Any]:
    """Demonstrations: revisions past the gates, all revisions, and initial responses."""
    run, whole = loop.first, ["--test-fraction", "0", "--kind", "sft", "--overwrite"]
    gates = loop.settings.generate.gates
    loop.run(place, "export", run, "--to", place / "gated", "--gates", gates, *whole)
    loop.run(place, "export", run, "--to", place / "plain", "--gates", "none", *whole)
    return {
        "gated": rows_of(place / "gated", "sft"),
        "plain": rows_of(place / "plain", "sft"),
        "initial": initial_responses(run, place / "gated", place / "initial"),
        **caught(run, gates),
    }


def _prompt_rows(people: Sequence[Pair], system: str | None) -> list[dict[str, Any]]:
    """Prompts that ship, one after the other with people's."""
    ours, before = [], [{"role": "system", "content": system}] if system else []
    for row in read_lines(SHIPPED):
        known = {name: value for name, value in row.items() if name != "prompt"}
        ours.append({**known, "messages": [*before, {"role": "user", "content": row["prompt"]}]})
    theirs = [
        {"id": f"people-{number:04}", "messages": [*before, *(message.model_dump() for message in pair.prompt)]}
        for number, pair in enumerate(people, 1)
    ]
    if not theirs:
        raise LoopError("none of people's conversations is short enough", "Raise `longest` in the settings.")
    rows: list[dict[str, Any]] = []
    for place in range(max(len(ours), len(theirs))):
        rows += ours[place : place + 1] + theirs[place : place + 1]
    return rows
