"""The command line: parses, calls, prints. `main` is the one place that turns errors into exit codes.

Exit codes: 0 all well; 1 a bug (with a traceback); 2 wrong input or flags; 3 the model; 4 the run's folder;
5 finished, but rows failed; 6 read, and found wanting: lint found something, or
`principles diff --exit-code` a difference; 7 a cap on tokens or cost ended the run; 130 stopped with Ctrl-C.
"""

import contextlib
import io
import re
import sys
from typing import Annotated

import typer

from constitution import __version__
from constitution.cli import (
    compare,
    data,
    engines,
    gates,
    generate,
    judge,
    merge,
    plan,
    principles,
    project,
    prompts,
    report,
    runs,
    sample,
    score,
    view,
)
from constitution.errors import CapReached, ConstitutionError
from constitution.printable import printable
from constitution.settings_help import RAY_ADDRESS

app = typer.Typer(
    name="constitution",
    help="Turn prompts and a file of principles into training data, by Constitutional AI.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit()


app.command("generate")(generate.generate)
app.command("merge")(merge.merge)
app.command(
    "plan",
    options_metavar="[CONFIG] [OPTIONS]",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(plan.plan)
app.command("compare")(compare.compare)
app.command("audit")(compare.audit)
app.command("score")(score.score)
app.command("status")(runs.status)
app.command("show")(runs.show)
app.command("report")(report.report)
app.command("view")(view.view)
app.command("sample")(sample.sample)
app.command("gates")(gates.gates)
app.command("export")(data.export)
app.add_typer(principles.app, name="principles")
app.add_typer(judge.app, name="judge")
app.add_typer(prompts.app, name="prompts")
app.command("init")(project.init)
app.command("config", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(project.config)
app.command("doctor")(project.doctor)
app.command("engines")(engines.engines)


# What may follow `--ray`: typer knows no option that may be given with a value or without one.
_ADDRESS = re.compile(RAY_ADDRESS)


def _with_address(words: list[str]) -> list[str]:
    """What was typed; a bare `--ray` is the cluster that is found by itself."""

    def given(after: str) -> bool:
        # `generate` takes no word that is not a flag's: one that is no address is told as such.
        wrong = words[0] == "generate" and after != "" and not after.startswith("-")
        return wrong or _ADDRESS.fullmatch(after) is not None

    following = [*words, ""][1:]
    return [
        "--ray=auto" if word == "--ray" and not given(after) else word
        for word, after in zip(words, following, strict=True)
    ]


def main() -> None:
    """Run the command line and exit with a documented code."""
    try:
        # Not by itself: typer would print errors as they are, with whatever was typed in them.
        sys.exit(app(_with_address(sys.argv[1:]), standalone_mode=False))
    except generate.UsageError as error:
        told = io.StringIO()
        error.show(told)
        print(printable(told.getvalue()), file=sys.stderr, end="")
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except ConstitutionError as error:
        what = "stopped" if isinstance(error, CapReached) else "error"
        print(f"{what}: {printable(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"  {printable(error.hint)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception:
        # By the hook, as somebody may have put in another one; its text may quote a row.
        with contextlib.redirect_stderr(io.StringIO()) as told:
            sys.excepthook(*sys.exc_info())
        print(printable(told.getvalue()), file=sys.stderr, end="")
        sys.exit(1)
