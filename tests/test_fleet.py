"""Several servers behind one run, with real local ones."""

import asyncio
import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from mock_server import MockServer, Received, Told, chat, error, mock_server, user
from plugging import journalled, start, wait_for_calls
from server_process import server_process

from constitution import Settings, generate
from constitution.config import CompareSettings, load_settings
from constitution.engines.base import Usage
from constitution.engines.openai import check_model, lanes, open_engine
from constitution.errors import ConfigError, ConstitutionError, ModelError, RunError
from constitution.manifest import REVISE, load_manifest
from constitution.model_settings import ModelSettings, Role
from constitution.records import Sampling
from constitution.scaffold import as_config_file

Lines = Callable[[Path], list[Any]]
TOP = {"content": [{"top_logprobs": [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.0}]}]}


def answer(request: Received) -> Told:
    """What depends on nothing but what was asked; long enough to be known again."""
    asked = json.dumps([request.body["messages"], request.body.get("seed")])
    told: dict[str, Any] = {"logprobs": TOP} if request.body.get("logprobs") else {}
    return chat(f"{sha256(asked.encode()).hexdigest()} " * 10, **told)


@contextmanager
def several(number: int = 3, script: Callable[[Received], Told] = answer) -> Iterator[list[MockServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(mock_server(script)) for _ in range(number)]


def settings(prompts: Path, run: Path, base_url: Any, **more: Any) -> Settings:
    given = {"prompts": str(prompts), "out": str(run), "engine": "openai", "model": "mock", "rounds": 1} | more
    return Settings(**given, base_url=base_url)


def urls(servers: list[MockServer]) -> tuple[str, ...]:
    return tuple(server.url for server in servers)


def rows(path: Path) -> list[str]:
    return sorted(path.read_text(encoding="utf-8").splitlines())


def test_one_server_and_three_make_the_same_rows_and_a_chain_stays_where_it_began(
    tmp_path: Path, prompts: Path
) -> None:
    compare = CompareSettings(pairs="revisions", principles_per_pair=4)
    with several() as servers:
        one, three = tmp_path / "one", tmp_path / "three"
        asyncio.run(generate(settings(prompts, one, servers[0].url, concurrency=4, compare=compare)))
        for server in servers:
            server.received.clear()
        asyncio.run(generate(settings(prompts, three, urls(servers), concurrency=4, compare=compare)))
    assert rows(one / "transcripts.jsonl") == rows(three / "transcripts.jsonl")
    assert rows(one / "comparisons.jsonl") == rows(three / "comparisons.jsonl")
    # Four in flight: nobody is ever beyond the bound.
    chains, questions = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
    for number, server in enumerate(servers):
        assert sum(not body.get("logprobs") for body in server.bodies) >= 3
        for body in server.bodies:
            if body.get("logprobs"):
                # All principles under one order: the same but for the question's end.
                questions[number, body["messages"][-1]["content"].partition("[question]")[0]] += 1
            else:
                first = next(turn["content"] for turn in body["messages"] if turn["role"] == "user")
                chains[number, first] += 1
    assert list(chains.values()) == [3] * 12
    assert list(questions.values()) == [4] * 24


def test_a_killed_server_loses_no_call_and_none_is_journalled_twice(
    tmp_path: Path, prompts: Path, lines: Lines
) -> None:
    run = tmp_path / "run"
    with ExitStack() as stack:
        servers = [stack.enter_context(server_process(tmp_path / f"log-{n}")) for n in range(3)]
        args = ["generate", "--prompts", prompts, "--out", run, "--engine", "openai", "--model", "mock"]
        for server in servers:
            args += ["--base-url", server.url]
        process = start(*args, "--rounds", 3, "--concurrency", 6, "--timeout", 40)
        wait_for_calls(process, run, 20)
        servers[1].process.kill()
        began = time.monotonic()
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert time.monotonic() - began < 40
        made = lines(run / "calls.jsonl")
        texts = [call["text"] for server in servers for call in server.calls]
    assert len(lines(run / "transcripts.jsonl")) == 12
    assert len({(call["row"], call["step"]) for call in made}) == len(made) == journalled(run) == 12 * 7
    # Only what the killed one had under way was asked again.
    assert len(texts) - len(made) <= 6


def test_a_stopped_server_s_requests_go_to_the_others(tmp_path: Path, prompts: Path, lines: Lines) -> None:
    run = tmp_path / "run"
    with server_process(tmp_path / "log-a") as stopped, server_process(tmp_path / "log-b") as other:
        args = ["generate", "--prompts", prompts, "--out", run, "--engine", "openai", "--model", "mock"]
        args += ["--base-url", stopped.url, "--base-url", other.url, "--timeout", 2]
        process = start(*args, "--rounds", 3, "--concurrency", 6)
        wait_for_calls(process, run, 20)
        stopped.process.send_signal(signal.SIGSTOP)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        stopped.process.send_signal(signal.SIGCONT)
    made = lines(run / "calls.jsonl")
    assert len({(call["row"], call["step"]) for call in made}) == len(made) == 12 * 7


def test_other_servers_are_refused_and_a_fork_asks_nothing_again(tmp_path: Path, prompts: Path) -> None:
    with several() as servers:
        run, fork = tmp_path / "run", tmp_path / "fork"
        a, b, c = urls(servers)
        asyncio.run(generate(settings(prompts, run, (b, a), limit=3)))
        told: Any = load_manifest(run, REVISE).affecting["model (identity)"]
        assert told["endpoint"] == ", ".join(sorted((a, b)))
        # The order in which they are given is none of the run's business.
        asyncio.run(generate(settings(prompts, run, (a, b), limit=3)))
        for other in ((a, b, c), a):
            with pytest.raises(RunError) as refusal:
                asyncio.run(generate(settings(prompts, run, other, limit=3)))
            (line,) = refusal.value.message.splitlines()[1:]
            there = other if isinstance(other, str) else ", ".join(sorted(other))
            assert line == f'  model (identity): endpoint: "{told["endpoint"]}" → "{there}"'
            assert "--fork NEW" in refusal.value.hint
        asked = sum(len(server.received) for server in servers)
        asyncio.run(generate(settings(prompts, fork, (a, b, c), limit=3), reuse=run))
        assert sum(len(server.received) for server in servers) == asked == 9
    assert rows(fork / "transcripts.jsonl") == rows(run / "transcripts.jsonl")


def test_masked_addresses_are_whole_for_the_second_stage(tmp_path: Path, prompts: Path) -> None:
    with several(2) as servers:
        given = tuple(f"{server.url}?api-key=a-long-secret-{n}" for n, server in enumerate(servers))
        compare = CompareSettings(pairs="revisions", principles_per_pair=1)
        asyncio.run(generate(settings(prompts, tmp_path / "run", given, compare=compare)))
        for number, server in enumerate(servers):
            assert {request.query["api-key"] for request in server.received} == {f"a-long-secret-{number}"}
    assert "a-long-secret" not in (tmp_path / "run" / "manifest.json").read_text(encoding="utf-8")
    assert "a-long-secret" not in (tmp_path / "run" / "compare.json").read_text(encoding="utf-8")


# --- at the start


def model_at(*addresses: str) -> ModelSettings:
    return ModelSettings(engine="openai", model="mock", base_url=addresses, timeout=5.0)


def refusal(*addresses: str) -> ConstitutionError:
    """What both ways to look at the servers say; they have to agree."""
    errors = []
    for look in (check_model, open_engine):
        with pytest.raises(ConstitutionError) as caught:
            asyncio.run(look(model_at(*addresses)))
        errors.append(caught.value)
    assert errors[0].message == errors[1].message
    return errors[0]


def nobody() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/v1"


def listing(**told: Any) -> Told:
    return Told({"data": [{"id": "mock", "owned_by": "vllm", **told}]})


def test_a_server_that_is_not_there_is_named() -> None:
    gone, away = nobody(), nobody()
    with mock_server() as server:
        one = refusal(server.url, gone)
        assert isinstance(one, ModelError)
        assert one.message.startswith(f"no server at {gone}: ")
        assert "must be there at the start" in one.hint
        two = refusal(gone, server.url, away)
    assert two.message.splitlines()[0] == "2 of 3 servers cannot be used:"
    assert [line.split(": ")[0] for line in two.message.splitlines()[1:]] == [
        f"  no server at {gone}",
        f"  no server at {away}",
    ]


def test_a_server_without_the_model_is_named_with_what_it_has() -> None:
    with mock_server() as server, mock_server(models=["llama"]) as other:
        bad = refusal(server.url, other.url)
    assert bad.message == f"the server at {other.url} has no model 'mock'"
    assert bad.hint.startswith("It has llama; ")


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ({"root": "org/a"}, {"root": "org/b"}, ["root org/a", "root org/b"]),
        (
            {"root": "org/a", "max_model_len": 4096},
            {"root": "org/a", "max_model_len": 8192},
            ["max_model_len 4096", "max_model_len 8192"],
        ),
        ({"root": "/srv/models/a"}, {"root": "/home/me/b/"}, ["root /srv/models/a", "root /home/me/b/"]),
        ({"meta": {"n_params": 7, "size": 9}}, {"meta": {"n_params": 8, "size": 9}}, ["n_params 7", "n_params 8"]),
    ],
)
def test_servers_of_different_models_are_refused_with_what_each_says(
    here: dict[str, Any], there: dict[str, Any], told: list[str]
) -> None:
    with mock_server(models=listing(**here)) as one, mock_server(models=listing(**there)) as other:
        bad = refusal(one.url, other.url)
        assert isinstance(bad, ModelError)
        assert bad.message.splitlines() == [
            "the servers do not serve the same model 'mock':",
            *(f"  {server.url}: {said}" for server, said in zip((one, other), told, strict=True)),
        ]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"root": "/srv/models/a"}, {"root": "/home/me/a/"}),
        ({"root": "org/a", "created": 1}, {"created": 2, "owned_by": "sglang"}),
    ],
)
def test_where_a_model_lies_and_what_only_one_server_tells_is_no_difference(
    here: dict[str, Any], there: dict[str, Any]
) -> None:
    with mock_server(models=listing(**here)) as one, mock_server(models=listing(**there)) as other:
        asyncio.run(check_model(model_at(one.url, other.url)))


