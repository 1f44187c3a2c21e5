"""Secrets stay secret: a canary is searched for in every byte that the program writes or prints."""

import asyncio
import html
import json
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from mock_server import MockServer, Received, Told, chat, engine_at, generated, mock_server, user
from plugging import put_on_path
from pydantic import ValidationError
from scale import LONG

from constitution import Settings, generate
from constitution.config import CompareSettings, load_settings
from constitution.engines.openai import retrying
from constitution.errors import CallError, ConfigError, ModelError
from constitution.masking import any_spelling, masked_address
from constitution.model_settings import ModelSettings, Role
from constitution.records import Sampling

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
# Where the secret is; two of the ways say most.
PLACES = ("file", "query", "query of the environment", "proxy") if LONG else ("query", "proxy")
CANARY = "sk-Zq7canary/0123+456789=x"
# Some of it tells it all but whole.
PARTS = [CANARY[start : start + 8].encode() for start in range(len(CANARY) - 7)]

# Everything that may print more than it should; the last words of a bug come with what was in its frames.
LOUD = """
import logging, sys, traceback

logging.basicConfig(level=logging.DEBUG)


def tell(kind, error, at):
    print("".join(traceback.TracebackException(kind, error, at, capture_locals=True).format()), file=sys.stderr)


sys.excepthook = tell
"""
BUG = """
import constitution.engines.openai.engine as engine


def read_answer(answer, stop=()):
    raise RuntimeError("a bug")


engine.read_answer = read_answer
"""
BUG_AT_THE_START = """
import constitution.engines.openai as engine


def client(*args):
    raise RuntimeError("a bug")


engine.Client = client
"""


def leaks(*places: bytes | str | Path) -> list[str]:
    """Where a part of the canary is: files of folders, and outputs."""
    found = []
    for place in places:
        if isinstance(place, Path):
            held = {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}
        else:
            held = {"output": place.encode() if isinstance(place, str) else place}
        for name, data in held.items():
            # What the program writes is JSON or YAML in its simplest form; its outputs may quote like Python.
            if any(part in data or part in data.replace(b"\\/", b"/") for part in PARTS):
                found.append(f"{name}: {data[:2000]!r}")
    return found


def spellings(secret: str) -> dict[str, bytes]:
    """A secret as servers may echo it in the body of an error."""
    escaped = "".join(f"\\u{ord(character):04x}" for character in secret)
    small = quote(secret, safe="").replace("%2F", "%2f").replace("%2B", "%2b")
    return {
        "plain": json.dumps({"error": {"message": f"got {secret}"}}).encode(),
        "no JSON": f"<p>got {html.escape(secret)}</p>".encode(),
        "escaped": b'{"error": {"message": "got %s"}}' % escaped.encode(),
        "escaped in part": b'{"error": {"message": "got %s"}}' % secret.replace("/", "\\/").encode(),
        "escaped twice": json.dumps({"error": {"message": json.dumps({"got": secret.replace("/", "\\/")})}}).encode(),
        "percent": json.dumps({"error": {"message": f"got {quote(secret, safe='')}"}}).encode(),
        "percent, small": json.dumps({"error": {"message": f"got {small}"}}).encode(),
        "entities": "".join(f"&#{ord(character)};" for character in secret).encode(),
        "cut": json.dumps({"error": {"message": "x" * 490 + secret}}).encode(),
        "named": json.dumps({"error": {"message": "bad", "code": secret, "param": secret}}).encode(),
    }


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "PYTHONDEVMODE"):
        monkeypatch.delenv(name, raising=False)


