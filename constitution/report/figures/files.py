"""A run's figures and tables as files, for papers."""

from pathlib import Path

from constitution.durable import make_folder, write_whole
from constitution.errors import ExportError
from constitution.manifest import COMPARE, REVISE, SCORE, has_stage
from constitution.plots import Bars, Lines, Plot
from constitution.plots.lettering import clean
from constitution.plots.png import check_fonts, missing_letters, png
from constitution.plots.svg import svg_file
from constitution.report.figures import figures
from constitution.report.figures.table_texts import csv_text, latex_text
from constitution.report.figures.tables import tables
from constitution.report.findings import Findings
from constitution.run_folder import OWN_FOLDERS

CAPTIONS = "captions.txt"
STAGES = (REVISE, COMPARE, SCORE)


def write_figures(findings: Findings, folder: Path) -> tuple[Path, ...]:
    """Write each figure as NAME.svg and NAME.png, each table as NAME.csv and NAME.tex, and `captions.txt`.

    Files of these names are replaced, each whole or not at all; others are left alone. Reviewers have numbers in them,
    as figures are handed on and names are personal data.

    Args:
        findings: What the run tells.
        folder: Where to; made if it is not there.

    Returns:
        What was written.

    Raises:
        ExportError: There is nothing to draw, no font for pictures, or the folder takes no files or is a run's own.
    """
    _check_folder(folder)
    made = _drawn(findings.nameless())
    if not made:
        raise ExportError(f"{findings.run}: there is nothing to draw yet", "Wait until a row of it is finished.")
    try:
        make_folder(folder)
        for name, content in made.items():
            write_whole(folder / name, content)
    except OSError as bad:
        raise ExportError(
            f"{bad.filename or folder}: cannot be written: {bad.strerror}", "Name another folder: --figures DIR"
        ) from None
    return tuple(folder / name for name in made)


def font_notes(findings: Findings) -> tuple[str, ...]:
    """What the pictures of a run's figures cannot show for want of a font, in plain words; nothing if all is well."""
    missing = missing_letters("".join(name for figure in figures(findings) for name in _names(figure.plot)))
    if not missing:
        return ()
    some = f"{missing[:20]}…" if len(missing) > 20 else missing
    return (f"no font here has {some}: the PNG files show boxes in their place, the SVG files show them elsewhere",)


def _names(plot: Plot) -> tuple[str, ...]:
    """The texts of a plot that come from people, files and models."""
    if isinstance(plot, Bars):
        return tuple(clean(bar.name) for bar in plot.bars)
    return tuple(clean(series.name) for series in plot.series) if isinstance(plot, Lines) else ()


def _drawn(findings: Findings) -> dict[str, str | bytes]:
    """All files by name, before the first is written."""
    made: dict[str, str | bytes] = {}
    drawn = figures(findings)
    if drawn:
        check_fonts()
    for figure in drawn:
        made[f"{figure.name}.svg"] = drawing = svg_file(figure)
        made[f"{figure.name}.png"] = png(drawing)
    for table in tables(findings):
        made[f"{table.name}.csv"] = csv_text(table)
        made[f"{table.name}.tex"] = latex_text(table)
    if drawn:
        made[CAPTIONS] = "".join(clean(f"{figure.name}: {figure.title}. {figure.caption}") + "\n\n" for figure in drawn)
    return made


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{folder}: a file; figures go into a folder", "Name another one: --figures DIR")
    # Nothing of a run's own may be replaced, nor what is put aside of it.
    for own in (folder, folder.parent) if folder.absolute().name in OWN_FOLDERS else (folder,):
        if any(has_stage(own, stage) for stage in STAGES):
            raise ExportError(f"{folder}: holds a run's own files", f"A folder below: --figures {own / 'figures'}")