def test_one_place_is_given_once(tmp_path: Path) -> None:
    bad = refusal("http://localhost:80/v1", "http://LOCALHOST/v1/?key=1234")
    assert isinstance(bad, ConfigError)
    assert bad.message == "two of the base URLs are one place, http://localhost/v1"
    config = tmp_path / "c.yaml"
    for text, where in [
        ("base_url:\n- http://a/v1\n- http://a/v1/\n", "c.yaml:1: base_url"),
        ("critic:\n  model: x\n  base_url: [http://a, http://a]\n", "c.yaml:3: critic.base_url"),
    ]:
        config.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"is given twice \(give each server once\)") as caught:
            load_settings(config, {"prompts": "p", "out": "o"})
        assert where in caught.value.message
    with pytest.raises(
        ConfigError, match=r"two addresses are http://a/v1\?key=\*\*\* but for what is masked"
    ) as caught:
        load_settings(None, {"prompts": "p", "out": "o", "base_url": ["http://a/v1?key=12", "http://a/v1/?key=34"]})
    assert "--key-env" in caught.value.message


# --- settings


def test_one_address_in_a_list_is_that_address_and_a_file_reads_back(tmp_path: Path) -> None:
    flags = {"prompts": "p", "out": "o"}
    assert load_settings(None, flags | {"base_url": ["http://a/v1"]}).base_url == "http://a/v1"
    assert Role(model="x", base_url=["http://a/v1"]).base_url == "http://a/v1"
    file = tmp_path / "c.yaml"
    for given in ("http://a/v1", ["http://a/v1", "http://b/v1"]):
        written = load_settings(None, flags | {"base_url": given})
        file.write_text(as_config_file(written), encoding="utf-8")
        assert load_settings(file, {}) == written
    assert Settings.model_validate_json(written.model_dump_json()) == written


