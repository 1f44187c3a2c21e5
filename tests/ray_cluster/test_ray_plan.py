"""A plan of a run on a cluster: the pilot is run by one worker, and the run's workers divide the rows."""

import json
from pathlib import Path

from constitution.journal import read_records
from constitution.planning.forecast import Forecast
from constitution.records import Call
from ray_cluster.parts import done, write_prompts

ROWS = 120
SECONDS = 0.1


def test_workers_take_as_long_as_was_planned(tmp_path: Path) -> None:
    write_prompts(tmp_path / "prompts.jsonl", [f"How do I use thing {n}?" for n in range(ROWS)])
    (tmp_path / "slow.yaml").write_text(f"- {{when: '', seconds: {SECONDS}}}\n", encoding="utf-8")
    config = tmp_path / "config.yaml"
    settings = {"engine": "scripted", "model": str(tmp_path / "slow.yaml"), "rounds": 1, "concurrency": 4}
    settings |= {"prompts": str(tmp_path / "prompts.jsonl"), "out": str(tmp_path / "run"), "ray": "local"}
    config.write_text(json.dumps(settings | {"replicas": 3}), encoding="utf-8")
    told = done("plan", config, "--pilot", 16, "--keep", tmp_path / "pilot", "--format", "json", "-q")
    found = Forecast.model_validate_json(told)
    (turn,) = found.turns
    assert (found.replicas, turn.workers, turn.in_flight) == (3, 4, 4)
    done("generate", "--config", config, "-q")
    spans = [
        (call.began, call.began + call.seconds)
        for call in read_records(tmp_path / "run" / "calls.jsonl", Call)
        if call.began is not None and call.seconds is not None
    ]
    took = max(ended for _, ended in spans) - min(began for began, _ in spans)
    # Ten rows one after the other, of three calls each.
    print(f"planned {turn.seconds.value:.2f} s, took {took:.2f} s")
    assert 0.6 < turn.seconds.value / took < 1.5
