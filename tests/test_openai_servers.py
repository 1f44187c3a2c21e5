"""The `openai` engine where the server, the key or the model is not what it should be."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from mock_server import MockServer, Received, Told, chat, error, generated, mock_server

from constitution.engines.openai import check_model, open_engine
from constitution.errors import ConfigError, ConstitutionError, ModelError
from constitution.model_settings import ModelSettings

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def settings_for(url: str | None, **settings: Any) -> ModelSettings:
    return ModelSettings(**({"engine": "openai", "model": "mock", "base_url": url} | settings))


def refusal(url: str | None, **settings: Any) -> ConstitutionError:
    """What both ways to look at a server say; they have to agree."""
    errors = []
    for look in (check_model, open_engine):
        with pytest.raises(ConstitutionError) as caught:
            asyncio.run(look(settings_for(url, **settings)))
        errors.append(caught.value)
    assert errors[0].message == errors[1].message
    return errors[0]


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    error = refusal(url)
    assert isinstance(error, ModelError)
    assert url in error.message
    assert "--base-url" in error.hint


def test_a_page_is_no_server():
    with mock_server(models=Told(b"<html>Welcome</html>")) as server:
        error = refusal(server.url)
        assert isinstance(error, ModelError)
        assert "no OpenAI-compatible server" in error.message


@pytest.mark.parametrize("pasted", ["", "/v1/chat/completions", "/chat/completions"])
def test_an_address_that_lacks_its_v1_or_has_too_much_is_put_right(pasted: str):
    with mock_server() as server:
        error = refusal(server.url.removesuffix("/v1") + pasted)
        assert f"--base-url {server.url}" in f"{error.hint} "


def test_a_server_that_tells_no_models_is_taken_at_its_word():
    with mock_server(models=Told({"error": {"message": "no such path"}}, 404)) as server:
        asyncio.run(check_model(settings_for(server.url, model="whatever")))
        assert generated(server, model="whatever").text == "Hello."


def test_an_unknown_model_lists_those_there_are_the_nearest_first():
    names = [f"other-{n}" for n in range(12)] + ["llama-3.1-8b-instruct"]
    with mock_server(models=names) as server:
        error = refusal(server.url, model="llama-3-8b")
        assert "'llama-3-8b'" in error.message
        assert error.hint.startswith("It has llama-3.1-8b-instruct, ")
        assert "and 3 more" in error.hint


@pytest.mark.parametrize(("asked", "there"), [("llama3", "llama3:latest"), ("gemini", "models/gemini")])
def test_a_model_may_be_known_by_a_longer_name(asked: str, there: str):
    with mock_server(models=[there]) as server:
        asyncio.run(check_model(settings_for(server.url, model=asked)))


def test_a_model_that_is_gone_later_lists_those_there_are():
    with mock_server(lambda request: error(404, "gone"), models=Told({"detail": "Not Found"}, 404)) as server:
        with pytest.raises(ModelError, match="--api chat: gone"):
            generated(server)
        assert len(server.received) == 1


def test_a_missing_key_is_named_before_anything_is_sent():
    error = refusal(None, key_env="MY_VENDOR_KEY")
    assert isinstance(error, ModelError)
    assert "MY_VENDOR_KEY" in error.message
    assert "api.openai.com" in error.message


def test_a_server_that_wants_a_key_has_the_variable_named():
    with mock_server(models=error(401, "You didn't provide an API key.")) as server:
        assert "OPENAI_API_KEY" in refusal(server.url).message
    with mock_server(lambda request: error(401, "No key.")) as server:
        with pytest.raises(ModelError, match="OPENAI_API_KEY"):
            generated(server)
        assert len(server.received) == 1


def test_a_server_that_needs_no_key_is_sent_none():
    with mock_server() as server:
        generated(server)
        assert "Authorization" not in server.received[0].headers


def test_the_key_comes_from_the_variable_or_from_a_file_that_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "key"
    file.write_text("from-the-file\n", encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-default")
    monkeypatch.setenv("OTHER_KEY", "from-another")
    with mock_server() as server:
        generated(server)
        generated(server, key_env="OTHER_KEY")
        generated(server, key_env="OTHER_KEY", key_file=str(file))
        sent = [request.headers["Authorization"] for request in server.received]
        assert sent == ["Bearer from-the-default", "Bearer from-another", "Bearer from-the-file"]


def test_key_files_that_hold_no_key(tmp_path: Path):
    with mock_server() as server:
        assert "no such file" in refusal(server.url, key_file=str(tmp_path / "none")).message
        (tmp_path / "empty").write_text("\n", encoding="utf-8")
        assert "empty" in refusal(server.url, key_file=str(tmp_path / "empty")).message
        (tmp_path / "two").write_text(f"{KEY}\n{KEY}\n", encoding="utf-8")
        error = refusal(server.url, key_file=str(tmp_path / "two"))
        assert "one word" in error.message
        assert KEY not in error.message


def test_the_base_url_comes_from_the_environment_unless_it_is_given(monkeypatch: pytest.MonkeyPatch):
    with mock_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        asyncio.run(check_model(settings_for(None)))
        assert len(server.listed) == 1


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    with mock_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        asyncio.run(check_model(settings_for("http://models.invalid/v1")))
        assert proxy.listed[0].headers["Host"] == "models.invalid"
        with mock_server() as server:
            asyncio.run(check_model(settings_for(server.url)))
            assert (len(proxy.listed), len(server.listed)) == (1, 1)


def test_an_address_that_is_none_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8000")
    error = refusal(None)
    assert isinstance(error, ConfigError)
    assert "'localhost:8000'" in error.message


def test_an_address_that_holds_a_password_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://somebody:hunter2@localhost:1/v1")
    error = refusal(None)
    assert isinstance(error, ConfigError)
    assert "holds a user or a password" in error.message
    assert "hunter2" not in error.message + error.hint


def echo_key(request: Received) -> Told:
    """As servers do that tell what they got."""
    return error(401, f"Incorrect API key provided: {request.headers['Authorization']}")


def test_the_key_is_nowhere_to_be_seen(tmp_path: Path, prompts: Path, cli: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def run(server: MockServer, name: str) -> Any:
        flags = ("--engine", "openai", "--model", "mock", "--base-url", server.url, "--rounds", 1)
        return cli("generate", "--prompts", prompts, "--out", name, *flags)

    with mock_server(echo_key) as server:
        refused = run(server, "refused")
        assert refused.returncode == 3
        assert "Bearer ***" in refused.stderr
        assert KEY in server.received[0].headers["Authorization"]
    with mock_server(lambda request: chat(f"You sent {request.headers['Authorization']}")) as server:
        echoed = run(server, "echoed")
        assert echoed.returncode == 0, echoed.stderr
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"You sent Bearer ***" in written
    for place in (refused.stderr, refused.stdout, echoed.stderr, echoed.stdout, written.decode()):
        assert KEY not in place


def test_the_key_is_not_in_the_engines_repr(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    async def look(url: str) -> str:
        engine = await open_engine(settings_for(url))
        await engine.aclose()
        return f"{engine!r} {engine.__dict__!r} {engine.identity!r}"

    with mock_server() as server:
        assert KEY not in asyncio.run(look(server.url))
