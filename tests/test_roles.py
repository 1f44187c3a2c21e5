"""Generator, critic and judge as different models: who writes what, what is loaded once, what is refused."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugging import SCRIPTED_AGAIN, plug, put_on_path

from constitution import Settings
from constitution.config import CompareSettings
from constitution.engines.base import Engine
from constitution.engines.scripted import open_engine
from constitution.errors import ConfigError, RunError
from constitution.generation import generate
from constitution.labelling import label_pairs
from constitution.labelling_plan import judges_its_own
from constitution.manifest import COMPARE, load_manifest
from constitution.model_settings import ModelSettings, Role, resolve, split_engine
from constitution.store import comparisons, transcripts

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]
WARNING = "warning: the judge is the model that wrote the responses and may favour its own (--judge)\n"


def rules(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def writer(tmp_path: Path) -> str:
    """A model that says that it is the writer, whatever it is asked."""
    return rules(tmp_path, "writer.yaml", "- {when: '', reply: The writer.}\n")


@pytest.fixture
def critic(tmp_path: Path) -> str:
    """Likewise the critic."""
    return rules(tmp_path, "critic.yaml", "- {when: '', reply: The critic.}\n")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ModelSettings]:
    """The models that were opened, in turn."""
    models: list[ModelSettings] = []

    async def counting(settings: ModelSettings, chat_template: str | None = None) -> Engine:
        models.append(settings)
        return await open_engine(settings, chat_template)

    monkeypatch.setattr("constitution.engines.pool.open_engine", counting)
    return models


def voices(run: Path) -> list[set[str]]:
    """What was said in responses, critiques and revisions."""
    rows = list(transcripts(run))
    responses = {row.response.text for row in rows}
    critiques = {round.critique.text for row in rows for round in row.rounds if round.critique}
    return [responses, critiques, {round.revision.text for row in rows for round in row.rounds}]


# --- the critic


def test_the_critic_writes_the_critiques_and_nothing_else(
    generated: Generated, writer: str, critic: str, opened: list[ModelSettings]
) -> None:
    run = generated(model=writer, critic=critic, rounds=2)
    assert voices(run) == [{"The writer."}, {"The critic."}, {"The writer."}]
    assert [model.model for model in opened] == [writer, critic]
    affecting: Any = load_manifest(run).affecting
    assert (affecting["model (identity)"]["model"], affecting["critic (identity)"]["model"]) == (
        "writer.yaml",
        "critic.yaml",
    )


@pytest.mark.parametrize("spelt_out", [False, True])
def test_a_critic_that_is_the_generator_is_loaded_once(
    generated: Generated, writer: str, opened: list[ModelSettings], spelt_out: bool
) -> None:
    run = generated(model=writer, critic=Role(model=writer, engine="scripted") if spelt_out else writer)
    assert len(opened) == 1
    assert load_manifest(run).affecting["critic (identity)"] is None


def test_a_critic_may_have_an_engine_of_its_own(
    generated: Generated, writer: str, critic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(tmp_path / "site", "mine", SCRIPTED_AGAIN)
    put_on_path(tmp_path / "site", monkeypatch)
    run = generated(model=writer, critic=f"mine:{critic}")
    assert voices(run) == [{"The writer."}, {"The critic."}, {"The writer."}]


def test_a_critic_that_is_not_there_is_told_before_the_generator_is_opened(
    generated: Generated, writer: str, opened: list[ModelSettings], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        generated(model=writer, critic=str(tmp_path / "nowhere.yaml"))
    assert opened == []


def test_a_critic_spelt_out_in_the_file_works_from_the_command_line(
    cli: Cli, prompts: Path, tmp_path: Path, writer: str, critic: str
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"prompts: {prompts}\nout: run\nengine: scripted\nmodel: {writer}\nrounds: 1\n"
        f"critic:\n  model: {critic}\n  concurrency: 3\n"
    )
    result = cli("generate", "--config", config)
    assert result.returncode == 0, result.stderr
    assert voices(tmp_path / "run") == [{"The writer."}, {"The critic."}, {"The writer."}]
    # A flag wins over the whole of it.
    assert cli("generate", "--config", config, "--out", "other", "--critic", writer).returncode == 0
    assert voices(tmp_path / "other") == [{"The writer."}] * 3


@pytest.mark.parametrize("change", ["another", "none", "new"])
def test_a_run_with_another_critic_is_refused(
    generated: Generated, lines: Lines, writer: str, critic: str, tmp_path: Path, change: str
) -> None:
    other = rules(tmp_path, "other.yaml", "- {when: '', reply: Another.}\n")
    before, after = {"another": (critic, other), "none": (critic, None), "new": (None, critic)}[change]
    run = generated(model=writer, critic=before)
    kept = (run / "transcripts.jsonl").read_bytes()
    with pytest.raises(RunError, match=r"critic \(identity\): "):
        generated(model=writer, critic=after)
    assert (run / "transcripts.jsonl").read_bytes() == kept
    # Its knobs are nobody's business, and with --fork the responses are still good.
    if before:
        generated(model=writer, critic=Role(model=before, concurrency=1))
    fork = generated("fork", reuse=run, model=writer, critic=after)
    assert voices(fork)[1] == {{"another": "Another.", "none": "The writer.", "new": "The critic."}[change]}
    responses = [
        sorted(call["digest"] for call in lines(one / "calls.jsonl") if call["step"] == "respond")
        for one in (run, fork)
    ]
    assert responses[0] == responses[1]


# --- names and settings


def test_a_name_may_begin_with_its_engine_and_end_in_a_revision() -> None:
    assert split_engine("openai:llama3:8b") == ("openai", "llama3:8b")
    assert split_engine("llama3:8b") == (None, "llama3:8b")
    assert split_engine("openai:") == (None, "openai:")
    base = ModelSettings(engine="openai", model="one", base_url="http://a/v1", dtype="float32", concurrency=5)
    # By the same engine: all that is left open is as the run has it.
    assert resolve(base, "llama3:8b") == base.model_copy(update={"model": "llama3:8b"})
    # By another: its defaults, as a server's address says nothing of a model in this process.
    local = resolve(base, "transformers:HuggingFaceTB/SmolLM2-135M@main")
    assert (local.engine, local.model, local.revision) == ("transformers", "HuggingFaceTB/SmolLM2-135M", "main")
    assert (local.base_url, local.dtype, local.concurrency) == (None, "auto", 5)
    assert resolve(base, Role(model="openai:x@y", base_url="http://b/v1")).base_url == "http://b/v1"
    assert resolve(base, "x@y").model == "x@y"


def test_a_role_wins_over_the_engine_that_its_name_begins_with() -> None:
    made = resolve(ModelSettings(), Role(model="scripted:x", engine="openai"))
    assert (made.engine, made.model) == ("openai", "x")


# --- the judge


def test_a_judge_spelt_out_in_the_section_compare_judges(cli: Cli, prompts: Path, tmp_path: Path, writer: str) -> None:
    judge = rules(tmp_path, "judge.yaml", "- {when: '.', choose: {A: 0.9, B: 0.1}}\n")
    config = tmp_path / "c.yaml"
    config.write_text(
        f"prompts: {prompts}\nout: run\nengine: scripted\nrounds: 1\n"
        f"compare:\n  judge:\n    engine: scripted\n    model: {judge}\n  models:\n  - {writer}\n  - model: smollm2\n"
    )
    result = cli("generate", "--config", config)
    assert result.returncode == 0, result.stderr
    assert WARNING not in result.stderr
    found = list(comparisons(tmp_path / "run"))
    assert {(one.first.model, one.second.model) for one in found} == {("writer.yaml", "scripted")}
    assert {round(vote.p_first or 0, 6) for one in found for vote in one.votes} == {0.9, 0.1}
    assert load_manifest(tmp_path / "run", COMPARE).model == "judge.yaml"
    # The same again, from the command line: a finished comparison has nothing left to do.
    again = cli("compare", "run", "--config", config)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("run", "compare", "own"),
    [
        ({}, {}, True),
        ({}, {"judge": "smollm2"}, True),
        ({}, {"judge": "scripted:smollm2"}, True),
        ({}, {"judge": Role(model="smollm2", slots=3, concurrency=1)}, True),
        ({}, {"judge": "scripted"}, False),
        ({}, {"judge": "openai:smollm2"}, False),
        ({}, {"models": ("a", "b")}, False),
        ({}, {"models": ("a", "b"), "judge": "b"}, True),
        ({}, {"pairs": "revisions"}, True),
        ({"critic": "critic"}, {"pairs": "revisions", "judge": "critic"}, False),
        ({}, {"pairs": "file", "file": "f"}, False),
    ],
)
def test_a_judge_of_its_own_work_is_told_from_others(run: dict[str, Any], compare: dict[str, Any], own: bool) -> None:
    base = Settings(prompts="p", out="o", engine="scripted", **run)
    assert judges_its_own(base, CompareSettings(**compare)) is own


def test_a_judge_of_its_own_work_is_warned_of_once(cli: Cli, prompts: Path, tmp_path: Path, writer: str) -> None:
    job = ("--prompts", prompts, "--engine", "scripted", "--rounds", 1, "--limit", 2)
    both = cli("generate", *job, "--out", "both", "--compare")
    assert both.stderr.count(WARNING) == 1
    quiet = cli("generate", *job, "--out", "quiet", "--compare", "-q")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    one = cli("generate", *job, "--out", "one")
    assert WARNING not in one.stderr
    assert cli("compare", "one").stderr.count(WARNING) == 1
    assert cli("compare", "one", "-q").stderr == ""
    other = cli("compare", "both", "--judge", writer, "--replace")
    assert "the judge is the model" not in other.stderr


def test_one_model_for_both_stages_is_opened_once(generated: Generated, opened: list[ModelSettings]) -> None:
    generated(compare=CompareSettings())
    assert len(opened) == 1


def test_another_judge_is_opened_for_its_stage(generated: Generated, writer: str, opened: list[ModelSettings]) -> None:
    run = generated(compare=CompareSettings(pairs="revisions", judge=writer, principles_per_pair=1, order_gap=1.0))
    assert [model.model for model in opened] == ["smollm2", writer]
    assert len(list(comparisons(run))) == 12


def test_a_judge_that_samples_too_and_another_sampler_are_opened_once_each(
    generated: Generated, writer: str, opened: list[ModelSettings]
) -> None:
    run = generated()
    opened.clear()
    settings = CompareSettings(models=(writer, "smollm2", f"scripted:{writer}"), samples=3, principles_per_pair=1)
    asyncio.run(label_pairs(run, settings))
    assert [model.model for model in opened] == [writer, "smollm2"]
    texts = {one.first.text for one in comparisons(run) if one.first.source in ("sample-1", "sample-3")}
    assert texts == {"The writer."}


def test_the_generator_is_closed_before_another_judge_is_opened(
    prompts: Path, tmp_path: Path, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    async def noting(settings: ModelSettings, chat_template: str | None = None) -> Engine:
        name = Path(settings.model).name
        engine = await open_engine(settings, chat_template)
        order.append(f"open {name}")

        async def close() -> None:
            order.append(f"close {name}")

        monkeypatch.setattr(engine, "aclose", close)
        return engine

    monkeypatch.setattr("constitution.engines.pool.open_engine", noting)
    judging = CompareSettings(judge=writer, pairs="revisions")
    asyncio.run(generate(Settings(prompts=str(prompts), out=str(tmp_path / "run"), engine="scripted", compare=judging)))
    assert order == ["open smollm2", "close smollm2", "open writer.yaml", "close writer.yaml"]