def test_an_address_among_several_that_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("prompts: p\nout: o\nbase_url:\n  - http://a/v1\n  - b\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"c\.yaml:5: base_url: 'b' does not begin with http://"):
        load_settings(file, {})
    with pytest.raises(ConfigError, match=r"'http://\*\*\*@b\?key=\*\*\*'") as caught:
        load_settings(None, {"prompts": "p", "out": "o", "base_url": ["http://a", "http://me:secret@b?key=secret"]})
    assert "secret" not in caught.value.message


# --- what is told


def test_counters_are_added_up_and_each_server_that_waits_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SHORT_HOLD_SECONDS", 0.1)
    held = error(429, "slow down", {"Retry-After": "60"})

    async def go() -> list[Usage]:
        engine = await open_engine(model_at(*urls([*servers, limited])))
        try:
            for number in range(3):
                await engine.generate(user(f"Question {number}?"), Sampling(max_tokens=4), number)
            early = engine.usage
            await asyncio.sleep(0.2)
            return [early, engine.usage]
        finally:
            await engine.aclose()

    with several(1) as servers, mock_server(lambda request: held) as limited:
        early, late = asyncio.run(go())
    assert (early.prompt_tokens, early.reused_tokens, early.completion_tokens) == (33, 9, 21)
    assert early.waiting == ()
    assert late.waiting == (f"{limited.url}: it says 429: slow down",)
