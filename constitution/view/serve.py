"""The server: a port of this machine, a token, an end."""

import asyncio
import errno
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from constitution.errors import ConfigError, command
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest
from constitution.view.app import make_app
from constitution.view.index import Index
from constitution.view.live import Live
from constitution.view.site import Site

# Nobody outside this machine reaches it.
HOST = "127.0.0.1"
PORT = 8477
# How many ports after that are tried, where no other one is asked for.
TRIED = 20
# Seconds that answers which are under way have when the server ends.
GRACE = 1
# Python's own 5 ms make a page wait for most of a second while a long journal is indexed.
TURN = 0.0005


class Server(uvicorn.Server):
    """A server that tells when it listens, and ends its streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, live: Live, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._live = live
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._live.end()
        await super().shutdown(sockets)


def serve(
    run: Path,
    port: int | None,
    reviewer: str,
    sample: Path | None,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    browser: bool,
) -> None:
    """Show a run until the process is told to end (SIGINT, SIGTERM).

    Args:
        run: The run's folder.
        port: 0 is any free one; None is `PORT`, or one of the next if that is taken.
        reviewer: Who reviews (see `reviews.check_reviewer`).
        sample: What is to be reviewed; None: everything.
        tell: Told the address once it is answered.
        warn: Told what is not as usual.
        browser: Open the address in the default browser.

    Raises:
        RunError: The folder is not a run, is broken, or takes no index.
        ConfigError: The port is taken, or may not be used.
    """
    load_manifest(run, COMPARE if has_stage(run, COMPARE) and not has_stage(run, REVISE) else REVISE)
    listener = _listen(run, port)
    site = Site(run=run, token=secrets.token_urlsafe(), reviewer=reviewer, sample=sample)
    index = Index(run)
    index.keep()
    if index.folder != run:
        warn(f"{run}: cannot be written: its index is in {index.folder} until the view ends")
    address = f"http://{HOST}:{listener.getsockname()[1]}{site.root}/"

    def listening() -> None:
        tell(address)
        if browser:
            # Some browsers return only when they are closed.
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

    live = Live(index)
    config = uvicorn.Config(
        make_app(site, live),
        # What is printed of requests would tell the token.
        access_log=False,
        log_level="warning",
        lifespan="on",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    # A page that is being made gives way to the index a hundred times: for so long each time, in seconds.
    sys.setswitchinterval(TURN)
    with listener:
        asyncio.run(Server(config, live, listening).serve(sockets=[listener]))


def _listen(run: Path, port: int | None) -> socket.socket:
    wanted = range(PORT, PORT + TRIED + 1) if port is None else [port]
    for number in wanted:
        try:
            return _bound(number)
        except OSError as bad:
            taken = bad.errno == errno.EADDRINUSE
            if port is None and taken:
                continue
            why = "another program has it" if taken else bad.strerror
            raise ConfigError(
                f"--port {number}: {why}", f"Take any free one: {command('view', run, '--port', '0')}"
            ) from None
    raise ConfigError(
        f"ports {PORT} to {PORT + TRIED}: other programs have them",
        f"Take any free one: {command('view', run, '--port', '0')}",
    )


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # The port of a view that has just ended is free; on Windows this would share it with one that has not.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made
