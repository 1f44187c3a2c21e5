"""A run's findings as figures and tables, and these as files."""

import csv
import io
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from big_runs import make_run

from constitution.counts import Counts
from constitution.errors import ExportError
from constitution.intervals import Estimate
from constitution.plots import Bars, Figure, Histogram, Lines, Table
from constitution.report.agreement import Agreed, Agreement, Reviewer
from constitution.report.audit import Audit, ReliabilityBin
from constitution.report.coverage import Coverage, PrincipleCoverage
from constitution.report.figures import figures, files
from constitution.report.figures.files import font_notes, write_figures
from constitution.report.figures.table_texts import csv_text, latex, latex_text
from constitution.report.figures.tables import tables
from constitution.report.findings import FailureGroup, Findings, RevisionNumbers, StageName, StageNumbers, StepNumbers
from constitution.report.findings.finding import find
from constitution.report.scores import RuleSummary, ScoreSummary
from constitution.spreadsheets import plain_cell

COUNTS = Counts(input=40, done=38, failed=2, filtered=0)
NOTHING = Findings(
    run="empty",
    stages=(),
    revisions=(),
    coverage=None,
    audit=None,
    agreement=None,
    scores=None,
    steps=(),
    seconds=None,
    failures=(),
    examples=(),
    warnings=(),
)


def about(value: float, n: int = 38) -> Estimate:
    return Estimate(value=value, low=value - 0.05, high=value + 0.05, n=n)


def stage(name: StageName, model: str) -> StageNumbers:
    return StageNumbers(
        name=name, model=model, counts=COUNTS, filtered={}, calls=9, version="1", created="", determinism="exact"
    )


def revision(number: int) -> RevisionNumbers:
    later = about(0.5 + number / 10) if number else None
    return RevisionNumbers(
        number=number,
        rows=38,
        beats=later,
        reward=about(number),
        tokens=about(100.0 + number),
        change=later,
        change_in_all=later,
        unchanged=later,
        refusals=about(0.2),
        evasions=about(0.1),
        cut=None,
    )


def principle(id: str, drawn: int = 5, expected: float | None = 0.5) -> PrincipleCoverage:
    some = about(0.6)
    return PrincipleCoverage(
        id=id,
        drawn=drawn,
        share=drawn / 10,
        expected=expected,
        change=some,
        unchanged=some,
        nothing_found=None,
        judged=drawn,
        later_wins=some,
        winner_wins=None,
        agreement=some,
    )


def rule(id: str, before: float | None, after: float | None) -> RuleSummary:
    return RuleSummary(rule=id, weight=1, n=38, mean=0.5, share=0.5, before=before, after=after, invalid=0)


def failure(kind: str, step: str, count: int, message: str = "none") -> FailureGroup:
    return FailureGroup(stage="SL stage", kind=kind, step=step, message=message, count=count, rows=("a",))


def step(name: str, read: int | None, seconds: float | None) -> StepNumbers:
    return StepNumbers(
        stage="SL stage",
        step=name,
        calls=38,
        prompt_tokens=read,
        completion_tokens=read,
        seconds=seconds,
        median=seconds,
        p95=seconds,
    )


FULL = NOTHING.model_copy(
    update={
        "run": "full",
        "stages": (stage("SL stage", "writer-7b"), stage("RL stage", "judge-7b"), stage("rules", "scorer-7b")),
        "revisions": tuple(map(revision, range(3))),
        "coverage": Coverage(
            rows=38,
            rounds=76,
            comparisons=38,
            principles=(principle("kind"), principle("=cmd|' /C calc'!A0")),
            warnings=(),
        ),
        "audit": Audit(
            statuses={},
            sampled={},
            first_position=about(0.55),
            order_agreement=about(0.8),
            order_gap=about(0.1),
            principle_split=None,
            principle_disagreement=None,
            length_correlation=about(0.1),
            histogram=(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
            accuracy=about(0.7),
            accuracy_as_a=about(0.7),
            accuracy_as_b=about(0.7),
            calibration_error=about(0.06),
            reliability=(ReliabilityBin(low=0.5, high=0.55, n=12, confidence=0.53, accuracy=0.5),),
            warnings=(),
        ),
        "agreement": Agreement(
            reviewers=tuple(
                Reviewer(name=name, compared=8, verdicts={}, revisions={}, seconds=3.0, notes=0, as_a=None)
                for name in ("ada", "林")
            ),
            with_ai=(Agreed(one="ada", other="AI", rate=about(0.7), kappa=about(0.4), decided=None),),
            between=(Agreed(one="ada", other="林", rate=about(0.8), kappa=None, decided=None),),
            unread=0,
            outdated=0,
        ),
        "scores": ScoreSummary(
            counts=COUNTS,
            pending=0,
            judge="scorer-7b",
            on="all",
            responses=76,
            unrewarded=0,
            rules=(rule("calm", 0.4, 0.6), rule("unread", None, None)),
            reward=None,
            before=None,
            after=None,
            gain=None,
            calls=9,
            failures={},
            last_failure="",
            filtered={},
            control_strings=0,
            control_tokens=(),
        ),
        "steps": (step("respond", 1000, 2.5), step("judge", None, None)),
        "failures": (
            failure("CallError", "revise", 2, "a [b] \\input{x} 50% & more_of #it~^"),
            failure("CallError", "revise", 3),
            failure("ContextOverflow", "critique", 4),
        ),
    }
)

SMALL = NOTHING.model_copy(update={"run": "small", "revisions": (revision(0),)})


def drawn(findings: Findings) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(findings)}


