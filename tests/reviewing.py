"""A run to review, and a browser without JavaScript."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from constitution.journal import Journal
from constitution.records import Candidate, Comparison, Completion, Message, Record, Round, Transcript
from constitution.reviews import Review, reviews
from constitution.view.app import make_app
from constitution.view.index import Index
from constitution.view.live import Live
from constitution.view.site import Site, nothing

TOKEN = "a-token"
# What no page may tell before the answer.
SECRETS = ("sample-1", "sample-2", "secret-model", "0.8125", "0.81", "0.19", "labelled", "harm-principle", "strength")


def secrets(source: str) -> list[str]:
    """Those that a page tells."""
    return [secret for secret in SECRETS if secret in source.replace("aria-labelledby", "")]


def comparison(number: int, first: str = "", second: str = "", **other: Any) -> Comparison:
    given: dict[str, Any] = {
        "id": f"row-{number}/sample-1-vs-sample-2",
        "row": f"row-{number}",
        "index": number,
        "pairs": 1,
        "prompt": (Message(role="user", content=f"Question {number}?"),),
        "metadata": {},
        "first": Candidate(
            text=first or f"One {number}.", source="sample-1", model="secret-model", rank=1, strength=0.7331
        ),
        "second": Candidate(
            text=second or f"Other {number}.", source="sample-2", model="secret-model-2", rank=2, strength=-0.7331
        ),
        "votes": (),
        "p_forward": 0.8125,
        "p_reversed": 0.8125,
        "p": 0.8125,
        "disagreement": 0.0,
        "status": "labelled",
    }
    return Comparison(**(given | other))


def completion(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", prompt_tokens=3, completion_tokens=2)


def transcript(number: int, *texts: str) -> Transcript:
    initial, *revised = texts or (f"Take {number} coats.", f"Ask for {number} coats.", f"Pay for {number} coats.")
    return Transcript(
        id=f"row-{number}",
        index=number,
        prompt=(Message(role="user", content=f"Question {number}?"),),
        metadata={},
        response=completion(initial),
        rounds=tuple(Round(principle="harm-principle", critique=None, revision=completion(text)) for text in revised),
    )


def write(path: Path, *records: Record) -> None:
    journal = Journal(path)
    for record in records:
        journal.append(record)
    journal.close()


def make_run(folder: Path, number: int = 6) -> Path:
    """Comparisons and transcripts of so many rows."""
    folder.mkdir(exist_ok=True)
    write(folder / "comparisons.jsonl", *(comparison(row) for row in range(number)))
    write(folder / "transcripts.jsonl", *(transcript(row) for row in range(number)))
    return folder


class Page:
    """What a browser got.

    Args:
        response: An answer of the server.
    """

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.source: str = response.text
        self.address = str(response.url)

    @property
    def form(self) -> dict[str, str]:
        """The fields of the last form that is sent by POST, its buttons left out."""
        form = self.source.rpartition('<form method="post"')[2].partition("</form>")[0]
        fields = {
            name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
        }
        for name, inside in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
            fields[name] = unescape(inside)
        return fields

    @property
    def texts(self) -> list[str]:
        """The texts of rows, in the order of the page."""
        return [unescape(text) for text in re.findall(r'<div class="text [^>]*>(.*?)</div>', self.source, re.DOTALL)]

    @property
    def sides(self) -> list[str]:
        """Responses A and B."""
        return self.texts[-2:]

    @property
    def words(self) -> str:
        """What is to be read, white space as single spaces."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.source)).split())

    def link(self, words: str) -> str:
        """Where a link leads to."""
        found = re.search(rf'href="([^"]*)"[^>]*>\s*{re.escape(words)}', self.source)
        assert found, f"no link {words!r}"
        return unescape(found[1])


class Tab:
    """One tab of a browser, its scripts turned off.

    Args:
        run: The run's folder.
        reviewer: Who reviews.
        kind: What is reviewed.
        sample: Of the site.
        keep: Of the site.
    """

    def __init__(
        self,
        run: Path,
        reviewer: str = "ada",
        kind: str = "comparison",
        sample: Path | None = None,
        keep: Callable[[], None] = nothing,
    ) -> None:
        self.run, self.reviewer, self.kind = run, reviewer, kind
        site = Site(run=run, token=TOKEN, reviewer="ada", sample=sample, keep=keep)
        app = make_app(site, Live(Index(run), warn=pytest.fail))
        self.client = TestClient(app, base_url="http://127.0.0.1")

    def get(self, address: str) -> Page:
        """Open an address."""
        return Page(self.client.get(address))

    def next(self) -> Page:
        """Open what is to be answered next."""
        return self.get(f"/{TOKEN}/review/{self.kind}?{urlencode({'reviewer': self.reviewer})}")

    def start(self, reviewer: str | None = None) -> Page:
        """Open the start page."""
        return self.get(f"/{TOKEN}/review?{urlencode({'reviewer': reviewer or self.reviewer})}")

    def answer(self, page: Page, button: str, **fields: str) -> Page:
        """Press a button of a page's form."""
        return self.post(page.form | {"answer": button} | fields)

    def post(self, fields: dict[str, str], **headers: str) -> Page:
        """Send a form, and go where that leads."""
        return Page(self.client.post(f"/{TOKEN}/review/{self.kind}", data=fields, headers=headers))

    def kept(self) -> list[Review]:
        """All that is in the run's journal of reviews."""
        return list(reviews(self.run))


def pages(tab: Tab, answer: Callable[[Page], str]) -> Iterator[Page]:
    """Answer one after the other, until nothing is left."""
    page = tab.next()
    while 'data-review="' in page.source:
        yield page
        page = tab.answer(page, answer(page))
    yield page
