"""Runs to export, written as a run writes them, and ways to look at what came out."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from constitution import Settings, export
from constitution.config import CompareSettings
from constitution.engines.base import Identity
from constitution.errors import ExportError
from constitution.manifest import COMPARE, new_manifest
from constitution.principles import Principle, PrincipleSet
from constitution.records import (
    Candidate,
    Comparison,
    Completion,
    Failure,
    FinishReason,
    Message,
    Round,
    Status,
    Transcript,
    Vote,
)
from constitution.run import Run

Row = dict[str, Any]
PRINCIPLES = PrincipleSet(
    name="kindness",
    version="2",
    description="For tests.",
    principles=tuple(
        Principle(
            id=f"principle-{n}",
            critique_request=f"Criticise {n}.",
            revision_request=f"Revise {n}.",
            comparison=f"Which is kinder {n}?",
        )
        for n in (1, 2, 3)
    ),
)


def asked(prompt: str) -> tuple[Message, ...]:
    return (Message(role="user", content=prompt),)


def transcript(
    number: int, prompt: str, *answers: str, cut: Sequence[int] = (), id: str = "", metadata: Row | None = None
) -> Transcript:
    """A finished row: its answers are the initial response and the revisions; those numbered in `cut` were cut."""

    def completion(text: str, place: int | None) -> Completion:
        reason: FinishReason = "length" if place in cut else "stop"
        return Completion(text=text, finish_reason=reason, prompt_tokens=3, completion_tokens=2)

    rounds = [
        Round(
            principle=f"principle-{place}",
            critique=completion(f"Critique {place}.", None),
            revision=completion(text, place),
        )
        for place, text in enumerate(answers[1:], 1)
    ]
    return Transcript(
        id=id or f"row-{number}",
        index=number,
        prompt=asked(prompt),
        metadata=metadata or {},
        response=completion(answers[0], 0),
        rounds=tuple(rounds),
    )


def comparison(
    number: int,
    prompt: str,
    first: str,
    second: str,
    p: float | None,
    *,
    status: Status = "labelled",
    sources: tuple[str, str] = ("sample-1", "sample-2"),
    pairs: int = 1,
    cut: Sequence[str] = (),
    metadata: Row | None = None,
) -> Comparison:
    """A judged pair of one row; the responses whose text is in `cut` were cut."""

    def candidate(text: str, source: str) -> Candidate:
        return Candidate(text=text, source=source, model="small", finish_reason="length" if text in cut else "stop")

    return Comparison(
        id=f"row-{number}/{sources[0]}-{sources[1]}",
        row=f"row-{number}",
        index=number,
        pairs=pairs,
        prompt=asked(prompt),
        metadata=metadata or {},
        first=candidate(first, sources[0]),
        second=candidate(second, sources[1]),
        votes=tuple(Vote(principle="principle-3", order=order, p_first=p) for order in ("forward", "reversed")),
        p_forward=p,
        p_reversed=p,
        p=p,
        disagreement=None if p is None else 0.0,
        status=status,
    )


def stored(
    folder: Path,
    rows: Sequence[Transcript | Failure],
    input: int | None = None,
    principles: PrincipleSet | None = PRINCIPLES,
) -> Path:
    """A run's folder that holds these rows, written as a run writes them."""
    settings = Settings(prompts="/home/me/prompts.jsonl", out=str(folder), engine="scripted")
    identity = Identity(engine="scripted", model="scripted", revision="abc")
    affecting = settings.affecting() | {"principles (content)": "def", "model (identity)": identity.model_dump()}
    manifest = new_manifest(
        "0.1.0", "exact", input or len(rows), settings.model_dump(mode="json"), affecting, principles
    )
    with Run(folder) as run:
        run.begin(manifest)
        for row in rows:
            run.keep(row)
    return folder


def judged(folder: Path, rows: Sequence[Comparison | Failure], input: int | None = None) -> Path:
    """Add comparisons to a run's folder, or make a run of nothing else."""
    identity = Identity(engine="scripted", model="the-judge", revision="123")
    settings = CompareSettings(principles="/home/me/kindness.yaml", principles_per_pair=1)
    affecting = settings.model_dump(mode="json") | {
        "principles (content)": "ghi",
        "sampling model small (identity)": identity.model_dump(),
        "model (identity)": identity.model_dump(),
    }
    number = len({row.row if isinstance(row, Comparison) else row.id for row in rows})
    manifest = new_manifest("0.1.0", "exact", input or number, settings.model_dump(mode="json"), affecting, PRINCIPLES)
    with Run(folder, COMPARE) as run:
        run.begin(manifest)
        for row in rows:
            run.keep(row)
    return folder


def many(number: int) -> list[Transcript]:
    return [transcript(n, f"Question {n}?", f"Bad {n}.", f"Better {n}.", f"Best {n}.") for n in range(number)]


def compared(number: int, p: float = 0.8) -> list[Comparison]:
    """That many prompts with a pair each, whose first response is better with probability `p`."""
    return [comparison(n, f"Question {n}?", f"First {n}.", f"Second {n}.", p) for n in range(number)]


def written(path: Path) -> list[Any]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def rows(folder: Path, kind: str, split: str = "train") -> list[Any]:
    """The rows of a kind; none if there is no such file."""
    path = folder / kind / f"{split}.jsonl"
    return written(path) if path.exists() else []


def origin(row: Row) -> Row:
    """Where an exported row came from."""
    found: Row = json.loads(row["metadata"])
    return found


def sides(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The chosen and the rejected response of each."""
    return [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows]


def prompts_of(folder: Path, kind: str, split: str) -> set[str]:
    """The text of the first turns of a kind."""
    column = "messages" if kind == "sft" else "prompt"
    return {row[column][0]["content"] for row in rows(folder, kind, split)}


def header(folder: Path) -> Any:
    """The card's YAML."""
    _, text, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return YAML(typ="safe").load(text)


def refusal(run: Path, to: Path, **options: Any) -> ExportError:
    """The error that an export ends with."""
    with pytest.raises(ExportError) as bad:
        export(run, to, **options)
    return bad.value


def files(folder: Path) -> Iterator[str]:
    """The paths of all files below."""
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


def load(folder: Path, kind: str, cache: Path) -> Any:
    """What `datasets` makes of it."""
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset(str(folder), kind, cache_dir=str(cache))
