"""What a run may go on with: every setting, and every text that one points to, changed one at a time."""

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mock_server import chat, mock_server
from plugging import SCRIPTED_AGAIN, plug, put_on_path

from constitution.cluster_settings import NAMES
from constitution.config import CompareSettings, Settings
from constitution.errors import RunError
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE, load_manifest
from constitution.principle_files.writing import file_text
from constitution.principles import find_principles, load_principles
from constitution.resources import shipped

Generated = Callable[..., Path]
# Settings by name, or what prepares the folder, of which it is given the path, and tells them.
Change = dict[str, Any] | Callable[[Path], dict[str, Any]]

KNOB: frozenset[str] = frozenset()
PROMPTS = "prompts (content)"
TEMPLATES = "templates (content)"
MODEL = "model (identity)"
RULES = "- {when: 'nothing says this', reply: Never.}\n"


def moved(name: str, *path: str) -> Callable[[Path], dict[str, str]]:
    """What a setting points to, elsewhere."""

    def move(folder: Path) -> dict[str, str]:
        there = folder / "elsewhere" / path[-1]
        there.parent.mkdir()
        whole = folder.joinpath(*path)
        (shutil.copytree if whole.is_dir() else shutil.copy)(whole, there)
        return {name: str(there)}

    return move


def edited(path: str, old: str, new: str) -> Callable[[Path], dict[str, str]]:
    """The first such words of a file, replaced by others."""

    def edit(folder: Path) -> dict[str, str]:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")
        return {}

    return edit


def renamed(folder: Path) -> dict[str, str]:
    (folder / "run").rename(folder / "other")
    return {"out": str(folder / "other")}


def other_rules(name: str, *rest: str) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        (folder / "other.yaml").write_text("- {when: '', reply: Other.}\n", encoding="utf-8")
        return {name: (str(folder / "other.yaml"),) if name == "models" else str(folder / "other.yaml")}

    return write


def priced(**given: Any) -> Callable[[Path], dict[str, Any]]:
    """Caps, beside a price table of the models that are asked."""

    def write(folder: Path) -> dict[str, Any]:
        models = "".join(f"  {name}: {{input: 1, output: 1}}\n" for name in ("rules.yaml", "judge.yaml"))
        (folder / "prices.yaml").write_text(f"currency: USD\nmodels:\n{models}", encoding="utf-8")
        return {"prices": str(folder / "prices.yaml"), **given}

    return write


# For every setting of the SL stage another value, and what a refusal must name; a knob goes on.
GENERATE: dict[str, tuple[Change, frozenset[str]]] = {
    "prompts": (moved("prompts", "prompts.jsonl"), KNOB),
    "out": (renamed, KNOB),
    "column": ({"column": ("topic",)}, frozenset({"column"})),
    "id_column": ({"id_column": "prompt"}, frozenset({"id_column"})),
    "split": ({"split": "test"}, frozenset({"split"})),
    "subset": ({"subset": "en"}, frozenset({"subset"})),
    "skip": ({"skip": 1}, frozenset({"skip"})),
    "limit": ({"limit": 2}, frozenset({"limit"})),
    "shard": ({"shard": "1/2"}, frozenset({"shard"})),
    "principles": (moved("principles", "mine.yaml"), KNOB),
    "replacement": ({"replacement": False}, frozenset({"replacement"})),
    "templates": (moved("templates", "set"), KNOB),
    "few_shots": ({"few_shots": 0}, frozenset({"few_shots", TEMPLATES})),
    "system_prompt": ({"system_prompt": "Be kind."}, frozenset({"system_prompt", TEMPLATES})),
    "rounds": ({"rounds": 2}, frozenset({"rounds"})),
    "critique": ({"critique": False}, frozenset({"critique"})),
    "best_of": ({"best_of": 2}, frozenset({"best_of", "judging templates (content)"})),
    "engine": ({"engine": "mine"}, frozenset({"engine"})),
    "model": (moved("model", "rules.yaml"), KNOB),
    "critic": (moved("critic", "rules.yaml"), KNOB),
    "revision": ({"revision": "main"}, frozenset({"revision"})),
    "dtype": ({"dtype": "float32"}, frozenset({"dtype"})),
    "device": ({"device": "cpu"}, KNOB),
    "slots": ({"slots": 3}, KNOB),
    # Of an engine that asks no server; of the other one, see below.
    "base_url": ({"base_url": "http://localhost:1/v1"}, KNOB),
    "api": ({"api": "completions"}, frozenset({"api"})),
    "key_env": ({"key_env": "OTHER"}, KNOB),
    "key_file": ({"key_file": "other"}, KNOB),
    "timeout": ({"timeout": 7.0}, KNOB),
    "control_tokens": ({"control_tokens": "keep"}, frozenset({"control_tokens"})),
    "votes": ({"votes": 3}, frozenset({"votes"})),
    "max_tokens": ({"max_tokens": 5}, frozenset({"max_tokens"})),
    "temperature": ({"temperature": 0.1}, frozenset({"temperature"})),
    "top_p": ({"top_p": 0.5}, frozenset({"top_p"})),
    "top_k": ({"top_k": 5}, frozenset({"top_k"})),
    "min_p": ({"min_p": 0.5}, frozenset({"min_p"})),
    "seed": ({"seed": 5}, frozenset({"seed"})),
    "attempts": ({"attempts": 9}, KNOB),
    "concurrency": ({"concurrency": 1}, KNOB),
    "max_tokens_total": ({"max_tokens_total": 10**9}, KNOB),
    "max_cost": (priced(max_cost=10.0**6), KNOB),
    "prices": (priced(), KNOB),
    "compare": ({"compare": CompareSettings(pairs="revisions", principles_per_pair=1)}, KNOB),
}
# Texts that settings point to, and the same of them.
TEXTS: dict[str, tuple[Change, frozenset[str]]] = {
    "prompts": (edited("prompts.jsonl", "number 2", "number two"), frozenset({PROMPTS})),
    "principles": (edited("mine.yaml", "weight: 1", "weight: 2"), frozenset({"principles (content)"})),
    "principle's words": (edited("mine.yaml", "Rewrite", "Write"), frozenset({"principles (content)"})),
    "template": (edited("set/critique.jinja", "{{", "So: {{"), frozenset({TEMPLATES})),
    "few-shots": (edited("set/few_shots.yaml", "deep sleep", "sleep"), frozenset({TEMPLATES})),
    "model": (edited("rules.yaml", "Never.", "Now."), frozenset({MODEL})),
    "critic": (other_rules("critic"), frozenset({"critic (identity)"})),
}

