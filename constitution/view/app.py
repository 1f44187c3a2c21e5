"""The web application: who gets an answer, and what no page may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Timer

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from constitution.errors import ConfigError, ConstitutionError
from constitution.pages import STYLE
from constitution.view import browse, review
from constitution.view.desk import Desk
from constitution.view.live import Live
from constitution.view.queue import read_sample
from constitution.view.site import Site

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Addresses hold the token.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# Seconds after the start at which what is reviewed is read.
WARM = 2.0


class Headers:
    """Puts `HEADERS` on every answer; outermost, so on those that tell of a bug too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, sent)


def make_app(site: Site, live: Live) -> ASGIApp:
    """The application of one run.

    Addresses begin with the token, so that no other page in the browser can guess one; a request that names another
    host (DNS rebinding) gets no answer.

    Args:
        site: The run, the token, who reviews.
        live: Runs as long as the application does.

    Raises:
        ConfigError: The sample cannot be read.
    """
    desk = Desk(site.run, read_sample(site.sample, site.run) if site.sample else None)
    static = StaticFiles(directory=Path(__file__).with_name("static"))
    routes = [
        Route("/shared.css", lambda _: Response(STYLE, media_type="text/css")),
        Mount("/static", static),
        Route("/events", live.events, name="events"),
        *browse.routes(site, live.index),
        *review.routes(site, desk),
    ]

    def refused(request: Request, error: Exception) -> Response:
        """What a person can mend: damaged journals, filters that there are not."""
        assert isinstance(error, ConstitutionError)
        status = 400 if isinstance(error, ConfigError) else 500
        return site.page("problem.html.jinja", status, title="This cannot be shown", told=error)

    def missing(request: Request, error: Exception) -> Response:
        """Who does not know the token is told nothing; who does, where to go on."""
        assert isinstance(error, HTTPException)
        known = request.scope["path"].startswith(f"{site.root}/")
        if error.status_code != 404 or not known:
            return PlainTextResponse(error.detail, error.status_code, error.headers)
        told = ConfigError("There is no such page.", "Rows are found from the list of all rows.")
        return site.page("problem.html.jinja", 404, title="No such page", told=told)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # After the first pages: who goes on to review need not wait for it.
        early = Timer(WARM, desk.warm)
        early.daemon = True
        early.start()
        try:
            async with live.run():
                yield
        finally:
            early.cancel()

    app = Starlette(
        routes=[Mount(site.root, routes=routes)],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False),
        ],
        exception_handlers={ConstitutionError: refused, HTTPException: missing},
        lifespan=lifespan,
    )
    return Headers(app)
