"""`constitution report` as it is typed: what it writes where, what it refuses, and what rows may say."""

import itertools
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from big_runs import make_run
from findings_parts import make_findings
from report_pages import Page, check
from typer.testing import CliRunner

from constitution import count, write_report
from constitution.cli import app
from constitution.errors import ExportError, RunError
from constitution.report.figures import files
from constitution.report.findings import Caution
from constitution.report.findings.finding import find
from constitution.report.page import report_page

Cli = Callable[..., subprocess.CompletedProcess[str]]
Generated = Callable[..., Path]
LONG = os.environ.get("CRASH") == "long"
ROWS = 10_000 if LONG else 200
HOSTILE = (
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "<svg/onload=alert(4)>",
    '"><iframe src="https://example.com">',
    "![x](https://example.com/x.png)",
    "{{ 7 * 7 }} {% include 'x' %}",
    "&lt;b&gt; &amp;",
    "مرحبا بالعالم",
    "你好，世界。",
)


def test_a_report_is_written_told_and_replaced(generated: Generated, cli: Cli) -> None:
    run = generated(rounds=2)
    first = cli("report", run)
    assert first.returncode == 0, first.stderr
    page = run / "report.html"
    size = len(page.read_bytes())
    assert first.stdout.splitlines()[:2] == [
        f"report: {page} ({size / 1000:,.0f} kB)",
        "  SL stage: 12 rows = 12 done + 0 failed + 0 filtered + 0 pending",
    ]
    check(Page(page.read_text(encoding="utf-8")))
    assert write_report(run).size == size
    # The run is a run as before.
    assert count(run).done == 12


def test_json_is_the_findings_and_figures_lie_where_they_are_asked_for(
    tmp_path: Path, generated: Generated, cli: Cli
) -> None:
    run = generated()
    told = cli(
        "report", run, "--out", tmp_path / "new" / "page.html", "--figures", tmp_path / "drawn", "--format", "json"
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == json.loads(find(run).model_dump_json())
    assert (tmp_path / "new" / "page.html").stat().st_size > 10_000
    assert not (run / "report.html").exists()
    assert {path.suffix for path in (tmp_path / "drawn").iterdir()} >= {".svg", ".png", ".csv", ".tex"}


def test_the_library_writes_the_same_page(tmp_path: Path, generated: Generated) -> None:
    run = generated()
    written = write_report(run, tmp_path / "page.html")
    assert written.path.read_text(encoding="utf-8") == report_page(find(run), str(run))
    assert written.size == written.path.stat().st_size and written.figures == ()


def test_an_unfinished_run_says_so_on_top(generated: Generated) -> None:
    run = generated()
    outcomes = run / "transcripts.jsonl"
    outcomes.write_bytes(b"".join(outcomes.read_bytes().splitlines(keepends=True)[:5]))
    write_report(run)
    page = Page((run / "report.html").read_text(encoding="utf-8"))
    assert "This run is not finished. All numbers are of the rows that are done so far." in page.words
    assert page.words.index("This run is not finished.") < page.words.index("Where the rows of each stage are")
    assert page.words.count("12 rows = 5 done + 0 failed + 0 filtered + 7 pending; go on with: constitution") == 1
    assert "Input 12 = done 5 + failed 0 + filtered 0 + pending 7" in page.words


def test_an_empty_a_damaged_and_no_run_are_refused_by_name(tmp_path: Path, generated: Generated, cli: Cli) -> None:
    run = generated()
    outcomes = run / "transcripts.jsonl"
    whole = outcomes.read_bytes()
    outcomes.write_bytes(whole.replace(b"number 3", b"number 4", 1))
    damaged = cli("report", run)
    assert damaged.returncode == 4 and re.search(r"transcripts\.jsonl:\d+: ", damaged.stderr), damaged.stderr
    assert damaged.stdout == "" and "Traceback" not in damaged.stderr
    outcomes.unlink()
    with pytest.raises(RunError, match="no row is finished yet") as empty:
        write_report(run)
    assert empty.value.hint.endswith(f"constitution status {run}")
    with pytest.raises(RunError, match="no such folder"):
        write_report(tmp_path / "nowhere")
    assert not (run / "report.html").exists() and not (tmp_path / "nowhere").exists()


def test_a_report_takes_the_place_of_reports_only(tmp_path: Path, generated: Generated, cli: Cli) -> None:
    run = generated()
    mine = tmp_path / "mine.html"
    mine.write_text("<p>My own page")
    refused = cli("report", run, "--out", mine)
    assert refused.returncode == 4 and "no report of this program" in refused.stderr and "--overwrite" in refused.stderr
    assert mine.read_text() == "<p>My own page"
    assert cli("report", run, "--out", mine, "--overwrite").returncode == 0
    assert write_report(run, mine).size == mine.stat().st_size
    link = tmp_path / "link.html"
    link.symlink_to(mine)
    for place, told in ((tmp_path, "a folder"), (mine / "page.html", "cannot be written"), (link, "a link to")):
        with pytest.raises(RunError, match=told):
            write_report(run, place)


def test_nothing_of_a_runs_own_is_replaced_or_made_up(tmp_path: Path) -> None:
    run, other = make_run(tmp_path / "run", 8), make_run(tmp_path / "other", 8)
    link = tmp_path / "link"
    link.symlink_to(other)
    setup = tmp_path / "ab"
    setup.mkdir()
    (setup / "ab.json").write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name in ("calls.jsonl", "reviews.jsonl", "replaced/1/page.html", "gold/page.html", "mine.html"):
        for folder, overwrite in itertools.product((run, other, link, setup), (False, True)):
            with pytest.raises(RunError, match="which holds what the run wrote") as refused:
                write_report(run, folder / name, overwrite=overwrite)
            assert str(folder.resolve()) in refused.value.message and "--out" in refused.value.hint
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    # A report is what people find there, and what is below is theirs.
    for free in (other / "report.html", other / "mine" / "page.html"):
        assert write_report(run, free).path == free


def test_where_figures_go_is_looked_at_before_the_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ExportError, match="a file"):
            write_report(tmp_path / "no run", tmp_path / "page.html", place)

    def none() -> None:
        raise ExportError("no font")

    monkeypatch.setattr(files, "check_fonts", none)
    with pytest.raises(ExportError, match="no font"):
        write_report(tmp_path / "no run", tmp_path / "page.html", tmp_path / "figures")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_what_pictures_cannot_show_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "missing_letters", lambda text: "文" if "plain" in text else "")
    findings = make_findings(run="run")
    monkeypatch.setattr("constitution.report.findings.finding.find", lambda run: findings)
    monkeypatch.setattr(files, "_names", lambda plot: ("plain",))
    drawn = ["report", str(tmp_path / "run"), "--out", str(tmp_path / "page.html")]
    told = CliRunner().invoke(app, [*drawn, "--figures", str(tmp_path / "figures"), "--format", "json"])
    assert told.exit_code == 0 and json.loads(told.stdout) == json.loads(findings.model_dump_json())
    assert told.stderr.startswith("warning: no font here has 文: the PNG files show boxes")
    assert CliRunner().invoke(app, drawn).stderr == ""