REVISIONS = {"pairs": "revisions"}
COT = {"cot": True, "cot_samples": 1, "principles_per_pair": 1}
REASONING = frozenset({"cot", "cot_samples", "cot_verdict", "cot_tokens", "cot_temperature", "clamp"})
SAMPLING = frozenset({"sampling models", "sampling templates (content)"})


def pair_file(folder: Path) -> dict[str, Any]:
    rows = [{"prompt": f"Why {n}?", "chosen": f"Because {n}.", "rejected": f"No {n}."} for n in range(3)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"pairs": "file", "file": str(folder / "pairs.jsonl")}


# Likewise of the RL stage: what the comparison is made with, another value, and what a refusal must name.
COMPARED: dict[str, tuple[Change, Change, frozenset[str]]] = {
    "pairs": ({}, REVISIONS, frozenset({"pairs", "between"}) | SAMPLING),
    "best_of": ({"samples": 3, "match": "best-worst"}, {"best_of": 3}, KNOB),
    "samples": ({}, {"samples": 3}, frozenset({"samples"})),
    "match": ({}, {"match": "best-worst"}, frozenset({"match"})),
    "between": (REVISIONS, {"between": "0:1"}, frozenset({"between"})),
    "file": (pair_file, moved("file", "pairs.jsonl"), KNOB),
    "limit": ({"limit": 2}, {"limit": 3}, KNOB),
    "models": ({}, other_rules("models"), frozenset({"sampling models"})),
    "temperature": ({}, {"temperature": 0.1}, frozenset({"temperature"})),
    "top_p": ({}, {"top_p": 0.5}, frozenset({"top_p"})),
    "top_k": ({}, {"top_k": 5}, frozenset({"top_k"})),
    "min_p": ({}, {"min_p": 0.5}, frozenset({"min_p"})),
    "max_tokens": ({}, {"max_tokens": 5}, frozenset({"max_tokens"})),
    "judge": ({}, other_rules("judge"), frozenset({"judge"})),
    "engine": ({}, {"engine": "mine"}, frozenset({"engine"})),
    "base_url": ({}, {"base_url": "http://localhost:1/v1"}, KNOB),
    "principles": ({}, moved("principles", "mine.yaml"), KNOB),
    "principles_per_pair": ({}, {"principles_per_pair": 1}, frozenset({"principles_per_pair"})),
    "templates": ({}, moved("templates", "set"), KNOB),
    "few_shots": ({}, {"few_shots": 0}, frozenset({"few_shots", TEMPLATES})),
    "calibrate": ({}, {"calibrate": "contextual"}, frozenset({"calibrate"})),
    "cot": ({}, {"cot": True}, REASONING),
    "cot_samples": (COT, {"cot_samples": 2}, frozenset({"cot_samples"})),
    "cot_verdict": (COT, {"cot_verdict": "marker"}, frozenset({"cot_verdict"})),
    "cot_tokens": (COT, {"cot_tokens": 9}, frozenset({"cot_tokens"})),
    "cot_temperature": (COT, {"cot_temperature": 0.1}, frozenset({"cot_temperature"})),
    "clamp": (COT, {"clamp": "none"}, frozenset({"clamp"})),
    "tie": ({}, {"tie": 0.2}, frozenset({"tie"})),
    "order_gap": ({}, {"order_gap": 0.1}, frozenset({"order_gap"})),
    "min_mass": ({}, {"min_mass": 0.5}, frozenset({"min_mass"})),
    "seed": ({}, {"seed": 5}, frozenset({"seed"})),
    "attempts": ({}, {"attempts": 9}, KNOB),
    "max_tokens_total": ({}, {"max_tokens_total": 10**9}, KNOB),
    "max_cost": ({}, priced(max_cost=10.0**6), KNOB),
    "prices": ({}, priced(), KNOB),
    "concurrency": ({}, {"concurrency": 1}, KNOB),
    "dtype": ({}, {"dtype": "float32"}, frozenset({"dtype"})),
    "device": ({}, {"device": "cpu"}, KNOB),
    "slots": ({}, {"slots": 3}, KNOB),
}
COMPARED_TEXTS: dict[str, tuple[Change, frozenset[str]]] = {
    "principles": (edited("mine.yaml", "Which response", "Which answer"), frozenset({"principles (content)"})),
    "template": (edited("set/compare.jinja", "{{", "So: {{"), frozenset({TEMPLATES})),
    "few-shots": (edited("set/compare_few_shots.yaml", "flatmate never", "friend never"), frozenset({TEMPLATES})),
    "judge": (edited("judge.yaml", "Never.", "Now."), frozenset({MODEL})),
}


