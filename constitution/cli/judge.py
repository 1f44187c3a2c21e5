"""`constitution judge`: judges that are fitted rather than asked."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli import model_options as options
from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.errors import ConfigError, command
from constitution.settings_help import HELP

app = typer.Typer(help="Fit a judge on pairs that people judged, and look at one.", no_args_is_help=True)


@app.command("fit")
def fit(
    pairs: Annotated[
        str, typer.Argument(help="Pairs that people judged: chosen and rejected (hh-rlhf text too), or labels A and B.")
    ],
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the probe goes; FILE.md tells what it is.", show_default=False)
    ],
    model: options.Model = None,
    revision: options.Revision = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    templates: Annotated[
        str | None,
        typer.Option(
            help="Template set whose chat template is used, for a base model: transcript. Default: the model's own.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,…",
            help="Layers that are read, counted from 1; the best of them, or all, are used. Default: three, at 40, 60 "
            "and 80 percent of the model's depth.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use only the first rows, at most this many.", show_default=False)
    ] = None,
    license: Annotated[str, typer.Option("--license", help="Licence of the pairs, for the card.")] = "",
    concurrency: Annotated[int, typer.Option(min=1, help=HELP["concurrency"])] = 64,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a probe that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Fit a probe: a linear preference model on a frozen model's hidden states.

    The model reads both responses of each pair once. Layers and strength are chosen by cross-validation, no prompt on
    both sides of a split, which also tells how often the probe is right and how well it is calibrated.

    What was read is kept (about 1 GB at most, in the cache folder): stopped in any way, the same command goes on there.
    """
    from constitution.cli.progress import counting
    from constitution.cli.running import run_stage
    from constitution.config_faults import validated
    from constitution.engines.bundled import BUNDLED
    from constitution.model_settings import ModelSettings, split_engine
    from constitution.probes.card import card_text, warnings_of
    from constitution.probes.files import SUFFIX, card_path
    from constitution.probes.fitting import Fit, fit_probe

    for path in (to, card_path(to)):
        if path.exists() and not overwrite:
            raise ConfigError(f"--to {to}: {path} is there already", "Name another file, or add --overwrite.")
    if to.is_dir() or not to.parent.is_dir():
        # Told now, and not after the model has read everything.
        raise ConfigError(f"--to {to}: " + ("is a folder" if to.is_dir() else f"there is no folder {to.parent}"))
    engine, name = split_engine(model or BUNDLED)
    given = {"revision": revision, "dtype": dtype, "device": device, "concurrency": concurrency}
    given = {name: value for name, value in given.items() if value is not None}
    named = {"model": name, "engine": engine or "transformers"}
    settings = validated(ModelSettings, named | given, given, HELP, None, {})
    if settings.engine != "transformers":
        raise ConfigError(
            f"--model {model}: the engine {settings.engine} shows no hidden states",
            "Name a model that runs in this process: smollm2, a Hub id or a folder.",
        )
    told = Fit(pairs, to, settings, _chat_template(templates), _layers(layers), limit, license)
    with counting(quiet) as watch:
        card = run_stage(lambda stop: fit_probe(told, watch))
    warnings = warnings_of(card.measured)
    if format is Format.json:
        tell_json(card.model_dump_json(indent=2))
        for warning in warnings:
            tell(f"warning: {warning}", err=True)
        return
    tell(card_text(to.name.removesuffix(SUFFIX), card).split("\n## Measured", 1)[1].partition("\n\n")[2].strip())
    tell(f"probe: {to}; what it is: {card_path(to)}")
    if not quiet and not warnings:
        tell(f"Judge with it: {command('compare', 'RUN', '--judge', f'probe:{to}')}", err=True)


@app.command("show")
def show(
    probe: Annotated[str, typer.Argument(help="A probe's file, or the name of one that ships.")],
    format: FormatOption = Format.text,
) -> None:
    """Tell what a probe is: its model, the pairs it was fitted on, how often it is right."""
    from constitution.probes.card import card_text
    from constitution.probes.files import load_probe

    found = load_probe(probe.removeprefix("probe:"))
    if format is Format.json:
        tell_json(found.card.model_dump_json(indent=2))
    else:
        tell(card_text(found.name, found.card).rstrip())


def _layers(given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    try:
        return tuple(int(part) for part in given.split(","))
    except ValueError:
        raise ConfigError(
            f"--layers {given}: expected numbers with commas in between", "For example: --layers 12,18,24"
        ) from None


def _chat_template(templates: str | None) -> str | None:
    """The chat template of a set.

    Raises:
        ConfigError: It has none.
    """
    if templates is None:
        return None
    from constitution.rendering import find_set, read_sources

    source = read_sources(find_set(templates), required=(), optional=("chat_template.jinja",)).get(
        "chat_template.jinja"
    )
    if source is None:
        raise ConfigError(
            f"--templates {templates}: the set has no chat_template.jinja, and a probe needs nothing else of it",
            "Leave it out: then the model's own chat template is used.",
        )
    return source
