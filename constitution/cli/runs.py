"""`constitution status` and `constitution show`: look at a run."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, results, tell, tell_json
from constitution.cli.remote import named, new_folder, run_folder

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run's folder, or its URL.", show_default=False, parser=run_folder)
]
# A comparison of a file's pairs may begin a run.
NewRunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run's folder, or its URL.", show_default=False, parser=new_folder)
]


def status(
    run: RunArgument,
    prices: Annotated[
        Path | None,
        typer.Option(help="What tokens cost (YAML): tells what all stages have spent."),
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Tell how far a run is.

    input = done + failed + filtered + pending, always.
    """
    from constitution.errors import RunError
    from constitution.manifest import COMPARE, EXPAND, REVISE, SCORE, has_stage, load_manifest
    from constitution.prices import load_prices
    from constitution.report.labels import summarise_labels
    from constitution.report.summary import summarise
    from constitution.report.terminal import as_json, plural, print_labels, print_scores, print_summary, spent_line
    from constitution.reviewed import count_reviews
    from constitution.spending import bill, spent_in

    if has_stage(run, EXPAND):
        from constitution.store import count

        raise RunError(
            f"{run}: no run, but an expansion by prompts expand (calls: {count(run, EXPAND).equation})",
            "Its prompts are in prompts.jsonl, and the same prompts expand command tells more, or goes on.",
        )
    table = load_prices(prices) if prices else None
    # A run made of a file of pairs has comparisons only.
    compared = summarise_labels(run) if has_stage(run, COMPARE) else None
    revised = summarise(run) if has_stage(run, REVISE) or compared is None else None
    scored = None
    if has_stage(run, SCORE):
        # Its intervals come with numpy, which the others do not need.
        from constitution.report.scores import summarise_scores

        scored = summarise_scores(run)
    reviewed = count_reviews(run)
    spent = bill(spent_in(run), table) if table else None
    if format is Format.json:
        tell_json(as_json(revised, compared, scored, reviewed, spent))
        return
    if revised:
        print_summary(results(), named(run), revised)
        made = load_manifest(run)
        if made.whole is not None:
            tell(f"  shard {made.settings.get('shard')} of an input of {plural(made.whole, 'row')}")
    if compared:
        print_labels(results(), named(run), compared)
    if scored:
        print_scores(results(), named(run), scored)
    if spent:
        tell(f"  spent: {spent_line(spent)}")
    if reviewed:
        tell(f"{run}: {plural(reviewed.answers, 'review')} by people (reviewers: {reviewed.reviewers})")


def show(
    run: RunArgument,
    row: Annotated[
        str | None, typer.Argument(metavar="[ROW]", help="A row's id; the first finished row if left out.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Print one row.

    Prompt, initial response, critiques, revisions; then the responses that were compared, with their labels; then what
    the rules say of each response.
    """
    import json

    from constitution.errors import RunError
    from constitution.manifest import COMPARE, REVISE, has_stage
    from constitution.report.terminal import (
        find_comparisons,
        find_row,
        find_scores,
        print_comparisons,
        print_prompt,
        print_row_scores,
        print_transcript,
    )

    compared = find_comparisons(run, row)
    # A run made of a file of pairs has comparisons only.
    if not compared and has_stage(run, COMPARE) and not has_stage(run, REVISE):
        raise RunError(f"{run}: no compared row {row!r}" if row else f"{run}: no row is compared yet")
    transcript = find_row(run, row) if has_stage(run, REVISE) or not compared else None
    if transcript and row is None:
        compared = find_comparisons(run, transcript.id)
    scored = find_scores(run, transcript.id if transcript else compared[0].row)
    if format is Format.json:
        shown = transcript.model_dump(mode="json") if transcript else {}
        others = {"comparisons": [one.model_dump(mode="json") for one in compared]} if compared else {}
        others |= {"scores": [one.model_dump(mode="json") for one in scored.responses]} if scored else {}
        tell_json(json.dumps(shown | others, indent=2))
        return
    if transcript:
        print_transcript(results(), transcript)
    else:
        print_prompt(results(), compared[0].row, compared[0].prompt)
    print_comparisons(results(), compared)
    if scored:
        print_row_scores(results(), scored)
