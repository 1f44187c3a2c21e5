"""The same records from one process and from the workers of a cluster, byte for byte but for their order."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plugging import start, wait_for_calls

from constitution import count
from ray_cluster.parts import assert_same, done, program, whole_lines, workers, write_prompts

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

REPOSITORY = Path(__file__).parents[2]
ROWS = 40
# Answers that take longer for some rows than for others, so that rows end in another order than they began; some fail.
RULES = """
- {when: 'thing 5\\b', error: the server hung up}
- {when: 'thing 6\\b', reply: ''}
- {when: 'thing \\d*[37]\\b', seconds: 0.05, reply: 'As for this, it depends on what you have in mind with it.'}
- {when: 'thing', seconds: 0.01}
"""
CRITIC = "- {when: 'Scripted answer', seconds: 0.02, reply: 'It says too little of the harm.'}\n"
JUDGE = """
- {when: 'thing 1\\b', choose: {A: 0.9, B: 0.1}}
- {when: 'thing 12\\b', error: the judge hung up}
- {when: 'it depends', seconds: 0.02, choose: {A: 0.3, B: 0.6}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all runs of this file are made from."""
    folder = tmp_path_factory.mktemp("equal")
    texts = [f"How do I use thing {n}?" for n in range(ROWS)]
    # Rows that can never be run.
    texts[8], texts[9] = "", "word " * 9000
    write_prompts(folder / "prompts.jsonl", texts)
    for name, text in {"rules": RULES, "critic": CRITIC, "judge": JUDGE}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    shutil.copytree(REPOSITORY / "templates" / "chat", folder / "templates")
    with (folder / "templates" / "critique.jinja").open("a", encoding="utf-8") as template:
        template.write("\nThink of who asks, too.\n")
    (folder / "config.yaml").write_text(
        f"critic: 'scripted:{folder}/critic.yaml'\n"
        f"templates: {folder}/templates\n"
        "few_shots: 1\n"
        "system_prompt: You are an assistant.\n"
        "rounds: 3\n"
        "concurrency: 4\n"
        "compare:\n"
        "  pairs: revisions\n"
        "  principles_per_pair: 2\n"
        f"  judge: 'scripted:{folder}/judge.yaml'\n",
        encoding="utf-8",
    )
    return folder


def command(folder: Path, run: str) -> list[object]:
    """Both stages: a critic and a judge of their own, a template folder, examples, a system prompt, rows that fail."""
    made = ["generate", "--prompts", folder / "prompts.jsonl", "--out", folder / run, "--fail-on", "100%", "-q"]
    return [*made, "--engine", "scripted", "--model", folder / "rules.yaml", "--config", folder / "config.yaml"]


@pytest.fixture(scope="module")
def local(folder: Path) -> Path:
    """The run of one process."""
    done(*command(folder, "local"))
    assert whole_lines(folder / "local" / "failures.jsonl") == 2
    assert whole_lines(folder / "local" / "filtered.jsonl") == 2
    assert whole_lines(folder / "local" / "compare-failures.jsonl") == 1
    return folder / "local"


def test_two_workers_of_a_ray_of_its_own(folder: Path, local: Path) -> None:
    done(*command(folder, "two"), "--ray", "local", "--replicas", 2)
    assert_same(folder / "two", local)
    assert not workers()


def test_four_workers_of_a_cluster_that_is_there(folder: Path, local: Path, cluster: "Cluster") -> None:
    done(*command(folder, "four"), "--ray", cluster.address, "--replicas", 4)
    assert_same(folder / "four", local)


@pytest.mark.parametrize("first", ["here", "there"])
def test_a_run_goes_on_where_the_other_stopped(folder: Path, local: Path, cluster: "Cluster", first: str) -> None:
    run = f"begun-{first}"
    there = ("--ray", cluster.address, "--replicas", 2)
    before, after = (there, ()) if first == "there" else ((), there)
    with start(*command(folder, run), "--concurrency", 1, *before) as process:
        wait_for_calls(process, folder / run, 30)
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert 0 < count(folder / run).pending < ROWS
    done(*command(folder, run), *after)
    assert_same(folder / run, local)


def test_a_cluster_is_no_setting_that_changes_rows(folder: Path, local: Path, cluster: "Cluster") -> None:
    before = {path: path.read_bytes() for path in local.rglob("*.jsonl")}
    done(*command(folder, "local"), "--ray", cluster.address)
    assert {path: path.read_bytes() for path in local.rglob("*.jsonl")} == before


def test_the_stages_one_by_one(folder: Path, tmp_path: Path, cluster: "Cluster") -> None:
    ray = ("--ray", cluster.address, "--replicas", 3)
    prompts = ("--prompts", folder / "prompts.jsonl", "--limit", 20, "--engine", "scripted")
    stages = [
        ("generate", *prompts, "--rounds", 1),
        ("compare", "--pairs", "samples", "--samples", 3, "--judge", f"scripted:{folder}/judge.yaml"),
        ("score", "--on", "all"),
    ]
    for verb, *options in stages:
        for name, where in (("here", ()), ("there", ray)):
            place = ["--out", tmp_path / name] if verb == "generate" else [tmp_path / name]
            done(verb, *place, *options, *where, "-q", "--fail-on", "100%")
    assert whole_lines(tmp_path / "there" / "scores.jsonl") > 0
    assert_same(tmp_path / "there", tmp_path / "here")


def test_failed_rows_are_run_again(tmp_path: Path, model: Path, cluster: "Cluster") -> None:
    (model / "broken").touch()
    prompts = write_prompts(tmp_path / "prompts.jsonl", [f"A {('fragile', 'sturdy')[n % 2]} row {n}" for n in range(8)])
    ray = ("--ray", cluster.address, "--replicas", 2)
    for name, where in (("here", ()), ("there", ray)):
        made = ("generate", "--prompts", prompts, "--out", tmp_path / name, "--engine", "noted", "--model", model)
        ended = program(*made, "--rounds", 1, "-q", *where)
        assert ended.returncode == 5, ended.stderr
        assert count(tmp_path / name).failed == 4
    assert_same(tmp_path / "there", tmp_path / "here")
    (model / "broken").unlink()
    for name, where in (("here", ()), ("there", ray)):
        made = ("generate", "--prompts", prompts, "--out", tmp_path / name, "--engine", "noted", "--model", model)
        before = whole_lines(model / "asked")
        done(*made, "--rounds", 1, "-q", "--retry-failed", *where)
        assert whole_lines(model / "asked") == before + 4 * 3
        assert count(tmp_path / name).done == 8
    assert_same(tmp_path / "there", tmp_path / "here")


def test_a_fork_makes_only_the_calls_that_are_new(tmp_path: Path, model: Path, cluster: "Cluster") -> None:
    prompts = write_prompts(tmp_path / "prompts.jsonl", [f"Row {n}" for n in range(8)])
    made = ("generate", "--prompts", prompts, "--engine", "noted", "--model", model, "-q", "--out")
    done(*made, tmp_path / "old", "--rounds", 1)
    before = whole_lines(model / "asked")
    done(
        *made, tmp_path / "old", "--rounds", 2, "--fork", tmp_path / "there", "--ray", cluster.address, "--replicas", 2
    )
    assert whole_lines(model / "asked") == before + 8 * 2
    done(*made, tmp_path / "here", "--rounds", 2)
    assert_same(tmp_path / "there", tmp_path / "here")


def test_the_bundled_model_on_two_workers(tmp_path: Path, cluster: "Cluster") -> None:
    prompts = write_prompts(
        tmp_path / "prompts.jsonl", ["Name a fruit.", "Name a tool.", "Name a bird.", "Name a sea."]
    )
    made = ("generate", "--prompts", prompts, "--out", tmp_path / "run", "--rounds", 1, "--max-tokens", 8, "-q")
    done(*made, "--concurrency", 2, "--ray", cluster.address, "--replicas", 2)
    assert count(tmp_path / "run").done == 4
    # What is made from a run knows nothing of who ran it.
    for verb in (["status"], ["report"], ["export", "--to", tmp_path / "data"]):
        assert done(verb[0], tmp_path / "run", *verb[1:])


def test_progress_is_told_in_one_place(folder: Path, tmp_path: Path, cluster: "Cluster") -> None:
    made = ("generate", "--prompts", folder / "prompts.jsonl", "--out", tmp_path / "run", "--engine", "scripted")
    options = ("--limit", 6, "--rounds", 1, "--ray", cluster.address, "--replicas", 2)
    ended = program(*made, *options)
    assert ended.returncode == 0, ended.stderr
    assert "6 done" in ended.stdout
    # Nothing of Ray's own, nor of its data library's, on a terminal or in a log.
    for words in (
        "Connecting",
        "Execution plan",
        "Dataset",
        "MapWorker",
        "raylet",
        "WARNING",
        "INFO",
        "logging.cc",
        "SIGTERM",
        "Token",
    ):
        assert words not in ended.stdout + ended.stderr, ended.stderr
