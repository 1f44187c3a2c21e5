"""`constitution init`, `config` and `doctor`: set up, look at settings, look at the machine."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to fill.", show_default=False)],
) -> None:
    """Lay out a project folder to start from.

    Settings, a principles file to edit, a few prompts.
    """
    from constitution.scaffold import lay_out

    for path in lay_out(folder):
        tell(path)
    tell(f"Next: cd {shlex.quote(str(folder))} && constitution generate --config constitution.yaml", err=True)


def config(
    context: typer.Context,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a config file instead.")] = False,
) -> None:
    """Print the settings in force.

    As a config file; takes every flag of `constitution generate`, --config too.
    """
    import json

    from constitution.cli.generate import given_settings, params_of_generate
    from constitution.config import Settings, load_settings, read_file
    from constitution.scaffold import EXAMPLES, as_config_file

    if schema:
        tell_json(json.dumps(Settings.model_json_schema(), indent=2))
        return
    params = params_of_generate(context, list(context.args))
    given, file = given_settings(params), params["config"]
    named = given.keys() | (read_file(file).keys() if file else ())
    missing = {name: value for name, value in EXAMPLES.items() if name not in named}
    # A file, to be saved: whatever a terminal might take for a command is spelt out in it already.
    typer.echo(as_config_file(load_settings(file, missing | given), missing), nl=False)


def doctor(format: FormatOption = Format.text) -> None:
    """Tell what is installed and what is missing.

    Packages, device and number format, where models are, and what to type for what is missing.
    """
    import json

    from constitution.doctor import examine

    findings = examine()
    if format is Format.json:
        tell_json(json.dumps([finding.model_dump() for finding in findings], indent=2))
    else:
        for finding in findings:
            tell(f"{'ok ' if finding.ok else '-- '} {finding.what}: {finding.found}")
            if finding.hint:
                tell(f"      {finding.hint}")
    if any(finding.required and not finding.ok for finding in findings):
        raise typer.Exit(3)
