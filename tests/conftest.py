"""What several test files share: a prompts file, the installed program, a run made in this process."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from principle_cli import Ran

    from constitution.engines.transformers.model import LoadedModel

# Before any test imports a Hugging Face package, which reads it once.
os.environ["HF_HUB_OFFLINE"] = "1"

# The environments of the other test targets lack it.
with suppress(ImportError):
    from hypothesis import settings as hypothesis_settings

    hypothesis_settings.register_profile("long", max_examples=2_000)

PROGRAM = Path(sys.executable).with_name("constitution")


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Twelve rows with ids `row-00` to `row-11`."""
    path = tmp_path / "prompts.jsonl"
    rows = [{"id": f"row-{n:02}", "prompt": f"Question number {n}?", "topic": f"topic {n % 3}"} for n in range(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def smollm2() -> "LoadedModel":
    """The bundled model; in float32, so that batch shapes cannot flip a greedy choice."""
    from models import load_model

    return load_model("smollm2", dtype="float32")


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program with these arguments, in `tmp_path`, to its end; in this process, which is quicker."""
    from constitution.cli import main

    def run(*args: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), *map(str, args)]
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr("sys.argv", command)
            patch.chdir(cwd)
            with pytest.raises(SystemExit) as ended:
                main()
        told = capfd.readouterr()
        return subprocess.CompletedProcess(command, int(ended.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed program with these arguments, in `tmp_path`, to its end, in a process of its own."""

    def run(*args: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), *map(str, args)]
        return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=100)

    return run


@pytest.fixture
def generated(tmp_path: Path, prompts: Path) -> Callable[..., Path]:
    """Make a run, or go on with it, in this process; one round on the scripted engine unless told otherwise."""
    from constitution import Settings, generate

    def make(name: str = "run", reuse: Path | None = None, retry_failed: bool = False, **settings: Any) -> Path:
        given = {"prompts": str(prompts), "out": str(tmp_path / name), "engine": "scripted", "rounds": 1}
        asyncio.run(generate(Settings(**(given | settings)), reuse=reuse, retry_failed=retry_failed))
        return tmp_path / name

    return make


@pytest.fixture
def shards(generated: Callable[..., Path]) -> Callable[..., list[Path]]:
    """Make shards 1 to `of` of a run in `shards/1` to `shards/of`, with these settings."""

    def make(of: int = 3, **settings: Any) -> list[Path]:
        return [generated(f"shards/{n}", shard=f"{n}/{of}", **settings) for n in range(1, of + 1)]

    return make


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> "Callable[..., Ran]":
    """Run `constitution …` in this process, which is quicker."""
    from principle_cli import Ran

    from constitution.cli import main

    def run(*args: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["constitution", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def lines() -> Callable[[Path], list[Any]]:
    """The objects of a JSONL file; without their checksums, if it is a journal."""

    def read(path: Path) -> list[Any]:
        found = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
        return [{name: one[name] for name in one if name != "crc"} if isinstance(one, dict) else one for one in found]

    return read


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A small principles file with comments."""
    from principle_cli import TEXT

    path = tmp_path / "mine.yaml"
    path.write_bytes(TEXT.encode())
    return path


@pytest.fixture
def principles(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> "Callable[..., Ran]":
    """`constitution principles …` here, in `tmp_path`; no editor is set, and what editors leave is in `kept`."""
    from principle_cli import Ran

    from constitution.cli import main

    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*args: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["constitution", "principles", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    return run
