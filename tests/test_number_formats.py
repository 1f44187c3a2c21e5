"""What is said where a CPU is slow at the number format that models are saved in; its measurement is set here."""

import asyncio
import json
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from models import random_model

from constitution import doctor
from constitution.engines import number_formats, transformers
from constitution.engines.number_formats import SLOW, bfloat16_slowness
from constitution.engines.transformers import open_engine
from constitution.model_settings import ModelSettings

Cli = Callable[..., subprocess.CompletedProcess[str]]


def told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, slowness: float, *opened: ModelSettings
) -> str:
    """What is logged where these models are opened on a CPU that is so slow."""

    async def go() -> None:
        for settings in opened:
            await (await open_engine(settings)).aclose()

    monkeypatch.setattr(transformers, "bfloat16_slowness", lambda: slowness)
    transformers._say_once.cache_clear()
    with caplog.at_level(logging.WARNING, logger="constitution"):
        asyncio.run(go())
    return caplog.text


@pytest.fixture
def saved(tmp_path: Path) -> str:
    """A small model, saved in bfloat16."""
    folder = random_model(tmp_path / "model", "llama")
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    return str(folder)


def test_a_model_in_a_slow_number_format_is_warned_of_once(
    saved: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ModelSettings(model=saved, device="cpu", slots=1)
    said = told(monkeypatch, caplog, SLOW, settings, settings)
    assert said.count("this CPU is slow at bfloat16") == 1 and "--dtype float32 is faster" in said


@pytest.mark.parametrize(("dtype", "slowness"), [("auto", SLOW - 0.1), ("bfloat16", 40.0), ("float32", 40.0)])
def test_nobody_is_warned_of_a_format_that_is_fast_or_was_asked_for(
    saved: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, dtype: str, slowness: float
) -> None:
    settings = ModelSettings.model_validate({"model": saved, "device": "cpu", "slots": 1, "dtype": dtype})
    assert not told(monkeypatch, caplog, slowness, settings)


def test_doctor_does_not_call_a_slow_number_format_ok(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: None)
    monkeypatch.setattr(doctor, "bfloat16_slowness", lambda: 38.4)
    slow = cli("doctor")
    assert slow.returncode == 0
    assert (
        "--  number format: bfloat16 (--dtype auto), 38.4 times float32's time\n      This CPU is slow" in slow.stdout
    )
    assert "--dtype float32" in slow.stdout
    monkeypatch.setattr(doctor, "bfloat16_slowness", lambda: 1.4)
    found = {one["what"]: one for one in json.loads(cli("doctor", "--format", "json").stdout)}
    assert found["number format"]["ok"] and not found["number format"]["hint"]


def test_measuring_leaves_random_numbers_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_formats, "SIDE", 16)
    bfloat16_slowness.cache_clear()
    before = torch.random.get_rng_state()
    assert bfloat16_slowness() > 0
    bfloat16_slowness.cache_clear()
    assert torch.equal(before, torch.random.get_rng_state())