def be_loud(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    """From here on programs print all that Python can be made to print."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(LOUD + more, encoding="utf-8")
    put_on_path(folder / "site", monkeypatch)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONDEVMODE", "1")


def flags(place: str, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flags for a canary in this place; the environment likewise."""
    if place == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    elif place == "file":
        (folder / "secret").mkdir()
        (folder / "secret" / "key").write_text(CANARY, encoding="utf-8")
        return ["--base-url", url, "--key-file", str(folder / "secret" / "key")]
    elif place == "query":
        return ["--base-url", f"{url}?api-version=3&api-key={quote(CANARY, safe='')}"]
    elif place == "query of the environment":
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}?api-version=3&api-key={quote(CANARY, safe='')}")
        return []
    else:
        monkeypatch.setenv("http_proxy", url.removesuffix("/v1").replace("//", f"//me:{quote(CANARY, safe='')}@"))
        return ["--base-url", "http://models.invalid/v1"]
    return ["--base-url", url]


def echo(server: list[MockServer]) -> Callable[[Received], Told]:
    """Answers that echo the canary: in texts to all calls but the first, which are refused in every spelling."""
    bodies = list(spellings(CANARY).values())
    top = {"content": [{"top_logprobs": [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.0}]}]}

    def script(request: Received) -> Told:
        number = len(server[0].received) - 1
        if number < len(bodies):
            return Told(bodies[number], 400)
        return chat(f"You sent {CANARY}, or {quote(CANARY, safe='')}.", logprobs=top)

    return script


@pytest.mark.parametrize(
    ("place", "loud"),
    [("environment", False), *((place, True) for place in PLACES)],
)
def test_no_byte_of_a_run_tells_a_secret(
    tmp_path: Path, prompts: Path, program: Cli, monkeypatch: pytest.MonkeyPatch, place: str, loud: bool
) -> None:
    monkeypatch.setenv("HF_TOKEN", f"hf_{CANARY}")
    if loud:
        be_loud(tmp_path, monkeypatch)
    servers: list[MockServer] = []
    with mock_server(echo(servers)) as server:
        servers.append(server)
        given = ["--engine", "openai", "--model", "mock", "--rounds", "1", "--seed", "1"]
        given += flags(place, server.url, tmp_path, monkeypatch)
        run = tmp_path / "out" / "run"
        command = ["generate", "--prompts", prompts, "--out", run, *given]
        done = [program(*command), program(*command, "--compare", "--retry-failed")]
        assert [one.returncode for one in done] == [5, 0], [one.stderr[-3000:] for one in done]
        failures = (run / "failures.jsonl").read_text(encoding="utf-8")
        assert failures.count("\n") == len(spellings(CANARY))
        assert failures.count("***") >= len(spellings(CANARY)) - 2
        assert "You sent ***, or ***." in (run / "transcripts.jsonl").read_text(encoding="utf-8")
        assert (run / "comparisons.jsonl").exists()
        if place == "query":
            assert '?api-version=3&api-key=***"' in (run / "manifest.json").read_text(encoding="utf-8")
            # What a run's folder does not tell has to be told again.
            lacking = program("compare", run, "--pairs", "revisions", "--replace")
            assert (lacking.returncode, "OPENAI_BASE_URL" in lacking.stderr) == (2, True)
            monkeypatch.setenv("OPENAI_BASE_URL", given[-1])
            done.append(lacking)
        done += [
            program("compare", run, "--pairs", "revisions", "--replace"),
            program("status", run),
            program("show", run, "--format", "json"),
            program("audit", run),
            program("export", run, "--to", tmp_path / "out" / "export"),
            program("config", "--prompts", prompts, *given),
            program("engines"),
        ]
        assert [one.returncode for one in done[-7:]] == [0] * 7, [one.stderr[-3000:] for one in done[-7:]]
        sent = server.received[0]
    if place == "proxy":
        assert sent.headers["Proxy-Authorization"] == f"Basic {b64encode(f'me:{CANARY}'.encode()).decode()}"
    elif place in ("environment", "file"):
        assert sent.headers["Authorization"] == f"Bearer {CANARY}"
    else:
        assert sent.query == {"api-version": "3", "api-key": CANARY}
    assert leaks(tmp_path / "out", *(text for one in done for text in (one.stdout, one.stderr))) == []
    assert ("DEBUG:asyncio" in done[0].stderr) == loud


