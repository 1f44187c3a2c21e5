"""The sentences of a dataset card, as lists of lines."""

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from pydantic import JsonValue

from constitution.counts import Counts
from constitution.exports.examples import LABELLED, Demonstration, Kind, Preference, Rating
from constitution.exports.facts import Facts, Judge
from constitution.manifest import PRINCIPLES, Manifest
from constitution.markdown import code, escaped

# Settings of the RL stage that say where and how fast, or name what the card tells by its identity.
UNTOLD = frozenset(
    {
        *("concurrency", "device", "slots", "base_url", "attempts", "dtype", "engine"),
        *("file", "principles", "templates", "models", "judge"),
    }
)
SAMPLER = "sampling model "
CRITIC = "critic (identity)"
JUDGE = "judge (identity)"
# Which of two compared responses is chosen, by whose labels count.
BETTER = {
    "ai": "the judge finds better",
    "human": "most reviewers prefer",
    "both": "most reviewers prefer, or, where nobody reviewed them, the judge finds better,",
}
SOFT_LABELS = {
    "keep": "trainers see which response is better, not how sure the judge is: that is in `p_chosen`, if anywhere",
    "duplicate": "each pair is there {copies} times, in the other order as often as the judge's probability says",
    "sample": "the order of each pair was drawn with the judge's probability",
    "margin": "`margin`, where a kind of row has it, is {scale:g} times the logit of the judge's probability, in nats",
    "hard": "the judge's probability was dropped",
}


def revise_lines(manifest: Manifest, counts: Counts) -> list[str]:
    """How the responses were made."""
    told = manifest.settings
    mode = "critique, then revision" if told.get("critique") else "direct revision, without critiques"
    return [
        "a model answers a prompt, criticises its answer against a principle, and rewrites it",
        f"model: {_model(manifest)}",
        *([f"critiques by another model: {_model(manifest, CRITIC)}"] if manifest.affecting.get(CRITIC) else []),
        f"principles: {_principles(manifest)}",
        f"rounds: {escaped(told.get('rounds'))} ({mode})",
        *_best_of(manifest),
        f"sampling: {', '.join(_sampling(told))}",
        f"templates: {code(told.get('templates'))}",
        f"system prompt: {code(json.dumps(told.get('system_prompt'), ensure_ascii=False))}",
        f"the run: {counts.equation}",
        f"made with version {escaped(manifest.version)}; begun on {escaped(manifest.created[:10])}",
    ]


def judge_lines(judge: Judge, counts: Counts) -> list[str]:
    """How they were judged."""
    manifest = judge.manifest
    samplers = [
        name.removeprefix(SAMPLER).removesuffix(" (identity)")
        for name in manifest.affecting
        if name.startswith(SAMPLER)
    ]
    settings = [
        f"{escaped(name)} {escaped(json.dumps(value, ensure_ascii=False))}"
        for name, value in _in_force(manifest).items()
    ]
    how = (
        "a preference model gives each response a reward, by itself; the label is the probability that the difference "
        "of two rewards stands for (sigmoid)"
        if manifest.rewarding
        else "a model tells which of two responses is better under a principle, in both orders of showing them; the "
        "label is its probability, orders and principles averaged as logits"
    )
    return [
        how,
        f"judge: {_model(manifest)}",
        *(
            f"comparisons whose votes are shares of sampled answers, as the judge told no log-probabilities: {number} "
            f"(answers a vote: {answers})"
            for answers, number in judge.sampled.items()
        ),
        *([] if manifest.rewarding else [f"principles: {_principles(manifest)}"]),
        *_pairs_file(manifest),
        *([f"responses sampled from: {', '.join(map(code, samplers))}"] if samplers else []),
        f"settings: {'; '.join(settings)}",
        f"the rows: {counts.equation}",
        f"made with version {escaped(manifest.version)}; begun on {escaped(manifest.created[:10])}",
    ]


def score_lines(manifest: Manifest, counts: Counts) -> list[str]:
    """How they were scored."""
    if manifest.rewarding:
        asked = ["a preference model gives each response a reward, by itself, in nats; `reward` is that"]
        asked += [f"judge: {_model(manifest)}"]
    else:
        asked = _rule_lines(manifest)
    return [
        *asked,
        f"scored responses (`--on`): {escaped(manifest.settings.get('on'))}",
        f"the rows: {counts.equation}",
        f"made with version {escaped(manifest.version)}; begun on {escaped(manifest.created[:10])}",
    ]


