"""`constitution principles lint`, `schema`: what is wrong with a file, told at once or by an editor."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from constitution.cli.output import tell, tell_json


class LintFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"


class FailOn(StrEnum):
    """The least grave finding that makes the exit code 6."""

    error = "error"
    warning = "warning"
    hint = "hint"


def lint(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", help="A .yaml file, or a shipped name.", show_default=False)
    ] = None,
    off: Annotated[
        list[str] | None,
        typer.Option("--off", metavar="RULE", help="Leave a rule out; several times for several.", show_default=False),
    ] = None,
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", metavar="NAME", help="Whose tokens count: smollm2, a Hub id or a folder.")
    ] = "smollm2",
    context: Annotated[
        int,
        typer.Option("--context", metavar="N", min=16, help="Tokens of the context; a text may take a quarter of it."),
    ] = 8192,
    format: Annotated[LintFormat, typer.Option("--format", help="How to print findings.")] = LintFormat.text,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit with 6 if there is a finding as grave as that.")
    ] = FailOn.warning,
    rules: Annotated[bool, typer.Option("--rules", help="Print what is looked for, and stop.")] = False,
) -> None:
    """Find what is wrong in principles files, or may be.

    Each finding is a line: file, line, rule, why, what to do. A comment switches rules off: `# lint: off RULE, RULE` in
    an entry or right above it for that entry, above the lists for the whole file. Exit code: 0 nothing as grave as
    --fail-on was found, 6 something was, 2 a file cannot be read at all. --format github prints annotations for a
    workflow of GitHub Actions.
    """
    from constitution.errors import PrinciplesError
    from constitution.lint import Allowance, not_read
    from constitution.lint import lint as lint_text
    from constitution.lint.formats import as_annotations, as_json, as_lines, in_numbers, rules_as_json, rules_as_lines
    from constitution.lint.rules import Severity
    from constitution.principles import find_principles
    from constitution.yamlfile import read_text

    if rules:
        tell_json(rules_as_json()) if format is LintFormat.json else tell(rules_as_lines())
        return
    if not names:
        raise typer.BadParameter("give the principles files to look at", param_hint="FILE...")
    _check_off(off or [])
    allowance = Allowance(tokenizer=tokenizer, context=context)
    findings, unread = [], 0
    for name in names:
        try:
            path = find_principles(name)
            text = read_text(path, PrinciplesError)
        except PrinciplesError as bad:
            if len(names) == 1:
                raise
            # What is wrong with the others is told too.
            findings.append(not_read(bad, name))
            unread += 1
        else:
            findings += lint_text(text, str(path), allowance, _counter, frozenset(off or ()))
    if format is LintFormat.json:
        tell_json(as_json(findings))
    elif findings:
        tell(as_lines(findings) if format is LintFormat.text else as_annotations(findings))
    tell(in_numbers(findings, len(names)), err=True)
    if unread:
        raise typer.Exit(2)
    if any(found.severity.grave >= Severity(fail_on.value).grave for found in findings):
        raise typer.Exit(6)


def schema() -> None:
    """Print the JSON Schema of a principles file, for editors.

    Save it beside your files: `constitution principles schema > principles.schema.json`. An editor with the YAML
    language server (VS Code, Neovim and others) then completes keys and marks faults in a file whose first line is
    `# yaml-language-server: $schema=principles.schema.json`.
    """
    import json

    from constitution.principle_schema import principle_schema

    tell_json(json.dumps(principle_schema(), indent=2))


def _check_off(off: list[str]) -> None:
    from constitution.errors import ConfigError, command
    from constitution.lint.rules import RULES, SWITCHABLE
    from constitution.yamlfile import nearest

    for name in off:
        if name not in SWITCHABLE:
            why = "is always on" if name in RULES else f"is no rule; {nearest(name, SWITCHABLE)}"
            raise ConfigError(
                f"--off {name}: {why}", f"See what is looked for: {command('principles', 'lint', '--rules')}"
            )


def _counter(name: str) -> Callable[[str], int]:
    from constitution.engines.tokenizing import token_counter

    return token_counter(name)