@pytest.mark.parametrize(
    ("place", "bug"),
    [
        *((place, BUG) for place in ("environment", *PLACES) if place != "query"),
        ("environment", BUG_AT_THE_START),
    ],
)
def test_a_bug_tells_no_secret_even_with_its_frames(
    tmp_path: Path, prompts: Path, program: Cli, monkeypatch: pytest.MonkeyPatch, place: str, bug: str
) -> None:
    be_loud(tmp_path, monkeypatch, bug)
    with mock_server(lambda request: chat("Fine.")) as server:
        given = flags(place, server.url, tmp_path, monkeypatch)
        done = program(
            "generate", "--prompts", prompts, "--out", "run", "--engine", "openai", "--model", "mock", *given
        )
    assert done.returncode == 1
    assert "RuntimeError: a bug" in done.stderr
    assert "settings = " in done.stderr
    assert leaks(tmp_path / "run", done.stdout, done.stderr) == []


def test_doctor_tells_no_secret(program: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", f"hf_{CANARY}")
    flags("environment", "", tmp_path, monkeypatch)
    flags("query of the environment", "http://localhost:1/v1", tmp_path, monkeypatch)
    done = program("doctor")
    assert "python" in done.stdout
    assert leaks(done.stdout, done.stderr) == []


# --- addresses that are refused


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{CANARY}@localhost:1/v1",
        f"http://me:{quote(CANARY, safe='')}@localhost:1/v1",
        f"http://{CANARY}@localhost:1/v1",
        f"me:{CANARY}@localhost:1/v1",
        f"localhost:1/v1?api-key={CANARY}",
        f"http://[::1/v1?{CANARY}",
        f"http://localhost:port/v1#{CANARY}",
    ],
)
@pytest.mark.parametrize("where", ["flag", "environment", "file", "critic", "judge", "compare"])
def test_an_address_that_is_refused_is_shown_without_its_secrets(
    tmp_path: Path, prompts: Path, monkeypatch: pytest.MonkeyPatch, address: str, where: str
) -> None:
    config = tmp_path / "c.yaml"
    role = f"{{model: x, engine: openai, base_url: '{address}'}}"
    section = {"file": f"base_url: '{address}'", "critic": f"critic: {role}"}
    section |= {"judge": f"compare: {{judge: {role}}}", "compare": f"compare: {{base_url: '{address}', judge: x}}"}
    config.write_text(section.get(where, "rounds: 1") + "\n", encoding="utf-8")
    flags = {"prompts": str(prompts), "out": str(tmp_path / "run"), "engine": "openai", "model": "mock"}
    flags |= {"base_url": address} if where == "flag" else {"compare": True} if where in ("judge", "compare") else {}
    if where == "environment":
        monkeypatch.setenv("OPENAI_BASE_URL", address)
    with pytest.raises(ConfigError) as caught:
        asyncio.run(generate(load_settings(config, flags)))
    assert "base" in caught.value.message
    assert leaks(caught.value.message, caught.value.hint) == []
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_a_config_file_with_a_password_is_refused_by_its_line(tmp_path: Path, program: Cli) -> None:
    (tmp_path / "c.yaml").write_text(f"prompts: p\nbase_url: http://me:{CANARY[:9]}@h/v1\n", encoding="utf-8")
    for command in (("config",), ("generate", "--out", "run")):
        done = program(*command, "--config", "c.yaml")
        assert done.returncode == 2
        assert "c.yaml:2: base_url: holds a user or a password" in done.stderr
        assert done.stderr.splitlines()[0].endswith("not 'http://***@h/v1'")
        assert leaks(done.stdout, done.stderr) == []


