"""Options that say which model is asked, and how, for commands that take some of the settings of `generate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from constitution.settings_help import COMPARE_HELP, HELP


def setting(name: str, help: dict[str, str] = HELP, flag: str = "") -> Any:
    """The option of a setting; its flag is its name unless told otherwise."""
    return typer.Option(flag or f"--{name.replace('_', '-')}", help=help[name], show_default=False)


# One that is not given is None: then the config file's value, or the default, is in force.
Config = Annotated[Path | None, typer.Option("--config", help="YAML file of settings; flags win over it.")]
Templates = Annotated[str | None, setting("templates")]
FewShots = Annotated[int | None, setting("few_shots")]
SystemPrompt = Annotated[str | None, setting("system_prompt")]
Critique = Annotated[bool | None, typer.Option("--critique/--no-critique", help=HELP["critique"], show_default=False)]
Engine = Annotated[str | None, setting("engine")]
Model = Annotated[str | None, setting("model")]
BestOf = Annotated[int | None, setting("best_of")]
# Of `generate`; `Judge` below is that of comparisons.
Picker = Annotated[str | None, setting("judge")]
Critic = Annotated[str | None, setting("critic")]
Revision = Annotated[str | None, setting("revision")]
Dtype = Annotated[str | None, setting("dtype")]
Device = Annotated[str | None, setting("device")]
Slots = Annotated[int | None, setting("slots")]
BaseUrl = Annotated[list[str] | None, setting("base_url")]
Api = Annotated[str | None, setting("api")]
KeyEnv = Annotated[str | None, setting("key_env")]
KeyFile = Annotated[str | None, setting("key_file")]
Timeout = Annotated[float | None, setting("timeout")]
ControlTokens = Annotated[str | None, setting("control_tokens")]
Votes = Annotated[int | None, setting("votes")]
MaxTokens = Annotated[int | None, setting("max_tokens")]
Temperature = Annotated[float | None, setting("temperature")]
TopP = Annotated[float | None, setting("top_p")]
TopK = Annotated[int | None, setting("top_k")]
MinP = Annotated[float | None, setting("min_p")]
Seed = Annotated[int | None, setting("seed")]
Attempts = Annotated[int | None, setting("attempts")]
Ray = Annotated[str | None, setting("ray")]
Replicas = Annotated[int | None, setting("replicas")]
MaxReplicas = Annotated[int | None, setting("max_replicas")]
GpusPerReplica = Annotated[float | None, setting("gpus_per_replica")]
CpusPerReplica = Annotated[float | None, setting("cpus_per_replica")]
Concurrency = Annotated[int | None, setting("concurrency")]
MaxTokensTotal = Annotated[int | None, setting("max_tokens_total")]
MaxCost = Annotated[float | None, setting("max_cost")]
Prices = Annotated[str | None, setting("prices")]
Prompts = Annotated[str | None, setting("prompts")]
Column = Annotated[list[str] | None, setting("column")]
IdColumn = Annotated[str | None, setting("id_column")]
Split = Annotated[str | None, setting("split")]
Subset = Annotated[str | None, setting("subset")]
Skip = Annotated[int | None, setting("skip")]
Limit = Annotated[int | None, setting("limit")]
Shard = Annotated[str | None, setting("shard")]
Rounds = Annotated[int | None, setting("rounds")]
Replacement = Annotated[
    bool | None, typer.Option("--replacement/--no-replacement", help=HELP["replacement"], show_default=False)
]
Judge = Annotated[str | None, setting("judge", COMPARE_HELP)]
PrinciplesPerPair = Annotated[int | None, setting("principles_per_pair", COMPARE_HELP)]
