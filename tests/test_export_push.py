"""Uploading an export: the real client, against a local server that speaks the few endpoints that an upload takes."""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from exporting import files, many, stored


@dataclass
class Hub:
    """What the server was told.

    Attributes:
        status: What creating a repository is answered with.
        faults: What it finds wrong with a card.
        made: The bodies of requests to create a repository.
        tokens: The tokens that came along.
        files: What was committed, by path.
        paths: What was asked for.
    """

    address: str = ""
    status: int = 200
    faults: list[str] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def hub() -> Iterator[Hub]:
    told = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            told.paths.append(self.path)
            self.answer(404, {"error": "not found"})

        def do_POST(self) -> None:
            told.paths.append(self.path)
            told.tokens.add(self.headers.get("Authorization", ""))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            url = f"{told.address}/datasets/me/harmless"
            if self.path == "/api/repos/create":
                told.made.append(json.loads(body))
                self.answer(told.status, {"url": url, "error": "no"})
            elif self.path == "/api/validate-yaml":
                faults = [{"message": fault} for fault in told.faults]
                self.answer(400 if faults else 200, {"errors": faults, "warnings": []})
            elif self.path == "/api/datasets/me/harmless/preupload/main":
                asked = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                self.answer(200, {"files": asked})
            elif self.path.startswith("/api/datasets/me/harmless/commit/main"):
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        told.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                self.answer(200, {"success": True, "commitOid": "a" * 40, "commitUrl": f"{url}/commit/{'a' * 40}"})
            else:
                self.answer(404, {"error": "not found"})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pushed(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Export four rows with these arguments and this environment, on a machine where nobody is logged in."""
    run = stored(tmp_path / "run", many(4))

    def go(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("HF_") and "proxy" not in name.lower()
        }
        given = kept | {"HF_HOME": str(tmp_path / "home")} | environment
        command = [str(PROGRAM), "export", str(run), "--to", "data", "--test-fraction", "0", *args]
        return subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, encoding="utf-8", timeout=100)

    return go


def test_an_export_is_uploaded_file_by_file(tmp_path: Path, hub: Hub, pushed: Any) -> None:
    result = pushed("--push", "me/harmless", "--private", HF_ENDPOINT=hub.address, HF_TOKEN="hf_secret")
    assert result.returncode == 0, result.stderr + str(hub.paths)
    assert f"uploaded: {hub.address}/datasets/me/harmless" in result.stdout
    (made,) = hub.made
    assert (made["name"], made["organization"], made["type"]) == ("harmless", "me", "dataset")
    assert made.get("private") or made.get("visibility") == "private"
    assert hub.tokens == {"Bearer hf_secret"}
    assert sorted(hub.files) == sorted(files(tmp_path / "data"))
    for name, content in hub.files.items():
        assert content == (tmp_path / "data" / name).read_bytes()


def test_a_dataset_is_public_unless_asked(hub: Hub, pushed: Any) -> None:
    assert pushed("--push", "me/harmless", HF_ENDPOINT=hub.address, HF_TOKEN="hf_secret").returncode == 0
    (made,) = hub.made
    assert not made.get("private")
    assert made.get("visibility") != "private"


def test_the_address_is_part_of_what_is_printed_as_json(hub: Hub, pushed: Any) -> None:
    result = pushed("--push", "me/harmless", "--format", "json", HF_ENDPOINT=hub.address, HF_TOKEN="hf_secret")
    assert json.loads(result.stdout)["url"] == f"{hub.address}/datasets/me/harmless"


@pytest.mark.parametrize(
    ("status", "told", "hint"),
    [
        (401, "does not know this token", "hf auth login"),
        (403, "may not write there", "a token with write access"),
        (500, "refused (500)", "hf upload me/harmless data . --repo-type dataset"),
    ],
)
def test_a_refused_upload_says_why_and_keeps_the_export(
    tmp_path: Path, hub: Hub, pushed: Any, status: int, told: str, hint: str
) -> None:
    hub.status = status
    result = pushed("--push", "me/harmless", HF_ENDPOINT=hub.address, HF_TOKEN="hf_secret")
    assert result.returncode == 2
    assert told in result.stderr
    assert hint in result.stderr
    assert "hf upload me/harmless data . --repo-type dataset" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "data" / "sft" / "train.jsonl").exists()


def test_a_card_that_the_hub_does_not_accept_is_told(tmp_path: Path, hub: Hub, pushed: Any) -> None:
    hub.faults = ['"license" must be one of [apache-2.0, mit]']
    result = pushed("--push", "me/harmless", "--license", "my-own", HF_ENDPOINT=hub.address, HF_TOKEN="hf_secret")
    assert result.returncode == 2
    assert '"license" must be one of' in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "data" / "sft" / "train.jsonl").exists()


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path, pushed: Any) -> None:
    result = pushed("--push", "me/harmless", HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN="hf_secret")
    assert result.returncode == 2
    assert "the Hub cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "data" / "sft" / "train.jsonl").exists()


@pytest.mark.parametrize("name", ["harmless", "me/harmless/pairs", "me/harm less", "me/a--b", "-me/x", "me/x.git", ""])
def test_a_name_that_the_hub_would_refuse_is_refused_before_anything_is_written(
    tmp_path: Path, pushed: Any, name: str
) -> None:
    result = pushed("--push", name, HF_TOKEN="hf_secret")
    assert result.returncode == 2
    assert f"--push {name!r}: not a dataset's name" in result.stderr
    assert "OWNER/NAME" in result.stderr
    assert not (tmp_path / "data").exists()


def test_without_a_token_nothing_is_written_and_the_hint_says_how_to_log_in(tmp_path: Path, pushed: Any) -> None:
    result = pushed("--push", "me/harmless")
    assert result.returncode == 2
    assert "not logged in" in result.stderr
    assert "hf auth login" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_hub_that_is_switched_off_is_told(tmp_path: Path, pushed: Any) -> None:
    result = pushed("--push", "me/harmless", HF_HUB_OFFLINE="1", HF_TOKEN="hf_secret")
    assert result.returncode == 2
    assert "HF_HUB_OFFLINE" in result.stderr
    assert not (tmp_path / "data").exists()
