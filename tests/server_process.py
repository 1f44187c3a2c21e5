"""The mock server as a process of its own, to be stopped, continued and killed.

Started with the path of a log: its first line is the address, and every call is a line, {"text", "asked"}.
"""

import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from mock_server import Received, Told, chat, mock_server

SECONDS = 0.02


@dataclass(frozen=True)
class ServerProcess:
    """A running one."""

    process: "Popen[bytes]"
    url: str
    log: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What was asked so far, with the text that answered it."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()[1:]]


@contextmanager
def server_process(log: Path) -> Iterator[ServerProcess]:
    """Start it; killed at the end, stopped or not."""
    with Popen([sys.executable, __file__, str(log)]) as process:
        try:
            while not (log.exists() and log.read_text(encoding="utf-8").endswith("\n")):
                assert process.poll() is None
                time.sleep(0.02)
            yield ServerProcess(process, log.read_text(encoding="utf-8").splitlines()[0], log)
        finally:
            process.kill()


def main(log: Path) -> None:
    """Serve until killed."""
    numbers = itertools.count()

    def script(request: Received) -> Told:
        time.sleep(SECONDS)
        text = f"Answer {next(numbers)}."
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"text": text, "asked": request.body}) + "\n")
        return chat(text)

    with mock_server(script) as server:
        log.write_text(f"{server.url}\n", encoding="utf-8")
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