def test_a_command_is_told_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = "constitution generate --system-prompt '" + "Be  kind.\n" * 200 + "' --retry-failed"
    findings = make_findings(warnings=(Caution(text="3 rows failed; run them again with", command=typed),))
    monkeypatch.setattr("constitution.report.findings.finding.find", lambda run: findings)
    told = CliRunner().invoke(app, ["report", str(tmp_path / "run"), "--out", str(tmp_path / "page.html")])
    assert f"warning: 3 rows failed; run them again with: {typed}\n" in told.stdout
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert typed in page.codes


def test_a_large_run_has_a_small_report(tmp_path: Path) -> None:
    run = make_run(tmp_path / "big", ROWS)
    written = write_report(run)
    assert written.size < 2_000_000
    page = Page(written.path.read_text(encoding="utf-8"))
    check(page)
    counts = written.findings.stages[0].counts
    row = rf"Input {counts.input:,} [\d,]+ = done {counts.done:,} [\d,]+ \+ failed {counts.failed:,} "
    assert re.search(row, page.words)
    assert page.values("class").count("example") >= 5


def test_hostile_rows_are_texts(tmp_path: Path, cli: Cli) -> None:
    prompts = tmp_path / "hostile.jsonl"
    payloads = [*HOSTILE, "\x1b[2J\x1b]0;owned\x07", "\u202egnp.exe"]
    rows = [{"id": f"{number} {payload}"[:60], "prompt": payload} for number, payload in enumerate(payloads)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    rules = tmp_path / "rules.yaml"
    replies = [
        {"when": "^Critique|critique", "reply": HOSTILE[0] + HOSTILE[2]},
        {"when": ".", "reply": "".join(payloads)},
    ]
    rules.write_text(json.dumps(replies), encoding="utf-8")
    run = tmp_path / "run"
    made = cli("generate", "--prompts", prompts, "--out", run, "--engine", "scripted", "--model", rules, "-q")
    assert made.returncode == 0, made.stderr
    assert cli("compare", run, "--pairs", "revisions", "-q").returncode == 0
    told = cli("report", run)
    assert told.returncode == 0, told.stderr
    html = (run / "report.html").read_text(encoding="utf-8")
    check(page := Page(html))
    for payload in HOSTILE:
        assert payload in page.text
    assert not set(html) & set("\x1b\x07\u202e")
    assert not set(told.stdout + told.stderr) & set("\x1b\x07\u202e")
