"""`constitution prompts`: look at sets of prompts, clean them, make more."""

import typer

from constitution.cli.prompts import decontaminate, dedup, expand, stats

app = typer.Typer(
    help="Look at sets of prompts, leave out duplicates and evaluations' rows, make more.", no_args_is_help=True
)

app.command("stats")(stats.stats)
app.command("dedup")(dedup.dedup)
app.command("decontaminate")(decontaminate.decontaminate)
app.command("expand")(expand.expand)
