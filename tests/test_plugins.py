"""Engines of other distributions: found by their entry points, listed, and told apart when they are broken."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from plugging import SCRIPTED_AGAIN, plug, put_on_path

from constitution.engines import ENGINES, engine_names
from constitution.engines.installed import built_in

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Lines = Callable[[Path], list[Any]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of every process that a test starts, to install into."""
    folder = tmp_path / "site"
    folder.mkdir()
    put_on_path(folder, monkeypatch)
    return folder


def listed(program: Cli) -> dict[str, dict[str, Any]]:
    result = program("engines", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    return {one["name"]: one for one in json.loads(result.stdout)}


def refused(program: Cli, prompts: Path, engine: str) -> str:
    result = program("generate", "--prompts", prompts, "--out", "run", "--engine", engine)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and "Traceback" not in result.stderr
    return result.stderr


# --- our own


def test_every_engine_of_ours_is_listed_with_what_it_is_and_promises(program: Cli) -> None:
    found = listed(program)
    assert list(found)[: len(ENGINES)] == list(ENGINES)
    for name, engine in ENGINES.items():
        assert (found[name]["summary"], found[name]["determinism"]) == (engine.summary, engine.determinism)
        assert found[name]["distribution"] is None
    assert found["scripted"]["usable"] and found["transformers"]["usable"]
    assert found["transformers"]["needs"].startswith("transformers ")


@pytest.mark.parametrize("name", ENGINES)
def test_what_the_list_says_of_determinism_is_what_manifests_will_say(name: str) -> None:
    kinds = [kind for kind in vars(import_module(ENGINES[name].module)).values() if isinstance(kind, type)]
    assert {kind.determinism for kind in kinds if "determinism" in vars(kind)} == {ENGINES[name].determinism}


@pytest.mark.parametrize("name", ENGINES)
def test_what_an_engine_needs_is_installed_with_this_package_or_its_extra(name: str) -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    engine = ENGINES[name]
    asked = project["optional-dependencies"][engine.extra] if engine.extra else project["dependencies"]
    assert not engine.needs or [one for one in asked if re.match(rf"{engine.needs}\b", one)]


def test_an_engine_whose_package_is_missing_is_listed_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules is how Python marks what cannot be imported.
    monkeypatch.setitem(sys.modules, "vllm", None)
    found = built_in("vllm", ENGINES["vllm"])
    assert (found.usable, found.problem) == (False, "vllm is not installed")
    assert found.hint == "pip install '.[vllm]' in a checkout of constitution"


def test_doctor_tells_of_an_engine_that_is_not_installed_and_finds_no_fault_in_it() -> None:
    code = "import sys; sys.modules['vllm'] = None; from constitution.doctor import examine; found = examine()\n"
    code += "print(*[one.model_dump_json() for one in found if one.what == 'engine vllm'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60)
    assert json.loads(result.stdout) == {
        "what": "engine vllm",
        "found": "not installed (optional)",
        "ok": False,
        "required": False,
        "hint": "pip install '.[vllm]' in a checkout of constitution",
    }


def test_the_list_is_made_without_importing_a_backend() -> None:
    code = (
        "import sys; from constitution.cli import main; sys.argv = ['c', 'engines']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'torch', 'transformers', 'vllm', 'aiohttp', 'datasets'} & sys.modules.keys())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60)
    assert result.stdout.splitlines()[-1] == "set()", result.stderr
    assert "scripted" in result.stdout


# --- another distribution's


def test_an_engine_of_another_distribution_makes_a_run_and_is_listed(
    site: Path, program: Cli, prompts: Path, tmp_path: Path, lines: Lines
) -> None:
    plug(site, "mine", SCRIPTED_AGAIN)
    result = program("generate", "--prompts", prompts, "--out", "run", "--engine", "mine", "--rounds", 1)
    assert result.returncode == 0, result.stderr
    assert len(lines(tmp_path / "run" / "transcripts.jsonl")) == 12
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["determinism"] == "exact"
    mine = listed(program)["mine"]
    assert (mine["usable"], mine["problem"]) == (True, "")
    assert (mine["summary"], mine["distribution"]) == ("The scripted engine, from elsewhere.", "mine-engine 1.0")
    assert "ok  mine: The scripted engine, from elsewhere.\n      from mine-engine 1.0\n" in program("engines").stdout


def test_another_distributions_engine_can_be_named_with_the_model(site: Path, program: Cli, prompts: Path) -> None:
    plug(site, "mine", SCRIPTED_AGAIN)
    result = program("generate", "--prompts", prompts, "--out", "run", "--model", "mine:scripted", "--rounds", 1)
    assert result.returncode == 0, result.stderr


def test_another_distributions_engine_judges(
    site: Path, program: Cli, prompts: Path, tmp_path: Path, lines: Lines
) -> None:
    plug(site, "mine", SCRIPTED_AGAIN)
    (tmp_path / "judge.yaml").write_text("- {when: '.', choose: {A: 0.7, B: 0.3}}\n")
    made = program("generate", "--prompts", prompts, "--out", "run", "--engine", "scripted", "--rounds", 1)
    assert made.returncode == 0, made.stderr
    result = program("compare", "run", "--judge", "mine:judge.yaml")
    assert result.returncode == 0, result.stderr
    votes = [vote for one in lines(tmp_path / "run" / "comparisons.jsonl") for vote in one["votes"]]
    assert {round(vote["p_first"] if vote["order"] == "forward" else 1 - vote["p_first"], 6) for vote in votes} == {0.7}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("raise RuntimeError('no card\\nof that kind')\n", "RuntimeError: no card"),
        ("def open_engine(:\n", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit('no licence')\n", "SystemExit: no licence"),
    ],
)
def test_an_engine_that_fails_to_import_is_named_with_its_error(
    site: Path, program: Cli, prompts: Path, tmp_path: Path, code: str, told: str
) -> None:
    plug(site, "broken", code)
    error = refused(program, prompts, "broken")
    assert f"the engine 'broken' (broken_engine, of broken-engine 1.0) cannot be imported: {told}" in error
    assert "Install broken-engine 1.0 again" in error
    assert not (tmp_path / "run" / "manifest.json").exists()
    found = listed(program)
    assert found["broken"]["usable"] is False and told in found["broken"]["problem"]
    assert found["scripted"]["usable"] is True
    text = program("engines").stdout
    assert "--  broken: " in text and told in text


@pytest.mark.parametrize(
    ("code", "value", "told"),
    [
        ("", "", "no function open_engine and no function check_model"),
        ("async def open_engine(settings, chat_template): ...\n", "", "no function check_model"),
        # As entry points of this group were before: the function, and not its module.
        (SCRIPTED_AGAIN, "old_engine:open_engine", "no function open_engine"),
    ],
)
def test_an_engine_without_its_functions_is_told_what_it_lacks(
    site: Path, program: Cli, prompts: Path, code: str, value: str, told: str
) -> None:
    plug(site, "old", code, value)
    error = refused(program, prompts, "old")
    assert told in error
    assert "An entry point of constitution.engines names a module that has both" in error
    assert told in listed(program)["old"]["problem"]


def test_a_name_of_ours_stays_ours(site: Path, program: Cli, prompts: Path) -> None:
    plug(site, "scripted", "raise RuntimeError('imported after all')\n", distribution="greedy-engine")
    result = program("generate", "--prompts", prompts, "--out", "run", "--engine", "scripted", "--rounds", 1)
    assert result.returncode == 0, result.stderr
    rows = json.loads(program("engines", "--format", "json").stdout)
    ours, theirs = [one for one in rows if one["name"] == "scripted"]
    assert (ours["usable"], ours["distribution"]) == (True, None)
    assert (theirs["usable"], theirs["distribution"]) == (False, "greedy-engine 1.0")
    assert theirs["problem"] == "not used: an engine of this program has that name"


def test_a_name_of_two_distributions_is_the_first_ones_on_the_path(
    site: Path, program: Cli, prompts: Path, tmp_path: Path
) -> None:
    plug(site, "mine", SCRIPTED_AGAIN)
    plug(site, "mine", "raise RuntimeError('imported after all')\n", distribution="second-engine")
    rows = [one for one in json.loads(program("engines", "--format", "json").stdout) if one["name"] == "mine"]
    assert sorted(one["usable"] for one in rows) == [False, True]
    (used,), (unused,) = ([one for one in rows if one["usable"] is there] for there in (True, False))
    assert unused["problem"] == f"not used: {used['distribution']} has an engine of that name"
    assert unused["hint"] == f"Remove one of the two: pip uninstall {unused['distribution'].split()[0]}"
    result = program("generate", "--prompts", prompts, "--out", "run", "--engine", "mine", "--rounds", 1)
    assert (result.returncode == 0) is (used["distribution"] == "mine-engine 1.0")


def test_an_unknown_engine_names_the_nearest_and_the_list(site: Path, program: Cli, prompts: Path) -> None:
    plug(site, "mine", SCRIPTED_AGAIN)
    error = refused(program, prompts, "mines")
    assert "no engine called 'mines'; did you mean 'mine'?" in error
    assert "constitution engines" in error


def test_plugged_engines_are_known_in_this_process(site: Path) -> None:
    assert engine_names() == set(ENGINES)
    plug(site, "mine", SCRIPTED_AGAIN)
    assert engine_names() == {*ENGINES, "mine"}
