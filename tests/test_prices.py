"""A price table, and what a run has spent by it: what is not known is said to be unknown, and never 0."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mock_server import Told, chat, chosen, mock_server
from mock_server import generated as generated_at

from constitution import CompareSettings
from constitution.cli import main
from constitution.errors import ConfigError
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE
from constitution.prices import Price, Prices, load_prices
from constitution.records import Call, Choice, Completion
from constitution.report.summary import summarise
from constitution.report.terminal import spent_line
from constitution.spending import Tokens, add_up, bill, spent_in, tokens_of

Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]

TABLE = """\
currency: USD
models:
  scripted: {input: 2, output: 10, cached_input: 0.5}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def call(**given: Any) -> Call:
    answer = {"completion": Completion(text="x", finish_reason="stop", prompt_tokens=100, completion_tokens=20)}
    return Call(row="r", index=0, step="respond", digest="d", **(answer | given))


def test_a_price_is_for_a_million_tokens_and_those_at_hand_have_their_own() -> None:
    tokens = Tokens(calls=1, prompt_tokens=1_000_000, reused_tokens=400_000, completion_tokens=200_000)
    assert Price(input=2, output=10, cached_input=0.5).cost(tokens) == pytest.approx(1.2 + 0.2 + 2)
    assert Price(input=2, output=10).cost(tokens) == pytest.approx(2 + 2)


def test_a_path_is_found_by_its_last_part(tmp_path: Path) -> None:
    prices = load_prices(write(tmp_path, TABLE.replace("scripted", "llama-8b")))
    assert prices.of("/models/llama-8b") == prices.of("llama-8b")
    assert prices.of("llama") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("models:\n  m: {input: -1, output: 2}\n", ":2: models.m.input: Input should be greater"),
        ("models:\n  m: {input: 1}\n", ":2: the key 'output' is missing"),
        ("models:\n  m: {input: 1, ouput: 2}\n", ":2: unknown key 'ouput'"),
        ("- m\n", ":1: expected keys and values"),
        ("currency: USD\n", "the key 'models' is missing"),
    ],
)
def test_a_faulty_table_is_told_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as bad:
        load_prices(write(tmp_path, text))
    assert fault in bad.value.message


def test_a_cost_that_nobody_can_know_is_unknown() -> None:
    spent = {"a": Tokens(calls=1, prompt_tokens=10, completion_tokens=5), "b": Tokens(calls=1, prompt_tokens=1)}
    found = bill(spent, Prices(models={"a": Price(input=1, output=1)}))
    assert (found.cost, found.unpriced) == (None, ("b",))
    assert "cost unknown (no price for b)" in spent_line(found)
    untold = bill({"a": Tokens(calls=2, prompt_tokens=10, untold=1)}, Prices(models={"a": Price(input=1, output=1)}))
    assert untold.cost is None
    assert "1 call without a count; cost unknown" in spent_line(untold)


def test_calls_that_another_run_paid_for_cost_nothing_and_those_without_a_count_are_counted_as_such() -> None:
    assert tokens_of(call(lent=True)) == Tokens()
    assert tokens_of(call(completion=None, choice=Choice(logprobs=(0.0,)))) == Tokens(calls=1, untold=1)
    # A call of an older version does not say who answered: its stage does.
    assert add_up([("stage", call()), ("stage", call(model="m", reused_tokens=30))]) == {
        "stage": Tokens(calls=1, prompt_tokens=100, completion_tokens=20),
        "m": Tokens(calls=1, prompt_tokens=100, reused_tokens=30, completion_tokens=20),
    }


def test_a_run_is_billed_for_all_its_stages_and_a_fork_for_its_own_calls(
    generated: Generated, tmp_path: Path, lines: Lines
) -> None:
    run, prices = generated(prices=str(write(tmp_path, TABLE))), load_prices(write(tmp_path, TABLE))
    first = spent_in(run)["scripted"]
    made = lines(run / "calls.jsonl")
    assert first.total == sum(
        one["completion"]["prompt_tokens"] + one["completion"]["completion_tokens"] for one in made
    )
    told = json.loads((run / "summary.json").read_text(encoding="utf-8"))["spent"]
    assert told["cost"] == pytest.approx(prices.models["scripted"].cost(first))
    asyncio.run(label_pairs(run, CompareSettings(principles_per_pair=1)))
    both = spent_in(run)["scripted"]
    judged = lines(run / COMPARE.calls)
    assert both.calls == len(made) + len(judged)
    assert both.prompt_tokens > first.prompt_tokens
    assert summarise(run, prices).spent == bill({"scripted": both}, prices)
    fork = generated("fork", reuse=run, rounds=2)
    assert spent_in(fork)["scripted"].calls == 24
    assert len(lines(fork / "calls.jsonl")) == 24 + len(made)


def test_status_tells_what_is_spent(
    generated: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = generated()
    monkeypatch.setattr("sys.argv", ["constitution", "status", str(run), "--prices", str(write(tmp_path, TABLE))])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    cost = bill(spent_in(run), load_prices(tmp_path / "prices.yaml")).cost
    assert f"cost {cost:,.4f} USD" in capsys.readouterr().out


def test_a_server_tells_what_a_call_took() -> None:
    with mock_server() as server:
        answer = generated_at(server)
    assert (answer.prompt_tokens, answer.reused_tokens, answer.completion_tokens) == (11, 3, 7)
    # What was at hand is an accident of the moment: a row does not hold it.
    assert "reused_tokens" not in answer.model_dump()


def test_a_server_s_judgement_takes_tokens_too() -> None:
    def script(request: Any) -> Told:
        if "logprobs" not in request.body:
            return chat("A")
        tops = [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -2.0}]
        return chat("A", logprobs={"content": [{"token": "A", "top_logprobs": tops}]})

    with mock_server(script) as server:
        (choice,) = chosen(server)
    assert (choice.prompt_tokens, choice.completion_tokens, choice.reused_tokens) == (11, 7, 3)
    with mock_server(lambda request: chat("A")) as server:
        (choice,) = chosen(server, votes=4)
    # One look at the first token, which told nothing, and four votes.
    assert (choice.prompt_tokens, choice.completion_tokens, choice.sampled) == (55, 35, 4)
