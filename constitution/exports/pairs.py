"""Preference pairs, and the ratings that sum them up.

From the RL stage (Bai et al. 2022, section 4.1): of two compared responses, the one that the judge finds better is
chosen, with its probability. Without it, from the SL stage alone: the final revision over the initial response, with
probability 1, as nobody judged. That is not the paper's, but what can be had without a judge.

With `--labels human` or `both`, people's judgement is in the place of the judge's (`people.py`), whatever the status of
the AI's label. No ranking and no log-odds stand behind it: such a pair passes every `--min-margin`, comes before the
AI's in `--max-per-prompt`, and asks a reward model for no margin. Where they rejected or edited a revision, no pair
chooses it, whoever judged: demonstrations and pairs of one export say the same.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from constitution.digests import derive_uniform
from constitution.errors import ExportError, command
from constitution.exports.best_of import check_best_of, selected_pairs
from constitution.exports.examples import Preference, Rating
from constitution.exports.filters import IDENTICAL, filter_pairs
from constitution.exports.gated import Gates
from constitution.exports.options import Options
from constitution.exports.people import People
from constitution.exports.picks import Labeller, Pick, prompt_key, response_key
from constitution.exports.scores import Rewards, about, reward_of
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest
from constitution.records import Candidate, Comparison, Transcript
from constitution.rulings import Ruling
from constitution.store import comparisons, transcripts
from constitution.votes import logit
from constitution.words import same_text

Source = Literal["comparisons", "revisions", "best-of"]


def pairs(run: Path, source: Source, options: Options, dropped: Counter[str]) -> Iterator[Pick[Preference]]:
    """The pairs of a run, filtered; `chosen` is the better one, the margin 0."""

    def read(dropped: Counter[str]) -> Iterator[Pick[Preference]]:
        if source == "comparisons":
            return _judged(run, options, dropped)
        if source == "best-of":
            return selected_pairs(run, options, dropped)
        return _all_revised(run, options, dropped)

    return filter_pairs(read, options, dropped)


def ratings(
    read: Callable[[Counter[str]], Iterator[Pick[Preference]]], dropped: Counter[str]
) -> Iterator[Pick[Rating]]:
    """Each distinct response of a prompt once: good if it wins its pairs on average, bad if it loses them.

    KTO estimates a term of its loss from prompts with the responses of their neighbours (Ethayarajh et al. 2024, arXiv
    2402.01306), and TRL does not shuffle: so half of each prompt's responses wait until the next prompt's have begun.

    Args:
        read: Reads the pairs from their beginning; called twice.
        dropped: Where responses that neither win nor lose are counted.
    """
    waiting: list[Pick[Rating]] = []
    for _, group in groupby(_ratings(read, dropped), lambda pick: prompt_key(pick.example.prompt)):
        made = list(group)
        half = (len(made) + 1) // 2
        for pair in zip_longest(made[:half], waiting):
            yield from filter(None, pair)
        waiting = made[half:]
    yield from waiting


def _ratings(
    read: Callable[[Counter[str]], Iterator[Pick[Preference]]], dropped: Counter[str]
) -> Iterator[Pick[Rating]]:
    wins: dict[str, float] = {}
    fights: Counter[str] = Counter()
    labellers: dict[str, Labeller | None] = {}
    for pair in read(Counter()):
        made = pair.example
        for response, p in ((made.chosen, made.p_chosen), (made.rejected, 1 - made.p_chosen)):
            key = response_key(made.prompt, response)
            wins[key] = wins.get(key, 0.0) + p
            fights[key] += 1
            so_far = labellers.get(key) or pair.labelled_by
            labellers[key] = "people and AI" if pair.labelled_by not in (None, so_far) else so_far
    for pair in read(dropped):
        made = pair.example
        for side, response in (("chosen", made.chosen), ("rejected", made.rejected)):
            key = response_key(made.prompt, response)
            if key not in wins:
                continue
            mean, labelled_by = wins.pop(key) / fights[key], labellers[key]
            # Sums such as 0.6 + (1 - 0.6) miss a half by their last bit.
            if math.isclose(mean, 0.5, abs_tol=1e-9):
                dropped["ratings: win probability of exactly 0.5"] += 1
                continue
            known = made.origin[side]
            assert isinstance(known, dict)
            origin: dict[str, JsonValue] = {
                "id": made.origin["id"],
                **known,
                "win_probability": mean,
                "pairs": fights[key],
                **{name: made.origin[name] for name in ("sampled",) if name in made.origin},
                **({"labelled_by": labelled_by} if labelled_by else {}),
                "row": made.origin["row"],
            }
            rating = Rating(prompt=made.prompt, response=response, good=mean > 0.5, origin=origin)
            cut = known.get("finish_reason") == "length"
            yield Pick(rating, f"{pair.id} {side}", cut, labelled_by=labelled_by)


def find_source(run: Path, options: Options) -> Source:
    """Where the run's pairs come from.

    Raises:
        RunError: The folder is not a run, or has no comparisons and they are asked for.
        ExportError: Revisions are asked for, and the run has none; or soft labels of pairs that nobody judged.
    """
    if options.pairs == "comparisons":
        load_manifest(run, COMPARE)
        return "comparisons"
    if options.pairs == "best-of":
        check_best_of(run, options)
        return "best-of"
    if has_stage(run, COMPARE) and options.pairs == "auto":
        return "comparisons"
    if has_stage(run, COMPARE) and not has_stage(run, REVISE):
        raise ExportError(f"--pairs revisions: {run} holds comparisons only, no transcripts", "Leave out --pairs.")
    load_manifest(run)
    if options.soft_labels.mode not in ("keep", "hard"):
        raise ExportError(
            f"--soft-labels {options.soft_labels.word}: nobody judged pairs of revisions, they have no probability",
            f"Let a model judge first: {command('compare', run)}",
        )
    return "revisions"


def _judged(run: Path, options: Options, dropped: Counter[str]) -> Iterator[Pick[Preference]]:
    people = People(run, options)
    refused = people.refused()
    for pick in _preferred(run, people, options, dropped):
        made = pick.example
        chosen, rejected = (response_key(made.prompt, text) for text in (made.chosen, made.rejected))
        if why := refused.get(chosen):
            dropped[f"pairs: chosen response {why}"] += 1
        else:
            yield replace(pick, other_refused=refused.get(rejected, ""))


def _preferred(run: Path, people: People, options: Options, dropped: Counter[str]) -> Iterator[Pick[Preference]]:
    """The comparisons that somebody decided, as pairs."""
    rewards, judge, gates = Rewards(run), load_manifest(run, COMPARE).model, Gates(run, options.verdicts)
    for comparison, of_ends in _placed(run):
        ruling = people.of_comparison(comparison)
        # Before the status: nobody was asked about them, and they are called a tie.
        if same_text(comparison.first.text, comparison.second.text):
            dropped[IDENTICAL] += 1
        elif why := people.left_out(ruling):
            dropped[f"pairs: {why}"] += 1
        elif ruling:
            yield _judgement(comparison, ruling.first, ruling.share, rewards, ruling.origin, "people", "people")
        elif comparison.p is None or comparison.status == "invalid":
            dropped["pairs: status invalid"] += 1
        # Before the status: where the judge did not decide between the two, no other pair takes their place.
        elif options.ends and not of_ends:
            dropped["pairs: not of the best and the worst"] += 1
        elif comparison.status != "labelled" and comparison.status not in options.include:
            dropped[f"pairs: status {comparison.status}"] += 1
        elif options.ends and _against_ranking(comparison, comparison.p):
            dropped["pairs: label against the ranking"] += 1
        else:
            p = comparison.p
            # Neither is better: always choosing the first would teach whatever made it come first.
            first = derive_uniform("tie", options.seed, comparison.id) < 0.5 if p == 0.5 else p > 0.5
            labelled_by: Labeller | None = "AI" if options.labels == "both" else None
            told: dict[str, JsonValue] = {"labelled_by": labelled_by} if labelled_by else {}
            made = _judgement(comparison, first, max(p, 1 - p), rewards, told, judge, labelled_by)
            better, worse = (comparison.first, comparison.second)[:: 1 if first else -1]
            other = gates.of_side(comparison, worse) if options.soft_labels.turns else ""
            yield replace(made, gated=gates.of_side(comparison, better), other_gated=other)


def _placed(run: Path) -> Iterator[tuple[Comparison, bool]]:
    """The comparisons, and whether each is of its row's first and last in rank; none is where nothing ranks them."""
    for _, group in groupby(comparisons(run), lambda one: one.row):
        found = list(group)
        places = {end.rank for one in found for end in one.candidates if end.rank is not None}
        ends = {min(places), max(places)} if places else set()
        yield from ((one, {one.first.rank, one.second.rank} == ends) for one in found)


