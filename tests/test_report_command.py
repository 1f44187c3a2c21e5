"""`constitution report` as it is typed: what it writes where, what it refuses, and what rows may say."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from big_runs import make_run
from report_pages import Page, check

from constitution import count, write_report
from constitution.errors import RunError
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
    assert "This run is not finished. SL stage: 7 of 12 rows are pending." in page.words
    assert page.words.index("This run is not finished.") < page.words.index("Where the rows of each stage are")
    assert "SL stage 12 5 0 0 7" in page.words


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


def test_a_large_run_has_a_small_report(tmp_path: Path) -> None:
    run = make_run(tmp_path / "big", ROWS)
    written = write_report(run)
    assert written.size < 2_000_000
    page = Page(written.path.read_text(encoding="utf-8"))
    check(page)
    counts = written.findings.stages[0].counts
    row = (counts.input, counts.done, counts.failed, counts.filtered, counts.pending)
    assert "SL stage " + " ".join(f"{number:,}" for number in row) in page.words
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
