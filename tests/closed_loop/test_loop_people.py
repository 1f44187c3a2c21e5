"""People's pairs in parts that share no conversation, and an evaluator that learns from one of them."""

import json
import random
from pathlib import Path

import pytest
from evaluator import fit, load_evaluator
from people import Pair, part_of, read_lines, read_parts, some, write_pairs

from constitution.records import Message

# Six words each: length says nothing.
KIND = ["I would rather keep you safe.", "Please talk to somebody you trust.", "That could hurt someone very badly."]
CRUEL = ["Hit them just where it hurts.", "Nobody here will ever find out.", "Take what you want and run."]


def pair(opening: str, chosen: str, rejected: str, more: str = "") -> Pair:
    turns = [Message(role="user", content=opening)]
    if more:
        turns += [Message(role="assistant", content="Go on."), Message(role="user", content=more)]
    return Pair(prompt=tuple(turns), chosen=chosen, rejected=rejected)


def planted(number: int, seed: int = 0) -> list[Pair]:
    """Pairs of which people prefer the kind one; length and order of the sentences say nothing."""
    chance = random.Random(seed)

    def said(sentences: list[str]) -> str:
        return " ".join(chance.sample(sentences, chance.choice([2, 3])))

    return [pair(f"Question {n}?", said(KIND), said(CRUEL)) for n in range(number)]


def transcript(*turns: str) -> str:
    return "".join(f"\n\n{'Human' if n % 2 == 0 else 'Assistant'}: {turn}" for n, turn in enumerate(turns))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of 300 openings each stands twice, the second time with more turns; three rows are of no use."""
    rows = []
    for n in range(300):
        rows.append({"chosen": transcript(f"Hello {n}", "kind"), "rejected": transcript(f"Hello {n}", "cruel")})
        longer = [f"  hello {n} ", "yes?", "more"]
        rows.append({"chosen": transcript(*longer, "kind"), "rejected": transcript(*longer, "cruel")})
    rows.append({"chosen": transcript("Same", "text"), "rejected": transcript("Same", "text")})
    rows.append({"chosen": transcript("One", "text"), "rejected": transcript("Other", "text")})
    rows.append({"chosen": transcript("Empty", ""), "rejected": transcript("Empty", "text")})
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_parts_hold_every_pair_once_and_share_no_opening(file: Path) -> None:
    parts = read_parts(file, seed=0)
    assert sum(map(len, parts.values())) == 600
    openings = {name: {one.opening.casefold().strip() for one in pairs} for name, pairs in parts.items()}
    assert sum(map(len, openings.values())) == len(set.union(*openings.values())) == 300
    # 35, 50 and 15 percent of the openings, give or take.
    shares = {name: len(found) / 300 for name, found in openings.items()}
    assert shares == pytest.approx({"judge": 0.35, "evaluator": 0.5, "prompts": 0.15}, abs=0.06)


def test_the_part_of_a_pair_depends_on_the_seed_and_its_opening_alone(file: Path) -> None:
    one, other = pair("Hello  there", "a", "b"), pair("hello there", "c", "d", more="And?")
    assert [part_of(one, seed) for seed in range(20)] == [part_of(other, seed) for seed in range(20)]
    assert len({part_of(one, seed) for seed in range(20)}) == 3
    assert read_parts(file, 0) == read_parts(file, 0) != read_parts(file, 1)


def test_some_pairs_are_short_and_of_different_conversations() -> None:
    pairs = [pair(f"{'x' * n}?", "a", "b") for n in range(20)]
    pairs += [one.model_copy(update={"chosen": "c"}) for one in pairs]
    found = some(pairs, 8, longest=10, seed=0)
    assert len(found) == 8
    assert max(one.length for one in found) <= 10
    assert len({one.prompt for one in found}) == 8
    assert len(some(pairs, 99, longest=10, seed=0)) == 10


def test_pairs_are_written_as_the_program_reads_them(tmp_path: Path) -> None:
    from constitution.pair_files import read_pairs

    pairs = [*planted(3), pair("Hi", "good\n\nHuman: day", "bad", more="你好")]
    write_pairs(pairs, tmp_path / "pairs.jsonl")
    read = list(read_pairs(str(tmp_path / "pairs.jsonl")))
    assert [row.gold for row in read] == ["first"] * 4
    assert [row.prompt.messages for row in read] == [one.prompt for one in pairs]
    assert [[c.text for c in row.candidates] for row in read] == [[one.chosen, one.rejected] for one in pairs]
    assert [Pair.model_validate(row) for row in read_lines(tmp_path / "pairs.jsonl")] == pairs


def test_an_evaluator_learns_what_people_prefer_and_says_how_well(tmp_path: Path) -> None:
    fitted = fit(planted(120), seed=0)
    assert fitted.accuracy.value > 0.95
    assert fitted.accuracy.n == 120
    assert 0.35 < fitted.longer.value < 0.65
    held_out = planted(40, seed=1)
    preferences = [fitted.evaluator.preference(one.chosen, one.rejected) for one in held_out]
    assert min(preferences) > 0.5
    assert fitted.evaluator.preference(held_out[0].chosen, held_out[0].chosen) == 0.5
    for one, p in zip(held_out, preferences, strict=True):
        assert fitted.evaluator.preference(one.rejected, one.chosen) == pytest.approx(1 - p, abs=1e-12)
    fitted.evaluator.save(tmp_path / "evaluator.npz")
    kept = load_evaluator(tmp_path / "evaluator.npz")
    assert [kept.preference(one.chosen, one.rejected) for one in held_out] == preferences


def test_labels_that_mean_nothing_are_told_as_such() -> None:
    swapped = [one.model_copy(update={"chosen": one.rejected, "rejected": one.chosen}) for one in planted(120)]
    accuracy = fit([*planted(120)[::2], *swapped[1::2]], seed=0).accuracy
    assert accuracy.low < 0.5
    assert accuracy.value < 0.6


def test_pairs_of_one_opening_are_never_on_both_sides_of_a_split() -> None:
    # Each opening has its own wording, and who is preferred is tossed for: only what was seen before could be known.
    chance = random.Random(0)
    pairs = []
    for n in range(40):
        chosen, rejected = chance.sample([f"alpha{n}", f"beta{n}"], 2)
        pairs += [pair(f"Question {n}?", chosen, rejected, more=str(turn)) for turn in range(4)]
    assert fit(pairs, seed=0).accuracy.value == pytest.approx(0.5, abs=0.2)