def _against_ranking(comparison: Comparison, p: float) -> bool:
    """Whether the label prefers the response that is behind the other in rank: the worst would be chosen."""
    first, second = comparison.first.rank or 0, comparison.second.rank or 0
    return (p - 0.5) * (second - first) < 0


def _judgement(
    comparison: Comparison,
    first: bool,
    p_chosen: float,
    rewards: Rewards,
    told: dict[str, JsonValue],
    judge: str,
    labelled_by: Labeller | None,
) -> Pick[Preference]:
    """A pair of which somebody says that its first response is better, or that its second is."""
    better, worse = (comparison.first, comparison.second)[:: 1 if first else -1]
    principles = {vote.principle: None for vote in comparison.votes}
    scored = [rewards.of(comparison.index, comparison.row, side.text) for side in (better, worse)]
    by_ai = labelled_by != "people"
    given = [] if comparison.reward_first is None else [comparison.reward_first, comparison.reward_second]
    # Not `reward`: that is what `constitution score` says.
    told_rewards: list[dict[str, JsonValue]] = [{"judge_reward": value} for value in given] or [{}, {}]
    by_judge = told_rewards[:: 1 if first else -1]
    origin: dict[str, JsonValue] = {
        "id": comparison.row,
        "comparison": comparison.id,
        "status": comparison.status,
        "principles": list(principles),
        "disagreement": comparison.disagreement,
        # How fine the label is; nothing is said of a judge's own log-probabilities.
        **({"sampled": comparison.sampled} if comparison.sampled is not None and by_ai else {}),
        # A row still tells it once it is mixed with others.
        **({"judge": judge} if judge and by_ai else {}),
        **told,
        "chosen": _about(better) | about(scored[0]) | by_judge[0],
        "rejected": _about(worse) | about(scored[1]) | by_judge[1],
        "row": comparison.metadata,
    }
    preference = Preference(
        prompt=comparison.prompt,
        chosen=better.text,
        rejected=worse.text,
        p_chosen=p_chosen,
        margin=0.0,
        origin=origin,
        judge=judge,
    )
    margin = _margin(better, worse, p_chosen) if by_ai else math.inf
    cut = "length" in (better.finish_reason, worse.finish_reason)
    return Pick(preference, comparison.id, cut, margin, reward_of(scored[0]), reward_of(scored[1]), labelled_by)