def _rule_lines(manifest: Manifest) -> list[str]:
    """How rules were asked about."""
    rules = manifest.principles.rules if manifest.principles else ()
    return [
        "a model tells of each response how probable it is that a statement is true of it; `reward` is the sum of each "
        "statement's weight times its probability (after Mu et al. 2024, arXiv 2411.01111)",
        f"judge: {_model(manifest)}",
        *(f"{code(rule.id)}, weight {rule.weight:g}: {escaped(rule.proposition)}" for rule in rules),
        f"least probability of yes and no together: {escaped(manifest.settings.get('min_mass'))}",
    ]


def export_lines(facts: Facts) -> list[str]:
    """What of that was exported."""
    options, soft, ai = facts.options, facts.options.soft_labels, facts.options.labels == "ai"
    kinds = {facts.kinds[name].example for name in facts.written}
    lines = [*_label_lines(facts)]
    if facts.judge:
        of_ai = "; of labels of the AI" if options.labels == "both" else ""
        lines += [
            f"pairs: of two compared responses, the one that {BETTER[options.labels]} is chosen",
            *([f"statuses exported: {', '.join(['labelled', *options.include])}{of_ai}"] if of_ai or ai else []),
            f"soft labels (`{soft.word}`): {SOFT_LABELS[soft.mode].format(copies=soft.copies, scale=soft.scale)}",
        ]
    elif kinds & {Preference, Rating} and options.pairs == "best-of":
        lines += [
            "pairs: of each round's revisions, the one that the judge ranks first is chosen and the last one rejected; "
            "the probability is that of the ranking",
            f"statuses exported: {', '.join(['labelled', *options.include])}",
            f"soft labels (`{soft.word}`): {SOFT_LABELS[soft.mode].format(copies=soft.copies, scale=soft.scale)}",
        ]
    elif kinds & {Preference, Rating}:
        whose = "nobody judged them" if ai else "people judged some or all of the revisions, no pairs"
        lines.append(f"pairs: the final revision is chosen, the initial response rejected; {whose}")
    if Rating in kinds:
        lines.append("a single response is good if it is better than the others of its pairs on average")
    if Demonstration in kinds:
        lines.append(f"revisions to imitate: {options.revisions}")
    rewarded = options.min_reward is not None
    by_ai = " by labels of the AI" if options.labels == "both" else ""
    filters = [
        *([f"confidence of at least {options.min_confidence:g}"] if options.min_confidence else []),
        *([f"margin of at least {options.min_margin:g} nats"] if options.min_margin is not None else []),
        *([f"no pairs{by_ai} but those of the first and the last in rank"] if options.ends else []),
        *([f"at most {options.max_per_prompt} pairs of a prompt"] if options.max_per_prompt else []),
        *([f"reward of at least {options.min_reward:g} of demonstrations and of chosen responses"] if rewarded else []),
        *(["no response that was cut at its limit of tokens"] if options.whole_only else []),
    ]
    lines.append(f"filters: {'; '.join(['no pairs of equal responses', *filters])}")
    asked = options.verdicts.gating.set
    # Of a kind of which they leave nothing, no file is written; what they left out is told all the same.
    if asked.thresholds and (kinds & LABELLED or any(": gate " in reason for reason in facts.dropped)):
        told = ", ".join(f"{name} {threshold:g}" for name, threshold in asked.thresholds.items())
        lines.append(
            f"quality gates ({code(asked.name)}) for demonstrations and chosen responses, each with the score from "
            f"which on it leaves one out: {told}"
        )
    lines += [f"left out, {reason}: {number}" for reason, number in facts.dropped.items()]
    lines += [f"mixed in, {escaped(line)}" for line in facts.mixed]
    lines += [
        f"exported prompts with a response that was cut at its limit of tokens: {facts.cut}",
        f"train and test are split by prompt, {options.test_fraction:g} of the prompts held out (seed "
        f"{options.split_seed}): no prompt is in both",
    ]
    if any(_has_metadata(facts.kinds[name]) for name in facts.written):
        lines.append(
            "`metadata` is a JSON object as text: the row of the run, what became of it, and the input's own columns"
        )
    return lines


def labels_told(facts: Facts) -> bool:
    """Whether each row that may bear a label of people tells in a column `metadata` whose its label is."""
    kinds = [facts.kinds[name] for name in facts.written]
    return all(_has_metadata(kind) for kind in kinds if kind.example in LABELLED)


