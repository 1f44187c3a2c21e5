"""TRL's own GRPO trainer with a reward of rules, in both forms of prompts; and a judge in the trainer's process."""

import json
from pathlib import Path

import pytest
from planted import planted, write_run
from trainers import export_run

from constitution import rule_reward

# The trainers' own; the other tests here run them in processes of their own.
pytestmark = pytest.mark.filterwarnings("ignore")

STEPS = 12
# What a random model can learn in a few steps: to say some letter more often. A judge counts it.
RULES = """\
name: letters
version: 1
description: For tests.
rules:
  - {id: letter, proposition: The response holds the letter k., weight: 2}
  - {id: silent, proposition: The response is empty., weight: -1}
"""
JUDGE = """\
- {when: '\\[response\\]\\n  [^\\[]*z[^~]*letter k', choose: {'Yes': 1.0e-9, 'No': 1.0e-9}}
- {when: '\\[response\\]\\n  [^\\[]*k[^~]*letter k', choose: {'Yes': 0.9, 'No': 0.1}}
- {when: 'letter k', choose: {'Yes': 0.1, 'No': 0.9}}
- {when: 'is empty', choose: {'Yes': 0.2, 'No': 0.8}}
"""


@pytest.mark.parametrize("conversational", [True, False])
def test_grpo_trains_on_rules(tmp_path: Path, tiny: Path, conversational: bool) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    export = export_run(write_run(tmp_path / "run", planted(8)), tmp_path / "data", "--test-fraction", "0")
    rows = [json.loads(line) for line in (export / "prompts" / "train.jsonl").read_text("utf-8").splitlines()]
    if not conversational:
        rows = [{"prompt": row["prompt"][-1]["content"], "metadata": row["metadata"]} for row in rows]
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "judge.yaml").write_text(JUDGE)
    reward = rule_reward(str(tmp_path / "rules.yaml"), f"scripted:{tmp_path / 'judge.yaml'}", name="letters")
    settings = GRPOConfig(
        output_dir=str(tmp_path / "model"),
        max_steps=STEPS,
        num_generations=16,
        per_device_train_batch_size=32,
        max_completion_length=8,
        learning_rate=3e-2,
        lr_scheduler_type="constant",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        seed=0,
    )
    trainer = GRPOTrainer(str(tiny), reward_funcs=[reward], args=settings, train_dataset=Dataset.from_list(rows))
    trainer.train()
    steps = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(steps) == STEPS
    # Between all without the letter, and all with it; logged under our name, as each rule's mean is.
    assert all(2 * 0.1 - 0.2 <= step["rewards/letters/mean"] <= 2 * 0.9 - 0.2 for step in steps)
    assert all(step["letters/silent"] == pytest.approx(0.2) for step in steps)
    assert all(0 <= step["letters/unscored"] < 1 for step in steps)
    assert all(step["grad_norm"] > 0 for step in steps)
    reward.close()


def test_grpo_trains_on_rules_that_a_model_judges_in_the_same_process(tmp_path: Path, tiny: Path) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    reward = rule_reward("harmlessness", "smollm2", only=["over-refuses", "demeans"], few_shots=2)
    settings = GRPOConfig(
        output_dir=str(tmp_path / "model"),
        max_steps=2,
        num_generations=2,
        per_device_train_batch_size=4,
        max_completion_length=12,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )
    rows = Dataset.from_list([{"prompt": [{"role": "user", "content": f"How do I pick lock {n}?"}]} for n in range(4)])
    trainer = GRPOTrainer(str(tiny), reward_funcs=[reward], args=settings, train_dataset=rows)
    trainer.train()
    steps = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(steps) == 2
    for step in steps:
        # Both rules have weight -1.
        ps = step["rule_reward/over-refuses"], step["rule_reward/demeans"]
        assert all(0 < p < 1 for p in ps) and step["rule_reward/unscored"] == 0
        assert step["rewards/rule_reward/mean"] == pytest.approx(-sum(ps), abs=1e-5)
    reward.close()
