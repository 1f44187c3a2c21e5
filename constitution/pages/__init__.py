"""HTML for people: what the report and the view share.

Whatever rows, models and files say is data: it is escaped, what cannot be printed is shown as a replacement sign, and
no page may run a script or load anything that this package did not write (Content-Security-Policy).
"""

from functools import cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from constitution.printable import printable

# Loaded once a process: texts of this package.
STYLE = files(__name__).joinpath("style.css").read_text(encoding="utf-8")


@cache
def environment(package: str = __name__) -> Environment:
    """A package's templates, `*.html.jinja` in its folder `html`; those of this package are there as `shared/…`.

    Autoescape is on for all of them: a text is markup only if it is a `Markup`.
    """
    shared = PrefixLoader({"shared": PackageLoader(__name__, "html")})
    return Environment(
        loader=ChoiceLoader([shared, PackageLoader(package, "html")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def render(package: str, template: str, **values: object) -> str:
    """A page of a package, e.g. `render("constitution.view", "row.html.jinja", row=row)`."""
    return environment(package).get_template(template).render(**values)


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
