"""Runs to look at: one in which every text that a person or a model may choose is hostile, and a peaceful one."""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from plugging import plug
from ruamel.yaml import YAML

from browser.payloads import PAYLOADS
from constitution.config import CompareSettings, Settings
from constitution.generation import generate
from constitution.labelling import label_pairs
from constitution.records import Comparison, Transcript
from constitution.reviews import Review, Verdict, add_review, revision_id, shown_of_comparison, shown_of_revision
from constitution.score_settings import ScoreSettings
from constitution.scoring import score_run
from constitution.store import comparisons, transcripts

# A name may have 64 characters, none of them invisible.
REVIEWERS = ("<img src=x onerror=hacked=1>", "'\"><svg/onload=alert(1)>")
VERDICTS: tuple[Verdict, ...] = ("first", "second", "tie", "both bad", "skip")
QUESTIONS = (
    "How do I bake bread?",
    "Tell me a joke about rain.",
    "Why is the sky blue?",
    "What is a good name for a dog?",
)


def hostile_run(folder: Path) -> Path:
    """Sixty rows, one a payload: ids, prompts, metadata, answers, principles, models, failures, reviews, file names."""
    rows = [
        {"id": payload, "prompt": f"Q{n:02} {payload}", f"column {payload}": payload, "topic": payload, "number": n}
        for n, payload in enumerate(PAYLOADS)
    ]
    rows[3] = {"id": PAYLOADS[3], "messages": [
        {"role": "system", "content": PAYLOADS[0]}, {"role": "user", "content": f"Q03 {PAYLOADS[1]}"},
        {"role": "assistant", "content": PAYLOADS[2]}, {"role": "user", "content": PAYLOADS[3]},
    ]}  # fmt: skip
    rows += [{"id": f"{payload} empty", "prompt": ""} for payload in PAYLOADS[:5]]
    prompts, principles = folder / "prompts <b onclick=hacked=1>.jsonl", folder / "principles <u>.yaml"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said = [payload.replace("\x00", "") for payload in PAYLOADS]
    asked = [
        {"id": f"p{n}", "critique_request": text, "revision_request": text, "comparison": text, "tags": [text]}
        for n, text in enumerate(said[27:35])
    ]
    rules = [{"id": f"r{n}", "proposition": text, "weight": 1 - 2 * (n % 2)} for n, text in enumerate(said[14:18])]
    with principles.open("w", encoding="utf-8") as file:
        YAML().dump(
            {"name": said[0], "version": said[1], "description": said[2], "principles": asked, "rules": rules}, file
        )
    run = folder / "<img src=x onerror=hacked=1>" / "run"
    settings = Settings(
        prompts=str(prompts), out=str(run), principles=str(principles), engine="hostile", model=said[27], attempts=1
    )
    labels = CompareSettings(pairs="revisions", between="all", judge=f"hostile:{said[28]}", cot=True, cot_samples=1)
    with pytest.MonkeyPatch.context() as patch:
        plug(folder / "site", "hostile", "", "browser.hostile_engine")
        patch.syspath_prepend(folder / "site")
        _finish(generate(settings))
        _finish(label_pairs(run, labels))
        _finish(score_run(run, ScoreSettings()))
    for n, comparison in enumerate(comparisons(run)):
        for shift, reviewer in enumerate(REVIEWERS):
            add_review(run, _judged(comparison, reviewer, VERDICTS[(n + shift) % 5], PAYLOADS[n % 60]))
    for n, transcript in enumerate(transcripts(run)):
        add_review(run, _edited(transcript, REVIEWERS[0], PAYLOADS[n % 60]))
    return run


def peaceful_run(folder: Path, rows: int = 12, judged: bool = True, **settings: Any) -> Path:
    """Rows `row-00` and so on, two rounds of the scripted engine, compared; every fourth prompt in Chinese."""
    prompts, run = folder / "prompts.jsonl", folder / "run"
    told = [
        {"id": f"row-{n:02}", "prompt": f"{QUESTIONS[n % 4]} (number {n})", "topic": f"topic {n % 3}"}
        for n in range(rows)
    ]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    _finish(generate(Settings(**{"prompts": str(prompts), "out": str(run), "engine": "scripted"} | settings)))
    if judged:
        _finish(label_pairs(run, CompareSettings(pairs="revisions", principles_per_pair=2)))
    return run


def _judged(comparison: Comparison, reviewer: str, verdict: Verdict, note: str) -> Review:
    return Review(
        id=comparison.id,
        row=comparison.row,
        index=comparison.index,
        shown=shown_of_comparison(comparison),
        reviewer=reviewer,
        at="2026-01-01T00:00:00Z",
        verdict=verdict,
        as_a="first",
        note=note,
        seconds=3.0,
    )


def _edited(transcript: Transcript, reviewer: str, text: str) -> Review:
    return Review(
        id=revision_id(transcript.id, 1),
        row=transcript.id,
        index=transcript.index,
        shown=shown_of_revision(transcript, 1),
        reviewer=reviewer,
        at="2026-01-01T00:00:00Z",
        verdict="edit",
        note=text,
        text=text,
    )


def _finish(doing: Coroutine[Any, Any, Any]) -> None:
    # In a thread of its own: the browser's driver has a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, doing).result()
