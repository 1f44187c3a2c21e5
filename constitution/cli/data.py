"""`constitution export`: training data from a run."""

from enum import StrEnum
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.cli.remote import named
from constitution.cli.runs import RunArgument
from constitution.errors import command

# What people call the stages.
STAGES = {"revise": "the SL stage", "compare": "the RL stage", "score": "scoring"}


class Revisions(StrEnum):
    """Which revisions become sft rows."""

    final = "final"
    all = "all"
    best = "best"


class Pairs(StrEnum):
    """Where preference pairs come from."""

    auto = "auto"
    comparisons = "comparisons"
    revisions = "revisions"
    best_of = "best-of"


class Labels(StrEnum):
    """Whose judgement counts."""

    ai = "ai"
    human = "human"
    both = "both"


def export(
    run: RunArgument,
    to: Annotated[str, typer.Option(metavar="DIR", help="The folder to make, or its URL.", show_default=False)],
    family: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="FAMILY",
            help="The formats: trl, openai, hh-rlhf, llama-factory, axolotl, openrlhf, nemo-rl, verl, ms-swift, "
            "tinker, paper, argilla.",
        ),
    ] = "trl",
    kind: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this kind of row; repeatable.", show_default=False)
    ] = None,
    pairs: Annotated[
        Pairs,
        typer.Option(
            help="Where pairs come from; auto: comparisons if there are any, else revisions; best-of: the best and the "
            "worst of each round's (generate --best-of)."
        ),
    ] = Pairs.auto,
    labels: Annotated[
        Labels,
        typer.Option(help="Whose labels; human: only what people reviewed (view); both: theirs, else the AI's."),
    ] = Labels.ai,
    include: Annotated[
        str,
        typer.Option(
            metavar="STATUSES", help="Export comparisons of these too: tie, inconsistent.", show_default=False
        ),
    ] = "",
    soft_labels: Annotated[
        str,
        typer.Option(
            metavar="FORM", help="What becomes of probabilities: keep, duplicate:K, sample, margin[:SCALE], hard."
        ),
    ] = "keep",
    min_confidence: Annotated[
        float, typer.Option(metavar="P", help="Least probability that a pair's chosen response is better.")
    ] = 0.0,
    min_margin: Annotated[
        float | None,
        typer.Option(
            metavar="NATS",
            help="Least Bradley-Terry margin of a pair; 0 leaves out pairs that contradict the ranking.",
            show_default=False,
        ),
    ] = None,
    max_per_prompt: Annotated[
        int | None,
        typer.Option(metavar="N", help="Most pairs of one prompt, the largest margins first.", show_default=False),
    ] = None,
    min_reward: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Least reward of a response to imitate, or chosen; the run must be scored.",
            show_default=False,
        ),
    ] = None,
    gates: Annotated[
        str,
        typer.Option(metavar="SET", help="Leave out what quality gates flag: default, strict, none, or a YAML file."),
    ] = "none",
    mix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE:WEIGHT",
            help="Mix in rows of a JSONL or Parquet file, WEIGHT for each of the run's; repeatable.",
            show_default=False,
        ),
    ] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write Parquet instead of JSONL.")] = False,
    revisions: Annotated[
        Revisions, typer.Option(help="What becomes an sft row; best: the highest reward of a chain.")
    ] = Revisions.final,
    test_fraction: Annotated[float, typer.Option(help="Share of prompts held out.")] = 0.1,
    split_seed: Annotated[int, typer.Option(help="Changes which prompts are held out.")] = 0,
    seed: Annotated[int, typer.Option(help="Changes which labels are sampled and which rows are mixed in.")] = 0,
    whole_only: Annotated[
        bool, typer.Option("--whole-only", help="Leave out rows with an answer cut at max_tokens.")
    ] = False,
    license: Annotated[
        str, typer.Option("--license", metavar="ID", help="The data's licence, for its card, as the Hub spells it.")
    ] = "unknown",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an export that is there.")] = False,
    push: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME", help="Upload it to the Hugging Face Hub too.", show_default=False),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Hide the uploaded dataset from others.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Write training data from a run.

    JSONL or Parquet that training stacks and `datasets` load as it is, split by prompt, with a dataset card.
    """
    from constitution.exports import export as run_export
    from constitution.remote.addresses import is_url, masked
    from constitution.remote.publishing import folder_for
    from constitution.report.terminal import plural

    with folder_for(to) as folder:
        exported = run_export(
            run,
            folder,
            family=family,
            kinds=kind or (),
            pairs=pairs.value,
            labels=labels.value,
            include=include,
            soft_labels=soft_labels,
            min_confidence=min_confidence,
            min_margin=min_margin,
            max_per_prompt=max_per_prompt,
            min_reward=min_reward,
            gates=gates,
            mix=mix or (),
            parquet=parquet,
            revisions=revisions.value,
            test_fraction=test_fraction,
            split_seed=split_seed,
            seed=seed,
            whole_only=whole_only,
            license=license,
            overwrite=overwrite,
            push_to=push,
            private=private,
        )
    exported = exported.model_copy(update={"folder": masked(to) if is_url(to) else exported.folder})
    if format is Format.json:
        tell_json(exported.model_dump_json(indent=2))
        return
    for file, rows in exported.files.items():
        tell(f"{exported.folder.rstrip('/')}/{file}: {plural(rows, 'row')}")
    for name in exported.empty:
        tell(f"{name}: no rows")
    for reason, number in exported.dropped.items():
        tell(f"left out, {reason}: {number}")
    if any(": gate " in reason for reason in exported.dropped):
        tell(f"Look at what the gates flag: {command('gates', named(run), '--gates', gates)}", err=True)
    of_pairs = {"preference", "reward", "kto", "comparisons"}
    if not of_pairs & exported.rows.keys() and any(reason.startswith("pairs: status") for reason in exported.dropped):
        tell(
            "No pair was good enough: see `constitution audit`. Try another --judge in `compare`, or here "
            "--include inconsistent,tie, or --pairs revisions (final over initial, unjudged).",
            err=True,
        )
    for noun, labellers in exported.labelled.items():
        for labeller, number in labellers.items():
            tell(f"{noun} labelled by {labeller}: {number}")
    for line in exported.mixed:
        tell(f"mixed in, {line}")
    for line in exported.notes:
        tell(line)
    if exported.cut:
        tell(f"{exported.cut} of these prompts have an answer cut at max_tokens (leave them out: --whole-only)")
    for stage, counts in exported.counts.items():
        if counts.done < counts.input:
            tell(f"{STAGES[stage]} is not whole: {counts.equation}")
    if exported.url:
        tell(f"uploaded: {exported.url}")
    kinds = " or ".join(f'"{name}"' for name in exported.rows)
    tell(f'Load it: datasets.load_dataset("{exported.folder}", {kinds})', err=True)
