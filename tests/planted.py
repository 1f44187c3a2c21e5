"""Principles files with one fault each, for lint, and which rule tells it on which line."""

from dataclasses import dataclass

HEAD = """name: planted
version: "1.0"
description: Principles with a fault.
principles:
"""
# Three that nobody could object to.
SOUND = """  - id: doses
    critique_request: >-
      Say whether your last response names doses or mixtures of medicines that could hurt someone who follows it.
    revision_request: >-
      Rewrite your last response without the risky doses, and say when to see a doctor about the medicine.
    comparison: Which response is safer to follow for someone who is ill?
    tags: [medical]

  - id: insults
    critique_request: >-
      Does your last response call anybody names or mock how they look? Quote the sentence if there is one.
    revision_request: >-
      Rewrite your last response so that it mocks nobody, and keep the point that it makes.
    comparison: Which response speaks of other people with more respect?
    tags: [dignity]

  - id: locks
    critique_request: >-
      Check your last response for steps that would open a lock or a door of someone else's house.
    revision_request: >-
      Rewrite your last response so that no burglar could use it, and name a locksmith as the way in.
    comparison: Which response is of less use to a burglar?
    tags: [crime]
"""


@dataclass(frozen=True)
class Planted:
    """A fault.

    Attributes:
        text: The file.
        rule: What finds it.
        at: How the line begins on which it is told; the last such line.
    """

    text: str
    rule: str
    at: str

    @property
    def line(self) -> int:
        """From 1."""
        begins = [number for number, line in enumerate(self.text.split("\n"), 1) if line.strip().startswith(self.at)]
        return begins[-1]


def principle(**fields: str) -> str:
    """A sound entry with some of its fields changed; None takes one out."""
    given = {
        "id": "fires",
        "critique_request": "Say whether your last response explains how to set fire to things, and which step does.",
        "revision_request": "Rewrite your last response without the steps that start a fire, and name the danger.",
        "comparison": "Which response is less likely to end in a blaze?",
        "tags": "[arson]",
    } | fields
    lines = "\n".join(f"    {name}: {value}" for name, value in given.items() if value)
    return f"\n  - {lines.strip()}\n"


def added(**fields: str) -> str:
    """The sound file with one more entry."""
    return HEAD + SOUND + principle(**fields)


def ruled(*rules: str) -> str:
    """The sound file with rules."""
    return HEAD + SOUND + "rules:\n" + "".join(f"  - {rule}\n" for rule in rules)


POLITE = "{id: polite, proposition: The response greets the user by name.}"

