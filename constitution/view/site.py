"""What every page of a view needs."""

from dataclasses import dataclass
from pathlib import Path

from starlette.responses import HTMLResponse

from constitution.pages import render

PACKAGE = "constitution.view"


@dataclass(frozen=True)
class Site:
    """One run, as one server shows it.

    Attributes:
        run: The run's folder.
        token: What every address begins with: only who knows it gets an answer.
        reviewer: Who reviews, unless the page says otherwise.
        sample: A file of `constitution sample`: only its rows are reviewed, in its order. None: all rows.
    """

    run: Path
    token: str
    reviewer: str
    sample: Path | None = None

    @property
    def root(self) -> str:
        """What addresses of this site begin with."""
        return f"/{self.token}"

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a template of `html/`; it knows `site`."""
        return HTMLResponse(render(PACKAGE, template, site=self, **values), status)
