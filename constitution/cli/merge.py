"""`constitution merge`: join the shards of a run."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.cli.remote import PieceFormat, PieceFormatOption, check_unwritten, keep, named, new_folder, run_folder
from constitution.errors import command


def merge(
    context: typer.Context,
    shards: Annotated[
        list[Path],
        typer.Argument(
            metavar="SHARD…",
            help="Folders, or URLs, of generate --shard.",
            show_default=False,
            parser=run_folder,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="RUN", help="The run's folder, or its URL: a new one.", show_default=False, parser=new_folder
        ),
    ],
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Join what there is; rows of missing shards are pending.")
    ] = False,
    piece_format: PieceFormatOption = PieceFormat.jsonl,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes, and no hints.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Join the shards of a run into one run.

    The shards are those of one configuration, and all of them; they stay as they are. The new run holds what a run
    without --shard would: calls, rows, comparisons, scores and reviews. Rows that are pending in a shard are pending
    in it, and it goes on with them.
    """
    import json
    import time

    from constitution.cli.progress import PLAIN_SECONDS
    from constitution.manifest import REVISE, Stage, load_manifest
    from constitution.merging import merge as join
    from constitution.report.findings.going_on import MODELS, going_on
    from constitution.report.terminal import plural

    told = time.monotonic()
    run = named(out)

    def watch(copied: int) -> None:
        nonlocal told
        if not quiet and time.monotonic() - told >= PLAIN_SECONDS:
            told = time.monotonic()
            tell(f"{copied}/{len(shards)} shards copied", err=True)

    for shard in shards:
        check_unwritten(shard)
    keep(context, out, piece_format, quiet)
    try:
        joined = join(shards, out, allow_missing, watch)
    except KeyboardInterrupt:
        tell("stopped; the shards are as they were, and nothing is half joined", err=True)
        raise typer.Exit(130) from None
    going: dict[Stage, str] = {}
    for stage in MODELS:
        # What is pending in one stage is owed to those after it, too.
        if stage in joined.counts and (going or joined.counts[stage].pending):
            going[stage] = going_on(run, stage, load_manifest(out, stage))
    if format is Format.json:
        counts = {stage.make: one.model_dump() | {"pending": one.pending} for stage, one in joined.counts.items()}
        found = {"run": run, "shards": joined.shards, "missing": list(map(str, joined.missing)), "counts": counts}
        tell_json(json.dumps(found | {"notes": joined.notes, "next": list(going.values())}, indent=2))
    else:
        tell(f"{run}: {plural(joined.shards, 'shard')} joined")
        for stage, one in joined.counts.items():
            what = "" if stage is REVISE else f"{stage.what}: "
            tell(f"  {what}{one.equation}")
    if quiet:
        return
    for note in joined.notes:
        tell(f"note: {note}", err=True)
    for line in going.values():
        tell(f"Go on with what is pending: {line}", err=True)
    if not going:
        tell(f"Look at one: {command('show', run)}", err=True)
        tell(f"Make training data: {command('export', run, '--to', 'DIR')}", err=True)