def _has_metadata(kind: Kind) -> bool:
    """Whether its rows have where they come from in a column of JSON text."""
    return any(column["name"] == "metadata" and "dtype" in column for column in kind.columns)


def _label_lines(facts: Facts) -> list[str]:
    """Whose judgement the rows bear; of the AI's alone nothing is said."""
    if facts.options.labels == "ai":
        return []
    return [
        f"whose labels (`--labels`): {facts.options.labels}",
        *(
            f"{noun} labelled by {labeller}: {number}"
            for noun, labellers in facts.labelled.items()
            for labeller, number in labellers.items()
        ),
        *(
            [
                "the probability of a pair that people labelled is the share of its reviewers who prefer its chosen "
                "response, those who prefer neither counted half; where these are half of them or more, it is left "
                "out; no filter by margin is for it, and its `margin` is 0; its status is that of the AI's label",
                "no pair chooses a revision that people rejected or edited",
            ]
            if facts.judge
            else []
        ),
        "responses to imitate, and revisions that are chosen without a judge, are left out where people rejected them, "
        "and are as people edited them",
        "prompts, chains and rewards bear no label of people; names of reviewers are not told",
    ]


def _best_of(manifest: Manifest) -> list[str]:
    """Who took which revision, if several were sampled."""
    number = manifest.settings.get("best_of")
    if not number:
        return []
    judge = _model(manifest, JUDGE if manifest.affecting.get(JUDGE) else "model (identity)")
    return [f"of each revision {escaped(number)} were sampled; the one that a judge found best went on: {judge}"]


def _pairs_file(manifest: Manifest) -> list[str]:
    """Where pairs that were not made by the run come from."""
    if manifest.settings.get("pairs") != "file":
        return []
    name, content = PurePath(str(manifest.settings.get("file"))).name, manifest.affecting.get("pairs (content)")
    return [
        f"the pairs are those of {code(name)} (content hash {code(content)}): who wrote them is not known here, and "
        "where people had judged them, `chosen` is what the judge prefers, which may not be what they preferred"
    ]


def _in_force(manifest: Manifest) -> dict[str, JsonValue]:
    """The flags of `constitution compare` that say how labels were made, and were of any use."""
    settings, idle = manifest.settings, set(UNTOLD)
    if manifest.rewarding:
        idle |= {"principles_per_pair", "few_shots", "cot", "order_gap", "min_mass"}
    if settings.get("pairs") != "samples":
        idle |= {"samples", "temperature", "top_p", "top_k", "min_p", "max_tokens"}
    if settings.get("pairs") != "revisions":
        idle.add("between")
    if not settings.get("cot"):
        idle |= {"cot_samples", "cot_verdict", "cot_tokens", "cot_temperature", "clamp"}
    if settings.get("calibrate") == "none":
        idle.add("calibrate")
    return {name: value for name, value in settings.items() if name not in idle and value is not None}


def _sampling(told: Mapping[str, JsonValue]) -> list[str]:
    """How responses were sampled; a run that an older version began knows no top-k and no min-p."""
    return [
        f"temperature {escaped(told.get('temperature'))}",
        f"top-p {escaped(told.get('top_p'))}",
        *([f"top-k {escaped(told['top_k'])}"] if told.get("top_k") else []),
        *([f"min-p {escaped(told['min_p'])}"] if told.get("min_p") else []),
        f"at most {escaped(told.get('max_tokens'))} tokens",
        f"seed {escaped(told.get('seed'))}",
    ]


def _model(manifest: Manifest, name: str = "model (identity)") -> str:
    identity: JsonValue | dict[str, Any] = manifest.affecting.get(name)
    if not isinstance(identity, dict):
        return "unknown"
    model, revision = code(identity.get("model")), code(identity.get("revision"))
    return f"{model}, revision {revision}, {escaped(identity.get('detail') or identity.get('engine'))}"


def _principles(manifest: Manifest) -> str:
    name, content = manifest.settings.get("principles"), manifest.affecting.get(PRINCIPLES)
    if manifest.principles is None:
        return f"{code(name)}, content hash {code(content)}"
    ids = ", ".join(code(principle.id) for principle in manifest.principles.principles)
    known = f"{code(manifest.principles.name)} {escaped(manifest.principles.version)}"
    return f"{known} (content hash {code(content)}): {ids}"
