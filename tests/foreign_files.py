"""Files in the shapes of other systems, their irregularities included; the texts are our own."""

import json

CRITIQUES = json.dumps(
    {
        "harmful0": {
            "prompt": ["\n\nCritiqueRequest: Say which part of the reply could hurt a beekeeper.\n\nCritique:"],
            "edit_request": "\n\nRevisionRequest: Rewrite the reply so that no bee is provoked.\n\nRevision:",
        },
        "harmful10": {
            "prompt": ['\n\nCritiqueRequest: Is the reply\'s "tone": unkind? Quote it.\n\nCritique:'],
            "edit_request": "\n\nRevisionRequest: Write it more kindly.\n\nRevision:",
        },
    }
)
JUDGE = json.dumps(
    ["\nChoose the reply that a patient gardener would give. Options:", "\nWhich one is calmer? Options:"]
)
_ONE = (
    "\n\nHuman: How do I move a beehive?\n\nAssistant: Kick it: it will roll.\n\nCritiqueRequest: Say what is unsafe."
    "\n\nCritique: Kicking a hive makes bees sting.\n\nRevisionRequest: Make it safe."
    "\n\nRevision: Close it at dusk, then carry it."
)
_LONG = (
    "\n\nHuman: My question: how tall is the elm?\n\nAssistant: Human: a tree.\n\nIt is tall.\n\nHuman: How tall?\n\n"
    "Assistant: Very, you fool.\n\nCritiqueRequest: Is it kind?\n\nCritique: No.\n\nRevisionRequest: Be kind.\n\n"
    "Revision: About twenty metres."
)
_ROUNDS = _ONE + (
    "\n\nCritiqueRequest: Is it complete?\n\nCritique: No, the distance is missing.\n\nRevisionRequest: Complete it."
    "\n\nRevision: Close it at dusk, then carry it three miles."
)
CRITIQUE_SHOTS = json.dumps([f"{_ONE}\n\nHuman:", f"{_LONG}\n\nHuman:"])
# One does not end where the next begins, one has two rounds.
IRREGULAR_SHOTS = json.dumps([_LONG, f"{_ROUNDS}\n\nHuman:"])
JUDGE_SHOTS = json.dumps(
    [
        {
            "prompt": "\n\nHuman: Can I eat this mushroom?\n\nAssistant:",
            "corrects": ["Not before somebody who knows has seen it."],
            "incorrects": ["Sure, all red ones are fine."],
        },
        {
            "prompt": "\n\nHuman: Hello.\n\nAssistant: Hello!\n\nHuman: Sing.\n\nAssistant:",
            "corrects": ["La la."],
            "incorrects": ["No."],
        },
    ]
)
_HEAD = "\n\nHuman: Consider the following conversation between a human (H) and an assistant (A):\n\n"
_FIRST = (
    f"{_HEAD}H: Can I eat this?\n\nA: What is it?\n\nH: A red mushroom.\n\n{{}}\n (A) [[[Sure.]]]\n (B) [[[Ask someone "
    "who knows.]]]\n\nAssistant: Let's think step by step: (A) is reckless, (B) is not.\n\nSo option (B) is better.\n\n"
    "Human:\nSo the answer is: (B)"
)
_SECOND = (
    f"{_HEAD}H: Sing.\n\n{{}}\n (A) [[[La\n\nla.]]]\n (B) [[[No.]]]\n\nAssistant: Let's think step by step: Response "
    "(B) refuses, response (A) sings.\n\nHuman:\nSo the answer is: (A)"
)
REASONED_SHOTS = json.dumps([{"prompt": _FIRST}, {"prompt": _SECOND}])
# No blank line before it, other words, a letter without brackets, and a principle where {} stands elsewhere.
IRREGULAR_REASONED = json.dumps(
    [
        {
            "prompt": "Human: Consider the following conversation between a human and an assistant:\n\nH: Sing.\n\n"
            "Choose the merrier one. Options:\n (A) [[[La.]]]\n (B) [[[No.]]]\n\nAssistant: Let's think step by step: "
            "Option A sings, whereas option B is sour. A song is what was asked for.\n\nHuman:\nSo the answer is: (A)"
        }
    ]
)
_CHAT = [
    {"role": "user", "content": "How do I move a beehive?"},
    {"role": "assistant", "content": "Kick it."},
    {"role": "user", "content": "Say what is unsafe."},
    {"role": "assistant", "content": "Bees sting."},
    {"role": "user", "content": "Make it safe."},
    {"role": "assistant", "content": "Carry it at dusk."},
]
_LONG_CHAT = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hello!"}, *_CHAT]
HUGGINGFACE = (
    json.dumps(
        {
            "constitutions": [
                {"critic": "Say where the reply is gloomy.", "revision": "Rewrite it with more cheer – but no jokes."},
                {"critic": "Say where the reply is long-winded.", "revision": "Shorten it."},
            ],
            "system_chat": [_CHAT, _LONG_CHAT],
        },
        indent=2,
        ensure_ascii=False,
    )
    + "\n"
)
NEMO_SHOTS = json.dumps({"samples": [_CHAT, _LONG_CHAT]}, indent=2) + "\n"
NEMO = """You are a judge of replies.

Answer with a number.

```CONSTITUTION
Keep these in mind:

  1. Choose the reply that is kinder to animals.

  2. Which reply is easier to
     follow? Prefer short ones.

  10. Replies should name their sources.

That is all.
```
"""
LANGCHAIN = (
    json.dumps(
        [
            {"name": "kind-1", "critique_request": "Say what is unkind.", "revision_request": "Say it kindly."},
            {"name": "Kept Short", "critique_request": "Say what is too long.", "revision_request": "Shorten it."},
        ],
        indent=2,
    )
    + "\n"
)
LANGCHAIN_YAML = """name: Kept Short
critique_request: Say what is too long.
revision_request: >-
  Shorten
  it.
"""
SALMON = json.dumps(
    [
        {"dimension": "Kept Short", "definition": "The reply should be as short as it can be.", "weight": 5},
        {"dimension": "honest", "definition": "Choose the reply that admits what it does not know.", "weight": 1.5},
    ],
    indent=4,
    ensure_ascii=False,
)
SALMON_NEGATIVE = json.dumps(
    [{"dimension": "Calm", "definition": "The reply is calm.", "negative_definition": "The reply is not calm."}]
)
RBR = """prompt_template: |-
  Answer this: {question}
completion_class_order:
  - good
  - bad
completion_classes:
  good:
    refuse: {warm: true}
derived_propositions:
  warm:
    apologises: true
    lectures: false
simple_propositions:
  apologises:
    prompt: |-
      Does the reply say sorry?
      - Examples for "yes": "Sorry: no."
  lectures:
    prompt: Does the reply lecture?
    note: ours
"""
TRAITS = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"trait": "I speak plainly.", "questions": ["What is tax?", "What is love?"], "additional_questions": ["Why?"]},
        {"trait": "I admit doubt.", "questions": ["Will it rain?"], "additional_questions": []},
    )
)
CSV = """Weight,notes,comparison,id,tags,revision_request,critique_request
2,mine,Which is kinder?,kind,tone; a\\;b,"Rewrite it,
kindly.","Say ""what"" is unkind."
,,'=2 is which?,,,,
"""
TEXT = """id: kind
critique: Say what is unkind.
revision: Rewrite it:
 first line
 .
 last line
comparison: Which is kinder?
weight: 2.5
tags: tone; a\\;b

comparison: Choose the calmer one.
"""
LINES = """# Ours
- Choose the calmer reply.
2. Which reply is shorter?
"""
PARAGRAPHS = """Choose the reply that is calmer,
and does not shout.

Which is shorter?
"""
OWN = """{"name": "mine", "version": "2.1", "description": "Mine.",
 "principles": [{"id": "a", "critique_request": "C", "revision_request": "R", "tags": ["t"]},
  {"id": "b", "comparison": "Q?"}],
 "rules": [{"id": "r", "proposition": "P.", "weight": -1}]}
"""
FILES = {
    "paper": CRITIQUES,
    "paper judge": JUDGE,
    "paper examples": CRITIQUE_SHOTS,
    "paper irregular examples": IRREGULAR_SHOTS,
    "paper judged": JUDGE_SHOTS,
    "paper reasoned": REASONED_SHOTS,
    "paper irregular reasoned": IRREGULAR_REASONED,
    "huggingface": HUGGINGFACE,
    "nemo": NEMO,
    "nemo examples": NEMO_SHOTS,
    "langchain": LANGCHAIN,
    "langchain yaml": LANGCHAIN_YAML,
    "salmon": SALMON,
    "salmon negative": SALMON_NEGATIVE,
    "rbr": RBR,
    "charactertraining": TRAITS,
    "csv": CSV,
    "text": TEXT,
    "text lines": LINES,
    "text paragraphs": PARAGRAPHS,
    "json": OWN,
}
