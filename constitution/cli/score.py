"""`constitution score`: what a judge says of a run's responses by rules."""

from typing import Annotated, Any

import typer

from constitution.cli import model_options as options
from constitution.cli.fail_on import FailOnOption, RetryOption, check_fail_on, too_many
from constitution.cli.model_options import setting
from constitution.cli.output import Format, FormatOption, results, tell, tell_json
from constitution.cli.remote import PieceFormat, PieceFormatOption, keep, named
from constitution.cli.runs import RunArgument
from constitution.errors import ConfigError, command
from constitution.settings_help import SCORE_HELP


def _setting(name: str, flag: str = "") -> Any:
    return setting(name, SCORE_HELP, flag)


# A flag that is not given is None: then the default is in force.
def score(
    context: typer.Context,
    run: RunArgument,
    principles: Annotated[str | None, _setting("principles")] = None,
    only: Annotated[list[str] | None, _setting("only")] = None,
    on: Annotated[str | None, _setting("on")] = None,
    limit: Annotated[int | None, _setting("limit")] = None,
    judge: Annotated[str | None, _setting("judge")] = None,
    engine: Annotated[str | None, _setting("engine")] = None,
    base_url: Annotated[list[str] | None, _setting("base_url")] = None,
    templates: Annotated[str | None, _setting("templates")] = None,
    few_shots: Annotated[int | None, _setting("few_shots")] = None,
    min_mass: Annotated[float | None, _setting("min_mass")] = None,
    seed: Annotated[int | None, _setting("seed")] = None,
    concurrency: Annotated[int | None, _setting("concurrency")] = None,
    dtype: Annotated[str | None, _setting("dtype")] = None,
    device: Annotated[str | None, _setting("device")] = None,
    slots: Annotated[int | None, _setting("slots")] = None,
    ray: options.Ray = None,
    replicas: options.Replicas = None,
    max_replicas: options.MaxReplicas = None,
    gpus_per_replica: options.GpusPerReplica = None,
    cpus_per_replica: options.CpusPerReplica = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Score anew with other settings; calls that still match are reused.")
    ] = False,
    piece_format: PieceFormatOption = PieceFormat.jsonl,
    retry_failed: RetryOption = False,
    fail_on: FailOnOption = "1",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Score responses by rules, or by a probe.

    Asks a judge of each response whether the `rules` of a principles file are true of it (yes or no, by their
    probabilities), and adds them up by their weights to a reward. A probe (--judge probe:FILE) gives each response a
    reward of its own, without rules. Adds scores.jsonl to the run's folder.

    Stopped in any way, the same command goes on where it was.
    """
    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.cluster_settings import NAMES, load_cluster_settings
    from constitution.crews import open_crew
    from constitution.report.scores import summarise_scores
    from constitution.report.terminal import plural, print_scores
    from constitution.runner import Stop
    from constitution.score_settings import load_score_settings
    from constitution.scoring import score_run
    from constitution.scoring_plan import idle, judges_its_own

    check_fail_on(fail_on)
    given = {name: context.params[name] for name in SCORE_HELP if context.params[name] not in (None, (), [])}
    settings = load_score_settings(given)
    for name in idle(settings):
        if name in given:
            raise ConfigError(
                f"--{name.replace('_', '-')} has no effect on this scoring: its judge gives rewards",
                "Leave it out, or name a model that is asked about rules with --judge.",
            )
    before = set((run / "replaced").glob("*"))
    if not quiet and judges_its_own(run, settings):
        tell("warning: the judge is the model that wrote the responses and may favour its own (--judge)", err=True)
    cluster = load_cluster_settings({name: context.params[name] for name in NAMES if context.params[name] is not None})

    async def stage(stop: Stop) -> None:
        async with open_crew(cluster) as crew:
            await score_run(run, settings, watch, replace, retry_failed, stop=stop, crew=crew)

    mirror = keep(context, run, piece_format, quiet)
    with progress(quiet) as watch:
        run_stage(stage, mirror=mirror)
    for aside in set((run / "replaced").glob("*")) - before:
        tell(f"the scores that were there are in {aside}; their settings with --replace bring them back", err=True)
    summary = summarise_scores(run)
    if format is Format.json:
        tell_json(summary.model_dump_json(indent=2))
    else:
        print_scores(results(), named(run), summary)
        tell(f"  scores: {run / 'scores.jsonl'}")
        if not quiet:
            tell(f"Look at one: {command('show', named(run))}", err=True)
            tell(f"Make training data: {command('export', named(run), '--to', 'DIR', '--min-reward', 'X')}", err=True)
    if summary.counts.failed:
        failed = f"{plural(summary.counts.failed, 'row')} failed (see {run / 'score-failures.jsonl'})"
        tell(f"{failed}; --retry-failed runs them again. The last: {summary.last_failure}", err=True)
    if too_many(fail_on, summary.counts):
        raise typer.Exit(5)
