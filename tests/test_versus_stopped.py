"""Two constitutions compared: stopped in any stage, failed, changed, or wrong from the start."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from plugging import start
from versus_parts import STAGES, Lines, asking, calls_of, comparing, file_of, two_files

from constitution.config import CompareSettings
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import (
    CallError,
    ConstitutionError,
    FolderTaken,
    PrinciplesError,
    RunError,
    SettingsDiffer,
    SourceError,
)
from constitution.records import Completion, Message
from constitution.report.versus import VersusSummary
from constitution.store import comparisons

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return two_files(tmp_path)


@pytest.fixture
def versus(tmp_path: Path, prompts: Path) -> Callable[..., VersusSummary]:
    return comparing(tmp_path, prompts)


# --- stopped, changed, failed


def test_killed_in_each_stage_it_goes_on_with_the_same_figures_and_repeats_no_call(
    tmp_path: Path,
    prompts: Path,
    files: tuple[str, str],
    versus: Callable[..., VersusSummary],
    program: Cli,
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
    resumed = program("principles", "ab", *files, *given)
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


@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        (SettingsDiffer("The run differs.", "Score anew."), "Give the old settings to go on, or choose another folder"),
        (FolderTaken("It is taken.", "Move it."), "Choose another folder: --out DIR"),
        (RunError("Damaged.", "Old settings, or --fork."), "Old settings, or --fork."),
    ],
)
def test_a_stages_own_way_out_gives_place_to_that_of_both(
    files: tuple[str, str],
    versus: Callable[..., VersusSummary],
    monkeypatch: pytest.MonkeyPatch,
    refusal: RunError,
    hint: str,
) -> None:
    async def refuse(*given: object, **more: object) -> None:
        raise refusal

    monkeypatch.setattr("constitution.versus.generate", refuse)
    with pytest.raises(type(refusal)) as refused:
        versus(*files)
    assert refused.value.message == refusal.message
    assert refused.value.hint.startswith(hint)


def test_a_folder_that_holds_something_else_is_told_from_one_of_other_settings(
    generated: Callable[..., Path], tmp_path: Path
) -> None:
    run = generated()
    with pytest.raises(SettingsDiffer, match="made by other settings"):
        generated(seed=9)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear", encoding="utf-8")
    with pytest.raises(FolderTaken, match="not a run"):
        generated(out=str(tmp_path / "mine"))
    assert run.is_dir()


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
    for more in ("", "rules:\n  - {id: hurts, proposition: It hurts somebody., weight: -1}\n"):
        copy.write_text(copy.read_text(encoding="utf-8") + more, encoding="utf-8")
        with pytest.raises(PrinciplesError, match="hold the same principles") as refused:
            versus(files[0], str(copy))
        assert "rules and tags do not count" in refused.value.hint
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
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    for by in ("", "topic"):
        with pytest.raises(SourceError, match=r"empty\.jsonl: no rows"):
            versus(*files, prompts=str(empty), by=by)
    with pytest.raises(SourceError, match="no rows after the first 99"):
        versus(*files, skip=99)
    assert not (tmp_path / "ab").exists()


def test_more_principles_a_pair_than_there_are_names_the_flag_and_the_files(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    with pytest.raises(PrinciplesError) as refused:
        versus(*files, judging=CompareSettings(principles_per_pair=9))
    names = " and ".join(files)
    assert refused.value.message == f"--principles-per-pair 9: more than there are principles in {names} (3)"
    with pytest.raises(PrinciplesError, match=r"principles in \S*after\.yaml \(2\)"):
        versus(*files, judging=CompareSettings(principles_per_pair=9, principles=files[1]))
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