def _margin(better: Candidate, worse: Candidate, p_chosen: float) -> float:
    # Where several responses were ranked, the ranking knows more of a pair than its own label does.
    if better.strength is not None and worse.strength is not None:
        return better.strength - worse.strength
    return logit(p_chosen)


def _about(candidate: Candidate) -> dict[str, JsonValue]:
    told = candidate.model_dump(mode="json", exclude={"text"})
    return {name: value for name, value in told.items() if value not in (None, "")}


def _all_revised(run: Path, options: Options, dropped: Counter[str]) -> Iterator[Pick[Preference]]:
    rewards, people, gates = Rewards(run), People(run, options), Gates(run, options.verdicts)
    for transcript in transcripts(run):
        ruling = people.of_revision(transcript, transcript.responses[-1].text)
        if why := people.left_out(ruling):
            dropped[f"pairs: {why}"] += 1
        else:
            made = _revised(transcript, rewards, ruling)
            yield made if ruling else replace(made, gated=gates.of(transcript, len(transcript.rounds)))


def _revised(transcript: Transcript, rewards: Rewards, ruling: Ruling | None) -> Pick[Preference]:
    first, final, last = transcript.responses[0], transcript.responses[-1], len(transcript.rounds)
    edited = ruling.text if ruling else None
    text = final.text if edited is None else edited
    chosen, rejected = (rewards.of(transcript.index, transcript.id, end) for end in (text, first.text))
    # Who edited a response that was cut has ended it.
    ends = [first.finish_reason, "stop" if edited is not None else final.finish_reason]
    origin: dict[str, JsonValue] = {
        "id": transcript.id,
        "principles": [round.principle for round in transcript.rounds],
        **(ruling.origin if ruling else {}),
        "chosen": {"source": f"revision-{last}", "finish_reason": ends[1], **about(chosen)},
        "rejected": {"source": "response", "finish_reason": ends[0], **about(rejected)},
        "row": transcript.metadata,
    }
    preference = Preference(
        prompt=transcript.prompt, chosen=text, rejected=first.text, p_chosen=1.0, margin=0.0, origin=origin
    )
    return Pick(
        preference,
        transcript.id,
        "length" in ends,
        reward=reward_of(chosen),
        other_reward=reward_of(rejected),
        labelled_by="people" if ruling else None,
    )
