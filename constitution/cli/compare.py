"""`constitution compare` and `constitution audit`: run the RL stage, and check the judge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from constitution.cli import model_options as options
from constitution.cli.fail_on import FailOnOption, RetryOption, check_fail_on, too_many
from constitution.cli.model_options import setting
from constitution.cli.output import Format, FormatOption, results, tell, tell_json
from constitution.cli.remote import PieceFormat, PieceFormatOption, keep, named, run_folder
from constitution.cli.runs import NewRunArgument, RunArgument
from constitution.errors import command
from constitution.settings_help import COMPARE_HELP

if TYPE_CHECKING:
    from constitution.config import CompareSettings, Settings


def _setting(name: str, flag: str = "") -> Any:
    return setting(name, COMPARE_HELP, flag)


# A flag that is not given is None: then the config file's value, or the default, is in force.
def compare(
    context: typer.Context,
    run: NewRunArgument,
    pairs: Annotated[str | None, _setting("pairs")] = None,
    best_of: Annotated[int | None, _setting("best_of")] = None,
    samples: Annotated[int | None, _setting("samples")] = None,
    match: Annotated[str | None, _setting("match")] = None,
    between: Annotated[str | None, _setting("between")] = None,
    file: Annotated[str | None, _setting("file")] = None,
    limit: Annotated[int | None, _setting("limit")] = None,
    models: Annotated[list[str] | None, _setting("models", "--model")] = None,
    temperature: Annotated[float | None, _setting("temperature")] = None,
    top_p: Annotated[float | None, _setting("top_p")] = None,
    top_k: Annotated[int | None, _setting("top_k")] = None,
    min_p: Annotated[float | None, _setting("min_p")] = None,
    max_tokens: Annotated[int | None, _setting("max_tokens")] = None,
    judge: Annotated[str | None, _setting("judge")] = None,
    engine: Annotated[str | None, _setting("engine")] = None,
    base_url: Annotated[list[str] | None, _setting("base_url")] = None,
    principles: Annotated[str | None, _setting("principles")] = None,
    principles_per_pair: Annotated[int | None, _setting("principles_per_pair")] = None,
    templates: Annotated[str | None, _setting("templates")] = None,
    few_shots: Annotated[int | None, _setting("few_shots")] = None,
    calibrate: Annotated[str | None, _setting("calibrate")] = None,
    cot: Annotated[bool | None, typer.Option("--cot/--no-cot", help=COMPARE_HELP["cot"], show_default=False)] = None,
    cot_samples: Annotated[int | None, _setting("cot_samples")] = None,
    cot_verdict: Annotated[str | None, _setting("cot_verdict")] = None,
    cot_tokens: Annotated[int | None, _setting("cot_tokens")] = None,
    cot_temperature: Annotated[float | None, _setting("cot_temperature")] = None,
    clamp: Annotated[str | None, _setting("clamp")] = None,
    tie: Annotated[float | None, _setting("tie")] = None,
    order_gap: Annotated[float | None, _setting("order_gap")] = None,
    min_mass: Annotated[float | None, _setting("min_mass")] = None,
    seed: Annotated[int | None, _setting("seed")] = None,
    attempts: Annotated[int | None, _setting("attempts")] = None,
    concurrency: Annotated[int | None, _setting("concurrency")] = None,
    dtype: Annotated[str | None, _setting("dtype")] = None,
    device: Annotated[str | None, _setting("device")] = None,
    slots: Annotated[int | None, _setting("slots")] = None,
    max_tokens_total: Annotated[int | None, _setting("max_tokens_total")] = None,
    max_cost: Annotated[float | None, _setting("max_cost")] = None,
    prices: Annotated[str | None, _setting("prices")] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file; its section `compare` is read, and flags win over it.")
    ] = None,
    ray: options.Ray = None,
    replicas: options.Replicas = None,
    max_replicas: options.MaxReplicas = None,
    gpus_per_replica: options.GpusPerReplica = None,
    cpus_per_replica: options.CpusPerReplica = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Compare anew with other settings; calls that still match are reused.")
    ] = False,
    reuse: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Another run, whose comparisons' calls are reused if they match.",
            parser=run_folder,
        ),
    ] = None,
    piece_format: PieceFormatOption = PieceFormat.jsonl,
    retry_failed: RetryOption = False,
    fail_on: FailOnOption = "1",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Label which response is better, by AI feedback.

    Samples responses to a run's prompts (or takes its revisions, or pairs from a file) and asks a judge, in both orders
    and under several principles, which of two is better. Adds comparisons.jsonl to the run's folder.

    Stopped in any way, the same command goes on where it was. `constitution config --compare` prints the defaults.
    """
    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.cluster_settings import NAMES, load_cluster_settings
    from constitution.config import load_compare_settings
    from constitution.crews import open_crew
    from constitution.errors import ConfigError
    from constitution.labelling import label_pairs
    from constitution.labelling_plan import base_settings, idle
    from constitution.report.labels import summarise_labels
    from constitution.report.terminal import plural, print_labels
    from constitution.runner import Stop

    check_fail_on(fail_on)
    given = {name: context.params[name] for name in COMPARE_HELP if context.params[name] not in (None, (), [])}
    settings = load_compare_settings(config, given)
    for name, why in idle(settings).items():
        if name in given:
            raise ConfigError(f"--{name.replace('_', '-')} has no effect on this comparison", why)
    before = set((run / "replaced").glob("*"))
    if not quiet:
        warn_of_own_judge(base_settings(run, settings), settings)
    cluster = load_cluster_settings({name: context.params[name] for name in NAMES if context.params[name] is not None})

    async def stage(stop: Stop) -> None:
        async with open_crew(cluster) as crew:
            await label_pairs(run, settings, watch, replace, reuse, retry_failed, stop=stop, crew=crew)

    mirror = keep(context, run, piece_format, quiet)
    with progress(quiet) as watch:
        run_stage(stage, mirror=mirror)
    for aside in set((run / "replaced").glob("*")) - before:
        tell(f"the comparisons that were there are in {aside}; their settings with --replace bring them back", err=True)
    summary = summarise_labels(run)
    if format is Format.json:
        tell_json(summary.model_dump_json(indent=2))
    else:
        print_labels(results(), named(run), summary)
        tell(f"  comparisons: {run / 'comparisons.jsonl'}")
        if not quiet:
            tell(f"Check the judge: {command('audit', named(run))}", err=True)
            tell(f"Make training data: {command('export', named(run), '--to', 'DIR')}", err=True)
    if summary.counts.failed:
        failed = f"{plural(summary.counts.failed, 'row')} failed (see {run / 'compare-failures.jsonl'})"
        tell(f"{failed}; --retry-failed runs them again. The last: {summary.last_failure}", err=True)
    if too_many(fail_on, summary.counts):
        raise typer.Exit(5)


