"""A run's report as a file, and its figures beside it."""

from pathlib import Path

from constitution.durable import make_folder, write_whole
from constitution.errors import RunError
from constitution.outside import owner
from constitution.records import Record
from constitution.report.findings import Findings
from constitution.run_folder import check_entry

# The report's name in the run's folder.
NAME = "report.html"
# Where `page.GENERATOR` stands, in any report.
HEAD = 1000


class Written(Record):
    """What was written.

    Attributes:
        findings: What it tells.
        path: The page.
        size: Its bytes.
        figures: Files of figures and tables.
        notes: What the pictures among them cannot show, in plain words.
    """

    findings: Findings
    path: Path
    size: int
    figures: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def write_report(
    run: Path | str, to: Path | str | None = None, figures: Path | str | None = None, overwrite: bool = False
) -> Written:
    """Write what a run tells as one HTML file.

    Args:
        run: The run's folder; it may be unfinished, or under way.
        to: The file. Default: `report.html` in the run's folder. An older report is replaced.
        figures: A folder for the figures as SVG and PNG and the tables as CSV and LaTeX; none if left out.
        overwrite: Replace a file that is no report, too.

    Raises:
        RunError: It is not a run, is damaged, has no row yet, or the file cannot be written.
        ExportError: The folder for the figures cannot be written, or there is no font for pictures.
    """
    from constitution.report.figures.files import check_target, font_notes, write_figures
    from constitution.report.findings.finding import find
    from constitution.report.page import report_page

    run = Path(run)
    path = run / NAME if to is None else Path(to)
    # Before the run is read, which takes its time.
    _check_target(path, overwrite)
    if figures is not None:
        check_target(Path(figures))
    findings = find(run)
    page = report_page(findings, str(run))
    try:
        make_folder(path.parent)
        write_whole(path, page)
    except OSError as bad:
        raise RunError(f"{path}: cannot be written: {bad.strerror}", "Name another file: --out FILE") from None
    drawn = write_figures(findings, Path(figures)) if figures is not None else ()
    notes = font_notes(findings) if drawn else ()
    return Written(findings=findings, path=path, size=len(page.encode()), figures=drawn, notes=notes)


def _check_target(path: Path, overwrite: bool) -> None:
    from constitution.report.page import GENERATOR

    check_entry(path)
    # Of a run's own files none may be replaced, nor made in the place of one that is not there yet.
    if path.name != NAME and (run := owner(path)):
        raise RunError(
            f"{path}: in the folder of the run {run}, which holds what the run wrote; a report there is {NAME}",
            "Name a file elsewhere: --out FILE",
        )
    if path.is_dir():
        raise RunError(f"{path}: a folder; a report is one file", f"For example: --out {path / NAME}")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as bad:
        raise RunError(f"{path}: cannot be read: {bad.strerror}", "Name another file: --out FILE") from None
    if GENERATOR.encode() not in head and not overwrite:
        raise RunError(
            f"{path}: is there, and no report of this program", "Name another file with --out, or add --overwrite."
        )
