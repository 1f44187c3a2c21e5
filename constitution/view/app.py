"""The web application: who gets an answer, and what no page may do."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from constitution.pages import STYLE
from constitution.view import browse, review
from constitution.view.site import Site

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Addresses hold the token.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Headers:
    """Puts `HEADERS` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, sent)


def make_app(site: Site) -> Starlette:
    """The application of one run.

    Addresses begin with the token, so that no other page in the browser can guess one; a request that names another
    host (DNS rebinding) gets no answer.
    """
    static = StaticFiles(directory=Path(__file__).with_name("static"))
    routes = [
        Route("/shared.css", lambda _: Response(STYLE, media_type="text/css")),
        Mount("/static", static),
        *browse.routes(site),
        *review.routes(site),
    ]
    return Starlette(
        routes=[Mount(site.root, routes=routes)],
        middleware=[
            Middleware(Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False),
        ],
    )
