"""Through the command line: base models in transcript mode, and what is said of models that slots cannot run."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models import parrot, random_model

Cli = Callable[..., subprocess.CompletedProcess[str]]
Lines = Callable[[Path], list[Any]]
SHORT = ("--limit", 3, "--few-shots", 0, "--rounds", 1, "--dtype", "float32")


def test_a_base_model_runs_in_transcript_mode_and_ends_at_the_next_turn(
    tmp_path: Path, prompts: Path, cli: Cli, lines: Lines
) -> None:
    # GPT-2 after any colon: an answer, then the next human turn. Only a stop string can end that.
    model = parrot(tmp_path / "gpt2", [":", " I", " see", ".", "\n\n", "Human"])
    given = ("--prompts", prompts, "--out", "run", "--model", model, "--temperature", 0, "--max-tokens", 20, *SHORT)
    refused = cli("generate", *given)
    assert refused.returncode == 3
    assert "no chat template" in refused.stderr
    assert "--templates transcript" in refused.stderr
    result = cli("generate", *given, "--templates", "transcript")
    assert result.returncode == 0, result.stderr
    assert "model.generate" not in result.stderr
    rows = lines(tmp_path / "run" / "transcripts.jsonl")
    assert len(rows) == 3
    for row in rows:
        answers = [row["response"], row["rounds"][0]["critique"], row["rounds"][0]["revision"]]
        assert [(answer["text"], answer["finish_reason"]) for answer in answers] == [("I see.", "stop")] * 3
        # I, see, ., two line breaks, Human, :
        assert [answer["completion_tokens"] for answer in answers] == [6] * 3


@pytest.mark.parametrize(
    ("kind", "reason"), [("mamba", "layers of the kind linear_attention"), ("t5", "encoder-decoder")]
)
def test_other_kinds_of_model_run_too_and_say_so_once(
    tmp_path: Path, prompts: Path, program: Cli, lines: Lines, kind: str, reason: str
) -> None:
    model = random_model(tmp_path / kind, kind, chat=False)
    given = ("--model", model, "--templates", "transcript", "--max-tokens", 8, *SHORT)
    result = program("generate", "--prompts", prompts, "--out", "run", *given)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("it runs through model.generate, in static batches, which is slower") == 1
    assert reason in result.stderr
    rows = lines(tmp_path / "run" / "transcripts.jsonl")
    assert len({row["response"]["text"] for row in rows}) == 3
