"""`constitution plan`: what is reckoned from a pilot is what the run then takes."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mock_server import Told, mock_server

from constitution import CompareSettings, Settings, generate
from constitution.cli import main
from constitution.errors import ConfigError, SourceError
from constitution.planning.amounts import Amount, Population
from constitution.planning.drawing import draw, length_of
from constitution.planning.forecast import Forecast, foresee
from constitution.planning.pilot import run_pilot
from constitution.planning.speed import Pace, seconds_of
from constitution.planning.telling import duration, forecast_lines
from constitution.prices import Price, Prices
from constitution.records import Call
from constitution.sources import read
from constitution.spending import bill, spent_in
from constitution.store import count

Lines = Callable[[Path], list[Any]]
Ends = Callable[..., tuple[int, str, str]]
PRICES = Prices(currency="USD", models={"scripted": Price(input=1, output=4)})


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """300 rows of 1 to 150 words, sorted, and two that ask nothing."""
    path = tmp_path / "many.jsonl"
    rows = [{"id": f"row-{n:03}", "prompt": "word " * (1 + n // 2)} for n in range(300)]
    rows[7:7] = [{"id": "empty-1", "prompt": ""}, {"id": "empty-2", "prompt": ""}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ends:
    """Run the command in this process: its exit code, and what it printed."""

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["constitution", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def planned(settings: Settings, pilot: int, folder: Path, **given: Any) -> Forecast:
    return foresee(asyncio.run(run_pilot(settings, pilot, folder)), **given)


def near(amount: Amount | None, value: float, by: float = 0.03) -> bool:
    return amount is not None and abs(amount.value - value) <= by * value


# --- which rows


def test_a_pilot_has_rows_of_all_lengths_and_none_that_asks_nothing(many: Path) -> None:
    settings = Settings(prompts=str(many), out="o", engine="scripted")
    drawn = draw(settings, 30)
    lengths = sorted(length_of(prompt) for prompt in drawn.prompts)
    # One of each ten rows in the order of their lengths: five more bytes for each two rows.
    assert [round((length - 5) / 25 - 0.45) for length in lengths] == list(range(30))
    assert len(drawn.lengths) == 302
    assert (drawn.lengths == 0).sum() == 2
    assert draw(settings, 30).prompts == drawn.prompts
    assert draw(settings.model_copy(update={"seed": 1}), 30).prompts != drawn.prompts
    assert len(draw(settings, 1000).prompts) == 300
    known = {prompt.id: prompt for prompt in read(settings)}
    assert all(known[prompt.id] == prompt for prompt in drawn.prompts)


def test_skip_and_limit_hold_for_a_pilot_too(many: Path) -> None:
    drawn = draw(Settings(prompts=str(many), out="o", engine="scripted", skip=100, limit=50), 10)
    assert all(100 <= prompt.index < 150 for prompt in drawn.prompts)
    assert len(drawn.lengths) == 50
    with pytest.raises(SourceError, match="no rows"):
        draw(Settings(prompts=str(many), out="o", engine="scripted", skip=7, limit=2), 10)


# --- totals


def test_what_grows_with_the_length_is_corrected_by_the_lengths_of_all() -> None:
    lengths = np.arange(10.0)
    population = Population(1000, 7.0, lengths)
    total = population.total(3 + 2 * lengths)
    assert (total.value, total.low, total.high) == pytest.approx((17_000, 17_000, 17_000))
    flat = population.total(np.ones(10))
    assert (flat.value, flat.low) == pytest.approx((1000, 1000))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random, hits = np.random.default_rng(1), 0
    lengths = random.lognormal(4, 0.7, 2000)
    values = 50 + 0.3 * lengths + random.normal(0, 30, 2000)
    for _ in range(300):
        places = random.choice(2000, 25, replace=False)
        found = Population(2000, float(lengths.mean()), lengths[places]).total(values[places])
        hits += found.low <= values.sum() <= found.high
    assert 0.91 <= hits / 300 <= 0.985


def test_when_all_rows_are_in_the_pilot_nothing_is_left_to_chance() -> None:
    values = np.array([1.0, 5.0, 9.0])
    total = Population(3, 2.0, np.array([1.0, 2.0, 3.0])).total(values)
    assert (total.value, total.low, total.high) == (15, 15, 15)


# --- time


def pace(**given: Any) -> Pace:
    plain = {"load": 0.0, "work": 2.0, "low": 2.0, "high": 2.0, "in_flight": 4, "workers": 4, "rows": 10}
    return Pace(**plain | {"spread": np.ones(4)} | given)


def test_all_rows_are_played_through_by_so_many_workers() -> None:
    assert seconds_of(pace()) == pytest.approx(6.0)
    assert seconds_of(pace(rows=3)) == pytest.approx(2.0)
    assert seconds_of(pace(), replicas=2) == pytest.approx(4.0)
    # Where all share what there is, it is as if one came after the other.
    assert seconds_of(pace(load=1e6, work=1e-6)) == pytest.approx(10.0, rel=1e-3)
    assert seconds_of(pace(rows=4_000_000)) == pytest.approx(2_000_000.0)


def test_an_engine_that_shares_its_strength_is_told_from_one_that_does_not(many: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text("- {when: '', seconds: 0.05}\n", encoding="utf-8")
    given = {"prompts": str(many), "out": "o", "rounds": 1, "concurrency": 8}
    free = planned(Settings(engine="scripted", model=str(tmp_path / "slow.yaml"), **given), 20, tmp_path / "free")
    (turn,) = free.turns
    assert turn.load < 0.05
    assert 5.6 <= turn.seconds.value <= 9

    def script(request: Any) -> Told:
        # The server's only thread: calls are answered one after the other.
        time.sleep(0.01)
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return Told({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}], "usage": usage})

    with mock_server(script) as server:
        settings = Settings(engine="openai", model="mock", base_url=server.url, **given)
        shared = planned(settings, 20, tmp_path / "shared")
    (turn,) = shared.turns
    assert turn.load > 0.2
    assert 9 <= turn.seconds.value <= 14
    assert shared.gpus_per_replica is None


# --- the whole


def test_a_forecast_is_what_the_run_then_takes(many: Path, tmp_path: Path) -> None:
    settings = Settings(
        prompts=str(many),
        out=str(tmp_path / "run"),
        engine="scripted",
        compare=CompareSettings(principles_per_pair=2, limit=102),
        concurrency=16,
    )
    found = planned(settings, 30, tmp_path / "pilot", prices=PRICES)
    asyncio.run(generate(settings))
    spent = spent_in(tmp_path / "run")
    tokens, cost = spent["scripted"], bill(spent, PRICES).cost
    assert cost
    # Empty rows take no call; a hundred of those that are compared do.
    assert found.total.calls.value == tokens.calls == 300 * 5 + 100 * 6
    assert near(found.total.prompt_tokens, tokens.prompt_tokens)
    assert near(found.total.completion_tokens, tokens.completion_tokens)
    assert near(found.total.cost, cost)
    assert [step.name for step in found.steps] == [
        *("respond", "critique-1", "revise-1", "critique-2", "revise-2", "sample", "verdict")
    ]
    assert (found.rows, found.empty, found.pilot, found.pilot_failed) == (302, 2, 30, 0)
    assert found.unpriced == ()


def test_each_model_is_reckoned_by_itself_and_a_cost_that_nobody_knows_is_unknown(many: Path, tmp_path: Path) -> None:
    (tmp_path / "critic.yaml").write_text("- {when: '', reply: 'It is blunt.'}\n", encoding="utf-8")
    settings = Settings(
        prompts=str(many), out="o", engine="scripted", critic=str(tmp_path / "critic.yaml"), rounds=1, concurrency=16
    )
    found = planned(settings, 20, tmp_path / "pilot", prices=PRICES)
    by_model = {use.model: use for use in found.models}
    assert by_model["critic.yaml"].calls.value == 300
    assert by_model["critic.yaml"].cost is None
    assert by_model["scripted"].cost
    assert found.total.cost is None
    assert found.unpriced == ("critic.yaml",)
    lines = forecast_lines(found, settings)
    assert "cost of critic.yaml: unknown (no price or no token counts: --prices FILE)" in lines
    assert not [line for line in lines if line.startswith("cost") and " 0.0000" in line]


def test_a_server_that_tells_no_counts_leaves_tokens_and_cost_unknown(many: Path, tmp_path: Path) -> None:
    def script(request: Any) -> Told:
        return Told({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]})

    prices = Prices(models={"mock": Price(input=1, output=1)})
    with mock_server(script) as server:
        settings = Settings(prompts=str(many), out="o", engine="openai", model="mock", base_url=server.url, rounds=1)
        found = planned(settings, 5, tmp_path / "pilot", prices=prices)
    assert found.total.calls.value == 900
    assert (found.total.prompt_tokens, found.total.completion_tokens, found.total.cost) == (None, None, None)
    assert "tokens: unknown (the server tells no counts)" in forecast_lines(found, settings)


def test_the_command_tells_steps_totals_and_what_was_not_measured(many: Path, tmp_path: Path, ends: Ends) -> None:
    (tmp_path / "prices.yaml").write_text("models:\n  scripted: {input: 1, output: 4}\n", encoding="utf-8")
    config = tmp_path / "c.yaml"
    config.write_text(f"prompts: {many}\nengine: scripted\nrounds: 1\n", encoding="utf-8")
    args = ("--prices", tmp_path / "prices.yaml", "--pilot", 20, "--max-tokens-total", 100)
    code, _, told = ends("plan", config, *args)
    # The pilot is held to the cap too.
    assert (code, "at the cap --max-tokens-total 100" in told) == (7, True)
    code, out, _ = ends("plan", config, *args[:-1], 20_000, "--deadline", 5, "--gpus", 2, "--quiet")
    assert code == 0
    head, respond = out.splitlines()[2:4]
    assert head.split("  ")[0] == "step"
    assert respond.split()[:3] == ["respond", "scripted", "300"]
    assert "calls: 900\n" in out
    assert "--max-tokens-total 20000: may end the run before it is done" in out
    assert "within 5 h 00 min: replicas: 1" in out
    assert "GPUs: 2" in out
    assert "Not measured: generate with 64 rows in flight (the pilot had " in out
    assert not (tmp_path / "outputs").exists()


def test_a_kept_pilot_is_not_made_twice_and_the_run_takes_its_calls_over(
    many: Path, tmp_path: Path, ends: Ends, lines: Lines
) -> None:
    pilot, run = tmp_path / "pilot", tmp_path / "run"
    args = ("--prompts", many, "--engine", "scripted", "--rounds", 1, "--quiet")
    code, out, _ = ends("plan", *args, "--pilot", 20, "--keep", pilot, "--format", "json")
    assert code == 0
    made = lines(pilot / "calls.jsonl")
    assert len(made) == 60
    again = Forecast.model_validate_json(ends("plan", *args, "--pilot", 20, "--keep", pilot, "--format", "json")[1])
    first = Forecast.model_validate_json(out)
    assert (again.total, again.start_seconds) == (first.total, None)
    assert lines(pilot / "calls.jsonl") == made
    assert ends("generate", *args, "--out", pilot, "--fork", run)[0] == 0
    assert count(run).done == 300
    calls = [Call.model_validate(call) for call in lines(run / "calls.jsonl")]
    assert len(calls) == 900
    assert sum(call.lent for call in calls) == 60
    assert spent_in(run)["scripted"].calls == 840


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (("--deadline", "0"), "--deadline 0: hours that the run may take, more than 0"),
        (("--fork", "new"), "--fork: a plan is of a run that begins"),
        (("--prices", "none.yaml"), "none.yaml"),
        (("--modle", "x"), "No such option: --modle"),
    ],
)
def test_what_cannot_be_planned_is_refused(many: Path, ends: Ends, given: tuple[str, ...], fault: str) -> None:
    code, _, told = ends("plan", "--prompts", many, "--engine", "scripted", *given)
    assert (code, fault in told) == (2, True)


def test_pairs_of_a_file_are_refused(many: Path, tmp_path: Path) -> None:
    settings = Settings(
        prompts=str(many), out="o", engine="scripted", compare=CompareSettings(pairs="file", file="pairs.jsonl")
    )
    with pytest.raises(ConfigError, match=r"pairs: file \(pairs.jsonl\)"):
        asyncio.run(run_pilot(settings, 5, tmp_path / "pilot"))


def test_the_fewest_replicas_that_meet_a_deadline(many: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text("- {when: '', seconds: 0.03}\n", encoding="utf-8")
    model = str(tmp_path / "slow.yaml")
    settings = Settings(prompts=str(many), out="o", engine="scripted", model=model, rounds=1, concurrency=5)
    pilot = asyncio.run(run_pilot(settings, 20, tmp_path / "pilot"))
    whole = foresee(pilot).seconds.value
    found = foresee(pilot, gpus_per_replica=8, deadline=whole / 3)
    assert found.replicas_needed in (3, 4)
    assert found.gpus == 8 * found.replicas_needed
    assert foresee(pilot, replicas=found.replicas_needed).seconds.value <= whole / 3
    assert foresee(pilot, replicas=found.replicas_needed - 1).seconds.value > whole / 3
    hopeless = foresee(pilot, gpus_per_replica=8, deadline=0.01)
    assert (hopeless.replicas_needed, hopeless.gpus) == (None, None)
    assert "within 0 s: not with any number of replicas" in forecast_lines(hopeless, settings)


def test_durations_are_told_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (5, 300, 12_000)] == ["5 s", "5 min", "3 h 20 min"]


def test_what_is_typed_wrongly_is_told_of_this_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for verb, usage in (("plan", "constitution plan [CONFIG] [OPTIONS]"), ("config", "constitution config [OPTIONS]")):
        monkeypatch.setattr("sys.argv", ["constitution", verb, "a.yaml", "b.yaml"])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr().err
        assert ended.value.code == 2 and f"Usage: {usage}\nTry 'constitution {verb} --help'" in told, told
        assert "Got unexpected extra argument" in told
