"""The place that all machines of a test reach, and the machines."""

from collections.abc import Callable
from pathlib import Path

import pytest

from remote.machines import Machine, Ran


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder behind the URL."""
    return tmp_path / "place" / "run"


@pytest.fixture
def machine(
    tmp_path: Path, prompts: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[str], Machine]:
    """A machine by its name; each of its model calls takes a while."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("- when: '.'\n  seconds: 0.01\n", encoding="utf-8")

    def run(home: Path, *args: object) -> Ran:
        from constitution.cli import main

        monkeypatch.setenv("XDG_DATA_HOME", str(home))
        monkeypatch.setattr("sys.argv", ["constitution", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    return lambda name: Machine(tmp_path / name, place.as_uri(), prompts, rules, run)
