"""`constitution principles ab`: two constitutions on the same prompts, compared by a judge."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli import model_options as options
from constitution.cli.fail_on import FailOnOption, RetryOption, check_fail_on, too_many
from constitution.cli.generate import given_settings
from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.errors import command

if TYPE_CHECKING:
    from constitution.runner import Watch


def ab(
    context: typer.Context,
    a: Annotated[
        str, typer.Argument(metavar="A", help="A principles file: a .yaml file, or a shipped name.", show_default=False)
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.", show_default=False)],
    prompts: options.Prompts = None,
    out: Annotated[
        str | None, typer.Option("--out", help="The folder of both runs. Default: outputs/ab-A-B.", show_default=False)
    ] = None,
    judge: options.Judge = None,
    judge_principles: Annotated[
        str | None,
        typer.Option(
            "--judge-principles",
            metavar="FILE",
            help="Principles whose `comparison` the judge is asked. Default: those of A and B, with equal weight.",
            show_default=False,
        ),
    ] = None,
    principles_per_pair: options.PrinciplesPerPair = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="COLUMN", help="Tell the figures for each value of a prompts' column.")
    ] = None,
    column: options.Column = None,
    id_column: options.IdColumn = None,
    split: options.Split = None,
    subset: options.Subset = None,
    skip: options.Skip = None,
    limit: options.Limit = None,
    replacement: options.Replacement = None,
    rounds: options.Rounds = None,
    templates: options.Templates = None,
    few_shots: options.FewShots = None,
    system_prompt: options.SystemPrompt = None,
    critique: options.Critique = None,
    engine: options.Engine = None,
    model: options.Model = None,
    critic: options.Critic = None,
    revision: options.Revision = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    slots: options.Slots = None,
    base_url: options.BaseUrl = None,
    api: options.Api = None,
    key_env: options.KeyEnv = None,
    key_file: options.KeyFile = None,
    timeout: options.Timeout = None,
    control_tokens: options.ControlTokens = None,
    votes: options.Votes = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    top_k: options.TopK = None,
    min_p: options.MinP = None,
    seed: options.Seed = None,
    attempts: options.Attempts = None,
    concurrency: options.Concurrency = None,
    config: options.Config = None,
    retry_failed: RetryOption = False,
    fail_on: FailOnOption = "1",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Compare two principles files.

    Generates revisions under both, for the same prompts and with the same seeds, and asks a judge in both orders whose
    are better. Tells how often B beats A, with a 95% interval.

    Stopped in any way, the same command goes on where it was. The judge is asked as the config file's section
    `compare` says; its other settings are those of generate.
    """
    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.config import load_compare_settings, load_settings
    from constitution.report.versus import summarise_versus
    from constitution.report.versus_lines import versus_lines
    from constitution.scripts import script_warning
    from constitution.versus import plan_versus, run_versus
    from constitution.versus_folder import JUDGED

    check_fail_on(fail_on)
    given = given_settings(context.params) | {"principles": a}
    # Here the flag names who compares; who picks revisions is in the config file.
    given.pop("judge", None)
    given.setdefault("out", str(Path("outputs") / f"ab-{Path(a).stem}-{Path(b).stem}"))
    judging = {"judge": judge, "principles": judge_principles, "principles_per_pair": principles_per_pair, "seed": seed}
    asked = load_compare_settings(config, {name: value for name, value in judging.items() if value is not None})
    settings = load_settings(config, given)
    versus = plan_versus(settings, asked, b, by)
    for file in (settings.principles, b):
        if not quiet and (mixed := script_warning(file, settings.templates)):
            tell(f"warning: {mixed}", err=True)

    @contextmanager
    def watching(stage: str) -> "Iterator[Watch | None]":
        if not quiet:
            tell(stage, err=True)
        with progress(quiet) as watch:
            yield watch

    run_stage(lambda stop: run_versus(versus, watching, stop, retry_failed))
    found = summarise_versus(versus.folder, by or "")
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
    else:
        for line in versus_lines(found):
            tell(line)
        if not quiet:
            tell(f"Look at one row under both: {command('show', versus.folder / JUDGED)}", err=True)
            tell(f"Check the judge: {command('audit', versus.folder / JUDGED)}", err=True)
    counts = (found.rows_a, found.rows_b, found.rows_judged)
    if any(stage.failed for stage in counts):
        tell("rows failed; --retry-failed runs them again", err=True)
    if any(too_many(fail_on, stage) for stage in counts):
        raise typer.Exit(5)