@pytest.fixture
def given(tmp_path: Path, prompts: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a run whose model, principles and templates are files of its own."""
    lines = prompts.read_text(encoding="utf-8").splitlines(keepends=True)
    prompts.write_text("".join(lines[:4]), encoding="utf-8")
    for name in ("rules.yaml", "judge.yaml"):
        (tmp_path / name).write_text(RULES, encoding="utf-8")
    shutil.copy(find_principles("harmlessness"), tmp_path / "mine.yaml")
    shutil.copytree(shipped("templates") / "chat", tmp_path / "set")
    plug(tmp_path / "site", "mine", SCRIPTED_AGAIN)
    put_on_path(tmp_path / "site", monkeypatch)
    files = {"model": "rules.yaml", "principles": "mine.yaml", "templates": "set"}
    return {name: str(tmp_path / file) for name, file in files.items()} | {"few_shots": 2}


def contents(folder: Path, *but: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name not in but}


def made(change: Change, folder: Path) -> dict[str, Any]:
    return change(folder) if callable(change) else change


def named(refusal: RunError) -> set[str]:
    """The names in a refusal's differences."""
    # What differs within a value is indented further.
    lines = [line for line in refusal.message.splitlines()[1:] if not line.startswith("    ")]
    return {re.match(r"  (.+?): ", line)[1] for line in lines}  # type: ignore[index]


def test_every_setting_is_changed_below() -> None:
    # Where rows are run cannot be changed without a cluster: see tests/ray_cluster/test_ray_equal.py.
    # Who picks is nobody without best of N: see test_best_of.py.
    assert GENERATE.keys() | set(NAMES) | {"judge"} == Settings.model_fields.keys()
    assert COMPARED.keys() == CompareSettings.model_fields.keys()


@pytest.mark.parametrize("name", [*GENERATE, *(f"text of {name}" for name in TEXTS)])
def test_a_changed_setting_is_refused_by_its_name_unless_it_is_a_knob(
    tmp_path: Path, given: dict[str, Any], generated: Generated, name: str
) -> None:
    change, names = TEXTS[name.removeprefix("text of ")] if name.startswith("text of ") else GENERATE[name]
    run = generated(**given)
    before = contents(run)
    changes = made(change, tmp_path)
    if names:
        with pytest.raises(RunError, match="made by other settings") as refusal:
            generated(**given | changes)
        assert named(refusal.value) == names
        assert contents(run) == before
    else:
        generated(**given | changes)
        after = contents(Path(changes.get("out", run)))
        # With prices the summary tells what the run has cost.
        same = before.keys() - ({"summary.json"} if "prices" in changes else set())
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        # A second stage is what `compare` adds, and nothing else adds anything.
        assert (after.keys() > before.keys()) == (name == "compare")


def label(run: Path, replace: bool = False, **settings: Any) -> None:
    asyncio.run(label_pairs(run, CompareSettings(**({"principles_per_pair": 2} | settings)), replace=replace))


@pytest.mark.parametrize("name", [*COMPARED, *(f"text of {name}" for name in COMPARED_TEXTS)])
def test_a_changed_setting_of_a_comparison_is_refused_by_its_name_unless_it_is_a_knob(
    tmp_path: Path, given: dict[str, Any], generated: Generated, name: str
) -> None:
    run = generated(**given)
    if name.startswith("text of "):
        change, names = COMPARED_TEXTS[name.removeprefix("text of ")]
        files = {"principles": "mine.yaml", "templates": "set", "judge": "judge.yaml"}
        base = {name: str(tmp_path / file) for name, file in files.items()} | {"pairs": "revisions"}
    else:
        base_change, change, names = COMPARED[name]
        base = made(base_change, tmp_path)
    label(run, **base)
    before = contents(run)
    changes = made(change, tmp_path)
    if names:
        with pytest.raises(RunError, match="comparisons made by other settings") as refusal:
            label(run, **base | changes)
        assert named(refusal.value) == names
        assert contents(run) == before
    else:
        label(run, **base | changes)
        after = contents(run)
        assert after.keys() == before.keys()
        # A higher limit goes on where the lower one ended; nothing else has anything to add.
        grows = {"comparisons.jsonl", "compare-calls.jsonl", "compare.json"} if name == "limit" else set()
        assert {file for file in after if after[file] != before[file]} == grows
        assert after["comparisons.jsonl"].startswith(before["comparisons.jsonl"])


# --- where a server is


def test_another_endpoint_is_refused_with_both_and_a_fork_asks_nothing_again(generated: Generated) -> None:
    with mock_server(lambda request: chat("Fine.")) as old, mock_server(lambda request: chat("Fine.")) as new:
        at = {"engine": "openai", "model": "mock", "limit": 3}
        run = generated(**at, base_url=old.url)
        asked = len(old.received)
        before = contents(run)
        with pytest.raises(RunError) as refusal:
            generated(**at, base_url=new.url)
        assert refusal.value.message.splitlines()[1:] == [f'  {MODEL}: endpoint: "{old.url}" → "{new.url}"']
        assert "--fork NEW" in refusal.value.hint
        assert contents(run) == before
        # A slash at its end and a query are the same place.
        generated(**at, base_url=f"{old.url}/?api-key=a-long-secret")
        fork = generated("fork", reuse=run, **at, base_url=new.url)
        assert (len(old.received), len(new.received), asked) == (9, 0, 9)
        told: Any = load_manifest(fork).affecting[MODEL]
        assert told["endpoint"] == new.url
        assert contents(fork)["transcripts.jsonl"] == before["transcripts.jsonl"]


def test_another_endpoint_of_a_judge_is_refused_and_replaced_without_a_call(generated: Generated) -> None:
    run = generated(limit=3)
    top = {"content": [{"top_logprobs": [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.0}]}]}
    with mock_server(lambda request: chat("A", logprobs=top)) as old, mock_server() as new:
        settings = {"pairs": "revisions", "engine": "openai", "judge": "mock"}
        label(run, **settings, base_url=old.url)
        assert len(old.received) == 3 * 2 * 2
        with pytest.raises(RunError) as refusal:
            label(run, **settings, base_url=new.url)
        assert named(refusal.value) == {MODEL}
        comparisons = contents(run)["comparisons.jsonl"]
        label(run, replace=True, **settings, base_url=new.url)
        assert new.received == []
        assert contents(run)["comparisons.jsonl"] == comparisons
        told: Any = load_manifest(run, COMPARE).affecting[MODEL]
        assert told["endpoint"] == new.url


def test_changed_principles_are_told_one_by_one(generated: Generated, tmp_path: Path) -> None:
    text = file_text(load_principles("privacy"))
    path = tmp_path / "told.yaml"
    path.write_text(text, encoding="utf-8")
    generated(principles=str(path))
    path.write_text(
        text.replace("- id: whereabouts", "- id: places").replace(
            "  - id: unmasking", "  - weight: 2\n    id: unmasking"
        ),
        encoding="utf-8",
    )
    with pytest.raises(RunError) as caught:
        generated(principles=str(path))
    told = caught.value.message.splitlines()[2:]
    assert sorted(told) == [
        "    places: was not there before",
        "    unmasking: weight: 1.0 → 2.0",
        "    whereabouts: is not there any more",
    ]