def test_figures_without_data_are_left_out() -> None:
    assert figures(NOTHING) == () and tables(NOTHING) == ()
    one = drawn(NOTHING.model_copy(update={"revisions": (revision(0),)}))
    assert set(one) == {"reward", "length", "refusals"}
    assert len(drawn(FULL)) == 19
    assert all(isinstance(figure.plot, Bars | Lines | Histogram) for figure in drawn(FULL).values())


def test_harmlessness_begins_at_one_half_by_definition() -> None:
    figure = drawn(FULL)["harmlessness"]
    assert isinstance(figure.plot, Lines)
    first, second, _ = figure.plot.series[0].points
    assert (first.x, first.y, first.low) == (0, 0.5, None) and figure.plot.reference == 0.5
    assert (second.x, second.y, second.low, second.n) == (1, 0.6, pytest.approx(0.55), 38)
    assert "judge-7b" in figure.caption and "writer-7b" in figure.caption and "n = 38" in figure.caption


def test_captions_name_who_judged_and_how_many() -> None:
    told = {name: figure.caption for name, figure in drawn(FULL).items()}
    assert all(
        "judge-7b" in told[name] for name in ("principles-judging", "judge-checks", "judge-labels", "reliability")
    )
    assert all("scorer-7b" in told[name] for name in ("reward", "rules"))
    assert "n = 38 for each" in told["length"] and "45 comparisons" in told["judge-labels"]
    assert "9 rows" in told["failures"] and "12 comparisons" in told["reliability"]


def test_principles_rules_failures_and_steps_are_bars() -> None:
    found = drawn(FULL)
    bars = {name: figure.plot.bars for name, figure in found.items() if isinstance(figure.plot, Bars)}
    assert next((bar.name, bar.value, bar.mark) for bar in bars["principles-usage"]) == ("kind", 0.5, 0.5)
    assert [(bar.name, bar.value, bar.mark) for bar in bars["rules"]] == [("calm", 0.6, 0.4)]
    assert [(bar.name, bar.value) for bar in bars["failures"]] == [
        ("CallError (revise)", 5),
        ("ContextOverflow (critique)", 4),
    ]
    assert [bar.name for bar in bars["tokens-read"]] == ["respond"]
    assert [bar.name for bar in bars["agreement"]] == ["ada and AI", "ada and 林"]
    assert [bar.name for bar in bars["agreement-kappa"]] == ["ada and AI"]


def test_of_many_principles_the_most_drawn_are_shown_and_the_caption_says_so() -> None:
    many = tuple(principle(f"p{n}", drawn=n) for n in range(100))
    coverage = Coverage(rows=1, rounds=1, comparisons=1, principles=many, warnings=())
    figure = drawn(NOTHING.model_copy(update={"coverage": coverage}))["principles-usage"]
    assert isinstance(figure.plot, Bars)
    assert [bar.name for bar in figure.plot.bars] == [f"p{n}" for n in range(40, 100)]
    assert "The 60 of 100" in figure.caption


def test_tables_hold_what_there_is() -> None:
    made = {table.name: table for table in tables(FULL)}
    assert made["revisions"].columns == ("revision", "rows", "better than initial", "reward", "tokens", "words changed")
    assert made["revisions"].rows[1][:3] == (1, 38, about(0.6))
    # Nobody's responses were cut, no principle was told of: such columns are left out.
    assert "cut at max_tokens" not in made["responses"].columns
    assert "nothing found" not in made["principles"].columns
    assert len(made["failures"].rows) == 3 and made["steps"].rows[1][-1] is None


def test_csv_is_read_back_and_starts_no_formula() -> None:
    risky = ("=1+1", "+1", "-1", "@x", "\tx", "\n=1", "＝1", "'=1")
    cells = (*risky, 'a "b", c', "two\nlines", "中文")
    table = Table(
        name="t", title="T", columns=("text", "e"), rows=((cells[0], about(0.3)), *((cell, None) for cell in cells[1:]))
    )
    written = csv_text(table)
    assert written.count("\r\n") == len(cells) + 1
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows[0] == ["text", "e", "e low", "e high", "e n"]
    assert [row[0] for row in rows[1:]] == [*(f"'{cell}" for cell in risky), *cells[len(risky) :]]
    assert [plain_cell(row[0]) for row in rows[1:]] == list(cells)
    assert rows[1][1:] == ["0.3", "0.25", "0.35", "38"] and rows[2][1:] == ["", "", "", ""]
    assert csv_text(Table(name="t", title="T", columns=("n",), rows=((-0.5,), (-2,)))) == "n\r\n-0.5\r\n-2\r\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\\", r"\textbackslash{}"),
        ("a_b & 50% of #1 $x$ {y}", r"a\_b \& 50\% of \#1 \$x\$ \{y\}"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("[x]*--", "{[}x{]}{*}{-}{-}"),
        ("<a|b>\"'`", r"\textless{}a\textbar{}b\textgreater{}\textquotedbl{}\textquotesingle{}\textasciigrave{}"),
        ("中文 é Ж", "中文 é Ж"),
        ("two\nlines\x1b", "two lines�"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
    ],
)
def test_latex_texts(text: str, shown: str) -> None:
    assert latex(text) == shown


