"""`constitution prompts expand`: new prompts, few-shot from a file."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from constitution.cli import model_options as options
from constitution.cli.fail_on import FailOnOption, RetryOption, check_fail_on, too_many
from constitution.cli.generate import given_settings
from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.errors import command

if TYPE_CHECKING:
    from constitution.prompt_sets.taking import Expanded

# Several prompts in an answer take more tokens than one, and should not all be the likeliest ones.
DEFAULTS = {"temperature": 1.0, "max_tokens": 400}


class Kind(StrEnum):
    """What the new prompts are to be."""

    red_team = "red-team"
    benign = "benign"
    both = "both"


HELP = {
    "number": "How many new prompts.",
    "topics": "What they are to be about: names with commas in between, or a file with one on each line. "
    "Default: all of the topic column.",
    "topic_column": "The column that tells a row's topic; examples are then of the topic that is asked for. Default: "
    "topic, category or tags, if there is one. none: examples of all rows.",
    "kind": "red-team: requests that try to lead a model to do harm. benign: such as sound so and are harmless. "
    "both: by turns.",
    "examples": "Prompts of FILE that each call shows.",
    "each": "New prompts that each call asks for.",
    "threshold": "From here on two prompts are one; see `prompts dedup`.",
    "least_words": "Words of a prompt at least; two characters of a script without spaces count as one.",
    "most_words": "Words of a prompt at most.",
    "max_calls": "Calls at most. Default: six times as many as would do if every line were taken.",
}


def _option(name: str, *flags: str, default: bool = True) -> Any:
    return typer.Option(*(flags or (f"--{name.replace('_', '-')}",)), help=HELP[name], show_default=default)


def expand(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Prompts, as --prompts takes them.", show_default=False)],
    number: Annotated[int, _option("number", "--number", "-n", default=False)],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="The folder of the expansion.", show_default=False)],
    topics: Annotated[str | None, _option("topics", default=False)] = None,
    topic_column: Annotated[str | None, _option("topic_column", default=False)] = None,
    kind: Annotated[Kind, _option("kind")] = Kind.red_team,
    examples: Annotated[int, _option("examples")] = 5,
    each: Annotated[int, _option("each")] = 5,
    threshold: Annotated[float, _option("threshold")] = 0.75,
    least_words: Annotated[int, _option("least_words")] = 3,
    most_words: Annotated[int, _option("most_words")] = 60,
    max_calls: Annotated[int | None, _option("max_calls", default=False)] = None,
    column: options.Column = None,
    id_column: options.IdColumn = None,
    split: options.Split = None,
    subset: options.Subset = None,
    skip: options.Skip = None,
    limit: options.Limit = None,
    templates: options.Templates = None,
    system_prompt: options.SystemPrompt = None,
    engine: options.Engine = None,
    model: options.Model = None,
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
    config: options.Config = None,
    retry_failed: RetryOption = False,
    fail_on: FailOnOption = "1",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and no hints.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Have a model write new prompts like those of a file.

    Each call shows some prompts of the file and asks for more. Of the answers, DIR/prompts.jsonl takes what is a
    request, and like no prompt of the file and no other new one; each with its topic, kind, examples, model, seed and
    call. DIR/dropped.jsonl tells what is not taken, and why.

    Stopped in any way, the same command goes on where it was; with a larger -n, it adds to what there is. Two defaults
    are not those of generate: --temperature 1, --max-tokens 400.
    """
    from constitution.cli.progress import progress
    from constitution.cli.running import run_stage
    from constitution.config import load_settings, read_file
    from constitution.config_faults import validated
    from constitution.prompt_sets.expand import Wanted
    from constitution.prompt_sets.expand import expand as run_expand
    from constitution.prompt_sets.seeds import topics_of

    check_fail_on(fail_on)
    asked: dict[str, Any] = {name: context.params[name] for name in HELP} | {"topics": topics_of(topics)}
    wanted = validated(Wanted, asked | {"kind": kind.value}, asked, HELP, None, {})
    own = read_file(config) if config else {}
    given = {name: value for name, value in DEFAULTS.items() if name not in own}
    given |= given_settings(context.params) | {"prompts": file, "out": to}
    settings = load_settings(config, given).model_copy(update={"compare": None})
    with progress(quiet) as watch:
        found = run_stage(lambda stop: run_expand(settings, wanted, watch, stop, retry_failed))
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
    else:
        _tell(Path(to), found)
    if not quiet:
        if found.written < found.asked:
            tell("Fewer than asked for: raise --max-calls, name other --topics, or ask a larger --model", err=True)
        if found.written:
            out = Path(to) / "prompts.jsonl"
            tell(f"Answer them: {command('generate', '--prompts', out, '--out', 'RUN')}", err=True)
    if found.calls.failed:
        from constitution.manifest import EXPAND
        from constitution.report.summary import standing, told
        from constitution.report.terminal import plural

        failed = f"{plural(found.calls.failed, 'call')} failed (see {Path(to) / EXPAND.failures})"
        last = told(standing(Path(to), EXPAND)[-1])
        tell(f"{failed}; --retry-failed makes them again. The last: {last}", err=True)
        if too_many(fail_on, found.calls):
            raise typer.Exit(5)


def _tell(to: Path, found: "Expanded") -> None:
    from constitution.prompt_sets.taking import DROPPED, PROMPTS

    over = f", and {found.over:,} more for a larger -n" if found.over else ""
    tell(f"{to / PROMPTS}: {found.written:,} of {found.asked:,} prompts{over}")
    tell(f"  calls: {found.calls.equation}")
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in found.dropped.items())
    tell(f"  lines: {found.lines:,}; not taken: {dropped or 'none'} ({to / DROPPED})")
    if found.aside:
        tell(f"  no examples, as they say that they are harmless: {found.aside:,} rows of the file")
    for name, counts in (("topics", found.topics), ("kinds", found.kinds)):
        if len(counts) > 1:
            tell(f"  {name}: {', '.join(f'{one} {count:,}' for one, count in counts.items())}")
