"""The exact rows of each family of formats; what consumers make of them is in `tests/formats`."""

import json
from typing import Any

import pytest
from samples import METADATA, ORIGIN, PRINCIPLE, TURNS, dicts, examples, messages, said, transcript

from constitution.exports.examples import Chain, Demonstration, Preference, Question, Rating
from constitution.exports.families import FAMILIES, load_family
from constitution.records import Record

PROMPT = dicts(TURNS)
GOOD, BAD = said("Because I care."), said("No idea.")
DEMONSTRATION = Demonstration(prompt=messages(TURNS), response="Because I care.", origin=ORIGIN)
PREFERENCE = Preference(
    prompt=messages(TURNS), chosen="Because I care.", rejected="No idea.", p_chosen=0.7, margin=1, origin=ORIGIN
)
RATING = Rating(prompt=messages(TURNS), response="No idea.", good=False, origin=ORIGIN)
QUESTION = Question(prompt=messages(TURNS), origin=ORIGIN)

IN_MESSAGES = {"messages": [*PROMPT, GOOD], "metadata": METADATA}
IN_THREE = {"prompt": PROMPT, "chosen": [GOOD], "rejected": [BAD], "metadata": METADATA}
TEXT = "\n\nHuman: Be brief.\n\nHello.\n\nAssistant: Hi.\n\nHuman: And why?\n\nAssistant:"
ROWS: list[tuple[str, str, Record, dict[str, Any]]] = [
    ("openai", "sft", DEMONSTRATION, {"messages": [*PROMPT, GOOD]}),
    (
        "openai",
        "preference",
        PREFERENCE,
        {"input": {"messages": PROMPT}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
    ),
    (
        "hh-rlhf",
        "preference",
        PREFERENCE,
        {"chosen": f"{TEXT} Because I care.", "rejected": f"{TEXT} No idea.", "metadata": METADATA},
    ),
    ("llama-factory", "sft", DEMONSTRATION, IN_MESSAGES),
    (
        "llama-factory",
        "preference",
        PREFERENCE,
        {"messages": PROMPT, "chosen": GOOD, "rejected": BAD, "metadata": METADATA},
    ),
    ("llama-factory", "kto", RATING, {"messages": [*PROMPT, BAD], "label": False, "metadata": METADATA}),
    ("axolotl", "sft", DEMONSTRATION, IN_MESSAGES),
    ("axolotl", "preference", PREFERENCE, IN_THREE),
    ("axolotl", "kto", RATING, {"completion": [*PROMPT, BAD], "label": False, "metadata": METADATA}),
    ("openrlhf", "sft", DEMONSTRATION, IN_MESSAGES),
    ("openrlhf", "preference", PREFERENCE, {**IN_THREE, "margin": 1.0}),
    ("openrlhf", "prompts", QUESTION, {"prompt": PROMPT, "metadata": METADATA}),
    ("nemo-rl", "sft", DEMONSTRATION, IN_MESSAGES),
    (
        "nemo-rl",
        "preference",
        PREFERENCE,
        {
            "context": PROMPT,
            "completions": [{"rank": 0, "completion": [GOOD]}, {"rank": 1, "completion": [BAD]}],
            "metadata": METADATA,
        },
    ),
    ("verl", "sft", DEMONSTRATION, IN_MESSAGES),
    (
        "verl",
        "prompts",
        QUESTION,
        {
            "prompt": PROMPT,
            "data_source": "constitution",
            "ability": "harmlessness",
            "reward_model": {"style": "model", "ground_truth": ""},
            "extra_info": {"index": 0, "metadata": METADATA},
        },
    ),
    ("ms-swift", "sft", DEMONSTRATION, IN_MESSAGES),
    ("ms-swift", "preference", PREFERENCE, {**IN_MESSAGES, "rejected_response": "No idea."}),
    ("ms-swift", "reward", PREFERENCE, {**IN_MESSAGES, "rejected_response": "No idea.", "margin": 1.0}),
    ("ms-swift", "kto", RATING, {"messages": [*PROMPT, BAD], "label": False, "metadata": METADATA}),
    ("ms-swift", "prompts", QUESTION, {"messages": PROMPT, "metadata": METADATA}),
    ("tinker", "sft", DEMONSTRATION, IN_MESSAGES),
    (
        "tinker",
        "comparisons",
        PREFERENCE,
        {
            "comparison": {"prompt_conversation": PROMPT, "completion_A": [BAD], "completion_B": [GOOD]},
            "label": "B",
            "metadata": METADATA,
        },
    ),
    (
        "argilla",
        "comparisons",
        PREFERENCE,
        {
            "id": "row-1",
            "fields": {"prompt": PROMPT, "response_a": "No idea.", "response_b": "Because I care."},
            "suggestions": {
                "better": {"value": "b", "score": 0.7, "agent": "unjudged: final revision over initial response"}
            },
            "metadata": {
                "row": "row-1",
                "status": "unjudged",
                "p_suggested": 0.7,
                "principles": ["harm"],
                "origin": METADATA,
            },
        },
    ),
    (
        "argilla",
        "revisions",
        Chain(transcript=transcript(TURNS, "Bad.", "Better.", "Good."), principles={"harm": PRINCIPLE}, source=""),
        {
            "id": "row-1 revision-2",
            "fields": {"prompt": PROMPT, "response": "Bad.", "revision": "Good."},
            "suggestions": {"edited": {"value": "Good.", "score": 1.0, "agent": "final revision"}},
            "metadata": {
                "row": "row-1",
                "changed": "changed",
                "principles": ["harm", "harm"],
                "origin": '{"id": "row-1", "finish_reason": "stop", "row": {}}',
            },
        },
    ),
    (
        "paper",
        "comparisons",
        PREFERENCE,
        {"prompt": TEXT, "corrects": [" Because I care."], "incorrects": [" No idea."], "metadata": METADATA},
    ),
    (
        "paper",
        "chains",
        Chain(
            transcript=transcript(TURNS, "Bad.", "Better.", "Good."), principles={"harm": PRINCIPLE}, source="prompts"
        ),
        {
            "rl_prompt": TEXT,
            "comparison_dataset": "prompts",
            "cst": [
                {
                    "cst_key": "harm",
                    "cst_value": {
                        "edit_request": "\n\nRevisionRequest: Take it out.\n\nRevision:",
                        "prompt": ["\n\nCritiqueRequest: Say what harms.\n\nCritique:"],
                    },
                    "critique": {"sample": " It harms."},
                    "revision": {"sample": revision},
                }
                for revision in (" Better.", " Good.")
            ],
            "initial_response": [{"sample": " Bad."}],
        },
    ),
]


@pytest.mark.parametrize(("family", "kind", "example", "expected"), ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS])
def test_a_row_is_exactly_what_its_consumer_reads(
    family: str, kind: str, example: Record, expected: dict[str, Any]
) -> None:
    made = load_family(family).kinds[kind]
    row = made.row(example)
    if family == "verl" and kind == "prompts":
        assert 0 <= row["extra_info"]["index"] < 2**48
        row["extra_info"]["index"] = 0
    assert row == expected
    assert made.example is type(example)
    # 1 == 1.0 in Python, but not in a JSON file.
    assert json.dumps(row, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_every_kind_of_every_family_but_trls_is_in_the_table() -> None:
    known = {(name, kind) for name in FAMILIES for kind in load_family(name).kinds if name != "trl"}
    assert known == {(family, kind) for family, kind, _, _ in ROWS}


def test_direct_revision_has_empty_critiques_and_no_null() -> None:
    told = transcript(TURNS, "Bad.", "Good.", critique=False)
    row = load_family("paper").kinds["chains"].row(Chain(transcript=told, principles={"harm": PRINCIPLE}, source=""))
    assert [turn["critique"] for turn in row["cst"]] == [{"sample": ""}]
    assert [turn["revision"] for turn in row["cst"]] == [{"sample": " Good."}]


def test_the_better_completion_is_a_in_about_half_of_tinkers_rows() -> None:
    row = load_family("tinker").kinds["comparisons"].row
    labels = []
    for number in range(400):
        made = row(PREFERENCE.model_copy(update={"chosen": f"Good {number}.", "rejected": f"Bad {number}."}))
        labels.append(made["label"])
        (better,), (worse,) = (
            made["comparison"][f"completion_{label}"] for label in sorted("AB", key=made["label"].__ne__)
        )
        assert (better["content"], worse["content"]) == (f"Good {number}.", f"Bad {number}.")
    # Binomial, 400 draws at 1/2: mean 200, standard deviation 10.
    assert 150 < labels.count("A") < 250
    again = PREFERENCE.model_copy(update={"chosen": "Good 7.", "rejected": "Bad 7."})
    assert row(again)["label"] == labels[7]


def test_argillas_records_keep_to_its_servers_limits() -> None:
    row = load_family("argilla").kinds["comparisons"].row
    long = messages([("system", ""), ("user", "x" * 20_001)])
    for name, agent in (
        ("模型/a b", "__/a b"),
        ("模型", "judge"),
        ("m" * 300, "m" * 200),
        ("the-judge:1.0", "the-judge:1.0"),
    ):
        made = row(PREFERENCE.model_copy(update={"prompt": long, "judge": name}))
        assert made["suggestions"]["better"]["agent"] == agent
    assert [(turn["role"], len(turn["content"])) for turn in made["fields"]["prompt"]] == [
        ("user", 20_000),
        ("user", 1),
    ]


def test_argilla_suggests_the_better_response_which_is_a_in_about_half_of_the_records() -> None:
    row = load_family("argilla").kinds["comparisons"].row
    origin = {"id": "row-1", "comparison": "row-1/x-y", "status": "tie"}
    values = []
    for number in range(400):
        made = row(PREFERENCE.model_copy(update={"chosen": f"Good {number}.", "origin": origin}))
        value = made["suggestions"]["better"]["value"]
        values.append(value)
        assert made["fields"][f"response_{value}"] == f"Good {number}."
        assert (made["id"], made["metadata"]["status"]) == ("row-1/x-y", "tie")
    # Binomial, 400 draws at 1/2: mean 200, standard deviation 10.
    assert 150 < values.count("a") < 250


def test_verl_tells_prompts_apart_by_what_they_say() -> None:
    row = load_family("verl").kinds["prompts"].row
    indices = [row(example)["extra_info"]["index"] for example in [*examples(Question), *examples(Question)]]
    assert len(set(indices)) == len(examples(Question))
    assert indices[: len(indices) // 2] == indices[len(indices) // 2 :]
