"""The wheel, installed outside the checkout, works with all that ships in it."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
Installed = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Run a program of a virtual environment that holds the wheel and borrows our dependencies."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # A path in a .pth file comes after the environment's own packages, and the .pth files in it, the editable install
    # of the checkout among them, are not read.
    (Path(purelib) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}

    def run(program: str, *args: object) -> "subprocess.CompletedProcess[str]":
        command = [str(folder / "bin" / program), *map(str, args)]
        return subprocess.run(
            command, cwd=elsewhere, env=environment, capture_output=True, encoding="utf-8", timeout=60
        )

    where = run("python", "-c", "import constitution; print(constitution.__file__)").stdout
    assert where.startswith(str(purelib)), f"not the wheel is tested, but {where}"
    return run


def test_every_shipped_file_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("principles", "templates", "probes", "examples/prompts"):
        files = [path.relative_to(CHECKOUT) for path in (CHECKOUT / kind).rglob("*") if path.is_file()]
        assert files
        assert not {f"constitution/_data/{path}" for path in files} - names
    assert "constitution/py.typed" in names


def test_the_wheel_holds_every_module_and_nothing_but_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "constitution").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}
    assert {name.split("/")[0].split("-")[0] for name in names} == {"constitution", "constitution_ai"}
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_declares_its_version_and_licence(wheel: Path) -> None:
    from constitution import __version__

    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
        assert [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata


def test_the_installed_program_lists_the_principles_in_its_own_package(installed: Installed) -> None:
    result = installed("constitution", "principles", "list", "--format", "json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == [
        "children",
        "harmlessness",
        "harmlessness.zh",
        "helpfulness",
        "honesty",
        "privacy",
    ]
    assert all(str(CHECKOUT) + "/" not in row["path"] for row in rows)


@pytest.mark.parametrize("templates", ["chat", "chat.zh", "transcript"])
def test_the_installed_program_runs_away_from_the_checkout(installed: Installed, templates: str) -> None:
    project = f"project-{templates}"
    assert installed("constitution", "init", project).returncode == 0
    args = ("--prompts", f"{project}/prompts.jsonl", "--out", f"{project}/run", "--templates", templates)
    result = installed("constitution", "generate", *args, "--engine", "scripted", "--format", "json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["counts"] == {"input": 10, "done": 10, "failed": 0, "filtered": 0}
    exported = installed("constitution", "export", f"{project}/run", "--to", f"{project}/data", "--format", "json")
    assert sum(json.loads(exported.stdout)["rows"]["sft"].values()) == 10
