"""`constitution sample`: a part of a run to review, or to attach to a paper."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import tell, tell_data
from constitution.cli.runs import RunArgument
from constitution.errors import command

if TYPE_CHECKING:
    from constitution.samples import Sample

# Strata that are told one by one; a field with a value of its own for each row would fill the screen.
SHOWN = 20


class Of(StrEnum):
    """What is drawn."""

    auto = "auto"
    comparisons = "comparisons"
    transcripts = "transcripts"


class As(StrEnum):
    """What is written."""

    jsonl = "jsonl"
    csv = "csv"
    markdown = "markdown"


def sample(
    run: RunArgument,
    number: Annotated[int, typer.Option("--number", "-n", help="How many items.")] = 50,
    of: Annotated[
        Of, typer.Option(help="What to draw; auto: comparisons if the run has any, else transcripts.")
    ] = Of.auto,
    by: Annotated[
        str,
        typer.Option(
            metavar="FIELDS",
            help="What it is divided by, commas in between. Of comparisons: status, confidence, principle, source, "
            "model, gold, cut. Of transcripts: principle, changed, cut. Of both: meta.NAME, a column of the input. "
            "Default: status,confidence; changed,cut.",
            show_default=False,
        ),
    ] = "",
    equal: Annotated[
        bool, typer.Option("--equal", help="As many of each stratum, not in proportion to its size.")
    ] = False,
    blind: Annotated[
        bool, typer.Option("--blind", help="Only the prompt and two responses, A and B in random order.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Changes what is drawn.")] = 0,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; without it, stdout.", show_default=False)
    ] = None,
    as_: Annotated[
        As | None,
        typer.Option("--as", help="The format; without it, FILE's ending tells, else jsonl.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Draw a stratified random sample, to review or to attach to a paper.

    Each item says of which stratum it is, how large that is in the run, and its weight, for unbiased estimates. The
    same run and seed give the same sample, and a larger one holds every smaller one. --blind leaves out what the judge
    said and all that gives it away; the same command without it is the key, by the items' blind_id. To review in the
    view, draw without it: the view is blind by itself.
    """
    from constitution.samples import as_text, choose_format, draw, write_sample
    from constitution.samples.writing import check_file

    format = choose_format(to, as_.value if as_ else None)
    if to:
        check_file(run, to, overwrite)
    fields = [name.strip() for name in by.split(",") if name.strip()]
    drawn = draw(run, number, of=of.value, by=fields, seed=seed, equal=equal)
    if to:
        write_sample(drawn, to, format, blind=blind, overwrite=overwrite)
    else:
        tell_data(as_text(drawn, format, blind), lines_of_json=format == "jsonl")
    if not blind:
        _tell_strata(drawn)
    _tell_missing(drawn, number)
    if to:
        tell(f"{to}: {len(drawn.drawn)} of {drawn.population} {drawn.of}", err=True)
        if format == "jsonl" and not blind:
            tell(f"Review it: {command('view', run, '--sample', to)}", err=True)


def _tell_strata(drawn: "Sample") -> None:
    for stratum in drawn.strata[:SHOWN]:
        said = ", ".join(stratum.values.values())
        tell(f"{said}: {stratum.drawn} of {stratum.size}", err=True)
    if len(drawn.strata) > SHOWN:
        tell(f"and {len(drawn.strata) - SHOWN} smaller strata", err=True)


def _tell_missing(drawn: "Sample", asked: int) -> None:
    """What the sample does not tell of; nothing of what a stratum is."""
    if drawn.identical:
        tell(f"left out, as nobody was asked: comparisons of one text with itself ({drawn.identical})", err=True)
    if asked > drawn.population:
        tell(f"the run has no more than {drawn.population} {drawn.of}: here are all", err=True)
    if missed := sum(not stratum.drawn for stratum in drawn.strata):
        tell(
            f"{missed} of {len(drawn.strata)} strata have no item: weights tell nothing of them (a larger -n, or fewer "
            "fields)",
            err=True,
        )
    if drawn.counts.done < drawn.counts.input:
        tell(f"the run is not whole: {drawn.counts.equation}", err=True)
