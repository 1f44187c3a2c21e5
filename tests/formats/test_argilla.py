"""Argilla's client 2.8.0 on our files, with a stand-in for its server that keeps what it is sent.

The stand-in holds messages to the limits of the server's own schemas (read in argilla-server 2.8.0).
"""

import json
import os
import re
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from samples import METADATA

from .expected import ASKED, BETTER, WORSE, changed, rows

OURS, NOW = str(uuid.uuid4()), "2026-01-01T00:00:00"
AGENT = re.compile(r"^[a-zA-Z0-9-_:\.\/\s]*[a-zA-Z0-9][a-zA-Z0-9-_:\.\/\s]*$")


class Server(ThreadingHTTPServer):
    """Answers as much as a client asks of it that makes datasets and logs records."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        # What it was sent and made of it, by the end of the path: `datasets`, `records/bulk`, `ID/questions`.
        self.kept = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def sent(self, ending):
        return [one for path, made in self.kept.items() if path.endswith(ending) for one in made]


class Handler(BaseHTTPRequestHandler):
    """Keeps what is posted, and sends it back with an id."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        path = self.place()
        if path.endswith("/publish"):
            return self.answer(self.dataset(path.removesuffix("/publish")))
        made = [
            {"id": str(uuid.uuid4())} | {name: value for name, value in one.items() if value is not None}
            for one in body.get("items", [body])
        ]
        self.server.kept.setdefault(path, []).extend(made)
        self.answer({"items": made, "updated_item_ids": []} if "items" in body else made[0])

    do_PUT = do_PATCH = do_POST

    def do_GET(self):
        path = self.place()
        named = {"id": OURS, "name": "ours", "inserted_at": NOW, "updated_at": NOW}
        if path == "me":
            self.answer({"id": OURS, "username": "ada", "role": "owner"})
        elif path == "me/workspaces":
            self.answer({"items": [named]})
        elif made := self.dataset(path):
            self.answer(made)
        else:
            self.answer({"items": self.server.kept.get(path, [])})

    def place(self):
        return self.path.partition("?")[0].removeprefix("/api/v1/").replace("me/datasets/", "datasets/")

    def dataset(self, path):
        return next((one for one in self.server.sent("datasets") if path == f"datasets/{one['id']}"), None)

    def answer(self, told):
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def argilla(server):
    """The client, logged in."""
    import argilla

    argilla.Argilla(api_url=server.url, api_key="key", retries=0)
    return argilla


def texts(record, *names):
    return [record.fields[name] for name in names]


def test_its_client_reads_records_and_settings(folder, argilla):
    made = folder("argilla")
    settings = argilla.Settings.from_json(made / "comparisons" / "settings.json")
    settings.validate()
    assert [field.name for field in settings.fields] == ["prompt", "response_a", "response_b"]
    assert all(field.use_markdown is False for field in settings.fields)
    assert settings.questions["better"].labels == ["a", "b", "tie", "both_bad"]
    assert [(question.name, question.required) for question in settings.questions] == [
        ("better", True),
        ("note", False),
    ]
    records = [argilla.Record.from_dict(row) for row in rows(made / "comparisons" / "train.jsonl")]
    for record, asked, better, worse in zip(records, ASKED, BETTER, WORSE, strict=True):
        assert record.fields["prompt"] == asked
        (suggested,) = record.suggestions
        order = "ab" if suggested.value == "a" else "ba"
        assert texts(record, *(f"response_{letter}" for letter in order)) == [better, worse]
        assert (suggested.question_name, suggested.score) == ("better", 0.7)
        assert record.metadata["origin"] == METADATA


def test_its_client_reads_revisions(folder, argilla):
    made = folder("argilla")
    settings = argilla.Settings.from_json(made / "revisions" / "settings.json")
    settings.validate()
    assert settings.questions["verdict"].labels == ["accept", "reject", "edit"]
    records = [argilla.Record.from_dict(row) for row in rows(made / "revisions" / "train.jsonl")]
    assert [texts(record, "response", "revision") for record in records] == [
        [worse, better] for better, worse in zip(BETTER, WORSE, strict=True)
    ]
    assert [next(iter(record.suggestions)).value for record in records] == BETTER


def test_its_own_reader_of_json_takes_our_rows_as_a_list(folder, argilla, tmp_path):
    from argilla.records._io import JsonIO

    path = folder("argilla") / "comparisons" / "train.jsonl"
    (tmp_path / "records.json").write_text(json.dumps(rows(path)))
    records = JsonIO._records_from_json(tmp_path / "records.json")
    assert [record.to_dict()["fields"] for record in records] == [row["fields"] for row in rows(path)]


def log(made, server):
    told = {"ARGILLA_API_URL": server.url, "ARGILLA_API_KEY": "key", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(made / "log.py"), "harmless"]
    return subprocess.run(command, env=os.environ | told, capture_output=True, encoding="utf-8", timeout=120)


def test_the_script_logs_what_was_written(folder, server):
    made = folder("argilla")
    ended = log(made, server)
    assert ended.returncode == 0, ended.stderr
    assert [body["name"] for body in server.sent("datasets")] == ["harmless-comparisons", "harmless-revisions"]
    assert [body["name"] for body in server.sent("/questions")] == ["better", "note", "verdict", "edited", "note"]
    assert len(server.sent("/fields")) == 6
    sent = server.sent("/records/bulk")
    expected = [
        row
        for kind in ("comparisons", "revisions")
        for split in ("test", "train")
        for row in rows(made / kind / f"{split}.jsonl")
    ]
    assert [record["fields"] for record in sent] == [row["fields"] for row in expected]
    assert [record["external_id"] for record in sent] == [row["id"] for row in expected]
    assert [record["metadata"] for record in sent] == [row["metadata"] for row in expected]
    for record in sent:
        assert all(1 <= len(turn["content"]) <= 20_000 for turn in record["fields"]["prompt"])
        (suggested,) = record["suggestions"]
        assert AGENT.fullmatch(suggested["agent"]) and len(suggested["agent"]) <= 200
        assert 0 <= suggested["score"] <= 1


def test_these_checks_can_fail(folder, argilla, tmp_path):
    path = folder("argilla") / "comparisons" / "train.jsonl"
    other = changed(path, tmp_path / "other.jsonl", lambda row: row | {"suggestions": {"better": {"label": "a"}}})
    with pytest.raises(TypeError):
        [argilla.Record.from_dict(row) for row in rows(other)]
    told = json.loads((path.parent / "settings.json").read_text())
    told["questions"][0]["settings"]["type"] = "choice"
    (tmp_path / "settings.json").write_text(json.dumps(told))
    with pytest.raises(ValueError, match="choice"):
        argilla.Settings.from_json(tmp_path / "settings.json")
