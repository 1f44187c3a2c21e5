"""Two small constitutions to compare, and how tests do so."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from constitution.config import CompareSettings, Settings
from constitution.principle_files.writing import file_text
from constitution.principles import Principle, PrincipleSet
from constitution.report.versus import VersusSummary, summarise_versus
from constitution.runner import Watch
from constitution.versus import plan_versus, run_versus

Lines = Callable[[Path], list[Any]]

STAGES = ("a/calls.jsonl", "b/calls.jsonl", "judged/compare-calls.jsonl")


def asking(id: str, comparison: bool = True, tag: str = "") -> Principle:
    return Principle(
        id=id,
        critique_request=f"Say what is not {id}.",
        revision_request=f"Make it {id}.",
        comparison=f"Which is more {id}?" if comparison else None,
        tags=(tag,) if tag else (),
    )


def file_of(path: Path, *principles: Principle) -> str:
    whole = PrincipleSet(name=path.stem, version="1", description="Mine.", principles=principles)
    path.write_text(file_text(whole), encoding="utf-8")
    return str(path)


def two_files(folder: Path) -> tuple[str, str]:
    """Two files of two principles, one of which is the same."""
    a = file_of(folder / "before.yaml", asking("kind", tag="tone"), asking("short", tag="form"))
    return a, file_of(folder / "after.yaml", asking("kind", tag="tone"), asking("true", tag="facts"))


@contextmanager
def unwatched(stage: str) -> Iterator[Watch | None]:
    yield None


def comparing(folder: Path, prompts: Path) -> Callable[..., VersusSummary]:
    """Compares two files, or goes on with it, in this process."""

    def run(
        a: str,
        b: str,
        name: str = "ab",
        retry_failed: bool = False,
        judging: CompareSettings | None = None,
        by: str = "",
        **settings: Any,
    ) -> VersusSummary:
        given = {"prompts": str(prompts), "out": str(folder / name), "engine": "scripted", "principles": a}
        plan = plan_versus(Settings(**(given | settings)), judging or CompareSettings(), b, by or None)
        asyncio.run(run_versus(plan, unwatched, retry_failed=retry_failed))
        return summarise_versus(plan.folder, by)

    return run


def calls_of(folder: Path, lines: Lines) -> list[Counter[tuple[str, str, str]]]:
    """How often each call of each stage was journalled."""
    return [Counter((one["row"], one["step"], one["digest"]) for one in lines(folder / name)) for name in STAGES]
