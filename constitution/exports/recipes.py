"""Training recipes: what `trl … --config` runs, as it is, from the export's folder.

Together they are the pipeline of Bai et al. 2022: sft (SL-CAI), a reward model from the AI's labels, then RL on the
prompts with that reward model (RL-CAI); dpo and kto go on from sft without a reward model. Written for TRL 1.16.

Learning rates are those of published work, on models of 7 billion parameters and more:

sft     2e-5, cosine                    Zephyr (arXiv 2310.16944)
reward  1e-5, one epoch                 Llama 2 (arXiv 2307.09288); InstructGPT (arXiv 2203.02155) has 9e-6, 64 a step
dpo     5e-7, beta 0.1, 32 a step       Zephyr
kto     5e-7, beta 0.1                  TRL's own script; the method's paper is arXiv 2402.01306
grpo    1e-6, KL coefficient 0.04       DeepSeekMath (arXiv 2402.03300)

What is left out is TRL's default, but for `max_length`, which is null throughout: its default of 1024 tokens leaves out
longer rows without a word (reward; dpo and kto where the prompt fills it), or cuts them (sft).

A recipe names its rows by their subfolder, so that it works wherever the export is moved to: `datasets` cannot load the
folder `.` itself, as it wants a name to cache it under.
"""

from dataclasses import dataclass

from constitution.exports.examples import Written

# Small enough to train whole on one GPU; TRL knows which tokens of its chat template are the assistant's.
MODEL = "Qwen/Qwen2.5-0.5B-Instruct"


@dataclass(frozen=True)
class _Recipe:
    """One trainer.

    Attributes:
        kind: The rows that it trains on.
        first: The recipes whose models it begins with, where they were written.
        body: What is its own, as YAML.
    """

    kind: str
    first: tuple[str, ...]
    body: str


# By TRL's command. A batch is 32 rows a step (64 for reward) on one GPU.
_RECIPES = {
    "sft": _Recipe(
        "sft",
        (),
        """\
learning_rate: 2.0e-5
num_train_epochs: 1
per_device_train_batch_size: 4
gradient_accumulation_steps: 8
max_length: null                # whole rows; lower it when memory runs out, and rows are cut there
# Learn the assistant's turns, not the prompts. TRL knows the chat templates of the usual models (Qwen, Llama 3, Gemma,
# Phi, …); for another one it stops and says so, and false then learns from every token.
assistant_only_loss: true
""",
    ),
    "reward": _Recipe(
        "reward",
        (),
        """\
learning_rate: 1.0e-5
num_train_epochs: 1
per_device_train_batch_size: 4
gradient_accumulation_steps: 16
max_length: null                # a number leaves out every pair with a longer response
""",
    ),
    "dpo": _Recipe(
        "preference",
        ("sft",),
        """\
learning_rate: 5.0e-7
beta: 0.1
num_train_epochs: 1
per_device_train_batch_size: 4
gradient_accumulation_steps: 8
max_length: null                # a number cuts longer responses, and leaves out pairs whose prompt fills it
""",
    ),
    "kto": _Recipe(
        "kto",
        ("sft",),
        """\
learning_rate: 5.0e-7
beta: 0.1
num_train_epochs: 1
per_device_train_batch_size: 8  # at least 2: prompts and responses of a batch are crossed to estimate the KL term
gradient_accumulation_steps: 4
max_length: null                # a number cuts longer responses, and leaves out rows whose prompt fills it
""",
    ),
    "grpo": _Recipe(
        "prompts",
        ("sft", "reward"),
        """\
reward_model_name_or_path: models/reward
# A judge and the rules of a principles file can reward instead, in a script of your own:
# GRPOTrainer(reward_funcs=[constitution.rule_reward("FILE", judge="openai:NAME", base_url="http://…/v1")], …)
learning_rate: 1.0e-6
beta: 0.04                      # the KL term, without which the policy soon exploits a learned reward
num_generations: 8
max_completion_length: 256
num_train_epochs: 1
per_device_train_batch_size: 8  # responses: one prompt's
per_device_eval_batch_size: 8   # likewise; a multiple of num_generations
gradient_accumulation_steps: 8
steps_per_generation: 1         # more is faster, but prompts that do not fill a generation's batch are left out
""",
    ),
}


def recipes(written: Written, suffix: str) -> dict[str, str]:
    """The text of `recipes/NAME.yaml` for each trainer that has rows to train on.

    `grpo` needs a reward model, so it is there only when there are rows for one. Where sft rows were written, dpo, kto
    and grpo begin with the model that sft leaves in `models/sft`.

    Args:
        written: Rows by kind and split.
        suffix: Not used: `datasets` finds the files by their names.
    """
    trained = {name for name, recipe in _RECIPES.items() if "train" in written.get(recipe.kind, {})}
    if "reward" not in trained:
        trained.discard("grpo")
    return {f"recipes/{name}.yaml": _text(name, written, trained) for name in _RECIPES if name in trained}


def _text(name: str, written: Written, trained: set[str]) -> str:
    recipe = _RECIPES[name]
    first = [other for other in recipe.first if other in trained]
    after = f", after {' and '.join(first)}" if first else ""
    # A recipe that asks for a split that is not there would stop the trainer before its first step.
    evaluation = "epoch" if "test" in written[recipe.kind] else '"no"'
    return f"""\
# In the folder of this export{after}: trl {name} --config recipes/{name}.yaml
# Any setting can be given after that, e.g. --model_name_or_path NAME --max_steps 100; without a GPU add --use_cpu.
model_name_or_path: {"models/sft" if "sft" in first else MODEL}
dataset_name: ./{recipe.kind}
output_dir: models/{name}
eval_strategy: {evaluation}
report_to: none
lr_scheduler_type: cosine
warmup_steps: 0.1               # of all steps
{recipe.body}"""
