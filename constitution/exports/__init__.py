"""Training data from a run's folder: rows in the formats of the training stacks, split by prompt, with a dataset card.

examples.py      what there is to train on: demonstrations, pairs, ratings, prompts, chains
families.py      the families of formats by name; one module each (trl.py, openai.py, …), pure functions of examples
options.py       what an export is asked for
select.py        which examples a run's records hold; pairs.py and best_of.py for pairs, filters.py for what is left out
rows.py          from examples to rows in files
people.py        what people's reviews say of what is exported
scores.py        what a run's scores say of what is exported
gated.py         what quality gates leave out; foreseen.py tells it beforehand
soft_labels.py   what becomes of the judge's probabilities
mixture.py       rows of other files among our own; foreign.py reads their columns
split.py         which prompts are held out
writing.py       the folder and its files
card.py          the README.md that makes the folder a dataset; prose.py has its sentences, facts.py what they tell
push.py          the upload to the Hub
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from constitution.counts import Counts
from constitution.errors import ExportError, command
from constitution.exports.card import card
from constitution.exports.examples import LABELLED, Kind, Preference, Rating, Split
from constitution.exports.facts import Facts, look_at_judge, look_at_people
from constitution.exports.families import choose_kinds, load_family
from constitution.exports.gated import Verdicts
from constitution.exports.mixture import check_mix, parse_mix
from constitution.exports.options import Labels, Options, Pairs, Revisions, check_options, parse_include
from constitution.exports.pairs import find_source
from constitution.exports.people import check_labels, label_notes
from constitution.exports.push import check_push, push
from constitution.exports.rows import Tally, write_rows
from constitution.exports.scores import choose_scored, notes
from constitution.exports.select import of_search
from constitution.exports.soft_labels import check_use, parse_soft_labels
from constitution.exports.writing import Files, aside, check_target
from constitution.gates.gating import prepare
from constitution.gates.sets import find_set
from constitution.manifest import COMPARE, REVISE, SCORE, has_stage, load_manifest
from constitution.records import Record
from constitution.store import count

STAGES = {"revise": REVISE, "compare": COMPARE, "score": SCORE}


class Exported(Record):
    """What an export wrote.

    Attributes:
        folder: Where.
        files: The files with rows, and how many, by path in the folder.
        rows: Rows by kind and split, e.g. `{"sft": {"train": 90, "test": 10}}`.
        empty: Kinds that the run has no rows for.
        dropped: What was left out, by reason: responses, pairs, chains.
        mixed: What was mixed in, line by line.
        notes: What options mean here, where that may not be what was meant.
        cut: Exported prompts with a response that ends at `max_tokens`, in mid-sentence.
        labelled: Exported examples by what they are and whose judgement they bear, unless only the AI's counts, e.g.
            `{"pairs": {"people": 12, "AI": 40}}`.
        counts: Where the rows of each stage were.
        url: The dataset's address, if it was pushed.
    """

    folder: str
    files: dict[str, int]
    rows: dict[str, dict[Split, int]]
    empty: tuple[str, ...]
    dropped: dict[str, int]
    mixed: tuple[str, ...]
    notes: tuple[str, ...]
    cut: int
    labelled: dict[str, dict[str, int]]
    counts: dict[str, Counts]
    url: str | None = None


def export(
    run: Path,
    to: Path,
    *,
    family: str = "trl",
    kinds: Sequence[str] = (),
    pairs: Pairs = "auto",
    labels: Labels = "ai",
    include: str = "",
    soft_labels: str = "keep",
    min_confidence: float = 0.0,
    min_margin: float | None = None,
    max_per_prompt: int | None = None,
    min_reward: float | None = None,
    gates: str = "none",
    mix: Sequence[str] = (),
    parquet: bool = False,
    revisions: Revisions = "final",
    test_fraction: float = 0.1,
    split_seed: int = 0,
    seed: int = 0,
    whole_only: bool = False,
    license: str = "unknown",
    overwrite: bool = False,
    push_to: str | None = None,
    private: bool = False,
) -> Exported:
    """Write a run's finished rows as training data, in the order of the input.

    The folder is written aside and moved into place, so it is there whole or not at all. The same run and the same
    arguments give the same bytes.

    Args:
        run: A run's folder.
        to: The folder to make.
        family: The family of formats: a name of `families.FAMILIES`, or a third party's.
        kinds: Only these kinds of row; all if empty.
        pairs: Where preference pairs come from; `auto`: comparisons if the run has them, else revisions; `best-of`: see
            `best_of.py`.
        labels: Whose judgement counts: `ai`; `human`: only what people reviewed; `both`: people's where there is any,
            the AI's elsewhere. See `people.py`; prompts, chains and scores are not touched.
        include: Statuses of comparisons that are exported besides `labelled`, commas in between; of the AI's labels.
        soft_labels: `keep`, `duplicate:K`, `sample`, `margin`, `margin:SCALE` or `hard`; see `soft_labels.py`.
        min_confidence: Least probability that a pair's chosen response is better.
        min_margin: Least Bradley-Terry margin of a pair, in nats; 0 leaves out pairs that contradict the ranking.
        max_per_prompt: Most pairs of one prompt, people's first, then the largest margins. All if None; of a search
            for best and worst (`compare --match best-worst`), those two, unless `labels` is `human`; none where the
            judge did not compare them or decide between them.
        min_reward: Least reward of a demonstration and of a pair's chosen response, before and after soft labels turn
            it round; the run must be scored.
        gates: `none`, `default`, `strict`, or a YAML file of gates with thresholds: demonstrations, and responses that
            pairs choose, are left out where one flags them; not where people reviewed them. See `constitution/gates`.
        mix: `FILE:WEIGHT` each: rows of a JSONL or Parquet file, `WEIGHT` for each row of the run's own.
        parquet: Write Parquet instead of JSONL.
        revisions: `final`; `all`: a demonstration for each revision, as the paper trains (section 3.2); or `best`: the
            chain's scored response of the highest reward, the initial one included.
        test_fraction: Share of prompts held out, in [0, 1); decided by each prompt's hash, so that rows of one prompt
            stay together and a larger run keeps the split.
        split_seed: Changes which prompts are held out.
        seed: Changes what is drawn: sampled labels, the rows of a mixture and their places.
        whole_only: Leave out examples with a response that was cut at `max_tokens`.
        license: For the card, as the Hub spells it.
        overwrite: Replace an export that is there.
        push_to: Upload it as the dataset `OWNER/NAME`.
        private: Hide the dataset from others, if the upload makes it.

    Raises:
        ExportError: An option is wrong, there is nothing to export, `to` holds something, or the upload failed.
        RunError: `run` is not a run.
        SourceError: A file to mix in is broken.
        ConfigError: A file of gates is not there, or broken.
    """
    options = Options(
        pairs=pairs,
        labels=labels,
        include=parse_include(include),
        soft_labels=parse_soft_labels(soft_labels),
        min_confidence=min_confidence,
        min_margin=min_margin,
        max_per_prompt=max_per_prompt,
        min_reward=min_reward,
        mix=tuple(map(parse_mix, mix)),
        parquet=parquet,
        revisions=revisions,
        test_fraction=test_fraction,
        split_seed=split_seed,
        seed=seed,
        whole_only=whole_only,
        license=license,
    )
    check_options(options)
    asked = find_set(gates)
    formats = load_family(family)
    chosen = choose_kinds(family, formats, kinds)
    chosen = choose_scored(run, chosen, bool(kinds), options)
    check_labels(run, chosen, options)
    check_use(options.soft_labels, chosen)
    source = find_source(run, options)
    options = of_search(run, source, options)
    check_target(run, to, overwrite)
    check_mix(options.mix, {kind.example for kind in chosen.values()})
    if push_to is not None:
        check_push(push_to)
    if any(kind.example in LABELLED for kind in chosen.values()):
        options = options.model_copy(update={"verdicts": Verdicts(prepare(run, asked))})
    counts = {name: count(run, stage) for name, stage in STAGES.items() if has_stage(run, stage)}
    with aside(to) as folder:
        with Files(folder, chosen, parquet) as files:
            tally = write_rows(run, chosen, source, options, files)
        if not files.written:
            raise _nothing(run, chosen, counts, tally)
        written = {name: files.written[name] for name in chosen if name in files.written}
        extra = formats.extra(written, files.suffix(next(iter(written))))
        for path, text in extra.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        any_paired = bool({kind.example for kind in chosen.values()} & {Preference, Rating})
        facts = Facts(
            family=family,
            stacks=formats.stacks,
            kinds=chosen,
            written=written,
            suffixes={name: files.suffix(name) for name in written},
            extra=tuple(extra),
            options=options,
            revise=load_manifest(run) if has_stage(run, REVISE) else None,
            judge=look_at_judge(run) if source == "comparisons" and any_paired else None,
            scored=load_manifest(run, SCORE) if has_stage(run, SCORE) else None,
            counts=counts,
            dropped=tally.dropped,
            mixed=tuple(tally.mixed),
            cut=len(tally.cut),
            labelled=tally.labelled,
            agreement=look_at_people(run) if labels != "ai" else (),
        )
        (folder / "README.md").write_text(card(facts), encoding="utf-8")
    of_written = {name: chosen[name] for name in written}
    return Exported(
        folder=str(to),
        files={
            f"{name}/{split}{files.suffix(name)}": rows
            for name, splits in written.items()
            for split, rows in splits.items()
        },
        rows=written,
        empty=tuple(name for name in chosen if name not in written),
        dropped=dict(tally.dropped),
        mixed=tuple(tally.mixed),
        notes=(*notes(run, of_written, options), *label_notes(run, of_written, options)),
        cut=len(tally.cut),
        labelled={noun: dict(labellers) for noun, labellers in tally.labelled.items()},
        counts=counts,
        url=push(to, push_to, private) if push_to is not None else None,
    )


def _nothing(run: Path, kinds: Mapping[str, Kind], counts: Mapping[str, Counts], tally: Tally) -> ExportError:
    stages = [
        f"{stage}: {n.done} done, {n.failed} failed, {n.filtered} filtered, {n.pending} pending"
        for stage, n in counts.items()
    ]
    reasons = [f"{number} left out: {reason}" for reason, number in tally.dropped.items()]
    return ExportError(
        f"{run}: nothing to export as {', '.join(kinds)} ({'; '.join([*stages, *reasons])})",
        "Loosen what left them out, or choose other kinds of row."
        if reasons
        else f"See where the run is with: {command('status', run)}",
    )


__all__ = ["Exported", "export"]
