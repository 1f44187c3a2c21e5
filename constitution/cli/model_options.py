"""Options that say which model is asked, and how, for commands that take some of the settings of `generate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from constitution.settings_help import COMPARE_HELP, HELP


def _setting(name: str, help: dict[str, str] = HELP) -> Any:
    return typer.Option(f"--{name.replace('_', '-')}", help=help[name], show_default=False)


# One that is not given is None: then the config file's value, or the default, is in force.
Config = Annotated[Path | None, typer.Option("--config", help="YAML file of settings; flags win over it.")]
Templates = Annotated[str | None, _setting("templates")]
FewShots = Annotated[int | None, _setting("few_shots")]
SystemPrompt = Annotated[str | None, _setting("system_prompt")]
Critique = Annotated[bool | None, typer.Option("--critique/--no-critique", help=HELP["critique"], show_default=False)]
Engine = Annotated[str | None, _setting("engine")]
Model = Annotated[str | None, _setting("model")]
Critic = Annotated[str | None, _setting("critic")]
Revision = Annotated[str | None, _setting("revision")]
Dtype = Annotated[str | None, _setting("dtype")]
Device = Annotated[str | None, _setting("device")]
Slots = Annotated[int | None, _setting("slots")]
BaseUrl = Annotated[str | None, _setting("base_url")]
Api = Annotated[str | None, _setting("api")]
KeyEnv = Annotated[str | None, _setting("key_env")]
KeyFile = Annotated[str | None, _setting("key_file")]
Timeout = Annotated[float | None, _setting("timeout")]
ControlTokens = Annotated[str | None, _setting("control_tokens")]
Votes = Annotated[int | None, _setting("votes")]
MaxTokens = Annotated[int | None, _setting("max_tokens")]
Temperature = Annotated[float | None, _setting("temperature")]
TopP = Annotated[float | None, _setting("top_p")]
TopK = Annotated[int | None, _setting("top_k")]
MinP = Annotated[float | None, _setting("min_p")]
Seed = Annotated[int | None, _setting("seed")]
Attempts = Annotated[int | None, _setting("attempts")]
Concurrency = Annotated[int | None, _setting("concurrency")]
Prompts = Annotated[str | None, _setting("prompts")]
Column = Annotated[list[str] | None, _setting("column")]
IdColumn = Annotated[str | None, _setting("id_column")]
Split = Annotated[str | None, _setting("split")]
Subset = Annotated[str | None, _setting("subset")]
Skip = Annotated[int | None, _setting("skip")]
Limit = Annotated[int | None, _setting("limit")]
Rounds = Annotated[int | None, _setting("rounds")]
Replacement = Annotated[
    bool | None, typer.Option("--replacement/--no-replacement", help=HELP["replacement"], show_default=False)
]
Judge = Annotated[str | None, _setting("judge", COMPARE_HELP)]
PrinciplesPerPair = Annotated[int | None, _setting("principles_per_pair", COMPARE_HELP)]
