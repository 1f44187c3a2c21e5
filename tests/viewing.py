"""A run in a view: small runs with chosen texts, an index that has caught up, pages without a browser."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from constitution.journal import Journal
from constitution.manifest import COMPARE, REVISE, new_manifest, write_manifest
from constitution.principles import load_principles
from constitution.records import (
    Candidate,
    Comparison,
    Completion,
    Failure,
    Filtered,
    Message,
    Record,
    Round,
    Transcript,
)
from constitution.view.app import make_app
from constitution.view.index import Index
from constitution.view.indexing import Indexer
from constitution.view.live import Live
from constitution.view.overview import Overview, read_overview, read_principles
from constitution.view.searching import conditions, how_many, read_wanted, rows_after
from constitution.view.site import Site

TOKEN = "a-token"
SECONDS = 20


def completion(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", prompt_tokens=3, completion_tokens=2)


def transcript(index: int, *texts: str, id: str = "", asked: str = "", **metadata: Any) -> Transcript:
    """A row; of its texts the first is the initial response, the others are revisions."""
    initial, *revised = texts or ("Take it.", "Ask for it.")
    return Transcript(
        id=id or f"row-{index}",
        index=index,
        prompt=(Message(role="user", content=asked or f"Question {index}?"),),
        metadata=metadata,
        response=completion(initial),
        rounds=tuple(
            Round(principle="privacy", critique=completion("That is unkind."), revision=completion(text))
            for text in revised
        ),
    )


def comparison(index: int, p: float | None = 0.8, one: str = "Left.", other: str = "Right.", **more: Any) -> Comparison:
    """Two samples of a row."""
    given: dict[str, Any] = {
        "id": f"row-{index}/sample-1:sample-2",
        "row": f"row-{index}",
        "index": index,
        "pairs": 1,
        "prompt": (Message(role="user", content=f"Question {index}?"),),
        "metadata": {},
        "first": Candidate(text=one, source="sample-1"),
        "second": Candidate(text=other, source="sample-2"),
        "votes": (),
        "p_forward": p,
        "p_reversed": p,
        "p": p,
        "disagreement": 0.0,
        "status": "invalid" if p is None else "labelled",
    }
    return Comparison(**(given | more))


def write(path: Path, *records: Record) -> None:
    """Append to a journal."""
    journal = Journal(path)
    for record in records:
        journal.append(record)
    journal.close()


def begin(folder: Path, rows: int, compared: bool = False) -> Path:
    """The manifests of a run."""
    folder.mkdir(exist_ok=True)
    for stage in (REVISE, COMPARE) if compared else (REVISE,):
        write_manifest(folder, stage, new_manifest("0", "exact", rows, {}, {}, load_principles("harmlessness")))
    return folder


def mixed_run(folder: Path) -> Path:
    """Rows of all kinds and in several languages."""
    run = begin(folder, 10, compared=True)
    write(
        run / "transcripts.jsonl",
        transcript(1, "Brew the tea.", "Never brew tea.", topic="kitchen"),
        transcript(0, "Same.", "Same."),
        transcript(2, "安全问题很重要。", "这个问题很重要。", asked="这安全吗？"),
        transcript(3, "नमस्ते दुनिया", "Café « don't » x*y", id='a/b?c#d "e"\n%'),
    )
    write(run / "failures.jsonl", Failure(id="row-4", index=4, step="respond", kind="CallError", message="no answer"))
    write(run / "filtered.jsonl", Filtered(id="row-5", index=5, reason="empty prompt", message="it asks nothing"))
    write(run / "comparisons.jsonl", comparison(1, 0.9, "Zebras.", "Lions."), comparison(2, None))
    return run


def overview(index: Index) -> Overview:
    with index.read() as connection:
        return read_overview(index, connection)


def caught_up(index: Index) -> Overview:
    """Wait until the index is not behind its journals."""
    end = time.monotonic() + SECONDS
    while (now := overview(index)).reading:
        assert time.monotonic() < end, now.reading
        time.sleep(0.01)
    return now


def found(index: Index, **given: str) -> list[str]:
    """Ids of the rows that are so; as many as are counted."""
    principles = read_principles(index.run)
    where = conditions(read_wanted(given, principles), principles)
    with index.read() as connection:
        ids = [row.id for row in rows_after(connection, where, most=10_000)]
        assert len(ids) == how_many(connection, where)
    return ids


@contextmanager
def followed(run: Path, warn: Callable[[str], object] = pytest.fail) -> Iterator[tuple[Index, Indexer]]:
    """An index that has caught up, and who keeps it up."""
    index = Index(run)
    indexer = Indexer(index, lambda: None, warn)
    index.keep()
    indexer.start()
    try:
        caught_up(index)
        yield index, indexer
    finally:
        indexer.stop()
        index.close()


def soon(condition: Callable[[], object], indexer: Indexer) -> None:
    """Wait until something is so, once the indexer has been told to look."""
    indexer.look()
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    source: str
    headers: Any

    @property
    def words(self) -> str:
        """What is read of it."""
        body = self.source.partition("<main>")[2].partition("<dialog")[0]
        return " ".join(unescape(re.sub(r"<[^>]*>", "", body)).split())

    @property
    def rows(self) -> list[str]:
        """Addresses of the rows of a list."""
        return [unescape(one) for one in re.findall(r'class="start"[^>]*><a href="([^"]*)"', self.source)]

    @property
    def back(self) -> str:
        """Where the list is from which one came to a row."""
        return unescape(re.findall(r'<a href="([^"]*)" data-key="Escape"', self.source)[0])

    def link(self, rel: str) -> str:
        """Where `next` or `prev` leads; empty if nowhere."""
        there = re.search(rf'<a href="([^"]*)" rel="{rel}"', self.source)
        return unescape(there[1]) if there else ""


@dataclass(frozen=True)
class View:
    """A view that is open."""

    client: TestClient
    index: Index

    def get(self, address: str = "", **headers: str) -> Page:
        """A page, by what stands behind the token, or by its whole address."""
        whole = address if address.startswith("/") else f"/{TOKEN}/{address}"
        got = self.client.get(whole, headers=headers)
        return Page(got.status_code, got.text, got.headers)


@contextmanager
def viewed(run: Path, warn: Callable[[str], object] = pytest.fail) -> Iterator[View]:
    """Open a run; its index has caught up."""
    live = Live(Index(run), warn)
    app = make_app(Site(run, TOKEN, "ada"), live)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        caught_up(live.index)
        yield View(client, live.index)
