"""The server: a port of this machine, a token, an end."""

import asyncio
import errno
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from constitution.errors import ConfigError, command
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest
from constitution.pages import render
from constitution.view.app import make_app
from constitution.view.index import Index
from constitution.view.live import Live
from constitution.view.site import PACKAGE, Site, nothing

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
    """A server that tells when it listens, and ends its streams before it waits for them.

    Args:
        config: Of uvicorn.
        live: Ended with it.
        listening: Called when it answers.
        leave: Called before the process ends at once: takes away what is nobody else's.

    Attributes:
        told_by: The signal that told it to end.
    """

    def __init__(
        self, config: uvicorn.Config, live: Live, listening: Callable[[], None], leave: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._live = live
        self._listening = listening
        self._leave = leave
        self.told_by: int | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals from here on, until the process ends: uvicorn would let the second one interrupt the end."""
        for number in HANDLED_SIGNALS:
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End; told so once more, do it at once: an answer that waits for somebody's lock may take for ever."""
        if self.told_by is None:
            self.told_by, self.should_exit = sig, True
            return
        with suppress(OSError):
            self._leave()
        os._exit(128 + sig)

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
    keep: Callable[[], None] = nothing,
) -> None:
    """Show a run until the process is told to end (SIGINT, SIGTERM); from then on it takes signals in its own way.

    Args:
        run: The run's folder.
        port: 0 is any free one; None is `PORT`, or one of the next if that is taken.
        reviewer: Who reviews (see `reviews.check_reviewer`).
        sample: What is to be reviewed; None: everything.
        tell: Told the address once it is answered.
        warn: Told what is not as usual.
        browser: Open the address in the default browser.
        keep: Called before a review is saved (see `Site`).

    Raises:
        RunError: The folder is not a run, is broken, or takes no index.
        ConfigError: The port is taken, or may not be used.
        KeyboardInterrupt: Ctrl-C ended it.
    """
    load_manifest(run, COMPARE if has_stage(run, COMPARE) and not has_stage(run, REVISE) else REVISE)
    listener = _listen(run, port)
    site = Site(run=run, token=secrets.token_urlsafe(), reviewer=reviewer, sample=sample, keep=keep)
    index = Index(run)
    index.keep()
    if index.folder != run:
        warn(f"{run}: no index can be kept there: it is in {index.folder} until the view ends")
    address = f"http://{HOST}:{listener.getsockname()[1]}{site.root}/"
    ends = ExitStack()

    def listening() -> None:
        tell(address)
        if browser:
            page = ends.enter_context(opening_page(address))
            # Some browsers return only when they are closed.
            threading.Thread(target=webbrowser.open, args=[page.as_uri()], daemon=True).start()

    def leave() -> None:
        ends.close()
        index.leave()

    live = Live(index, warn)
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
    server = Server(config, live, listening, leave)
    with listener, ends:
        asyncio.run(server.serve(sockets=[listener]))
    if server.told_by == signal.SIGINT:
        raise KeyboardInterrupt
    if server.told_by is not None:
        signal.signal(server.told_by, signal.SIG_DFL)
        signal.raise_signal(server.told_by)


@contextmanager
def opening_page(address: str) -> Iterator[Path]:
    """A file that sends a browser to an address: the address itself, with the token, every user would see in `ps`.

    Yields:
        The file, which only its owner reads; it is gone with the block.
    """
    # Made for its owner only.
    number, name = tempfile.mkstemp(prefix="constitution-view-", suffix=".html")
    page = Path(name)
    try:
        with open(number, "w", encoding="utf-8") as file:
            file.write(render(PACKAGE, "opening.html.jinja", address=address))
        yield page
    finally:
        page.unlink(missing_ok=True)


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
