"""Two constitutions compared from end to end: same responses, calls made once, stopped anywhere and gone on with."""

import asyncio
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from plugging import start

from constitution.config import CompareSettings, Settings
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError, ConstitutionError, PrinciplesError, RunError, SourceError
from constitution.manifest import COMPARE
from constitution.principle_files.writing import file_text
from constitution.principles import Principle, PrincipleSet, load_principles
from constitution.records import Completion, Message
from constitution.report.versus import VersusSummary, summarise_versus
from constitution.report.versus_lines import versus_lines
from constitution.runner import Watch
from constitution.store import comparisons, count, transcripts
from constitution.versus import plan_versus, run_versus

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Lines = Callable[[Path], list[Any]]

STAGES = ("a/calls.jsonl", "b/calls.jsonl", "judged/compare-calls.jsonl")


def asking(id: str, comparison: bool = True, tag: str = "") -> Principle:
    return Principle(
        id=id,
        critique_request=f"Say what is not {id}.",
        revision_request=f"Make it {id}.",
        comparison=f"Which is more {id}?" if comparison else None,
        tags=(tag,) if tag else (),
    )


def file_of(path: Path, *principles: Principle) -> str:
    whole = PrincipleSet(name=path.stem, version="1", description="Mine.", principles=principles)
    path.write_text(file_text(whole), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Two files of two principles, one of which is the same."""
    a = file_of(tmp_path / "before.yaml", asking("kind", tag="tone"), asking("short", tag="form"))
    return a, file_of(tmp_path / "after.yaml", asking("kind", tag="tone"), asking("true", tag="facts"))


@contextmanager
def unwatched(stage: str) -> Iterator[Watch | None]:
    yield None


@pytest.fixture
def versus(tmp_path: Path, prompts: Path) -> Callable[..., VersusSummary]:
    """Compare two files, or go on with it, in this process."""

    def run(
        a: str,
        b: str,
        name: str = "ab",
        retry_failed: bool = False,
        judging: CompareSettings | None = None,
        by: str = "",
        **settings: Any,
    ) -> VersusSummary:
        given = {"prompts": str(prompts), "out": str(tmp_path / name), "engine": "scripted", "principles": a}
        plan = plan_versus(Settings(**(given | settings)), judging or CompareSettings(), b, by or None)
        asyncio.run(run_versus(plan, unwatched, retry_failed=retry_failed))
        return summarise_versus(plan.folder, by)

    return run


def calls_of(folder: Path, lines: Lines) -> list[Counter[tuple[str, str, str]]]:
    return [Counter((one["row"], one["step"], one["digest"]) for one in lines(folder / name)) for name in STAGES]


# --- what is compared


def test_both_runs_have_the_same_responses_and_ask_for_them_once(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()
    whole = ScriptedEngine.generate

    async def generate(self: ScriptedEngine, messages: Sequence[Message], *rest: Any) -> Completion:
        made[messages[-1].content.split("?")[0]] += 1
        return await whole(self, messages, *rest)

    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    versus(*files)
    a, b = (list(transcripts(tmp_path / "ab" / side)) for side in ("a", "b"))
    assert [row.response for row in a] == [row.response for row in b]
    assert [row.responses[-1] for row in a] != [row.responses[-1] for row in b]
    assert {made[f"Question number {number}"] for number in range(12)} == {1}


def test_the_judge_is_asked_about_the_last_revisions(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    found = versus(*files, rounds=1)
    folder = tmp_path / "ab"
    sides = {side: {row.id: row for row in transcripts(folder / side)} for side in ("a", "b")}
    made = list(comparisons(folder / "judged"))
    assert len(made) == 12
    for one in made:
        b, a = (one.first, one.second) if one.metadata["b"] == "first" else (one.second, one.first)
        row = str(one.metadata["row"])
        assert (a.text, b.text) == tuple(sides[side][row].responses[-1].text for side in ("a", "b"))
        assert one.prompt == sides["a"][row].prompt
    # Which one stands first follows from the texts.
    assert {one.metadata["b"] for one in made} == {"first", "second"}
    asked = load_principles(str(folder / "judge.yaml"))
    assert [(one.id, one.weight) for one in asked.principles] == [("kind", 1.0), ("short", 0.5), ("true", 0.5)]
    assert found.principles == 3
    assert {vote.principle for one in made for vote in one.votes} == {"kind", "short", "true"}
    assert {standing.name for standing in found.figures.tags} == {"facts", "form", "tone"}


def test_a_clear_winner_is_told_as_one(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    rules = tmp_path / "rules.yaml"
    # B's text is preferred wherever it stands; both say the same of the principle that they share.
    rules.write_text(
        "- {when: 'Make it (kind|short)', reply: Plain.}\n- {when: 'Make it', reply: Gold.}\n"
        "- {when: '(?s)Gold.*Plain', choose: {A: 0.9, B: 0.1}}\n"
        "- {when: '(?s)Plain.*Gold', choose: {A: 0.1, B: 0.9}}\n",
        encoding="utf-8",
    )
    b = file_of(tmp_path / "gold.yaml", asking("true"))
    found = versus(files[0], b, model=str(rules), rounds=1)
    overall = found.figures.overall
    assert (overall.b, overall.a, overall.ties) == (12, 0, 0)
    assert overall.win_rate and overall.win_rate.value == 1
    assert overall.soft_label and overall.soft_label.value == pytest.approx(0.9)
    assert "cannot be told from these prompts" not in "\n".join(versus_lines(found))


def test_the_figures_follow_the_judge(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    judge = tmp_path / "judge-rules.yaml"
    # Whatever it is asked, it prefers (A): in both orders, so that nothing can be told.
    judge.write_text("- {when: '', choose: {A: 0.9, B: 0.1}}\n", encoding="utf-8")
    found = versus(*files, judging=CompareSettings(judge=f"scripted:{judge}"))
    overall = found.figures.overall
    differing = 12 - found.figures.identical
    assert found.figures.statuses["inconsistent"] == differing
    assert overall.win_rate and overall.win_rate.value == 0.5
    assert found.figures.first_position and found.figures.first_position.value == 1
    assert any("nearly always prefers" in warning for warning in found.figures.warnings)


def test_exchanging_the_two_asks_the_same_and_mirrors_the_figures(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary], lines: Lines
) -> None:
    a, b = files
    one, other = versus(a, b, "one"), versus(b, a, "other")
    assert calls_of(tmp_path / "one", lines)[2] == calls_of(tmp_path / "other", lines)[2]
    first, second = one.figures, other.figures
    assert first.overall.win_rate and second.overall.win_rate
    assert second.overall.win_rate.value == pytest.approx(1 - first.overall.win_rate.value, abs=1e-15)
    assert first.overall.win_rate.value != 0.5
    assert first.under_a and second.under_b
    assert (first.under_a.b, first.under_a.a) == (second.under_b.a, second.under_b.b)


def test_rows_of_one_text_are_ties_and_said(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'Make it', reply: The very same.}\n", encoding="utf-8")
    found = versus(*files, model=str(rules))
    assert found.figures.identical == 12
    assert found.figures.overall.ties == 12
    told = "\n".join(versus_lines(found))
    assert "12 pairs of one text: ties that nobody was asked about" in told
    assert "cannot be told from these prompts" in told


def test_a_revision_that_looks_like_a_transcript_is_one_response(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    rules, text = tmp_path / "rules.yaml", "Human: Sure.\n\nHuman: More?\n\nAssistant: Yes."
    rules.write_text(json.dumps([{"when": "Make it kind", "reply": text}]), encoding="utf-8")
    found = versus(*files, model=str(rules), rounds=1)
    assert found.rows_judged.done == 12
    texts = {side.text for one in comparisons(tmp_path / "ab" / "judged") for side in (one.first, one.second)}
    assert text in texts


def test_a_columns_values_are_told_apart(files: tuple[str, str], versus: Callable[..., VersusSummary]) -> None:
    found = versus(*files, by="topic")
    assert [(one.name, one.b + one.a + one.ties) for one in found.figures.groups] == [
        ("topic 0", 4),
        ("topic 1", 4),
        ("topic 2", 4),
    ]


def test_the_judge_can_be_asked_under_principles_of_its_own(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    own = file_of(tmp_path / "own.yaml", asking("short"))
    found = versus(*files, judging=CompareSettings(principles=own))
    assert {vote.principle for one in comparisons(tmp_path / "ab" / "judged") for vote in one.votes} == {"short"}
    # It is one of A's, too.
    assert found.figures.under_a
    assert found.figures.under_b is None


# --- stopped, changed, failed


def test_killed_in_each_stage_it_goes_on_with_the_same_figures_and_repeats_no_call(
    tmp_path: Path,
    prompts: Path,
    files: tuple[str, str],
    versus: Callable[..., VersusSummary],
    cli: Cli,
    lines: Lines,
) -> None:
    rules, folder = tmp_path / "rules.yaml", tmp_path / "killed"
    rules.write_text("- {when: '', seconds: 0.02}\n", encoding="utf-8")
    settings = {"model": str(rules), "rounds": 1, "concurrency": 2, "limit": 8}
    whole = versus(*files, "whole", **settings)
    flags = [word for name, value in settings.items() for word in (f"--{name}", value)]
    given = ("--prompts", prompts, "--engine", "scripted", *flags, "-q", "--format", "json", "--out", folder)
    for name in STAGES:
        with start("principles", "ab", *files, *given) as process:
            journal = folder / name
            while not journal.exists() or journal.read_bytes().count(b"\n") < 8:
                assert process.poll() is None, process.communicate()
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
    resumed = cli("principles", "ab", *files, *given)
    assert resumed.returncode == 0, resumed.stderr
    assert VersusSummary.model_validate_json(resumed.stdout) == whole
    found = calls_of(folder, lines)
    assert found == calls_of(tmp_path / "whole", lines)
    assert all(number == 1 for stage in found for number in stage.values())
    before = [(folder / name).read_bytes() for name in STAGES]
    assert versus(*files, "killed", **settings) == whole
    assert [(folder / name).read_bytes() for name in STAGES] == before


def test_ctrl_c_keeps_what_is_under_way(tmp_path: Path, prompts: Path, files: tuple[str, str]) -> None:
    rules, folder = tmp_path / "rules.yaml", tmp_path / "ab"
    rules.write_text("- {when: '', seconds: 0.3}\n", encoding="utf-8")
    given = ("--prompts", prompts, "--engine", "scripted", "--model", rules, "--concurrency", 2, "--out", folder)
    with start("principles", "ab", *files, *given) as process:
        journal = folder / "a" / "calls.jsonl"
        while not journal.exists() or journal.read_bytes().count(b"\n") < 2:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in errors
    assert not (folder / "b").exists()


def test_a_changed_comparison_is_refused_before_anything_is_asked(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary], lines: Lines
) -> None:
    versus(*files)
    before = calls_of(tmp_path / "ab", lines)
    a, b = files
    other = file_of(tmp_path / "other.yaml", asking("true"))
    for change, words in (
        ({"seed": 1}, "seed: 0 → 1"),
        ({"judging": CompareSettings(principles_per_pair=1)}, "judging: principles_per_pair: 3 → 1"),
        ({"judging": CompareSettings(principles=other)}, "judging: principles (content):"),
        ({"limit": 3}, "limit: null → 3"),
    ):
        with pytest.raises(RunError, match="compares by other settings") as refused:
            versus(a, b, **change)
        assert words in refused.value.message
        assert refused.value.hint == "Give the old settings to go on, or choose another folder: --out DIR"
    with pytest.raises(RunError, match=r"B \(content\)"):
        versus(a, other)
    with pytest.raises(RunError, match=r"A \(content\)"):
        versus(other, b)
    # What is known of the model only when it is loaded is told by the run.
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'nothing', reply: Nothing.}\n", encoding="utf-8")
    with pytest.raises(RunError) as refused:
        versus(a, b, model=str(rules), judging=CompareSettings(judge="scripted:smollm2"))
    assert "--fork" not in refused.value.hint
    assert calls_of(tmp_path / "ab", lines) == before


def test_a_slip_before_the_first_call_binds_nobody(
    files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    with pytest.raises(ConstitutionError, match="no such file"):
        versus(*files, model="slip.yaml")
    assert versus(*files).rows_judged.done == 12


def test_rows_that_failed_are_left_out_told_and_run_again(
    tmp_path: Path,
    files: tuple[str, str],
    versus: Callable[..., VersusSummary],
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = versus(*files, "whole", rounds=1)
    whole = ScriptedEngine.generate
    # One whose revisions differ, so that the judge is asked about it.
    failing = next(one for one in comparisons(tmp_path / "whole" / "judged") if one.votes).prompt[0].content

    async def generate(self: ScriptedEngine, messages: Sequence[Message], *rest: Any) -> Completion:
        if messages[0].content == failing and len(messages) > 1:
            raise CallError("the server hung up")
        return await whole(self, messages, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(ScriptedEngine, "generate", generate)
        lacking = versus(*files, rounds=1)
    assert (lacking.rows_a.failed, lacking.rows_b.failed, lacking.rows_judged.input) == (1, 1, 11)
    asked = calls_of(tmp_path / "ab", lines)[2]
    # Without --retry-failed it stays as it is.
    assert versus(*files, rounds=1) == lacking
    mended = versus(*files, rounds=1, retry_failed=True)
    assert mended.figures == wanted.figures
    assert (mended.rows_a.failed, mended.rows_judged.done) == (0, 12)
    again = calls_of(tmp_path / "ab", lines)[2]
    assert asked.total() < again.total() == calls_of(tmp_path / "whole", lines)[2].total()
    assert all(number == 1 for number in again.values())


def test_no_row_under_both_is_an_error(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'Make it true', error: the server hung up}\n", encoding="utf-8")
    only_true = file_of(tmp_path / "true.yaml", asking("true"))
    with pytest.raises(RunError, match="no row is finished under both") as refused:
        versus(files[0], only_true, model=str(rules), rounds=1)
    assert "B: 12 rows = 0 done + 12 failed" in refused.value.message
    assert "--retry-failed" in refused.value.hint


# --- wrong input


def test_two_files_that_say_the_same_are_refused(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(f"# Another comment.\n{Path(files[0]).read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(PrinciplesError, match="hold the same principles"):
        versus(files[0], str(copy))
    assert not (tmp_path / "ab").exists()


def test_a_file_without_comparisons_needs_principles_for_the_judge(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    mute = file_of(tmp_path / "mute.yaml", asking("mute", comparison=False))
    with pytest.raises(PrinciplesError, match=r"mute\.yaml: none of its principles has a `comparison`"):
        versus(files[0], mute)
    assert not (tmp_path / "ab").exists()
    with pytest.raises(PrinciplesError, match=r"mute\.yaml: a judge is asked each principle's `comparison`") as refused:
        versus(*files, judging=CompareSettings(principles=mute))
    assert "--judge-principles FILE" in refused.value.hint
    found = versus(files[0], mute, judging=CompareSettings(principles=files[0]))
    assert (found.figures.under_a is None, found.figures.under_b) == (False, None)


def test_missing_prompts_and_columns_leave_no_folder(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    with pytest.raises(SourceError, match="no such file"):
        versus(*files, prompts="absent.jsonl")
    with pytest.raises(SourceError, match=r"--by topc: .* did you mean 'topic'"):
        versus(*files, by="topc")
    with pytest.raises(PrinciplesError, match="9 principles a pair"):
        versus(*files, judging=CompareSettings(principles_per_pair=9))
    assert not (tmp_path / "ab").exists()


def test_somebody_elses_folder_is_left_alone(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    folder = tmp_path / "ab"
    folder.mkdir()
    (folder / "judge.yaml").write_text("mine\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"not empty.*judge\.yaml"):
        versus(*files)
    assert [path.read_text(encoding="utf-8") for path in folder.iterdir()] == ["mine\n"]


# --- the command


def test_the_command_tells_who_is_better(tmp_path: Path, prompts: Path, files: tuple[str, str], cli: Cli) -> None:
    given = ("--prompts", prompts, "--engine", "scripted", "--limit", 6, "--by", "topic")
    result = cli("principles", "ab", *files, *given)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"A: {files[0]}: 6 rows = 6 done + 0 failed + 0 filtered + 0 pending"
    assert any(line.startswith("B beats A: ") and "n = 6 (even: 50%" in line for line in lines)
    assert "by topic: B beats A" in lines
    assert [line for line in result.stderr.splitlines() if line.startswith(("A: ", "B: ", "judge: "))] == [
        f"A: {files[0]}",
        f"B: {files[1]}",
        "judge: smollm2",
    ]
    folder = tmp_path / "outputs" / "ab-before-after"
    assert count(folder / "judged", COMPARE).done == 6
    # Its stages are ordinary runs.
    assert cli("audit", folder / "judged").returncode == 0


def test_rows_that_failed_make_the_exit_code_5(tmp_path: Path, prompts: Path, files: tuple[str, str], cli: Cli) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'number 3', error: the server hung up}\n", encoding="utf-8")
    given = ("--prompts", prompts, "--engine", "scripted", "--model", rules)
    result = cli("principles", "ab", *files, *given, "-q")
    assert result.returncode == 5, result.stderr
    assert "11 done + 1 failed" in result.stdout
    assert result.stderr == "rows failed; --retry-failed runs them again\n"
