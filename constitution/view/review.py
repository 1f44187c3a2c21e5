"""Pages that ask people."""

from starlette.routing import Route

from constitution.view.site import Site


def routes(site: Site) -> list[Route]:
    """The table of addresses, below the token."""
    return []