@pytest.mark.parametrize("kind", [Settings, CompareSettings, ModelSettings, Role])
def test_settings_and_their_errors_show_no_address(kind: type[Any]) -> None:
    required = {Settings: {"prompts": "p", "out": "o"}, Role: {"model": "m"}}.get(kind, {})
    with pytest.raises(ValidationError) as caught:
        kind(**required, base_url=f"http://me:{quote(CANARY, safe='')}@localhost/v1")
    settings = kind(**required, base_url=f"http://localhost/v1?key={CANARY}")
    told = f"{caught.value} {caught.value!r} {settings} {settings!r} {settings.model_dump_json()}"
    assert "base_url" in told
    assert leaks(told) == []
    # What opens an engine is whole.
    assert settings.base_url.endswith(CANARY)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://h:8000/v1", "http://h:8000/v1"),
        ("http://h/v1?api-version=2024-10-21&api-key=a&b", "http://h/v1?api-version=2024-10-21&api-key=***&***"),
        ("https://me:pass@h/v1", "https://***@h/v1"),
        ("http://me:pa/ss?wo#rd@h/v1?a=b", "http://***@h/v1?a=***"),
        ("me@h", "***@h"),
        ("http://h/v1#part", "http://h/v1"),
    ],
)
def test_a_masked_address_still_tells_where(address: str, shown: str) -> None:
    assert masked_address(address) == shown


# --- what servers echo


@pytest.mark.parametrize("spelling", spellings(CANARY))
def test_an_echo_of_the_key_is_masked_before_it_is_cut(spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with mock_server(lambda request: Told(spellings(CANARY)[spelling], 422)) as server:
        with pytest.raises(CallError) as caught:
            generated(server)
        assert "(422)" in caught.value.message
        assert leaks(caught.value.message) == []


def test_a_redirect_that_holds_the_key_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    location = f"https://elsewhere.example/?key={quote(CANARY, safe='')}&plain={CANARY}"
    with mock_server(lambda request: Told(None, 307, {"Location": location})) as server:
        with pytest.raises(ModelError, match=r"elsewhere\.example/\?key=\*\*\*&plain=\*\*\*") as caught:
            generated(server)
        assert leaks(caught.value.message) == []


def test_an_answer_that_is_no_http_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(retrying, "LONGEST_BACKOFF_SECONDS", 0.002)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)

    async def go() -> CallError:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            body = b'{"data": [{"id": "mock"}]}'
            if head.startswith(b"GET"):
                writer.write(b"HTTP/1.1 200 %s\r\nContent-Length: %d\r\n\r\n%s" % (CANARY.encode(), len(body), body))
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nno header %s\r\n\r\n" % CANARY.encode())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as raw:
            url = f"http://127.0.0.1:{raw.sockets[0].getsockname()[1]}/v1?key={quote(CANARY, safe='')}"
            async with engine_at(MockServer(url, [], [])) as engine:
                with pytest.raises(CallError, match="the connection broke") as caught:
                    await engine.generate(user("?"), Sampling(max_tokens=4), 0)
                return caught.value

    assert leaks(asyncio.run(go()).message) == []


def test_a_word_for_no_key_is_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    with mock_server(lambda request: chat("The glass is EMPTY.")) as server:
        assert generated(server).text == "The glass is EMPTY."
        assert server.received[0].headers["Authorization"] == "Bearer EMPTY"
    assert any_spelling(["EMPTY", "", "not-needed", "assistant", "key-1"]) is None
    assert any_spelling(["sk-12345"]) and any_spelling(["no-digit-but-longer-than-words"])


@pytest.mark.parametrize("proxy", [f"socks5://me:{CANARY}@localhost:1", f"http://me:{CANARY}@localhost:port"])
def test_a_proxy_that_is_none_is_shown_without_its_password(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ConfigError, match=r"the proxy '.*\*\*\*@localhost") as caught:
        generated(MockServer("http://models.invalid/v1", [], []))
    assert "HTTP_PROXY" in caught.value.hint
    assert leaks(caught.value.message) == []


def test_a_dead_proxy_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://me:{quote(CANARY, safe='')}@127.0.0.1:1")
    with pytest.raises(ModelError, match="no server at") as caught:
        generated(MockServer("http://models.invalid/v1", [], []))
    assert leaks(caught.value.message) == []
