"""`constitution principles`: write, check and compare principles files."""

import typer

from constitution.cli.principles import looking, trying, versus

app = typer.Typer(help="Write, check and compare principles files.", no_args_is_help=True)

app.command("list")(looking.list_shipped)
app.command("show")(looking.show)
app.command("check")(looking.check)
app.command("try")(trying.try_principles)
app.command("ab")(versus.ab)
