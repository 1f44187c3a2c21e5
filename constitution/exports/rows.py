"""From a run's examples to rows in files: mixed with other files', split by prompt."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from constitution.exports.examples import Kind, Question
from constitution.exports.mixture import Share, Stream, riffle, share
from constitution.exports.options import Options
from constitution.exports.pairs import Source
from constitution.exports.picks import NOUNS, Example, Pick, prompt_key, prompt_of
from constitution.exports.select import examples
from constitution.exports.split import split_of
from constitution.exports.writing import Files


@dataclass
class Tally:
    """What happened on the way.

    Attributes:
        dropped: What was left out, by reason.
        mixed: What was mixed in, a line a file and type of example.
        cut: Keys of exported prompts with a response that ends at `max_tokens`.
        labelled: Exported examples by what they are and whose judgement they bear, copies of a pair not counted.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    mixed: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    labelled: dict[str, Counter[str]] = field(default_factory=dict)


def write_rows(run: Path, kinds: Mapping[str, Kind], source: Source, options: Options, files: Files) -> Tally:
    """Write every row of every kind.

    Kinds that are made of the same type of example (TRL's preference and reward) are written in one go, and hold the
    same pairs in the same order.

    Raises:
        ExportError: Chains of a run that did not keep its principles; a broken row of a mixture.
        SourceError: Likewise.
    """
    tally = Tally()
    for kind in dict.fromkeys(made.example for made in kinds.values()):
        named = {name: made for name, made in kinds.items() if made.example is kind}
        dropped: Counter[str] = Counter()
        for example in _mixed(kind, run, source, options, dropped, tally):
            split = split_of(prompt_of(example), options.test_fraction, options.split_seed)
            for name, made in named.items():
                files.write(name, split, made.row(example))
        # Ratings are read from pairs: what was left out there is told once.
        tally.dropped |= dropped
    return tally


def _mixed(
    kind: type, run: Path, source: Source, options: Options, dropped: Counter[str], tally: Tally
) -> Iterator[Example]:
    if not options.mix:
        yield from _own(examples(kind, run, source, options, dropped), tally)
        return
    length, taken = 0, set()
    for pick in examples(kind, run, source, options, dropped):
        length += 1
        if isinstance(pick.example, Question):
            taken.add(prompt_key(pick.example.prompt))
    # Counted already: what is left out after the last example would not be, as no more than `length` are asked for.
    own = _own(examples(kind, run, source, options, Counter()), tally)
    streams: list[Stream[Example]] = [Stream(length, own)]
    for mixture in options.mix:
        found = share(mixture, kind, length, frozenset(taken), options.seed)
        tally.mixed.append(_told(Path(mixture.file).name, kind, found))
        if found:
            streams.append(Stream(len(found.chosen), found.read(frozenset(taken))))
    yield from riffle(streams, options.seed, kind.__name__)


def _own(picks: Iterator[Pick[Example]], tally: Tally) -> Iterator[Example]:
    before = None
    for pick in picks:
        if pick.labelled_by and pick.id != before:
            tally.labelled.setdefault(f"{NOUNS[type(pick.example)]}s", Counter())[pick.labelled_by] += 1
        before = pick.id
        if pick.cut:
            tally.cut.add(prompt_key(prompt_of(pick.example)))
        yield pick.example


def _told(file: str, kind: type, found: Share | None) -> str:
    noun = NOUNS[kind]
    if found is None:
        return f"{file}: it holds no {noun}s"
    number = len(found.chosen)
    told = f"{file}: {number} {noun if number == 1 else f'{noun}s'}, {found.mixture.weight:g} for each of the run's"
    return f"{told}, which would be {found.wanted}: it has no more" if number < found.wanted else told
