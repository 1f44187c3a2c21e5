"""Rules as a reward function: both forms of completions, rewards that are exact, what cannot be read left out."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from constitution import rule_reward
from constitution.errors import ConfigError, ModelError, PrinciplesError, SourceError, TemplateError
from constitution.rule_templates import load_rule_templates

RULES = """\
name: mine
version: 1
description: d
rules:
  - {id: kind, proposition: The response is kind., weight: 2}
  - {id: long, proposition: The response is long., weight: -1}
"""
JUDGE = """\
- {when: 'Mumble[^~]*is long', choose: {'Yes': 1.0e-9, 'No': 1.0e-9}}
- {when: 'Hang up', error: hung up}
- {when: 'Gladly[^~]*is kind', choose: {'Yes': 0.6, 'No': 0.2}}
- {when: 'is kind', choose: {'Yes': 0.2, 'No': 0.6}}
- {when: 'is long', choose: {'Yes': 0.4, 'No': 0.4}}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Rules, and a judge who finds kind what begins with Gladly."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "judge.yaml").write_text(JUDGE)
    return str(tmp_path / "rules.yaml"), f"scripted:{tmp_path / 'judge.yaml'}"


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize("conversational", [False, True])
def test_rewards_are_those_of_the_rules_in_both_forms(files: tuple[str, str], conversational: bool) -> None:
    reward = rule_reward(*files)
    texts = ["Gladly.", "No.", "Mumble.", "Gladly, again."]
    prompts: list[Any] = [[{"role": "user", "content": "Help?"}]] * 4 if conversational else ["Help?"] * 4
    completions: list[Any] = [said(text) for text in texts] if conversational else texts
    # As TRL calls it, with whatever columns the data has.
    found = reward(prompts=prompts, completions=completions, completion_ids=[[1]] * 4, topic=["x"] * 4)
    assert found == [pytest.approx(1.0), pytest.approx(0.0), None, pytest.approx(1.0)]
    reward.close()


def test_a_call_that_fails_leaves_its_completion_out_and_says_so(
    files: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    reward = rule_reward(*files, name="kindness")
    with caplog.at_level(logging.WARNING, "constitution"):
        assert reward(["Help?"] * 2, ["Hang up", "Gladly."]) == [None, pytest.approx(1.0)]
    assert "kindness: a completion has no reward: hung up" in caplog.text
    assert reward.__name__ == "kindness"
    reward.close()


def test_the_last_message_is_judged_and_those_before_it_are_shown(files: tuple[str, str]) -> None:
    reward = rule_reward(*files, only=["kind"])
    turns = [
        {"role": "assistant", "content": "Let me look."},
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": [{"type": "text", "text": "Gladly: 42."}]},
    ]
    assert reward([[{"role": "user", "content": "Help?"}]], [turns]) == [pytest.approx(1.5)]
    assert reward(["Help?"], [[]]) == [pytest.approx(0.5)]
    reward.close()


def test_the_judge_is_opened_once_and_closed_with_its_thread(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import constitution.rewarding as home

    opened = []
    real = home.open_engine

    async def counting(*given: Any) -> Any:
        opened.append(threading.current_thread().name)
        return await real(*given)

    monkeypatch.setattr(home, "open_engine", counting)
    reward = rule_reward(*files)
    for _ in range(3):
        reward(["Help?"], ["Gladly."])
    assert opened == ["rule reward"]
    reward.close()
    reward.close()
    assert "rule reward" not in {thread.name for thread in threading.enumerate()}
    assert reward(["Help?"], ["Gladly."]) == [pytest.approx(1.0)]
    assert len(opened) == 2
    reward.close()


def test_it_may_be_called_from_several_threads_and_from_a_running_loop(files: tuple[str, str]) -> None:
    import asyncio

    reward = rule_reward(*files)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(reward(["Help?"] * 8, ["Gladly."] * 8))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def running() -> Any:
        return reward(["Help?"], ["No."])

    assert found == [[pytest.approx(1.0)] * 8] * 4
    assert asyncio.run(running()) == [pytest.approx(0.0)]
    reward.close()


def test_each_rules_mean_is_logged_where_the_trainer_takes_it(files: tuple[str, str]) -> None:
    logged: dict[str, float] = {}
    reward = rule_reward(*files)
    reward(["Help?"] * 3, ["Gladly.", "No.", "Mumble."], log_metric=logged.__setitem__)
    assert logged == pytest.approx(
        {"rule_reward/kind": (0.75 + 0.25 + 0.25) / 3, "rule_reward/long": 0.5, "rule_reward/unscored": 1 / 3}
    )
    reward.close()


def test_slips_are_told_when_it_is_built(files: tuple[str, str]) -> None:
    with pytest.raises(PrinciplesError, match="no such rule"):
        rule_reward(*files, only=["kin"])
    with pytest.raises(ConfigError, match="base_ulr") as bad:
        rule_reward(*files, base_ulr="http://localhost")
    assert "base_url" in bad.value.hint
    with pytest.raises(ModelError):
        rule_reward(files[0], "/no/such/folder")(["Help?"], ["Gladly."])


def test_rules_are_found_by_a_path_object_too(files: tuple[str, str]) -> None:
    reward = rule_reward(Path(files[0]), files[1])
    assert [rule.id for rule in reward.rules] == ["kind", "long"]
    with pytest.raises(PrinciplesError, match=r"no-such\.yaml"):
        rule_reward(Path("no-such.yaml"), files[1])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"few_shots": -1}, "few_shots: .*greater than or equal to 0, not -1"),
        ({"min_mass": 5}, "min_mass: .*less than or equal to 1, not 5"),
        ({"min_mass": float("nan")}, "min_mass: .*, not nan"),
        ({"concurrency": 0}, "concurrency: .*greater than or equal to 1, not 0"),
        ({"concurrency": None}, "concurrency: expected a whole number"),
        ({"seed": 0.5}, "seed: expected a whole number"),
        ({"unscored": float("inf")}, "unscored: inf is no reward"),
        ({"unscored": "0"}, "unscored: '0' is no reward"),
        ({"timeout": 0}, "timeout: .*greater than 0, not 0"),
    ],
)
def test_numbers_have_the_bounds_of_the_flags(files: tuple[str, str], given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=f"^rule_reward: {told}"):
        rule_reward(*files, **given)


