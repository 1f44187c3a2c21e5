"""`constitution generate`: run the SL stage."""

from pathlib import Path
from typing import Annotated, Any

import typer

from constitution.cli import model_options as options
from constitution.cli.fail_on import FailOnOption, RetryOption, check_fail_on, too_many
from constitution.cli.output import Format, FormatOption, results, tell, tell_json
from constitution.cli.remote import PieceFormat, PieceFormatOption, keep, named, new_folder, run_folder
from constitution.errors import command
from constitution.settings_help import HELP

# Wrong flags and the like: typer brings its own copy of click's errors, and has public names for few of them.
UsageError: Any = typer.BadParameter.__base__


# A flag that is not given is None: then the config file's value, or the default, is in force.
def generate(
    context: typer.Context,
    prompts: options.Prompts = None,
    out: Annotated[str | None, options.setting("out")] = None,
    column: options.Column = None,
    id_column: options.IdColumn = None,
    split: options.Split = None,
    subset: options.Subset = None,
    skip: options.Skip = None,
    limit: options.Limit = None,
    shard: options.Shard = None,
    principles: Annotated[str | None, options.setting("principles")] = None,
    replacement: options.Replacement = None,
    templates: options.Templates = None,
    few_shots: options.FewShots = None,
    system_prompt: options.SystemPrompt = None,
    rounds: options.Rounds = None,
    critique: options.Critique = None,
    best_of: options.BestOf = None,
    engine: options.Engine = None,
    model: options.Model = None,
    critic: options.Critic = None,
    judge: options.Picker = None,
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
    max_tokens_total: options.MaxTokensTotal = None,
    max_cost: options.MaxCost = None,
    prices: options.Prices = None,
    compare: Annotated[bool | None, options.setting("compare", flag="--compare/--no-compare")] = None,
    ray: options.Ray = None,
    replicas: options.Replicas = None,
    max_replicas: options.MaxReplicas = None,
    gpus_per_replica: options.GpusPerReplica = None,
    cpus_per_replica: options.CpusPerReplica = None,
    config: options.Config = None,
    fork: Annotated[
        Path | None,
        typer.Option(
            metavar="NEW",
            help="Begin (or go on with) a run in the folder or at the URL NEW that reuses --out's calls that match.",
            parser=new_folder,
        ),
    ] = None,
    piece_format: PieceFormatOption = PieceFormat.jsonl,
    retry_failed: RetryOption = False,
    fail_on: FailOnOption = "1",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Generate revised responses from prompts.

    Answers each prompt, criticises the answer against a principle, rewrites it; K rounds.

    Stopped in any way, the same command goes on where it was. Only --prompts and --out are required;
    `constitution config` prints the defaults.
    """
    from constitution.best_of import picks_its_own
    from constitution.cli.compare import warn_of_own_judge
    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.config import load_settings
    from constitution.errors import ConfigError
    from constitution.generation import generate as run_generate
    from constitution.prices import load_prices
    from constitution.report.labels import summarise_labels
    from constitution.report.summary import summarise
    from constitution.report.terminal import as_json, plural, print_labels, print_summary, spent_line
    from constitution.scripts import script_warning

    check_fail_on(fail_on)
    settings = load_settings(config, given_settings(context.params))
    settings = settings.model_copy(update={"out": str((run_folder if fork else new_folder)(settings.out))})
    lender = Path(settings.out) if fork else None
    if fork:
        check_fork(Path(settings.out), fork)
        if retry_failed and not fork.exists():
            raise ConfigError(
                f"--retry-failed with --fork {fork}, which is not begun: nothing has failed in it",
                "Leave out --retry-failed: a new run runs the rows that failed in the old one, too.",
            )
        settings = settings.model_copy(update={"out": str(fork)})
    if not quiet and (mixed := script_warning(settings.principles, settings.templates)):
        tell(f"warning: {mixed}", err=True)
    if settings.compare and not quiet:
        warn_of_own_judge(settings, settings.compare)
    if not quiet and picks_its_own(settings):
        tell("warning: the judge is the model that writes the revisions and may favour its own (--judge)", err=True)
    mirror = keep(context, Path(settings.out), piece_format, quiet)
    with progress(quiet) as watch:
        run_stage(lambda stop: run_generate(settings, watch, lender, stop, retry_failed), mirror=mirror)
    run = Path(settings.out)
    known_as = named(run)
    table = load_prices(settings.prices) if settings.prices else None
    summary = summarise(run, table)
    compared = summarise_labels(run) if settings.compare and summary.counts.done else None
    if format is Format.json:
        tell_json(as_json(summary, compared))
    else:
        print_summary(results(), known_as, summary)
        tell(f"  transcripts: {run / 'transcripts.jsonl'}\n  summary: {run / 'summary.json'}")
        if compared:
            print_labels(results(), known_as, compared)
            tell(f"  comparisons: {run / 'comparisons.jsonl'}")
        if summary.spent:
            tell(f"  spent: {spent_line(summary.spent)}")
        if not quiet and summary.counts.done:
            tell(f"Look at one: {command('show', known_as)}", err=True)
            if compared:
                tell(f"Check the judge: {command('audit', known_as)}", err=True)
            tell(f"Make training data: {command('export', known_as, '--to', 'DIR')}", err=True)
            if settings.best_of:
                best = command("export", known_as, "--pairs", "best-of", "--to", "DIR")
                tell(f"Make pairs of each round's best and worst revision: {best}", err=True)
            if settings.shard:
                tell(f"Join the shards when all are there: {command('merge', known_as)} … --out RUN", err=True)
    stages = {"failures.jsonl": summary, "compare-failures.jsonl": compared}
    for journal, stage in stages.items():
        if stage and stage.counts.failed:
            failed = f"{plural(stage.counts.failed, 'row')} failed (see {run / journal})"
            tell(f"{failed}; --retry-failed runs them again. The last: {stage.last_failure}", err=True)
    if any(stage and too_many(fail_on, stage.counts) for stage in stages.values()):
        raise typer.Exit(5)


def check_fork(run: Path, fork: Path) -> None:
    """Refuse a new run that is the old one, or in it.

    Raises:
        ConfigError: With what to type.
    """
    from constitution.errors import ConfigError

    if fork.resolve().is_relative_to(run.resolve()):
        what = "is the run itself" if fork.resolve() == run.resolve() else f"lies in {run}"
        raise ConfigError(
            f"--fork {fork} {what}: a fork is a run of its own", f"For example: --fork {run.with_name(f'{run.name}-2')}"
        )


def given_settings(params: dict[str, Any]) -> dict[str, Any]:
    """The settings among a command's parameters that were typed."""
    return {name: value for name, value in params.items() if name in HELP and value not in (None, (), [])}


def params_of_generate(context: typer.Context, args: list[str]) -> dict[str, Any]:
    """What `generate` would make of what was typed for a command that takes its flags; slips are that command's."""
    from constitution.cli import app

    # Typer types what it builds as a plain command; with several commands it is a group.
    found = typer.main.get_command(app).commands["generate"]  # type: ignore[attr-defined]
    try:
        params: dict[str, Any] = found.make_context(context.info_name, args).params
    except UsageError as slip:
        slip.ctx = context
        raise
    return params