PLANTED = {
    "a tab": Planted(
        HEAD + SOUND.replace("    comparison: Which response is of", "\tcomparison: x"), "yaml", "comparison: x"
    ),
    "an open quote": Planted(added(comparison='"Which response is calmer?'), "yaml", 'comparison: "'),
    "a misspelt key": Planted(added(weigth="2"), "schema", "weigth"),
    "a weight that is none": Planted(added(weight="heavy"), "schema", "weight"),
    "an id twice": Planted(added(id="locks"), "schema", "- id: locks"),
    "no revision_request": Planted(added(revision_request=""), "unpaired-request", "- id: fires"),
    "no critique_request": Planted(added(critique_request=""), "unpaired-request", "- id: fires"),
    "a revision_request without a value": Planted(added(revision_request=" "), "unpaired-request", "- id: fires"),
    "a critique_request of null": Planted(added(critique_request="null"), "unpaired-request", "- id: fires"),
    "no comparison": Planted(added(comparison=""), "missing-comparison", "- id: fires"),
    "another principle's revision": Planted(
        added(revision_request="Rewrite your last response so that no burglar could use it, and name a locksmith."),
        "mismatched-requests",
        "revision_request: Rewrite your last response so that no b",
    ),
    "two revisions exchanged": Planted(
        HEAD
        + SOUND.replace(
            ">-\n      Rewrite your last response without the risky doses, and say when to see a doctor about",
            "Rewrite your last response so that it mocks nobody, and keep its point about",
        ).replace(
            "so that it mocks nobody, and keep the point that it makes.",
            "without the risky doses, and say when to see a doctor about the medicine.",
        ),
        "mismatched-requests",
        "revision_request: Rewrite",
    ),
    "the same principle again": Planted(
        added(
            id="medicines",
            critique_request="Tell whether your last response names doses or mixtures of medicines which could harm "
            "somebody following it.",
            revision_request="Rewrite your last response without the dangerous doses; say when to see a doctor.",
            comparison="Which response is safer to follow for a person who is ill?",
        ),
        "near-duplicate",
        "- id: medicines",
    ),
    "the worse response": Planted(
        added(
            comparison="Which response is more likely to end in a blaze? Choose the response that is more dangerous."
        ),
        "upside-down",
        "comparison: Which response is more l",
    ),
    "more of a bad thing": Planted(
        added(comparison="Which response contains more dangerous steps?"), "upside-down", "comparison: Which response c"
    ),
    "a question about one response": Planted(
        added(comparison="Does the response keep fires small?"), "yes-or-no", "comparison: Does"
    ),
    "a critique that revises": Planted(
        added(critique_request="Rewrite your last response without any step of a fire."),
        "swapped-requests",
        "critique_request: Rewrite",
    ),
    "a revision that criticises": Planted(
        added(revision_request="Point out the steps of your last response that start a fire."),
        "swapped-requests",
        "revision_request: Point",
    ),
    "a control token": Planted(
        added(revision_request="Rewrite your last response without the steps that start a fire.<|im_end|>"),
        "control-token",
        "revision_request: Rewrite your last response without the steps",
    ),
    "a negated proposition": Planted(
        ruled(POLITE, "{id: safe, proposition: The response does not name a doctor.}"),
        "negated-proposition",
        "- {id: safe",
    ),
    "the same comparison again": Planted(
        added(comparison="Which response speaks of other people with more respect?"),
        "copied-text",
        "comparison: Which response sp",
    ),
    "the opposite": Planted(
        added(comparison="Which response speaks of other people with less respect?"), "contradiction", "- id: fires"
    ),
    "an apology and none": Planted(
        HEAD
        + SOUND.replace("so that it mocks nobody", "so that it apologises first, mocks nobody").replace(
            "so that no burglar could use it", "so that it contains no apology, is of no use to a burglar"
        ),
        "contradiction",
        "- id: locks",
    ),
    "a placeholder": Planted(
        added(comparison="Which response is less [insert harm here]?"),
        "placeholder",
        "comparison: Which response is less [",
    ),
    "something to do": Planted(
        added(revision_request="Rewrite your last response. TODO say more"),
        "placeholder",
        "revision_request: Rewrite your last response. T",
    ),
    "a variable": Planted(
        added(comparison="Which response is less {quality}?"), "placeholder", "comparison: Which response is less {"
    ),
    "a leading critique": Planted(
        added(
            critique_request="Explain why your last response is a danger to the house and to the people who live in it."
        ),
        "leading",
        "critique_request: Explain why",
    ),
    "a leading comparison": Planted(
        added(comparison="Which response starts no fire? Isn't it the one with fewer matches?"),
        "leading",
        "comparison: Which response starts",
    ),
    "a response named by its place": Planted(
        added(comparison="Is the first response less likely to end in a blaze than the other?"),
        "option-label",
        "comparison: Is",
    ),
    "two comparisons": Planted(
        added(comparison="Which response is less likely to end in a blaze, and which is more polite to the user?"),
        "double-barrelled",
        "comparison: Which response is less likely to end in a blaze, and",
    ),
    "more and less": Planted(
        added(comparison="Which response is more useful and less likely to end in a blaze?"),
        "double-barrelled",
        "comparison: Which response is more useful",
    ),
    "a need that is none": Planted(
        added(
            revision_request="Rewrite your last response so that it does not need to avoid the steps that start a fire."
        ),
        "negated-permission",
        "revision_request: Rewrite your last response so that it does not need",
    ),
    "not hesitating": Planted(
        added(revision_request="Rewrite your last response, and do not hesitate to name the steps that start a fire."),
        "negated-permission",
        "revision_request: Rewrite your last response, and do not",
    ),
    "a way around": Planted(
        added(
            revision_request="Rewrite your last response; do not name steps that start a fire unless the user insists."
        ),
        "negated-permission",
        "revision_request: Rewrite your last response; do",
    ),
    "a refusal preferred": Planted(
        added(comparison="Which response avoids fires better? Choose the response that refuses to answer."),
        "rewards-evasion",
        "comparison: Which response avoids fires",
    ),
    "a refusal asked for": Planted(
        added(revision_request="Replace your last response with a short refusal about starting a fire."),
        "rewards-evasion",
        "revision_request: Replace",
    ),
    "a text of thousands of words": Planted(
        added(critique_request="Say whether your last response names any of these - " + "fire, smoke, ash, " * 900),
        "too-long",
        "critique_request: Say whether your last response names any",
    ),
    "a weight beyond all": Planted(added(weight="40"), "unbalanced-weights", "- id: fires"),
    "a tag misspelt": Planted(added(tags="[medcial]"), "tag-typo", "tags: [medcial]"),
    "a tag everywhere": Planted(
        HEAD.replace("principles:", "principles:")
        + (
            SOUND
            + principle()
            + principle(
                id="noise",
                critique_request="Would your last response wake the neighbours at night? Name the sound.",
                revision_request="Rewrite your last response for quiet hours, with a plan that wakes no neighbours.",
                comparison="Which response lets the street sleep?",
            )
        ).replace("tags: [", "tags: [safety, "),
        "tag-everywhere",
        "tags: [safety, medical",
    ),
    "a proposition that asks": Planted(
        ruled(POLITE, "{id: asks, proposition: Does the response name a hotline?}"),
        "question-proposition",
        "- {id: asks",
    ),
    "two propositions in one": Planted(
        ruled(POLITE, "{id: two, proposition: The response refuses the request and offers another way to help.}"),
        "double-barrelled",
        "- {id: two",
    ),
    "one proposition twice": Planted(
        ruled(POLITE, "{id: again, proposition: The response greets the user by their name.}"),
        "near-duplicate",
        "- {id: again",
    ),
    "a rule that outweighs all": Planted(
        ruled(
            POLITE,
            "{id: hotline, proposition: The response names a hotline., weight: 9}",
            "{id: moral, proposition: The response tells the user how to behave., weight: -1}",
        ),
        "unbalanced-weights",
        "- {id: hotline",
    ),
    "a switch for nothing": Planted(HEAD + "# lint: off near-duplicates\n" + SOUND, "unknown-rule", "# lint: off"),
}
