"""`constitution principles try`: one prompt through every principle of a file."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli import model_options as options
from constitution.cli.generate import given_settings
from constitution.cli.output import Format, FormatOption, results, tell, tell_json
from constitution.cli.principles.looking import NameArgument

if TYPE_CHECKING:
    from constitution.errors import ConstitutionError
    from constitution.records import Completion, Message
    from constitution.trial import Pass, Trial


def try_principles(
    context: typer.Context,
    file: NameArgument,
    prompt: Annotated[
        str,
        typer.Option(
            "--prompt", help="What a user asks: text, a JSON list of messages, or - to read it.", show_default=False
        ),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="Only this principle; may be given several times."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: when the file is saved, ask anew what the edit has changed.")
    ] = False,
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
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    top_k: options.TopK = None,
    min_p: options.MinP = None,
    seed: options.Seed = None,
    attempts: options.Attempts = None,
    concurrency: options.Concurrency = None,
    config: options.Config = None,
    format: FormatOption = Format.text,
) -> None:
    """Try principles on one prompt.

    The model answers the prompt once; then each principle has this answer criticised and revised, as the first round
    of a run would. With --watch the model stays loaded, and a save asks anew only what it has changed.
    """
    from constitution.cli.running import run_stage
    from constitution.config import load_settings
    from constitution.scripts import script_warning
    from constitution.trial import prompt_of
    from constitution.watching import try_principles as run_trials

    asked = prompt_of(sys.stdin.read() if prompt == "-" else prompt)
    # A run has them; a trial has neither.
    absent = {"prompts": "-", "out": "-"}
    settings = load_settings(config, given_settings(context.params) | absent | {"principles": file})
    if mixed := script_warning(settings.principles, settings.templates):
        tell(f"warning: {mixed}", err=True)
    waiting = _Waiting()
    show = _Json(watch, waiting) if format is Format.json else _Text(asked.messages, watch, waiting)
    try:
        done = run_stage(lambda _: run_trials(settings, asked, only or (), show, watch), "stopped")
    finally:
        waiting.end()
    if done.failed:
        raise typer.Exit(5)


class _Waiting:
    """Says on a terminal what is waited for; gone when there is something else to print."""

    def __init__(self) -> None:
        from rich.console import Console

        console = Console(stderr=True)
        first = "loading the model, and waiting for its response"
        self._status = console.status(first) if console.is_terminal else None
        self.on(first)

    def on(self, what: str) -> None:
        if self._status:
            self._status.update(what)
            self._status.start()

    def end(self) -> None:
        if self._status:
            self._status.stop()


class _Text:
    """Prints each principle as soon as it and those before it in the file are through."""

    def __init__(self, prompt: "tuple[Message, ...]", watch: bool, waiting: _Waiting) -> None:
        self._prompt = prompt
        self._watch = watch
        self._waiting = waiting
        self._owed = self._tried = 0

    def responded(self, response: "Completion") -> None:
        from constitution.report.side_by_side import print_response

        self._waiting.end()
        print_response(results(), self._prompt, response)

    def asking(self, owed: Sequence[str], again: Sequence[str], same: int) -> None:
        self._waiting.end()
        self._owed, self._tried = len(owed) + len(again), 0
        if again or same:
            what = f"asking anew: {', '.join(owed)}" if owed else "nothing to ask anew"
            known = f"; known from before: {', '.join(again)}" if again else ""
            tell(f"{what}{known} ({_principles(same)} as before)" if same else what + known, err=True)
        self._wait()

    def tried(self, trial: "Trial", response: "Completion") -> None:
        from constitution.report.side_by_side import print_trial

        self._waiting.end()
        print_trial(results(), trial, response)
        self._tried += 1
        self._wait()

    def ended(self, done: "Pass") -> None:
        self._waiting.end()
        if done.failure:
            tell(f"error: the model gave no response: {done.failure}", err=True)
        elif done.asked:
            failed = sum(bool(trial.failure) for trial in done.trials)
            responded = f", the response after {done.response_seconds:.1f} s" if done.response_seconds else ""
            told = f"{_principles(len(done.asked))} in {done.seconds:.1f} s{responded}"
            tell(f"{told}; {failed} failed" if failed else told, err=True)
        if self._watch:
            tell("watching the file; Ctrl-C ends it", err=True)

    def refused(self, bad: "ConstitutionError") -> None:
        self._waiting.end()
        _tell_refused(bad)

    def _wait(self) -> None:
        if self._tried < self._owed:
            self._waiting.on(f"critiques and revisions: {self._tried} of {self._owed}")


class _Json:
    """Prints a pass when it is over: a JSON object; while watching on a line of its own."""

    def __init__(self, watch: bool, waiting: _Waiting) -> None:
        self._watch = watch
        self._waiting = waiting

    def responded(self, response: "Completion") -> None:
        pass

    def asking(self, owed: Sequence[str], again: Sequence[str], same: int) -> None:
        if owed:
            self._waiting.on("critiques and revisions")

    def tried(self, trial: "Trial", response: "Completion") -> None:
        pass

    def ended(self, done: "Pass") -> None:
        self._waiting.end()
        tell_json(done.model_dump_json(indent=None if self._watch else 2))
        sys.stdout.flush()

    def refused(self, bad: "ConstitutionError") -> None:
        self._waiting.end()
        _tell_refused(bad)


def _tell_refused(bad: "ConstitutionError") -> None:
    tell(f"error: {bad.message}", err=True)
    if bad.hint:
        tell(f"  {bad.hint}", err=True)
    tell("watching on: save the file again", err=True)


def _principles(number: int) -> str:
    return "1 principle" if number == 1 else f"{number} principles"
