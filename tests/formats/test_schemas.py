"""Formats whose consumer does not install light, against rules written down from its source or documentation.

- NeMo-RL: the package of that name on PyPI is empty, and the source installs with Ray and Megatron only. Rules from
  `nemo_rl/data/processors.py` (`preference_preprocessor`, `sft_processor`) and
  `nemo_rl/data/datasets/response_datasets/oai_format_dataset.py` at 7ea279a (August 2026).
- OpenAI: checks on its server. Rules from developers.openai.com/api/docs/guides/direct-preference-optimization and
  .../supervised-fine-tuning. Fireworks documents the same fields (docs.fireworks.ai/fine-tuning/dpo-fine-tuning).
- Bai et al.: `samples/*_SLMADISON.jsonl` and `prompts/RLMadisonFewShotPrompts.json` of
  github.com/anthropics/ConstitutionalHarmlessnessPaper; there is no code that reads them.
"""

import pytest

from .expected import ASKED, BETTER, WORSE, renamed, rows, swapped

ROLES = {"system", "user", "assistant"}


def check_messages(messages, last=None):
    assert isinstance(messages, list) and messages
    for message in messages:
        assert set(message) == {"role", "content"}
        assert message["role"] in ROLES and isinstance(message["content"], str) and message["content"]
    assert last is None or messages[-1]["role"] == last


def nemo_rl_sft(row):
    check_messages(row["messages"], "assistant")
    # A column of that name would be taken for tools, and this one it adds itself.
    assert not {"tools", "task_name"} & set(row)
    return row["messages"]


def nemo_rl_preference(row):
    """Context, chosen and rejected, as its preprocessor tells them."""
    first, second = row["completions"]
    assert first["rank"] != second["rank"]
    chosen, rejected = (first, second) if first["rank"] < second["rank"] else (second, first)
    check_messages(row["context"], "user")
    for one in (chosen, rejected):
        assert isinstance(one["rank"], int)
        check_messages(one["completion"], "assistant")
    assert "task_name" not in row
    return row["context"], chosen["completion"][0]["content"], rejected["completion"][0]["content"]


def openai_sft(row):
    assert set(row) == {"messages"}
    check_messages(row["messages"], "assistant")
    return row["messages"]


def openai_preference(row):
    assert set(row) == {"input", "preferred_output", "non_preferred_output"}
    assert set(row["input"]) == {"messages"}
    check_messages(row["input"]["messages"], "user")
    for key in ("preferred_output", "non_preferred_output"):
        check_messages(row[key], "assistant")
        assert len(row[key]) == 1
    return row["input"]["messages"], row["preferred_output"][0]["content"], row["non_preferred_output"][0]["content"]


def paper_prompt(text):
    assert text.startswith("\n\nHuman: ") and text.endswith("\n\nAssistant:")


def paper_sample(sample):
    assert set(sample) == {"sample"}
    return sample["sample"]


def paper_chain(row):
    """The initial response and the last revision."""
    assert set(row) == {"rl_prompt", "comparison_dataset", "cst", "initial_response"}
    paper_prompt(row["rl_prompt"])
    assert isinstance(row["comparison_dataset"], str)
    for turn in row["cst"]:
        assert set(turn) == {"cst_key", "cst_value", "critique", "revision"}
        assert set(turn["cst_value"]) == {"edit_request", "prompt"}
        assert turn["cst_value"]["edit_request"].startswith("\n\nRevisionRequest: ")
        assert turn["cst_value"]["edit_request"].endswith("\n\nRevision:")
        (prompt,) = turn["cst_value"]["prompt"]
        assert prompt.startswith("\n\nCritiqueRequest: ") and prompt.endswith("\n\nCritique:")
        # In direct revision there was no critique.
        assert paper_sample(turn["critique"]) in ("", " It harms.")
        assert paper_sample(turn["revision"]).startswith(" ")
    (initial,) = row["initial_response"]
    assert paper_sample(initial).startswith(" ")
    return paper_sample(initial)[1:], paper_sample(row["cst"][-1]["revision"])[1:]


def paper_comparison(row):
    paper_prompt(row["prompt"])
    (better,), (worse,) = row["corrects"], row["incorrects"]
    assert better.startswith(" ") and worse.startswith(" ")
    return better[1:], worse[1:]


ANSWERED = [[*prompt, {"role": "assistant", "content": text}] for prompt, text in zip(ASKED, BETTER, strict=True)]
THREE = list(zip(ASKED, BETTER, WORSE, strict=True))
CHECKS = [
    ("nemo-rl", "sft", nemo_rl_sft, ANSWERED),
    ("nemo-rl", "preference", nemo_rl_preference, THREE),
    ("openai", "sft", openai_sft, ANSWERED),
    ("openai", "preference", openai_preference, THREE),
    ("paper", "chains", paper_chain, list(zip(WORSE, BETTER, strict=True))),
    ("paper", "comparisons", paper_comparison, list(zip(BETTER, WORSE, strict=True))),
]


@pytest.mark.parametrize(("family", "kind", "check", "expected"), CHECKS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_rows_follow_the_rules(folder, family, kind, check, expected, split):
    assert [check(row) for row in rows(folder(family) / kind / f"{split}.jsonl")] == expected


def without_content(row):
    return row | {"messages": [{"role": turn["role"]} for turn in row["messages"]]}


def tie(row):
    return row | {"completions": [one | {"rank": 0} for one in row["completions"]]}


def reranked(row):
    return row | {"completions": [one | {"rank": 1 - one["rank"]} for one in row["completions"]]}


def unspaced(row):
    return row | {"initial_response": [{"sample": row["initial_response"][0]["sample"].strip()}]}


BROKEN = [
    ("nemo-rl", "sft", nemo_rl_sft, without_content),
    ("nemo-rl", "sft", nemo_rl_sft, lambda row: row | {"tools": []}),
    ("nemo-rl", "preference", nemo_rl_preference, tie),
    ("nemo-rl", "preference", nemo_rl_preference, renamed("context", "prompt")),
    ("openai", "sft", openai_sft, lambda row: row | {"metadata": "{}"}),
    ("openai", "preference", openai_preference, lambda row: row | {"input": row["input"]["messages"]}),
    ("openai", "preference", openai_preference, renamed("preferred_output", "chosen")),
    ("paper", "chains", paper_chain, unspaced),
    ("paper", "chains", paper_chain, renamed("cst", "rounds")),
    ("paper", "comparisons", paper_comparison, lambda row: row | {"prompt": row["prompt"].strip()}),
    ("paper", "comparisons", paper_comparison, lambda row: row | {"incorrects": []}),
]


@pytest.mark.parametrize(("family", "kind", "check", "change"), BROKEN)
def test_a_broken_row_does_not(folder, family, kind, check, change):
    row = rows(folder(family) / kind / "train.jsonl")[0]
    check(row)
    with pytest.raises((AssertionError, KeyError, TypeError, ValueError)):
        check(change(row))


SWAPPED = [
    ("nemo-rl", "preference", nemo_rl_preference, reranked, slice(1, 3)),
    ("openai", "preference", openai_preference, swapped("preferred_output", "non_preferred_output"), slice(1, 3)),
    ("paper", "comparisons", paper_comparison, swapped("corrects", "incorrects"), slice(0, 2)),
]


@pytest.mark.parametrize(("family", "kind", "check", "change", "part"), SWAPPED)
def test_a_swapped_pair_is_read_the_other_way_round(folder, family, kind, check, change, part):
    read = [check(change(row))[part] for row in rows(folder(family) / kind / "train.jsonl")]
    assert read == list(zip(WORSE, BETTER, strict=True))
