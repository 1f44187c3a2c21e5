"""`constitution principles`: write, check and compare principles files."""

import typer

from constitution.cli.principles import (
    adding,
    comparing,
    covering,
    editing,
    foreign,
    linting,
    looking,
    trying,
    versus,
)

app = typer.Typer(help="Write, check and compare principles files.", no_args_is_help=True)

app.command("list")(looking.list_shipped)
app.command("show")(looking.show)
app.command("new")(adding.new)
app.command("add")(adding.add)
app.command("edit")(editing.edit)
app.command("remove")(editing.remove)
app.command("rename")(editing.rename)
app.command("reorder")(editing.reorder)
app.command("lint")(linting.lint)
app.command("diff")(comparing.diff)
app.command("try")(trying.try_principles)
app.command("ab")(versus.ab)
app.command("coverage")(covering.coverage)
app.command("import")(foreign.import_)
app.command("export")(foreign.export)
app.command("schema")(linting.schema)
