"""Ends vLLM's processes if this one is killed: else they would stay, and with them a GPU's memory would be gone.

Run as a program, it waits for the end of its input: with a word, all is well, and without one, whoever started it is
gone. Imports nothing of this package, so that it is small.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable


def guard(processes: Iterable[str]) -> "subprocess.Popen[bytes]":
    """Have them ended when this process ends, however it does.

    Args:
        processes: Their ids.
    """
    command = [sys.executable, "-I", __file__, *processes]
    # A session of its own, so that Ctrl-C in a terminal does not end it.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def dismiss(guarding: "subprocess.Popen[bytes]") -> None:
    """They have ended by themselves."""
    guarding.communicate(b"all is well")


if __name__ == "__main__":
    if not sys.stdin.read():
        for process in sys.argv[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGTERM)