def test_fewer_examples_than_none_are_refused() -> None:
    with pytest.raises(TemplateError, match="-1 few-shot examples"):
        load_rule_templates("chat", -1)


def test_what_cannot_be_judged_gets_the_number_that_was_asked_for(files: tuple[str, str]) -> None:
    """TRL 1.16 adds up the functions' rewards with nansum: beside another one's, None counts as 0."""
    import numpy as np

    texts = ["Gladly.", "Mumble.", "Hang up"]
    others = [0.5, 0.5, np.nan]
    totals = {}
    for unscored in (None, -1.0):
        reward = rule_reward(*files, unscored=unscored)
        logged: dict[str, float] = {}
        mine = reward(["Help?"] * 3, texts, log_metric=logged.__setitem__)
        assert mine == [pytest.approx(1.0), unscored, unscored]
        assert logged["rule_reward/unscored"] == pytest.approx(2 / 3)
        columns = np.array([mine, others], dtype=float)
        totals[unscored] = np.where(np.isnan(columns).all(axis=0), np.nan, np.nansum(columns, axis=0))
        reward.close()
    # The second is taken for one of average kindness; only the third, which nobody scored, is left out.
    assert totals[None] == pytest.approx([1.5, 0.5, np.nan], nan_ok=True)
    assert totals[-1.0] == pytest.approx([1.5, -0.5, -1.0])


def test_no_completions_have_no_rewards(files: tuple[str, str]) -> None:
    logged: dict[str, float] = {}
    reward = rule_reward(*files)
    assert reward([], [], log_metric=logged.__setitem__) == [] and logged == {}
    reward.close()


TOOLS = [
    {"role": "assistant", "content": [{"type": "image"}, "Gladly: ", {"type": "text", "text": "42."}]},
    {"role": "tool", "content": "No."},
]


@pytest.mark.parametrize(
    "completion",
    [{"role": "assistant", "content": "Gladly."}, TOOLS, [{"role": "assistant", "content": ["Gladly."]}]],
    ids=["one message", "a tool has the last word", "parts that are texts"],
)
def test_the_last_message_of_the_assistant_is_found_in_every_form(files: tuple[str, str], completion: Any) -> None:
    reward = rule_reward(*files, only=["kind"])
    assert reward([{"role": "user", "content": "Help?"}], [completion]) == [pytest.approx(1.5)]
    reward.close()


@pytest.mark.parametrize(
    ("completion", "told"),
    [
        ([{"content": "Gladly."}], "completion 2 of 2: a message without a role, its keys: content"),
        (["Gladly."], "completion 2 of 2: 'Gladly.' is no message"),
        (None, "completion 2 of 2: None is neither"),
        ([{"role": "assistant", "content": 42}], "completion 2 of 2: a message whose content is neither"),
        ([{"role": "assistant", "content": [{"type": "text"}]}], "completion 2 of 2: a part of a message"),
    ],
)
def test_odd_completions_are_told_by_their_number(files: tuple[str, str], completion: Any, told: str) -> None:
    reward = rule_reward(*files)
    with pytest.raises(SourceError, match=told):
        reward(["Help?"] * 2, ["Gladly.", completion])
    with pytest.raises(SourceError, match="the prompt of " + told):
        reward(["Help?", completion], ["Gladly."] * 2)
    with pytest.raises(SourceError, match="1 prompts and 2 completions"):
        reward(["Help?"], ["Gladly."] * 2)
    assert reward(["Help?"], ["Gladly."]) == [pytest.approx(1.0)]
    reward.close()


def test_a_script_that_closes_nothing_ends_without_a_word() -> None:
    # The engine that computes here closes on a thread, which Python begins no more of once it ends.
    script = """
from constitution import rule_reward
from constitution.engines import transformers
# What is said of a CPU that is slow at the model's number format depends on the machine.
transformers.bfloat16_slowness = lambda: 1.0
print(rule_reward("harmlessness", "smollm2", only=["demeans"], few_shots=0)(["Hi"], ["You are a fool."]))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=100)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert -1 < json.loads(ended.stdout)[0] < 0