def test_latex_tables_are_whole() -> None:
    made = {table.name: latex_text(table) for table in tables(FULL)}
    lines = made["revisions"].splitlines()
    assert lines[0].startswith("% Revision by revision.") and "booktabs" in lines[1]
    assert lines[2:5] == [
        r"\begin{tabular}{rrrrrr}",
        r"\toprule",
        r"revision & rows & better than initial & reward & tokens & words changed \\",
    ]
    assert r"1 & 38 & 0.600 {[0.550, 0.650]} & 1.000 {[0.950, 1.050]} & 101.0 {[101.0, 101.0]}" in lines[7]
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    assert r"$-$0.050" in made["revisions"]
    for text in made.values():
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert len({row.replace(r"\&", "").count("&") for row in rows}) == 1
        assert text.isascii() or "林" in text


def test_files_are_written_and_tell_no_reviewers_name(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "figures"
    paths = write_figures(FULL, folder)
    names = sorted(path.name for path in paths)
    assert names == sorted(os.listdir(folder)) and all(path.parent == folder for path in paths)
    assert {path.suffix for path in paths} == {".svg", ".png", ".csv", ".tex", ".txt"}
    assert len([name for name in names if name.endswith(".svg")]) == len(drawn(FULL))
    for path in paths:
        if path.suffix == ".svg":
            ElementTree.parse(path)
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
        else:
            assert "ada" not in path.read_text(encoding="utf-8") and "林" not in path.read_text(encoding="utf-8")
    assert "harmlessness: Harmlessness by revision. Mean probability" in (folder / "captions.txt").read_text()
    assert "reviewer 1" in (folder / "agreement.csv").read_text()


def test_a_run_makes_figures(tmp_path: Path) -> None:
    findings = find(make_run(tmp_path / "run", 40))
    assert {"harmlessness", "length", "change", "refusals", "principles-usage", "judge-labels"} <= set(drawn(findings))
    assert {"revisions", "responses", "principles", "judge", "steps"} <= {table.name for table in tables(findings)}
    assert font_notes(findings) == ()
    # A folder in the run's own may be named, as runs leave what else is there alone.
    few = SMALL.model_copy(update={"revisions": findings.revisions[:1]})
    assert write_figures(few, tmp_path / "run" / "figures") and find(tmp_path / "run") == findings


def test_letters_without_a_font_are_told() -> None:
    coverage = Coverage(rows=1, rounds=1, comparisons=1, principles=(principle("a\U000f1234"),), warnings=())
    (note,) = font_notes(NOTHING.model_copy(update={"coverage": coverage}))
    assert "\U000f1234" in note and "PNG" in note


def test_older_files_are_replaced_and_others_left(tmp_path: Path) -> None:
    (tmp_path / "length.svg").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    write_figures(SMALL, tmp_path)
    assert (tmp_path / "length.svg").read_text().startswith("<?xml") and (tmp_path / "mine.txt").read_text() == "mine"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


@pytest.mark.parametrize("below", ["", "replaced", "gold"])
def test_a_runs_own_folders_are_refused(tmp_path: Path, below: str) -> None:
    run = make_run(tmp_path / "run", 8)
    before = sorted(run.rglob("*"))
    with pytest.raises(ExportError, match="holds a run's own files") as caught:
        write_figures(SMALL, run / below)
    assert str(run / "figures") in caught.value.hint and sorted(run.rglob("*")) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("mine")
    with pytest.raises(ExportError, match="a file; figures go into a folder"):
        write_figures(SMALL, tmp_path / "figures")
    with pytest.raises(ExportError, match="cannot be written"):
        write_figures(SMALL, tmp_path / "figures" / "below")
    assert (tmp_path / "figures").read_text() == "mine"


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="nothing to draw"):
        write_figures(NOTHING, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_a_disk_that_is_full_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "length.svg").write_text("old")
    written: list[Path] = []

    def full(path: Path, content: str | bytes) -> None:
        if path.name == "length.svg":
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    monkeypatch.setattr(files, "write_whole", full)
    with pytest.raises(ExportError, match=r"length\.svg: cannot be written: No space left"):
        write_figures(SMALL, tmp_path)
    assert (tmp_path / "length.svg").read_text() == "old" and written


def test_without_a_font_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = files.check_fonts
    monkeypatch.setattr(files, "check_fonts", lambda: check(system=False))
    with pytest.raises(ExportError, match="need one of these fonts"):
        write_figures(SMALL, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()
