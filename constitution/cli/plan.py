"""`constitution plan`: what a run will take, before it begins."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.errors import command

if TYPE_CHECKING:
    from constitution.config import Settings

SECONDS_PER_HOUR = 3600
# As of `generate`, where they are workers.
MOST_REPLICAS = 10_000


def plan(
    context: typer.Context,
    pilot: Annotated[
        int | None,
        typer.Option(min=2, help="Rows that are run to measure. Default: as many as are in flight, at least 20."),
    ] = None,
    deadline: Annotated[
        float | None, typer.Option(help="Hours that the run may take: tells how many replicas that needs.")
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_REPLICAS,
            help="With --ray: workers, as of generate. Else copies of the pilot's engine or server that the run will "
            "have. Default: 1.",
            show_default=False,
        ),
    ] = None,
    gpus: Annotated[
        float | None, typer.Option(min=0, help="GPUs of one replica. Default: --gpus-per-replica, or what is known.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the pilot here: a run can reuse its calls. Default: it is thrown away."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Tell what a run will take, before it begins: constitution plan CONFIG.

    Calls and tokens by step, time and cost, from a pilot: some rows, spread over the lengths of all prompts, are run.
    CONFIG comes first; every flag of `constitution generate` is taken too, --prices among them.
    """
    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.errors import CapReached, ConfigError
    from constitution.planning.forecast import foresee
    from constitution.planning.pilot import check_plannable, run_pilot, size_of
    from constitution.planning.telling import forecast_lines
    from constitution.prices import load_prices

    settings, named_out = _settings(context)
    if replicas and settings.ray is not None:
        settings = settings.model_copy(update={"replicas": replicas})
    check_plannable(settings)
    prices = load_prices(settings.prices) if settings.prices else None
    if deadline is not None and deadline <= 0:
        raise ConfigError(
            f"--deadline {deadline:g}: hours that the run may take, more than 0", "For example: --deadline 12"
        )
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="constitution-plan-"))) / "pilot"
        number = pilot or size_of(settings)
        with progress(quiet) as watch:
            try:
                done = run_stage(
                    lambda stop: run_pilot(settings, number, folder, watch, stop), STOPPED if keep else LOST
                )
            except CapReached as full:
                raise CapReached(f"the pilot is {full.message}", CAPPED_KEPT if keep else CAPPED) from None
        found = foresee(
            done,
            prices,
            replicas,
            _gpus_of(settings) if gpus is None else gpus,
            deadline and deadline * SECONDS_PER_HOUR,
        )
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
        return
    for line in forecast_lines(found, settings):
        tell(line)
    if keep and not quiet:
        out = settings.out if named_out else "NEW"
        again = f"the settings of this plan with --out {keep} --fork {out}"
        tell(f"The run can reuse the pilot's calls: {command('generate')} with {again}", err=True)


STOPPED = "stopped; the same command goes on from here"
LOST = "stopped; nothing of the pilot is kept (--keep DIR)"
CAPPED_KEPT = "Its calls are kept. Give a higher cap or none, and the same command goes on from here."
CAPPED = "Nothing of the pilot is kept (--keep DIR). Give a higher cap or none, or run fewer rows: --pilot 5"


def _settings(context: typer.Context) -> "tuple[Settings, bool]":
    """The run's settings, read as `generate` reads them, and whether they name its folder."""
    from constitution.cli.generate import given_settings, params_of_generate
    from constitution.config import load_settings, read_file
    from constitution.errors import ConfigError

    args = list(context.args)
    if args and not args[0].startswith("-"):
        args[:1] = ["--config", args[0]]
    params = params_of_generate(context, args)
    for flag in ("fork", "retry_failed"):
        if params[flag]:
            raise ConfigError(f"--{flag.replace('_', '-')}: a plan is of a run that begins", "Leave it out.")
    given, file = given_settings(params), params["config"]
    named = "out" in given or bool(file and "out" in read_file(file))
    return load_settings(file, given if named else given | {"out": "outputs/planned"}), named


def _gpus_of(settings: "Settings") -> float | None:
    """GPUs of what the pilot ran on, if that is known: what stands behind a server is not."""
    if settings.gpus_per_replica is not None:
        return settings.gpus_per_replica
    engine = settings.generator.engine
    if engine == "vllm":
        return 1
    if engine == "transformers":
        if settings.ray not in (None, "local") and settings.device == "auto":
            # A cluster's machines may be others than this one.
            return None
        import torch

        device = settings.device
        here = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
        return 1 if here else 0
    return 0 if engine == "scripted" else None
