"""Whole runs on vLLM's processes: from start to end, interrupted, killed, and with a model that cannot be run."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from transformers import AutoConfig, AutoTokenizer

from constitution import CompareSettings, Settings, comparisons, count, generate, label_pairs, transcripts
from constitution.engines import check_model, open_engine
from constitution.engines.transformers.model import converted_bundle
from constitution.errors import ModelError
from constitution.model_settings import ModelSettings
from constitution.records import Message, Sampling

PROGRAM = Path(sys.executable).with_name("constitution")
FAST = {"engine": "vllm", "limit": 3, "rounds": 1, "max_tokens": 12}


def children() -> list[psutil.Process]:
    """The processes of vLLM's that this one has started, and those that they have."""
    return [process for process in psutil.Process().children(recursive=True) if "VLLM" in "".join(process.cmdline())]


def journalled(run: Path) -> int:
    """Calls in the journal."""
    path = run / "calls.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def gone(processes: list[psutil.Process]) -> bool:
    """Whether they end within half a minute."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    return not alive


def started(prompts: Path, run: Path, tokens: int) -> "subprocess.Popen[str]":
    """The program on its way, in a process group of its own as on a terminal, once its first call is journalled."""
    command = [PROGRAM, "generate", "--prompts", prompts, "--out", run, "--engine", "vllm", "--limit", 3]
    command += ["--rounds", 1, "--concurrency", 2, "--max-tokens", tokens]

    def as_on_a_terminal() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=as_on_a_terminal,
    )
    deadline = time.monotonic() + 300
    while not journalled(run):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def test_both_stages_run_to_their_end(tmp_path: Path, prompts: Path) -> None:
    run = tmp_path / "run"
    asyncio.run(generate(Settings(prompts=str(prompts), out=str(run), **FAST)))
    assert count(run).done == 3
    assert all(row.response.text and row.rounds[0].revision.text for row in transcripts(run))
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert "best effort" in json.dumps(manifest)

    asyncio.run(label_pairs(run, CompareSettings(pairs="revisions", principles_per_pair=1)))
    votes = [vote for one in comparisons(run) for vote in one.votes]
    assert len(votes) == 6
    assert all(vote.sampled is None and vote.logprob_a is not None and vote.logprob_a < 0 for vote in votes)
    assert not children()


def test_ctrl_c_on_a_terminal_lets_the_calls_under_way_end(tmp_path: Path, prompts: Path) -> None:
    run = tmp_path / "run"
    process = started(prompts, run, tokens=100)
    vllm = psutil.Process(process.pid).children(recursive=True)
    # A terminal sends it to all of the group: this process, vLLM's, and theirs.
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    told = next(line for line in errors.splitlines() if line.startswith("stopping:"))
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here", errors
    assert journalled(run) >= 1 + int(told.split()[1])
    assert "VLLM" not in output and "INFO" not in output + errors
    assert gone(vllm)


def test_a_killed_program_leaves_none_of_vllm_s_processes(tmp_path: Path, prompts: Path) -> None:
    process = started(prompts, tmp_path / "run", tokens=100)
    vllm = psutil.Process(process.pid).children(recursive=True)
    assert sum("VLLM" in "".join(child.cmdline()) for child in vllm) == 2
    process.kill()
    process.communicate()
    assert gone(vllm)


def test_a_model_that_dies_ends_every_call_and_leaves_nothing() -> None:
    started = []

    async def go() -> list[object]:
        engine = await open_engine(ModelSettings(engine="vllm", concurrency=4))
        started.extend(children())
        message = [Message(role="user", content="Tell a long story.")]
        calls = [asyncio.create_task(engine.generate(message, Sampling(max_tokens=2000), n)) for n in range(3)]
        await asyncio.sleep(2)
        core = next(child for child in started if "EngineCore" in "".join(child.cmdline()))
        core.kill()
        found = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
        late = await asyncio.gather(engine.generate(message, Sampling(max_tokens=4), 0), return_exceptions=True)
        await engine.aclose()
        return [*found, *late]

    errors = asyncio.run(go())
    assert len(errors) == 4
    assert all(isinstance(error, ModelError) and "nothing finished is lost" in error.hint for error in errors)
    assert len(started) == 2 and gone(started)


def test_a_model_that_hangs_ends_every_call_and_leaves_nothing() -> None:
    started = []

    async def go() -> tuple[list[object], float]:
        engine = await open_engine(ModelSettings(engine="vllm", concurrency=4, timeout=3))
        started.extend(children())
        message = [Message(role="user", content="Tell a long story.")]
        calls = [asyncio.create_task(engine.generate(message, Sampling(max_tokens=4000), n)) for n in range(3)]
        # Longer than a sign of life may take: long answers are no hang.
        await asyncio.sleep(5)
        assert not any(call.done() for call in calls)
        core = next(child for child in started if "EngineCore" in "".join(child.cmdline()))
        core.suspend()
        stopped = time.monotonic()
        found = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)
        seconds = time.monotonic() - stopped
        core.resume()
        await engine.aclose()
        return found, seconds

    errors, seconds = asyncio.run(go())
    assert all(isinstance(error, ModelError) and "vLLM hangs" in error.message for error in errors), errors
    assert seconds < 2 * 3 + 2
    assert len(started) == 2 and gone(started)


def test_what_is_stopped_while_it_loads_leaves_nothing() -> None:
    started = []

    async def go() -> float:
        opening = asyncio.create_task(open_engine(ModelSettings(engine="vllm")))
        while len(started) < 2:
            await asyncio.sleep(0.05)
            started[:] = children()
        assert not opening.done()
        asked = time.monotonic()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        assert opening.cancelled()
        return time.monotonic() - asked

    assert asyncio.run(go()) < 20
    assert gone(started)


def test_a_model_that_vllm_cannot_run_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    # An encoder-decoder without a word on it: vLLM finds out when it has started its processes.
    AutoConfig.for_model("t5").save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(converted_bundle()).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=f"cannot run the model '{tmp_path}': its processes failed") as error:
        asyncio.run(open_engine(ModelSettings(engine="vllm", model=str(tmp_path))))
    assert "--engine transformers" in error.value.hint
    assert gone(children())


def test_settings_that_vllm_refuses_are_told_in_its_words() -> None:
    with pytest.raises(ModelError, match=r"max_num_seqs \(1000000\)"):
        asyncio.run(open_engine(ModelSettings(engine="vllm", slots=1_000_000)))


@pytest.mark.parametrize(("device", "hint"), [("cuda", "--engine transformers"), ("cpu:1", "VISIBLE_DEVICES=1")])
def test_a_device_that_vllm_does_not_run_on_here(device: str, hint: str) -> None:
    with pytest.raises(ModelError, match=f"--device {device}") as error:
        asyncio.run(open_engine(ModelSettings(engine="vllm", device=device)))
    assert hint in error.value.hint


def test_models_are_looked_for_before_anything_is_started(tmp_path: Path) -> None:
    asyncio.run(check_model(ModelSettings(engine="vllm")))
    for model, words in [("./model.gguf", r"reads no \.gguf"), (str(tmp_path / "none"), "no such folder")]:
        with pytest.raises(ModelError, match=words):
            asyncio.run(check_model(ModelSettings(engine="vllm", model=model)))
