"""Two constitutions compared from end to end: same responses, calls made once, stopped anywhere and gone on with."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from versus_parts import Lines, asking, calls_of, comparing, file_of, two_files

from constitution.config import CompareSettings
from constitution.engines.scripted import ScriptedEngine
from constitution.manifest import COMPARE
from constitution.principles import load_principles
from constitution.records import Completion, Message
from constitution.report.versus import VersusSummary
from constitution.report.versus_lines import versus_lines
from constitution.store import comparisons, count, transcripts

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return two_files(tmp_path)


@pytest.fixture
def versus(tmp_path: Path, prompts: Path) -> Callable[..., VersusSummary]:
    return comparing(tmp_path, prompts)


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
        row = str(one.metadata["id"])
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


def test_many_intervals_are_told_to_hold_some_by_chance(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    words = "among so many intervals some leave out 50% by chance"
    assert words not in "\n".join(versus_lines(versus(*files, by="topic")))
    many = file_of(tmp_path / "many.yaml", *(asking(f"p{n}", tag=f"t{n}") for n in range(5)))
    told = versus_lines(versus(files[0], many, "many"))
    tags = told.index("by tag of the judge's principles: B beats A")
    assert [words in line for line in told[tags + 1 : tags + 10]].count(True) == 1


def test_the_judge_can_be_asked_under_principles_of_its_own(
    tmp_path: Path, files: tuple[str, str], versus: Callable[..., VersusSummary]
) -> None:
    own = file_of(tmp_path / "own.yaml", asking("short"))
    found = versus(*files, judging=CompareSettings(principles=own))
    assert {vote.principle for one in comparisons(tmp_path / "ab" / "judged") for vote in one.votes} == {"short"}
    # It is one of A's, too.
    assert found.figures.under_a
    assert found.figures.under_b is None


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
    # People know a row by the id that they gave it.
    shown = cli("show", folder / "judged", "row-03")
    assert shown.returncode == 0 and "Question number 3?" in shown.stdout and "number 4" not in shown.stdout


def test_rows_that_failed_make_the_exit_code_5(tmp_path: Path, prompts: Path, files: tuple[str, str], cli: Cli) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'number 3', error: the server hung up}\n", encoding="utf-8")
    given = ("--prompts", prompts, "--engine", "scripted", "--model", rules)
    result = cli("principles", "ab", *files, *given, "-q")
    assert result.returncode == 5, result.stderr
    assert "11 done + 1 failed" in result.stdout
    assert result.stderr == "rows failed; --retry-failed runs them again\n"
