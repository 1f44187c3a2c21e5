"""The program's own commands, run as a user runs them."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from errors import CommandFailed

from constitution.errors import ConstitutionError

PROGRAM = Path(sys.executable).with_name("constitution")
# Rows that failed are counted, and the rest is worth going on with.
SOME_ROWS_FAILED = 5


def constitution(*words: object, log: Path, tell: Callable[[str], None]) -> None:
    """Run `constitution WORDS`; what it prints goes into `log`, its progress and its errors to the terminal.

    Raises:
        CommandFailed: It failed; with its exit code.
    """
    command = [str(PROGRAM), *map(str, words)]
    told = shlex.join(["constitution", *command[1:]])
    if not PROGRAM.exists():
        raise ConstitutionError(f"{PROGRAM}: not there", "Install the program in this environment: make closed-loop")
    tell(f"$ {told}")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as out:
        out.write(f"$ {told}\n")
        out.flush()
        with subprocess.Popen(command, stdout=out) as process:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                # It finishes the calls under way, which takes some seconds.
                process.terminate()
                raise
    if code not in (0, SOME_ROWS_FAILED):
        raise CommandFailed(f"constitution {command[1]} failed ({code})", "Type the same command again to go on.", code)