def audit(
    context: typer.Context,
    run: RunArgument,
    gold: Annotated[
        str | None,
        typer.Option(help="Pairs that people judged (hh-rlhf; prompt, corrects, incorrects): judged too."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most pairs of --gold that are judged; 0 is all.", min=0)] = 200,
    retry_failed: RetryOption = False,
    fail_on: FailOnOption = "1",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Check the judge of a run's comparisons.

    How often the first position wins, whether the orders agree, and more, with 95% intervals; with --gold (or if the
    compared pairs were people's own) also how often it agrees with people, and how well it is calibrated; and if people
    reviewed comparisons (`constitution view`), how far they agree with it and with each other.
    """
    import json

    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.errors import RunError, SourceError
    from constitution.gold import judge_gold
    from constitution.manifest import COMPARE, load_manifest
    from constitution.records import Comparison
    from constitution.remote.addresses import masked
    from constitution.report.agreeing import agree
    from constitution.report.agreement import agreement_lines
    from constitution.report.audit import audit as examine
    from constitution.report.audit_lines import audit_lines
    from constitution.report.terminal import plural
    from constitution.store import comparisons, count

    check_fail_on(fail_on)
    judge, named = load_manifest(run, COMPARE).model, masked(gold or "")
    people: list[Comparison] = []
    asked = None
    if gold is not None:
        mirror = keep(context, run, quiet=quiet)
        with progress(quiet) as watch:
            folder = run_stage(
                lambda stop: judge_gold(run, gold, limit or None, watch, stop, retry_failed), mirror=mirror
            )
        asked = count(folder, COMPARE)
        people = [one for one in comparisons(folder) if one.gold]
        if not people:
            raise SourceError(
                f"{named}: none of {plural(asked.input, 'pair')} that the judge was asked about "
                "says what people prefer",
                "Give rows of chosen and rejected, of corrects and incorrects, or with a label A or B.",
            )
    made = list(comparisons(run))
    if not made:
        raise RunError(f"{run}: no comparison is finished yet", f"Go on with: {command('compare', run)}")
    found, agreed = examine(made, people), agree(run)
    if format is Format.json:
        told = {"agreement": agreed.model_dump(mode="json") if agreed else None}
        tell_json(json.dumps(found.model_dump(mode="json") | told, indent=2))
    else:
        tell(f"{run}: judge {judge}")
        if asked:
            most = f" (the first {limit}; all: --limit 0)" if asked.input == limit else ""
            tell(f"  {named}{most}: {asked.equation}")
        for line in (*audit_lines(found), *(agreement_lines(agreed) if agreed else ())):
            tell(f"  {line}")
    if asked and asked.failed:
        tell(f"{plural(asked.failed, 'row')} of {named} failed; --retry-failed runs them again", err=True)
    if asked and too_many(fail_on, asked):
        raise typer.Exit(5)


def warn_of_own_judge(base: "Settings", settings: "CompareSettings") -> None:
    """Say so if the judge is a model that wrote what it judges."""
    from constitution.labelling_plan import judges_its_own

    if judges_its_own(base, settings):
        tell("warning: the judge is the model that wrote the responses and may favour its own (--judge)", err=True)
