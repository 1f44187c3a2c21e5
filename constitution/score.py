"""Score one response by rules: a judge says how probable each proposition is (Mu et al. 2024, section 4).

A judge that rewards (`reward_judge.py`) is asked about no rule: its reward is the response's.

A rule's probability is that of yes, normalised over yes and no (`votes.weighed` does the same for A and B). The reward
is linear in them, as there:

    reward = Σ weight · P(yes)

Departures from Mu et al.: weights are those of the file, where the paper fits them to ranked examples; propositions are
summed as they are, where the paper also sums products of them (classes of response); and nothing is added, where the
paper adds the reward of a model that was trained for helpfulness. (The GPT-4 report's rule-based reward models choose
one class of several; Glaese et al. 2022 ask about each rule with a model that was trained for it.)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from constitution.compare import Weigh
from constitution.principles import Rule
from constitution.records import Candidate, Choice, Message
from constitution.reward_judge import Rate, rewards_of
from constitution.rule_templates import RuleTemplates
from constitution.score_records import RuleScore, Scored
from constitution.votes import sigmoid


@dataclass(frozen=True)
class Scorer:
    """Who scores, and how.

    Attributes:
        weigh: Makes one call of `choose`.
        rules: Every one is asked, one after the other.
        templates: Turn a response and a rule into a question.
        seed: Of the examples' draws.
        min_mass: Least probability that the judge gives to yes and no together; below it, it was not answering.
    """

    weigh: Weigh
    rules: Sequence[Rule]
    templates: RuleTemplates
    seed: int
    min_mass: float


async def score(row: str, prompt: Sequence[Message], responses: Sequence[Candidate], scorer: Scorer) -> list[Scored]:
    """Ask about every rule of every response of a row; equal responses are asked about once.

    Questions come one after the other: each shares all but its last tokens with the one before it, and an engine has
    them still at hand. Other rows keep it busy meanwhile.

    Raises:
        CallError: A call failed for good; the row ends here.
    """
    weights = {rule.id: rule.weight for rule in scorer.rules}
    known: dict[str, tuple[RuleScore, ...]] = {}
    found = []
    for response in responses:
        if response.text not in known:
            known[response.text] = tuple([await _ask(row, prompt, response, rule, scorer) for rule in scorer.rules])
        found.append(_scored(response, known[response.text], weights))
    return found


async def score_by_reward(prompt: Sequence[Message], responses: Sequence[Candidate], rate: Rate) -> list[Scored]:
    """Take each response's reward from a judge that rewards; no rule is asked about.

    Raises:
        CallError: A call failed for good; the row ends here.
    """
    given = await rewards_of(prompt, responses, rate)
    return [_told(response, given[response.text].value, ()) for response in responses]


async def _ask(row: str, prompt: Sequence[Message], response: Candidate, rule: Rule, scorer: Scorer) -> RuleScore:
    asked = scorer.templates.score(prompt, response.text, rule, seed=scorer.seed, row=row)
    told = await scorer.weigh(f"{response.source}/{rule.id}", asked, scorer.templates.yes_no)
    return rule_score(rule.id, told, scorer.min_mass)


def rule_score(rule: str, told: Choice, min_mass: float) -> RuleScore:
    """What a choice between yes and no says of a rule; unreadable is None and never a number."""
    yes, no = (None if value is None or not math.isfinite(value) else value for value in told.logprobs)
    mass = None if yes is None or no is None else math.exp(yes) + math.exp(no)
    p = None if yes is None or no is None or mass is None or mass < min_mass else sigmoid(yes - no)
    return RuleScore(rule=rule, logprob_yes=yes, logprob_no=no, sampled=told.sampled, mass=mass, p=p)


def reward(rules: Sequence[RuleScore], weights: Mapping[str, float]) -> float | None:
    """Σ weight · p; None if a rule is invalid: without it, the sum would be another rule set's.

    Args:
        rules: Of one response.
        weights: By the rule's id.
    """
    if any(rule.p is None for rule in rules):
        return None
    return math.fsum(weights[rule.rule] * rule.p for rule in rules if rule.p is not None)


def _scored(response: Candidate, rules: tuple[RuleScore, ...], weights: Mapping[str, float]) -> Scored:
    return _told(response, reward(rules, weights), rules)


def _told(response: Candidate, value: float | None, rules: tuple[RuleScore, ...]) -> Scored:
    return Scored(
        text=response.text,
        source=response.source,
        model=response.model,
        finish_reason=response.finish_reason,
        reward=value,
        invalid=tuple(rule.rule for rule in rules if rule.p is None),
        rules=rules,
    )
