"""Caps on what a run may spend: never passed, a clean stop, and the same rows after going on."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mock_server import Told, chat, mock_server

from constitution import CompareSettings, Settings, generate
from constitution.caps import Most, Spending
from constitution.cli import main
from constitution.errors import CapReached, ConfigError, ModelError
from constitution.labelling import label_pairs
from constitution.prices import Price, Prices
from constitution.records import Call, Completion
from constitution.spending import Tokens, spent_in
from constitution.store import count, transcripts

Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]

PRICES = "currency: USD\nmodels:\n  scripted: {input: 1000, output: 5000}\n"


@pytest.fixture
def prices(tmp_path: Path) -> str:
    path = tmp_path / "prices.yaml"
    path.write_text(PRICES, encoding="utf-8")
    return str(path)


def total(run: Path) -> int:
    return sum(tokens.total for tokens in spent_in(run).values())


def outcomes(run: Path, name: str = "transcripts.jsonl") -> list[bytes]:
    return sorted((run / name).read_bytes().splitlines())


@pytest.mark.parametrize("concurrency", [1, 4, 64])
def test_a_cap_is_not_passed_and_a_higher_one_goes_on_with_the_same_rows(
    generated: Generated, tmp_path: Path, concurrency: int
) -> None:
    whole = generated("whole")
    needed = total(whole)
    run = tmp_path / "run"
    for share in (0.3, 0.6):
        cap = round(needed * share)
        with pytest.raises(CapReached) as stopped:
            generated(max_tokens_total=cap, max_tokens=32, concurrency=concurrency)
        spent = total(run)
        # The longest call takes less than 300 tokens: so close it comes, waiting for what is under way.
        assert cap - 300 < spent <= cap
        assert f"--max-tokens-total {cap}: {spent:,} tokens are spent" in stopped.value.message
        assert f"--max-tokens-total {2 * cap}" in stopped.value.hint
        assert count(run).pending
        assert count(run).failed == 0
    generated(max_tokens_total=needed + 300, max_tokens=32, concurrency=concurrency)
    assert outcomes(run) == outcomes(generated("capless", max_tokens=32))
    assert total(run) == total(tmp_path / "capless")


def test_a_cap_holds_over_both_stages_together(generated: Generated, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"compare": CompareSettings(principles_per_pair=1, max_tokens=32), "max_tokens": 32}
    whole = generated("whole", **settings)
    first = sum(one.completion_tokens + one.prompt_tokens for t in transcripts(whole) for one in t.completions)
    cap, run = (first + total(whole)) // 2, tmp_path / "run"
    with pytest.raises(CapReached):
        generated(max_tokens_total=cap, **settings)
    assert count(run).done == 12
    assert first < total(run) <= cap
    # The command alone holds its own cap, and looks at what both stages have spent.
    compare = CompareSettings(principles_per_pair=1, max_tokens=32, max_tokens_total=cap // 2)
    with pytest.raises(ConfigError, match="already exceeded"):
        asyncio.run(label_pairs(run, compare))
    asyncio.run(label_pairs(run, compare.model_copy(update={"max_tokens_total": None})))
    assert outcomes(run, "comparisons.jsonl") == outcomes(whole, "comparisons.jsonl")
    assert total(run) == total(whole)


def test_a_cap_on_cost(generated: Generated, tmp_path: Path, prices: str) -> None:
    with pytest.raises(CapReached) as stopped:
        generated(max_cost=1.5, prices=prices, max_tokens=32)
    spent = spent_in(tmp_path / "run")["scripted"]
    cost = spent.prompt_tokens / 1000 + spent.completion_tokens / 200
    assert 1.0 < cost <= 1.5
    assert f"--max-cost 1.5: {cost:.4f} USD is spent" in stopped.value.message
    with pytest.raises(ConfigError) as refused:
        generated(max_cost=0.5, prices=prices, max_tokens=32)
    assert f"--max-cost 0.5: {cost:.4f} USD is spent" in refused.value.message


def test_a_cap_on_cost_needs_the_price_of_every_model(generated: Generated, tmp_path: Path, prices: str) -> None:
    with pytest.raises(ConfigError, match="what do tokens cost"):
        generated(max_cost=1.0)
    with pytest.raises(ConfigError, match="no price for gpt-x, so --max-cost cannot be held"):
        generated(max_cost=1.0, prices=prices, critic="openai:gpt-x")
    with pytest.raises(ConfigError, match="no price for judge-x"):
        generated(max_cost=1.0, prices=prices, compare=CompareSettings(judge="openai:judge-x"))
    assert not (tmp_path / "run").exists()


def test_a_cap_that_is_already_exceeded_is_refused_before_the_model_is_looked_for(
    generated: Generated, tmp_path: Path, prompts: Path
) -> None:
    run = generated()
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    spent = total(run)
    # Nothing listens there: whoever looked for the model would say so.
    settings = Settings(prompts=str(prompts), out=str(run), engine="openai", base_url="http://127.0.0.1:9/v1", rounds=1)
    with pytest.raises(ConfigError) as refused:
        asyncio.run(generate(settings.model_copy(update={"max_tokens_total": 100})))
    assert f"the cap is already exceeded: --max-tokens-total 100: {spent:,} tokens are spent" in refused.value.message
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_the_command_ends_with_its_own_code_and_says_how_to_go_on(
    prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    args = ["--prompts", str(prompts), "--out", str(run), "--engine", "scripted", "--rounds", "1", "--max-tokens", "32"]

    def ends(*more: str) -> int:
        monkeypatch.setattr("sys.argv", ["constitution", "generate", *args, *more])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert ends("--max-tokens-total", "1000") == 7
    told = capsys.readouterr().err
    assert "stopped: at the cap --max-tokens-total 1000:" in told
    assert "goes on, for example: --max-tokens-total 2000" in told
    assert ends("--max-tokens-total", "10") == 2
    assert "error: " in capsys.readouterr().err
    assert ends() == 0
    assert count(run).done == 12


def test_a_server_that_counts_only_afterwards_is_held_to_a_cap_too(prompts: Path, tmp_path: Path) -> None:
    def script(request: Any) -> Told:
        prompt = sum(len(turn["content"]) for turn in request.body["messages"]) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": 20}
        return Told({"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}], "usage": usage})

    with mock_server(script) as server:
        given = {"engine": "openai", "model": "mock", "base_url": server.url, "rounds": 2, "max_tokens": 64}

        def make(name: str, cap: int | None) -> Path:
            settings = Settings(prompts=str(prompts), out=str(tmp_path / name), max_tokens_total=cap, **given)
            asyncio.run(generate(settings))
            return tmp_path / name

        needed = total(make("whole", None))
        cap = round(needed * 0.7)
        with pytest.raises(CapReached):
            make("run", cap)
        # What is known after 20 calls, that four bytes are a token, lets it come that close.
        assert cap - 1_500 < total(tmp_path / "run") <= cap
        make("run", needed + 1_000)
        assert len(server.received) == 2 * 60
    assert outcomes(tmp_path / "run") == outcomes(tmp_path / "whole")


def test_where_nobody_tells_token_counts_no_cap_is_held_and_the_run_ends(prompts: Path, tmp_path: Path) -> None:
    def script(request: Any) -> Told:
        answer = chat("Hello.").body
        assert isinstance(answer, dict)
        return Told({"choices": answer["choices"]})

    with mock_server(script) as server:
        given = {"engine": "openai", "model": "mock", "base_url": server.url, "rounds": 1, "concurrency": 1}
        settings = Settings(prompts=str(prompts), out=str(tmp_path / "run"), max_tokens_total=90_000, **given)
        with pytest.raises(ModelError, match="mock: tells no token counts"):
            asyncio.run(generate(settings))
        assert len(server.received) == 1
    # The call that was paid for is kept.
    assert len((tmp_path / "run" / "calls.jsonl").read_bytes().splitlines()) == 1


def test_spending_is_also_told_what_others_have_spent() -> None:
    price = Prices(currency="EUR", models={"m": Price(input=1_000_000, output=0)})
    spending = Spending({"m": Tokens(calls=1, prompt_tokens=3, completion_tokens=1)}, tokens=10, cost=5.0, prices=price)
    assert spending.exceeded() is None
    assert spending.may_begin(Most(6, 2.0))
    assert not spending.may_begin(Most(7, 0.0))
    assert not spending.may_begin(Most(1, 2.1))
    answer = Completion(text="x", finish_reason="stop", prompt_tokens=2, completion_tokens=1)
    call = Call(row="r", index=0, step="respond", digest="d", completion=answer, model="m")
    spending.add(call.model_copy(update={"lent": True}))
    assert spending.exceeded() is None
    spending.add(call)
    assert spending.exceeded() == "--max-cost 5: 5.0000 EUR is spent"
    assert "--max-cost 10" in spending.error().hint
    full = Spending({"m": Tokens(calls=1, prompt_tokens=10)}, tokens=10)
    assert full.exceeded() == "--max-tokens-total 10: 10 tokens are spent"
    assert full.error().message == f"at the cap {full.exceeded()}"
    with pytest.raises(ConfigError, match="no price for other"):
        spending.add(call.model_copy(update={"model": "other"}))


def test_caps_are_no_part_of_what_a_run_is(generated: Generated, tmp_path: Path, prices: str) -> None:
    run = generated(limit=12)
    generated(limit=12, prices=prices, max_tokens_total=1_000_000, max_cost=100.0)
    assert json.loads((run / "manifest.json").read_text(encoding="utf-8"))["settings"]["max_cost"] is None
