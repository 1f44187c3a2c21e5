"""`constitution plan` on what is no plain pilot: failed, stopped, a shard, a cluster, a judge that reasons."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constitution import CompareSettings, Settings, generate
from constitution.cli import main
from constitution.errors import ConfigError, ModelError
from constitution.planning.drawing import draw
from constitution.planning.flight import with_one_worker
from constitution.planning.forecast import Forecast, foresee
from constitution.planning.pilot import Pilot, check_plannable, run_pilot, size_of
from constitution.planning.telling import forecast_lines
from constitution.runner import State, Stop, Stopped
from constitution.spending import spent_in

Ends = Callable[..., tuple[int, str, str]]
Given = Callable[..., Settings]
HUNG_UP = "- {when: '', error: the server hung up}\n"
SECONDS = 0.04


@pytest.fixture
def given(tmp_path: Path) -> Given:
    """Settings of a run of 120 rows, on a model whose calls take 40 ms each."""
    rows = [{"id": f"row-{n:03}", "prompt": "word " * (1 + n // 2)} for n in range(120)]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "slow.yaml").write_text(f"- {{when: '', seconds: {SECONDS}}}\n", encoding="utf-8")

    def settings(**own: Any) -> Settings:
        plain = {"prompts": str(tmp_path / "many.jsonl"), "out": str(tmp_path / "run"), "engine": "scripted"}
        return Settings(**plain | {"model": str(tmp_path / "slow.yaml"), "rounds": 1, "concurrency": 4} | own)

    return settings


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


def run(settings: Settings, number: int, folder: Path) -> Pilot:
    return asyncio.run(run_pilot(settings, number, folder))


# --- a pilot that tells nothing


def test_a_pilot_without_a_finished_row_quotes_its_last_failure(given: Given, tmp_path: Path, ends: Ends) -> None:
    (tmp_path / "hung.yaml").write_text(HUNG_UP, encoding="utf-8")
    args = ("--engine", "scripted", "--model", tmp_path / "hung.yaml", "--prompts", given().prompts, "--pilot", 4)
    code, _, told = ends("plan", *args)
    assert code == 3
    assert "generate: no row of the pilot was finished (4 failed, 0 filtered)" in told
    assert "The last: respond: the server hung up" in told
    assert "Traceback" not in told


def test_so_does_a_judge_that_says_nothing(given: Given, tmp_path: Path) -> None:
    (tmp_path / "hung.yaml").write_text(HUNG_UP, encoding="utf-8")
    compare = CompareSettings(judge=str(tmp_path / "hung.yaml"), principles_per_pair=1)
    with pytest.raises(ModelError, match=r"compare: no row of the pilot was finished .* the server hung up"):
        run(given(model="smollm2", compare=compare), 4, tmp_path / "pilot")


def test_rows_that_no_model_can_read_tell_nothing_either(given: Given, tmp_path: Path) -> None:
    (tmp_path / "long.jsonl").write_text(json.dumps({"prompt": "word " * 9000}) + "\n", encoding="utf-8")
    with pytest.raises(ModelError, match="0 failed, 1 filtered"):
        run(given(prompts=str(tmp_path / "long.jsonl")), 4, tmp_path / "pilot")


# --- a shard


def test_a_plan_of_a_shard_is_of_its_own_rows(given: Given, tmp_path: Path) -> None:
    compare = CompareSettings(principles_per_pair=1, limit=50)
    settings = given(model="smollm2", shard="2/3", skip=10, compare=compare)
    drawn = draw(settings, 15)
    assert {prompt.index % 3 for prompt in drawn.prompts} == {1}
    assert len({prompt.index for prompt in drawn.prompts}) == 15
    assert drawn.lengths.tolist() == [5 * (1 + n // 2) for n in range(10, 120, 3)]
    pilot = run(settings, 15, tmp_path / "pilot")
    assert {call.row for call in pilot.calls["generate"]} == {prompt.id for prompt in drawn.prompts}
    found = foresee(pilot)
    asyncio.run(generate(settings))
    made = spent_in(tmp_path / "run")["scripted"]
    assert found.total.calls.value == made.calls
    assert found.total.prompt_tokens
    assert found.total.prompt_tokens.value == pytest.approx(made.prompt_tokens, rel=0.03)


def test_shards_may_be_smaller_than_a_pilot_but_not_more_than_rows(given: Given, tmp_path: Path) -> None:
    found = foresee(run(given(model="smollm2", shard="1/40"), 20, tmp_path / "pilot"))
    assert (found.rows, found.pilot, found.total.calls.value) == (3, 3, 9)
    with pytest.raises(ConfigError, match="the input has 120 rows, too few for 121 shards"):
        draw(given(shard="1/121"), 20)


# --- a cluster


def test_workers_of_a_cluster_divide_the_rows(given: Given, tmp_path: Path) -> None:
    pilot = run(given(), 20, tmp_path / "pilot")
    alone = foresee(pilot)
    settings = given(ray="local", replicas=4, gpus_per_replica=0.5, max_replicas=8)
    found = foresee(replace(pilot, settings=settings))
    assert alone.seconds and found.seconds and alone.start_seconds and found.start_seconds
    # 30 rounds of four rows, three calls each; with four workers 7.5.
    assert alone.seconds.value - alone.start_seconds == pytest.approx(30 * 3 * SECONDS, rel=0.35)
    assert found.seconds.value - found.start_seconds == pytest.approx(8 * 3 * SECONDS, rel=0.35)
    assert (found.replicas, found.gpus_per_replica, found.gpus) == (4, 0.5, 2)
    assert "workers that are added later (up to --max-replicas 8)" in forecast_lines(found, settings)[-1]
    assert foresee(replace(pilot, settings=settings), replicas=2).gpus == 1


def test_workers_that_ask_one_server_are_no_copies_of_it(given: Given, tmp_path: Path) -> None:
    pilot = run(given(concurrency=16), 20, tmp_path / "pilot")
    served = {"engine": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "ray": "local"}
    settings = given(concurrency=4, replicas=4, **served)
    (turn,) = foresee(replace(pilot, settings=settings)).turns
    assert (turn.workers, turn.shared) == (16, True)
    # Sixteen rows at once, and not four times sixteen.
    assert turn.seconds.value == pytest.approx(8 * 3 * SECONDS, rel=0.35)
    tried = with_one_worker(settings)
    assert (tried.replicas, tried.max_replicas, tried.concurrency) == (1, None, 16)
    assert size_of(given(concurrency=30, replicas=4, **served)) == 120


def test_a_pilot_of_a_cluster_is_run_by_one_worker(given: Given) -> None:
    compare = CompareSettings(concurrency=8, judge="openai:judge", base_url="http://127.0.0.1:9/v1")
    tried = with_one_worker(given(ray="auto", replicas=4, max_replicas=9, compare=compare))
    assert (tried.replicas, tried.max_replicas, tried.concurrency) == (1, None, 4)
    # The judge stands behind a server, but who samples does not.
    assert tried.compare
    assert tried.compare.concurrency == 8
    revised = with_one_worker(
        given(ray="auto", replicas=4, compare=compare.model_copy(update={"pairs": "revisions"}))
    ).compare
    assert revised
    assert revised.concurrency == 32
    assert with_one_worker(given()) == given()


def test_replicas_are_workers_with_a_cluster_and_copies_without_one(given: Given, ends: Ends) -> None:
    args = ("plan", "--prompts", given().prompts, "--engine", "scripted", "--rounds", 1, "--pilot", 5, "--quiet")
    code, out, _ = ends(*args, "--replicas", 3, "--format", "json", "--gpus", 0.5)
    found = Forecast.model_validate_json(out)
    assert (code, found.replicas, found.gpus) == (0, 3, 2)
    code, _, told = ends(*args, "--ray", "local", "--replicas", 4, "--max-replicas", 3)
    assert (code, "--max-replicas 3 is below --replicas 4" in told) == (2, True)
    with pytest.raises(ConfigError, match="--gpus-per-replica is about the workers of a cluster"):
        check_plannable(given(gpus_per_replica=1.0))


# --- a pilot that was stopped


def stop_after(calls: int, settings: Settings, number: int, folder: Path) -> None:
    async def stopped() -> None:
        stop = Stop()

        def watch(state: State) -> None:
            if state.calls >= calls:
                stop.ask()

        await run_pilot(settings, number, folder, watch, stop)

    with pytest.raises(Stopped):
        asyncio.run(stopped())


def test_a_pause_is_no_time_that_rows_take(given: Given, tmp_path: Path) -> None:
    whole = run(given(), 20, tmp_path / "pilot")
    (plain,) = foresee(whole).turns
    calls = whole.calls["generate"]
    # As if it had been stopped during its tenth row, and had gone on ten minutes later.
    cut = sorted(call.began or 0.0 for call in calls)[28]
    parts = [
        call.model_copy(update={"began": (call.began or 0.0) + 600 * ((call.began or 0.0) > cut)}) for call in calls
    ]
    assert {call.row for call in parts if (call.began or 0.0) <= cut} & {call.row for call in parts[30:]}
    # The start that went on, and a later one, which finds all calls.
    for begun in (cut + 599, cut + 9999):
        found = foresee(replace(whole, calls={"generate": parts}, begun=begun))
        (turn,) = found.turns
        assert turn.seconds.value == pytest.approx(plain.seconds.value, rel=0.3)
        assert turn.in_flight <= 4
        assert found.start_seconds is None


def test_where_all_rows_were_stopped_half_way_the_time_is_unknown(given: Given, tmp_path: Path) -> None:
    settings, folder = given(concurrency=64), tmp_path / "pilot"
    # It is looked twice a second: some time during the second of three calls, or the third.
    (tmp_path / "slow.yaml").write_text("- {when: '', seconds: 0.4}\n", encoding="utf-8")
    stop_after(6, settings, 6, folder)
    found = foresee(run(settings, 6, folder), deadline=10, gpus_per_replica=1)
    assert found.total.calls.value == 360
    assert (found.seconds, found.turns, found.replicas_needed, found.gpus) == (None, (), None, None)
    assert found.untimed == ("generate, slow.yaml",)
    told = "\n".join(forecast_lines(found, settings))
    assert "time: unknown (the pilot was stopped within its rows; another one measures it: --keep NEW)" in told
    assert "the time of generate, slow.yaml (the pilot was stopped within its rows)" in told


# --- a judge that reasons


@pytest.mark.parametrize("verdict", ["marker", "choose"])
def test_a_judge_has_half_as_many_rows_in_flight_however_it_says_its_verdict(
    given: Given, tmp_path: Path, verdict: Any
) -> None:
    (tmp_path / "judge.yaml").write_text("- {when: '', reply: 'Both are fine. The answer is (A).'}\n", encoding="utf-8")
    compare = CompareSettings(
        judge=str(tmp_path / "judge.yaml"), cot=True, cot_verdict=verdict, cot_samples=1, principles_per_pair=1
    )
    found = foresee(run(given(model="smollm2", concurrency=8, compare=compare), 8, tmp_path / "pilot"))
    assert {(turn.stage, turn.model): turn.workers for turn in found.turns} == {
        ("generate", "scripted"): 8,
        ("compare", "scripted"): 8,
        ("compare", "judge.yaml"): 4,
    }


# --- caps


def test_a_pilot_at_a_cap_says_what_of_it_is_kept(given: Given, tmp_path: Path, ends: Ends) -> None:
    args = ("plan", "--prompts", given().prompts, "--engine", "scripted", "--max-tokens-total", 2000, "--quiet")
    code, _, told = ends(*args)
    assert code == 7
    assert "the pilot is at the cap --max-tokens-total 2000" in told
    assert "Nothing of the pilot is kept (--keep DIR)." in told
    code, _, told = ends(*args, "--keep", tmp_path / "kept")
    assert (code, "Its calls are kept." in told, "Nothing" in told) == (7, True, False)
    assert spent_in(tmp_path / "kept")["scripted"].calls


def test_caps_of_the_second_stage_alone_are_refused_before_the_first(given: Given, tmp_path: Path) -> None:
    for cap in ({"max_tokens_total": 10}, {"max_cost": 2.5}):
        ((name, value),) = cap.items()
        settings = given(max_tokens_total=10**9, compare=CompareSettings(**cap))
        with pytest.raises(ConfigError, match=f"compare: {name}: {value}: a run's caps hold for all") as refused:
            asyncio.run(generate(settings))
        assert f"--{name.replace('_', '-')} {value}" in refused.value.hint
    assert not (tmp_path / "run").exists()
