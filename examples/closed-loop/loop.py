"""The loop of Constitutional AI, closed and measured: data → training → better data, by one command.

    python examples/closed-loop/loop.py --to outputs/closed-loop

Stopped in any way, the same command goes on. README.md tells what the steps are and what came out.
"""

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

from filelock import FileLock, Timeout
from inputs import check_inputs, missing_inputs
from results import check_readme, write_results
from settings import load_settings
from steps import run_steps, told_seconds

from constitution.errors import ConstitutionError, RunError
from constitution.printable import printable

HERE = Path(__file__).parent


def main() -> None:
    """Run the loop and exit with a documented code."""
    # As Ctrl-C does: what was started has to end as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(_arguments())
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        sys.exit(130)
    except ConstitutionError as error:
        print(f"error: {printable(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"  {printable(error.hint)}", file=sys.stderr)
        sys.exit(error.exit_code)


def run(given: argparse.Namespace) -> None:
    """Make what is owed, then tell the results, if every step is whole.

    Raises:
        ConstitutionError: As a step or a setting tells.
    """
    paths = {name: value for name in ("pairs", "xstest", "harmbench") if (value := getattr(given, name))}
    settings = load_settings(given.config, paths, given.tiny)
    folder = Path(given.to)
    if given.readme is not None:
        check_readme(given.readme)
    if not given.plan:
        check_inputs(settings)
        _make(folder)
    # Slow to import, and not needed to tell of a wrong setting.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import torch
    from estimates import measure_speed
    from plan import plan
    from shared import Loop

    cuda = settings.device != "cpu" and torch.cuda.is_available()
    steps = plan(Loop(settings, folder.absolute(), cuda, _go_on(), _tell), measure_speed(settings.model, cuda))
    expected = sum(step.estimate for step in steps)
    _tell(f"{len(steps)} steps, {told_seconds(expected)} expected in all on this machine")
    if given.plan:
        for step in steps:
            _tell(f"  {step.name:<20} {told_seconds(step.estimate):>12}   {step.about}")
        for missing in missing_inputs(settings):
            _tell(f"{missing} is not there; the times assume that it holds as many rows as the settings ask for")
        return
    try:
        with FileLock(folder / ".lock", timeout=0):
            found = run_steps(steps, folder, _tell, given.only, given.since)
            if len(found) == len(steps):
                told = write_results(found, steps, settings, folder, given.readme)
                _tell(f"results: {told}")
    except Timeout:
        raise RunError(f"{folder}: in use by another loop", "Wait for it, or name another folder: --to") from None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise RunError(f"--to {folder}: a file, not a folder", "Name a folder: --to") from None
    except OSError as bad:
        raise RunError(f"--to {folder}: cannot be made: {bad.strerror}", "Name another folder: --to") from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loop.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, default=HERE / "loop.yaml", help="settings (default: loop.yaml here)")
    parser.add_argument("--to", default="outputs/closed-loop", help="folder of the steps (default: %(default)s)")
    parser.add_argument("--pairs", help="hh-rlhf's harmless pairs, in place of the settings'")
    parser.add_argument("--xstest", help="XSTest's prompts, likewise")
    parser.add_argument("--harmbench", help="HarmBench's behaviours, likewise")
    parser.add_argument("--only", metavar="STEP", help="make this step and no other")
    parser.add_argument("--from", dest="since", metavar="STEP", help="make this step and what needs it anew")
    parser.add_argument("--plan", action="store_true", help="tell the steps and how long they should take, and stop")
    parser.add_argument("--tiny", action="store_true", help="a few rows and training steps: whether it works at all")
    parser.add_argument("--readme", type=Path, help="put the results into this file too, between its marks")
    return parser.parse_args()


def _go_on() -> str:
    words = [word for word in sys.argv[1:] if word != "--plan"]
    # What was made anew is: to go on must not delete it again.
    if "--from" in words:
        place = words.index("--from")
        words = words[:place] + words[place + 2 :]
    return shlex.join(["python", sys.argv[0], *(word for word in words if not word.startswith("--from="))])


def _tell(line: str) -> None:
    print(printable(line), flush=True)


if __name__ == "__main__":
    main()
