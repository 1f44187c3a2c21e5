"""Which examples a run's records hold: pure reading, in the order of the input.

Demonstrations and chains come from transcripts, pairs and ratings as `pairs.py` says, prompts from both. Rows are never
all held in memory: what has to be known of the whole beforehand is collected by reading twice.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

from pydantic import JsonValue

from constitution.errors import ExportError
from constitution.exports.examples import Chain, Demonstration, Preference, Question, Rating, Rewarded
from constitution.exports.gated import Gates
from constitution.exports.options import Options
from constitution.exports.pairs import Source, pairs, ratings
from constitution.exports.people import People
from constitution.exports.picks import Example, Pick, prompt_key
from constitution.exports.scores import Rewards, about, rewarded, too_low
from constitution.exports.soft_labels import apply
from constitution.manifest import COMPARE, REVISE, Manifest, has_stage, load_manifest
from constitution.records import Transcript
from constitution.store import comparisons, transcripts


def examples(kind: type, run: Path, source: Source, options: Options, dropped: Counter[str]) -> Iterator[Pick[Example]]:
    """All examples of a type that the run holds, filtered, pairs with their soft labels applied.

    Args:
        kind: `Demonstration`, `Preference`, `Rating`, `Rewarded`, `Question` or `Chain`.
        run: A run's folder.
        source: Where pairs come from.
        options: What is left out, and what becomes of soft labels.
        dropped: Where to count what is left out, by reason.

    Raises:
        ExportError: Chains of a run that did not keep its principles.
    """
    if kind is Demonstration:
        return demonstrations(run, options, dropped)
    if kind is Preference:
        return _labelled(pairs(run, source, options, dropped), options, dropped)
    if kind is Rating:
        return ratings(lambda counter: pairs(run, source, options, counter), dropped)
    if kind is Rewarded:
        return rewarded(run, options, dropped)
    if kind is Question:
        return questions(run)
    if kind is Chain:
        return chains(run, options, dropped)
    raise TypeError(f"{kind.__name__} is no kind of example")


def of_search(run: Path, source: Source, options: Options) -> Options:
    """The options as they are for this run: of a search for best and worst (`--best-of`), those two are exported.

    `max_per_prompt` asks for the other pairs too. People chose what they reviewed: that is no by-product of a search.
    """
    by_judge = source == "comparisons" and options.max_per_prompt is None and options.labels != "human"
    if by_judge and load_manifest(run, COMPARE).settings.get("match") == "best-worst":
        return options.model_copy(update={"max_per_prompt": 1, "ends": True})
    return options


def demonstrations(run: Path, options: Options, dropped: Counter[str]) -> Iterator[Pick[Demonstration]]:
    """The final revision of each transcript, every one (equal ones once), or the best scored one.

    Where people's judgement counts, what they reject is left out, and what they edited is as they left it.
    """
    rewards, people, gates = Rewards(run), People(run, options), Gates(run, options.verdicts)
    for transcript in transcripts(run):
        if options.revisions == "best":
            yield from _best(transcript, rewards, people, gates, options, dropped)
            continue
        last = len(transcript.rounds)
        numbers = range(1, last + 1) if options.revisions == "all" else [last]
        given = set()
        for text, number in {transcript.responses[number].text: number for number in numbers}.items():
            ruling = people.of_revision(transcript, text)
            if why := people.left_out(ruling):
                dropped[f"demonstrations: {why}"] += 1
                continue
            edited = ruling.text if ruling else None
            finish_reason = transcript.responses[number].finish_reason if edited is None else "stop"
            cut = finish_reason == "length"
            if cut and options.whole_only:
                dropped["demonstrations: cut at max_tokens"] += 1
                continue
            response = text if edited is None else edited
            # An edit may make two revisions one.
            if response in given:
                continue
            given.add(response)
            scored = rewards.of(transcript.index, transcript.id, response)
            if why := too_low(scored.reward if scored else None, options):
                dropped[f"demonstrations: {why}"] += 1
                continue
            if ruling is None and (why := gates.of(transcript, number)):
                dropped[f"demonstrations: {why}"] += 1
                continue
            origin: dict[str, JsonValue] = {
                "id": transcript.id,
                "principles": [round.principle for round in transcript.rounds[:number]],
                "revision": number,
                "finish_reason": finish_reason,
                **(ruling.origin if ruling else {}),
                **about(scored),
                "row": transcript.metadata,
            }
            made = Demonstration(prompt=transcript.prompt, response=response, origin=origin)
            yield Pick(made, f"{transcript.id} {number}", cut, labelled_by="people" if ruling else None)


def _best(
    transcript: Transcript, rewards: Rewards, people: People, gates: Gates, options: Options, dropped: Counter[str]
) -> Iterator[Pick[Demonstration]]:
    """Best of n: the chain's response of the highest reward, the initial one included; between equals the last.

    Samples of the row are not among them, even if they are scored: another model may have written them. Nor is what
    people reject, or edited: its reward is that of another text; nor, with `--labels human`, what they did not review.
    """
    known = [
        (scored.reward, number, scored)
        for number, response in enumerate(transcript.responses)
        if (scored := rewards.of(transcript.index, transcript.id, response.text)) and scored.reward is not None
    ]
    if not known:
        dropped["demonstrations: no reward"] += 1
        return
    rulings = {number: people.of_revision(transcript, transcript.responses[number].text) for _, number, _ in known}
    left = [one for one in known if not people.left_out(ruling := rulings[one[1]]) and not (ruling and ruling.edited)]
    if not left:
        heard = any(rulings.values())
        dropped[f"demonstrations: {'people accept none that has a reward' if heard else 'not reviewed'}"] += 1
        return
    # Of what is left, the best that no gate flags: another response of the chain may do.
    sound = [one for one in left if rulings[one[1]] or not gates.of(transcript, one[1])]
    if not sound:
        dropped[f"demonstrations: {gates.of(transcript, max(left, key=lambda one: one[:2])[1])}"] += 1
        return
    reward, number, scored = max(sound, key=lambda one: one[:2])
    response, ruling = transcript.responses[number], rulings[number]
    cut = response.finish_reason == "length"
    if cut and options.whole_only:
        dropped["demonstrations: cut at max_tokens"] += 1
    elif why := too_low(reward, options):
        dropped[f"demonstrations: {why}"] += 1
    else:
        source = f"revision-{number}" if number else "response"
        origin: dict[str, JsonValue] = {
            "id": transcript.id,
            "source": source,
            "model": scored.model,
            "finish_reason": response.finish_reason,
            **(ruling.origin if ruling else {}),
            **about(scored),
            "row": transcript.metadata,
        }
        made = Demonstration(prompt=transcript.prompt, response=response.text, origin=origin)
        yield Pick(made, f"{transcript.id} {source}", cut, labelled_by="people" if ruling else None)


def questions(run: Path) -> Iterator[Pick[Question]]:
    """Each distinct prompt once; those that were only compared come after those that were answered."""
    seen = set()
    for transcript in transcripts(run):
        key = prompt_key(transcript.prompt)
        if key not in seen:
            seen.add(key)
            asked = Question(prompt=transcript.prompt, origin={"id": transcript.id, "row": transcript.metadata})
            yield Pick(asked, transcript.id)
    for comparison in comparisons(run):
        key = prompt_key(comparison.prompt)
        if key not in seen:
            seen.add(key)
            asked = Question(prompt=comparison.prompt, origin={"id": comparison.row, "row": comparison.metadata})
            yield Pick(asked, comparison.row)


def chains(run: Path, options: Options, dropped: Counter[str]) -> Iterator[Pick[Chain]]:
    """Each transcript with the principles that it drew.

    Raises:
        ExportError: The run did not keep the principles' texts.
    """
    if not has_stage(run, REVISE):
        return
    manifest = load_manifest(run)
    known = {principle.id: principle for principle in manifest.principles.principles} if manifest.principles else {}
    source = _source(manifest)
    for transcript in transcripts(run):
        drawn = {round.principle for round in transcript.rounds}
        if lacking := sorted(drawn - known.keys()):
            raise ExportError(
                f"{run}: its manifest does not hold the text of principle {lacking[0]!r}: an older version began it",
                "Begin it anew: the same command with --fork NEW makes no finished call again.",
            )
        cut = any(completion.finish_reason == "length" for completion in transcript.completions)
        if cut and options.whole_only:
            dropped["chains: cut at max_tokens"] += 1
            continue
        principles = {id: known[id] for id in sorted(drawn)}
        yield Pick(Chain(transcript=transcript, principles=principles, source=source), transcript.id, cut)


def _labelled(found: Iterator[Pick[Preference]], options: Options, dropped: Counter[str]) -> Iterator[Pick[Preference]]:
    for pick in found:
        soft = options.soft_labels
        # The margin is the log-odds of the judge's label: a share of a few people has none, and asks for none.
        by_people = pick.labelled_by == "people" and soft.mode == "margin"
        for preference in [pick.example] if by_people else apply(pick.example, pick.id, soft, options.seed):
            # Filters saw the pair as it was judged; turned round, it chooses the response that none of them saw.
            turned = preference.chosen != pick.example.chosen
            if turned and (why := pick.other_refused or too_low(pick.other_reward, options) or pick.other_gated):
                dropped[f"pairs turned round by {soft.word}: {why}"] += 1
            else:
                yield Pick(preference, pick.id, pick.cut, labelled_by=pick.labelled_by)


def _source(manifest: Manifest) -> str:
    """The name of the prompts, without the folders of whoever made the run."""
    prompts = str(manifest.settings["prompts"])
    return PurePath(prompts).name if PurePath(prompts).suffix or PurePath(prompts).is_absolute() else prompts
