"""What every page of a view needs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import HTMLResponse

from constitution.pages import render

PACKAGE = "constitution.view"


def nothing() -> None:
    """What a folder of this machine needs before a review is saved there."""


@dataclass(frozen=True)
class Site:
    """One run, as one server shows it.

    Attributes:
        run: The run's folder.
        token: What every address begins with: only who knows it gets an answer.
        reviewer: Who reviews, unless the page says otherwise.
        sample: A file of `constitution sample`: only its rows are reviewed, in its order. None: all rows.
        keep: Called before a review is saved; raises a `ConstitutionError` if it would not be kept.
    """

    run: Path
    token: str
    reviewer: str
    sample: Path | None = None
    keep: Callable[[], None] = nothing

    @property
    def root(self) -> str:
        """What addresses of this site begin with."""
        return f"/{self.token}"

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a template of `html/`; it knows `site`."""
        return HTMLResponse(render(PACKAGE, template, site=self, **values), status)
