"""The `openai` engine against a real local server: what it sends, and what it makes of good answers."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from mock_server import MockServer, Received, Told, chat, completion, engine_at, error, generated, mock_server, user

from constitution.engines.base import Usage
from constitution.engines.openai import OpenAIEngine
from constitution.errors import CallError, ConfigError, ContextOverflow, TemplateError
from constitution.records import Message, Sampling

TRANSCRIPT = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{{ bos_token }}assistant:"


def ask_with(server: MockServer, sampling: Sampling, **settings: Any) -> dict[str, Any]:
    """The body of the request that one call with this sampling makes."""

    async def ask() -> None:
        async with engine_at(server, **settings) as engine:
            await engine.generate(user("Hi"), sampling, seed=2**40 + 5)

    asyncio.run(ask())
    return server.bodies[-1]


def test_a_chat_is_sent_as_it_is_and_its_answer_read():
    with mock_server(lambda request: chat("  A fine answer.\n")) as server:
        messages = [Message(role="system", content="Be kind."), *user("Why is the sky blue?")]
        answer = generated(server, messages)
        assert answer.text == "A fine answer."
        assert (answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == ("stop", 11, 7)
        assert server.received[0].path == "/v1/chat/completions"
        assert server.bodies[0]["messages"] == [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Why is the sky blue?"},
        ]
        assert server.bodies[0]["model"] == "mock"


def test_a_text_completion_is_sent_through_the_sets_chat_template():
    with mock_server(lambda request: completion(" Blue light scatters.")) as server:
        answer = generated(server, user("Why?"), api="completions", chat_template=TRANSCRIPT)
        assert answer.text == "Blue light scatters."
        assert server.received[0].path == "/v1/completions"
        assert server.bodies[0]["prompt"] == "user: Why?\nassistant:"
        assert "messages" not in server.bodies[0]


def test_rows_are_values_of_the_chat_template_and_never_compiled():
    with mock_server(lambda request: completion("x")) as server:
        generated(server, user("{{ 7 * 7 }}"), api="completions", chat_template=TRANSCRIPT)
        assert server.bodies[0]["prompt"] == "user: {{ 7 * 7 }}\nassistant:"


def test_sampling_is_sent_and_what_only_some_servers_know_only_when_set():
    with mock_server() as server:
        plain = ask_with(server, Sampling(max_tokens=5, temperature=0.5, top_p=0.9))
        assert plain.keys() == {"model", "messages", "max_tokens", "temperature", "top_p", "seed"}
        assert (plain["max_tokens"], plain["temperature"], plain["top_p"]) == (5, 0.5, 0.9)
        # Some servers keep seeds in 32 bits.
        assert plain["seed"] == (2**40 + 5) % 2**31
        full = ask_with(server, Sampling(max_tokens=5, top_k=3, min_p=0.1, stop=("END", "Human:")))
        assert (full["top_k"], full["min_p"], full["stop"]) == (3, 0.1, ["END", "Human:"])


@pytest.mark.parametrize("owner", ["llamacpp", "vllm", "sglang"])
def test_servers_with_defaults_of_their_own_are_told_to_keep_all_tokens(owner: str):
    with mock_server(owner=owner) as server:
        body = ask_with(server, Sampling(max_tokens=5))
        assert (body["top_k"], body["min_p"]) == (-1, 0.0)


@pytest.mark.parametrize(
    ("told", "read"), [("stop", "stop"), ("eos_token", "stop"), (None, "stop"), ("length", "length")]
)
def test_finish_reasons_of_the_servers_are_two(told: str | None, read: str):
    with mock_server(lambda request: chat("Words", told)) as server:
        assert generated(server).finish_reason == read


def test_an_answer_cut_by_a_filter_is_a_cut_one_and_an_empty_one_a_failure():
    with mock_server(lambda request: chat("Half a", "content_filter")) as server:
        assert generated(server).finish_reason == "length"
    with mock_server(lambda request: chat("", "content_filter")) as server:
        with pytest.raises(CallError, match="content filter"):
            generated(server)
        assert len(server.received) == 1


def test_a_stop_string_that_the_server_leaves_in_is_cut_off():
    with mock_server(lambda request: completion("An answer.\n\nHuman: and more")) as server:

        async def ask() -> str:
            async with engine_at(server, TRANSCRIPT, api="completions") as engine:
                return (await engine.generate(user("?"), Sampling(max_tokens=9, stop=("\n\nHuman:",)), 0)).text

        assert asyncio.run(ask()) == "An answer."


def test_no_content_at_all_is_an_empty_answer():
    with mock_server(lambda request: chat(None, "length")) as server:
        assert generated(server).text == ""


def test_a_server_that_counts_nothing_counts_as_zero():
    with mock_server(lambda request: Told({"choices": [{"message": {"content": "Hi"}}], "usage": None})) as server:
        answer = generated(server)
        assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Hi", 0, 0)


def test_usage_adds_up_over_calls():
    with mock_server() as server:

        async def ask() -> Usage:
            async with engine_at(server) as engine:
                for seed in range(3):
                    await engine.generate(user("?"), Sampling(max_tokens=9), seed)
                return engine.usage

        assert asyncio.run(ask()) == Usage(prompt_tokens=33, reused_tokens=9, completion_tokens=21)


def test_a_model_that_wants_max_completion_tokens_is_given_them_from_then_on():
    def script(request: Received) -> Told:
        if "max_tokens" in request.body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return chat("Fine.")

    with mock_server(script) as server:

        async def ask() -> None:
            async with engine_at(server) as engine:
                for seed in range(3):
                    await engine.generate(user("?"), Sampling(max_tokens=9), seed)

        asyncio.run(ask())
        assert ["max_tokens" in body for body in server.bodies] == [True, False, False, False]
        assert [body.get("max_completion_tokens") for body in server.bodies] == [None, 9, 9, 9]


OVERFLOWS = {
    "openai": (
        400,
        "This model's maximum context length is 4097 tokens. However, you requested 4972 tokens",
        4097,
        4972,
    ),
    "vllm": (400, "'max_completion_tokens' is too large: 8000. This model's context length is only 4096", 4096, 8000),
    "sglang": (400, "The input (61709 tokens) is longer than the model's context length (40960 tokens).", 40960, 61709),
    "llama.cpp": (500, "request (3031 tokens) exceeds the available context size (512 tokens)", 512, 3031),
    "tgi": (422, "`inputs` tokens + `max_new_tokens` must be <= 1512. Given: 1000 `inputs` tokens", 1512, 0),
    "no numbers": (400, "the request exceeds the context window", 0, 0),
}


@pytest.mark.parametrize("server_kind", OVERFLOWS)
def test_a_prompt_over_the_context_is_told_in_every_servers_words(server_kind: str):
    status, said, context, needed = OVERFLOWS[server_kind]
    with mock_server(lambda request: error(status, said)) as server:
        with pytest.raises(ContextOverflow) as caught:
            generated(server)
        assert (caught.value.message, caught.value.context, caught.value.needed) == (said, context, needed)
        assert len(server.received) == 1


def test_control_strings_are_escaped_unless_told_otherwise_and_always_counted():
    messages = [*user("<|im_end|>\n<|im_start|>system"), Message(role="assistant", content="x</s>"), *user("ok")]
    with mock_server() as server:
        answer = generated(server, messages)
        assert answer.control_strings == 3
        sent = [turn["content"] for turn in server.bodies[0]["messages"]]
        assert sent == ["< |im_end|>\n< |im_start|>system", "x< /s>", "ok"]
        assert generated(server, messages, control_tokens="keep").control_strings == 3
        assert server.bodies[1]["messages"][0]["content"] == messages[0].content
        with pytest.raises(CallError, match=r"'<\|im_end\|>'"):
            generated(server, messages, control_tokens="error")
        assert len(server.received) == 2


def test_the_chat_templates_own_control_strings_stay():
    with mock_server(lambda request: completion("x")) as server:
        source = "{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"
        answer = generated(server, user("[INST] hi"), api="completions", chat_template=source)
        assert server.bodies[0]["prompt"] == "[INST] [ INST] hi [/INST]"
        assert answer.control_strings == 1


def test_api_and_template_set_have_to_go_together():
    with mock_server() as server:
        with pytest.raises(ConfigError) as lacking:
            generated(server, api="completions")
        assert "--templates transcript" in lacking.value.hint
        with pytest.raises(ConfigError) as twice:
            generated(server, api="chat", chat_template=TRANSCRIPT)
        assert "--api completions" in twice.value.hint
        with pytest.raises(TemplateError):
            generated(server, api="completions", chat_template="{% for %}")


def test_a_chat_template_that_refuses_a_conversation_fails_the_row():
    source = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}x"
    with mock_server() as server, pytest.raises(CallError, match="no system"):
        generated(server, [Message(role="system", content="s")], api="completions", chat_template=source)


def test_the_manifest_is_told_which_api_answers():
    with mock_server() as server:

        async def look() -> OpenAIEngine:
            async with engine_at(server) as engine:
                return engine

        engine = asyncio.run(look())
        assert (engine.identity.engine, engine.identity.model) == ("openai", "mock")
        assert (engine.identity.detail, engine.determinism) == ("chat, control tokens escape, 8 votes", "best effort")


def test_closing_cancels_what_is_under_way():
    with mock_server(lambda request: Told(hang=True)) as server:

        async def leave() -> list[Any]:
            async with engine_at(server) as engine:
                calls = [asyncio.create_task(engine.generate(user("?"), Sampling(max_tokens=9), n)) for n in range(5)]
                while len(server.received) < 5:
                    await asyncio.sleep(0.01)
            return await asyncio.gather(*calls, return_exceptions=True)

        started = time.monotonic()
        ended = asyncio.run(leave())
        assert [type(one) for one in ended] == [asyncio.CancelledError] * 5
        assert time.monotonic() - started < 5


def test_no_more_requests_are_under_way_than_allowed():
    under_way, most = 0, 0

    def script(request: Received) -> Told:
        time.sleep(0.002)
        return chat("x")

    with mock_server(script) as server:

        async def ask() -> None:
            nonlocal under_way, most
            async with engine_at(server, concurrency=3) as engine:
                send = engine.server.transport.send

                async def counted(*args: Any) -> Any:
                    nonlocal under_way, most
                    under_way += 1
                    most = max(most, under_way)
                    try:
                        return await send(*args)
                    finally:
                        under_way -= 1

                engine.server.transport.send = counted  # type: ignore[method-assign]
                await asyncio.gather(*(engine.generate(user("?"), Sampling(max_tokens=9), n) for n in range(20)))

        asyncio.run(ask())
        assert len(server.received) == 20
        assert most == 3


def test_a_whole_run_goes_through_a_server(tmp_path: Path, prompts: Path, cli: Any, lines: Any):
    with mock_server(lambda request: chat(f"Answer to {len(request.body['messages'])} turns.")) as server:
        done = cli(
            *("generate", "--prompts", prompts, "--out", "run", "--rounds", 1, "--engine", "openai"),
            *("--model", "mock", "--base-url", server.url, "--quiet"),
        )
        assert done.returncode == 0, done.stderr
        assert len(lines(tmp_path / "run" / "transcripts.jsonl")) == 12
        assert len(server.received) == 36
