"""Near-duplicates and evaluations' prompts found again in large sets: how many, how fast, and in how much memory.

*Near-duplicates.* Planted among unlike prompts (`tests/near_duplicates.py`), by eight edits in turns, each at least as
like its source as the threshold. Recall: planted ones of whose pair one row is left out. Precision: rows left out that
are one of such a pair. The time is that of the whole command, the memory the most that its process held.

*Edits.* What each edit does to prompts of several lengths: how many are at least as like as thresholds.

*Evaluations.* Prompts of an evaluation put into some of the rows, as they are or within a longer text.

    python benchmarks/duplicates.py dedup --rows 200000 --planted 1000
    python benchmarks/duplicates.py edits
    python benchmarks/duplicates.py decontaminate --rows 1000000
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from sections import replace_section

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from near_duplicates import EDITS, Planted, edited, planted_set, prompt

PROGRAM = Path(sys.executable).with_name("constitution")
LENGTHS = ((5, 9), (10, 14), (15, 19), (20, 30))
THRESHOLDS = (0.7, 0.75, 0.8, 0.9)


def write_rows(path: Path, texts: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": f"row-{number}", "prompt": text}) + "\n")


def run(*words: object) -> tuple[dict[str, object], float, float]:
    """What the command tells, the seconds that it took, and the most memory of its process, in MB."""
    began = time.monotonic()
    reading, writing = os.pipe()
    child = os.posix_spawn(
        PROGRAM,
        [str(PROGRAM), "prompts", *map(str, words), "--format", "json"],
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading)],
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as out:
        told = out.read()
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"prompts {words[0]} ended with {status}")
    return json.loads(told), time.monotonic() - began, used.ru_maxrss / 1024


def places(path: Path) -> list[tuple[int, int]]:
    """Rows that were left out and those that they are duplicates of, from 0."""
    told = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [(int(one["id"][4:]), int((one.get("duplicate_of_id") or "row--1")[4:])) for one in told]


def measure_dedup(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        texts, planted = planted_set(options.rows, options.planted, options.threshold, options.seed)
        write_rows(folder / "rows.jsonl", texts)
        size = (folder / "rows.jsonl").stat().st_size
        out = folder / "kept.jsonl"
        found, seconds, memory = run("dedup", folder / "rows.jsonl", "--to", out, "--threshold", options.threshold)
        left_out = places(folder / "kept.jsonl.dropped.jsonl")
    pairs = {frozenset((one.row, one.source)) for one in planted}
    right = [one for one in left_out if frozenset(one) in pairs]
    hit = {frozenset(one) for one in right}
    lines = [
        f"{date.today()}, {os.cpu_count()} cores, rensa {version('rensa')}; {options.rows:,} rows ({size / 2**20:.0f} "
        f"MB), {options.planted:,} near-duplicates planted; threshold {options.threshold:g}: {found['bands']} bands of "
        f"{found['band_rows']}, {found['compared']:,} pairs compared.",
        "",
        f"Recall {len(hit) / len(pairs):.2%} ({len(hit):,} of {len(pairs):,}), precision "
        f"{len(right) / max(1, len(left_out)):.2%} ({len(right):,} of {len(left_out):,}); {seconds:.0f} s, "
        f"{memory:.0f} MB at most.",
        "",
        "| edit | planted | true similarity: least, mean | found |",
        "|---|---|---|---|",
        *(_edit_line(edit, [one for one in planted if one.edit == edit], hit) for edit in EDITS),
    ]
    write(f"Near-duplicates among {options.rows:,} rows (`duplicates.py dedup`)", lines)


def _edit_line(edit: str, planted: Sequence[Planted], hit: set[frozenset[int]]) -> str:
    similarities = [one.similarity for one in planted]
    found = sum(frozenset((one.row, one.source)) in hit for one in planted)
    mean = sum(similarities) / len(planted)
    return f"| {edit} | {len(planted)} | {min(similarities):.2f}, {mean:.2f} | {found / len(planted):.1%} |"


def measure_edits(options: argparse.Namespace) -> None:
    draw = random.Random(options.seed)
    reached: Counter[tuple[str, tuple[int, int], float]] = Counter()
    made: Counter[tuple[str, tuple[int, int]]] = Counter()
    for edit in EDITS:
        for length in LENGTHS:
            while made[edit, length] < options.each:
                text = prompt(draw)
                if length[0] <= len(text.split()) <= length[1]:
                    made[edit, length] += 1
                    similarity = edited(text, edit, draw)[1]
                    reached.update((edit, length, least) for least in THRESHOLDS if similarity >= least)
    lines = [
        f"Share of prompts that are at least {', '.join(f'{one:g}' for one in THRESHOLDS)} like what an edit made of "
        f"them; {options.each} prompts for each edit and length.",
        "",
        f"| edit | {' | '.join(f'{low} to {high} words' for low, high in LENGTHS)} |",
        f"|---|{'---|' * len(LENGTHS)}",
    ]
    for edit in EDITS:
        cells = [
            ", ".join(f"{reached[edit, length, least] / options.each:.0%}" for least in THRESHOLDS)
            for length in LENGTHS
        ]
        lines.append(f"| {edit} | {' | '.join(cells)} |")
    write("What a threshold takes for one (`duplicates.py edits`)", lines)


def measure_decontaminate(options: argparse.Namespace) -> None:
    draw = random.Random(options.seed)
    asked = [prompt(draw) for _ in range(options.evaluation)]
    among = {place: n for n, place in enumerate(draw.sample(range(options.rows), options.planted))}

    def texts() -> Iterable[str]:
        for row in range(options.rows):
            number = among.get(row)
            own = prompt(draw)
            if number is None:
                yield own
            else:
                held = asked[number % len(asked)]
                yield held.upper() if number % 2 else f"{own} {held} {prompt(draw)}"

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_rows(folder / "evaluation.jsonl", asked)
        write_rows(folder / "rows.jsonl", texts())
        size = (folder / "rows.jsonl").stat().st_size
        out = folder / "kept.jsonl"
        words = ("--against", folder / "evaluation.jsonl", "--to", out)
        _, seconds, memory = run("decontaminate", folder / "rows.jsonl", *words)
        left_out = {row for row, _ in places(folder / "kept.jsonl.dropped.jsonl")}
    right = len(left_out & among.keys())
    lines = [
        f"{date.today()}, {os.cpu_count()} cores; {options.rows:,} rows ({size / 2**20:.0f} MB), of which "
        f"{options.planted:,} hold one of an evaluation's {options.evaluation:,} prompts, half of them in capitals and "
        "half within a longer text; 8 words.",
        "",
        f"Recall {right / len(among):.2%}, precision {right / max(1, len(left_out)):.2%}; {seconds:.0f} s, "
        f"{memory:.0f} MB at most.",
    ]
    write(f"Evaluations' prompts among {options.rows:,} rows (`duplicates.py decontaminate`)", lines)


def write(heading: str, lines: Sequence[str]) -> None:
    text = "\n".join(lines)
    print(f"## {heading}\n\n{text}", flush=True)
    replace_section(heading, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where rows are written; default: TMPDIR")
    verbs = parser.add_subparsers(required=True)
    dedup = verbs.add_parser("dedup")
    dedup.add_argument("--rows", type=int, default=200_000)
    dedup.add_argument("--planted", type=int, default=1_000)
    dedup.add_argument("--threshold", type=float, default=0.75)
    dedup.set_defaults(measure=measure_dedup)
    edits = verbs.add_parser("edits")
    edits.add_argument("--each", type=int, default=500)
    edits.set_defaults(measure=measure_edits)
    decontaminate = verbs.add_parser("decontaminate")
    decontaminate.add_argument("--rows", type=int, default=1_000_000)
    decontaminate.add_argument("--planted", type=int, default=1_000)
    decontaminate.add_argument("--evaluation", type=int, default=500)
    decontaminate.set_defaults(measure=measure_decontaminate)
    options = parser.parse_args()
    options.measure(options)


if __name__ == "__main__":
    main()
