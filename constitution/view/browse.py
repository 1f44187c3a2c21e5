"""Pages of rows."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from constitution.view.site import Site


def routes(site: Site) -> list[Route]:
    """The table of addresses, below the token."""

    def rows(request: Request) -> Response:
        return site.page("rows.html.jinja")

    return [Route("/", rows, name="rows")]
