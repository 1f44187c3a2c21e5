"""What examples, both orders and calibration gain a small judge, on pairs that people judged.

Each way to ask is a run of `constitution compare --pairs file`: the same pairs, with 0, 2 and 4 worked examples, and
each of them with contextual calibration, which makes only the calls about content-free responses anew. What comes of
one order and of both is read from the votes; so is batch calibration (Zhou et al. 2023, arXiv 2309.17249), which the
program does not have: there the mean logit of (A) over all pairs, in both orders, is subtracted.

The file of pairs is read where it is: a folder named by DATA. Stopped in any way, it goes on where it was.

    DATA=/path/to/data python benchmarks/judges.py --work outputs/judges
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sections import replace_section

from constitution.intervals import Estimate, bootstrap
from constitution.manifest import COMPARE, load_manifest
from constitution.records import Comparison
from constitution.report.audit import audit
from constitution.report.observed import Observed, cluster_of
from constitution.store import comparisons
from constitution.votes import logit, side, sigmoid

HEADING = "Asking a small judge (`judges.py`)"
FILE = "hh-rlhf-harmless-base.test.jsonl.gz"
PROGRAM = [sys.executable, "-c", "from constitution.cli import main; main()"]
HEAD = (
    "| examples | calibration | right, preferred one shown as (A) | as (B) | one order, by lot | both orders averaged "
    "| says B | ECE, one order | ECE, both | labelled, right of them |\n|---|---|---|---|---|---|---|---|---|---|"
)


class Told(NamedTuple):
    """What a judge says of pairs whose first response people preferred."""

    forward: list[float]
    reversed: list[float]
    both: list[float]


def run(options: argparse.Namespace, file: Path, shots: int, calibrate: str, reuse: Path | None) -> Path:
    """Judge the pairs; returns the run's folder."""
    folder, dtype = options.work / f"{shots}-{calibrate}", options.dtype
    command = ["compare", folder, "--pairs", "file", "--file", file, "--limit", options.pairs, "--few-shots", shots]
    command += ["--principles-per-pair", options.principles]
    command += ["--calibrate", calibrate, "--engine", "transformers", "--dtype", dtype, "--judge", "smollm2", "-q"]
    command += ["--reuse", reuse] if reuse else []
    started = time.monotonic()
    subprocess.run([*PROGRAM, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    print(f"{shots} examples, calibration {calibrate}: {time.monotonic() - started:.0f} s", flush=True)
    return folder


def accuracy(ps: Sequence[float], clusters: Sequence[int]) -> Estimate | None:
    """How often the first response, which people prefer, is preferred; bootstrap interval over prompts."""
    seen = Observed()
    for p, cluster in zip(ps, clusters, strict=True):
        seen.add(side(p), cluster)
    return bootstrap(lambda rows: float(rows.mean()), seen.column, seen.clusters, 0, 1)


def error(found: Sequence[Comparison], orders: Sequence[Sequence[float]]) -> Estimate | None:
    """The audit's calibration error if the labels were these, of one order or of two."""
    labels = [one.model_copy(update={"p": p}) for order in orders for one, p in zip(found, order, strict=True)]
    return audit([], labels).calibration_error


def told(found: Sequence[Comparison]) -> Told:
    """As the comparisons say."""
    return Told([one.p_forward for one in found], [one.p_reversed for one in found], [one.p for one in found])


def batch(plain: Told) -> Told:
    """With the mean logit of (A) over all pairs and both orders taken off: it needs no call, but all other rows."""
    in_a = [*map(logit, plain.forward), *(-logit(p) for p in plain.reversed)]
    lean = sum(in_a) / len(in_a)
    forward = [sigmoid(logit(p) - lean) for p in plain.forward]
    reversed_ = [sigmoid(logit(p) + lean) for p in plain.reversed]
    return Told(forward, reversed_, plain.both)


def line(shots: int, name: str, found: Sequence[Comparison], said: Told, labelled: str) -> str:
    clusters = [cluster_of(one.prompt) for one in found]
    says_b = [1 - side(p) for p in said.forward] + [side(p) for p in said.reversed]
    rights = [
        accuracy(said.forward, clusters),
        accuracy(said.reversed, clusters),
        accuracy([*said.forward, *said.reversed], clusters * 2),
        accuracy(said.both, clusters),
    ]
    errors = [error(found, [said.forward, said.reversed]), error(found, [said.both])]
    cells = [str(shots), name, *(percent(one) for one in rights), f"{sum(says_b) / len(says_b):.1%}"]
    return f"| {' | '.join([*cells, *(number(one) for one in errors), labelled])} |"


def percent(one: Estimate | None) -> str:
    return f"{one.value:.1%} [{one.low * 100:.1f}, {one.high * 100:.1f}]" if one else "-"


def number(one: Estimate | None) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" if one else "-"


def labelled(found: Sequence[Comparison]) -> str:
    kept = [one for one in found if one.status == "labelled"]
    share = f"{len(kept) / len(found):.0%}"
    return f"{share}, {percent(accuracy([one.p for one in kept], [cluster_of(one.prompt) for one in kept]))}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--principles", type=int, default=4, help="principles a pair")
    parser.add_argument("--shots", type=int, nargs="+", default=[0, 2, 4])
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--dry", action="store_true", help="leave results.md alone")
    options = parser.parse_args()
    file = Path(os.environ["DATA"]) / FILE
    lines, steps = [], ""
    for shots in options.shots:
        plain = run(options, file, shots, "none", None)
        contextual = run(options, file, shots, "contextual", plain)
        uncalibrated, calibrated = (
            [one for one in comparisons(folder) if one.p is not None and one.gold == "first"]
            for folder in (plain, contextual)
        )
        judge = load_manifest(plain, COMPARE)
        steps = f"{len(uncalibrated)} pairs with a readable answer of the first {options.pairs}, judge {judge.model}"
        lines.append(line(shots, "none", uncalibrated, told(uncalibrated), labelled(uncalibrated)))
        lines.append(line(shots, "contextual", calibrated, told(calibrated), labelled(calibrated)))
        lines.append(line(shots, "batch, afterwards", uncalibrated, batch(told(uncalibrated)), "-"))
    text = (
        f"{date.today()}, the hh-rlhf harmless test pairs (MIT): {steps} ({options.dtype}), principles of harmlessness "
        f"a pair: {options.principles}. Accuracy with 95% bootstrap intervals over prompts; chance is 50%. Says B: "
        "share of orders in which the response shown as (B) is preferred. Labelled: neither tie nor inconsistent.\n\n"
        f"{HEAD}\n" + "\n".join(lines)
    )
    print(re.sub(r"\n\n", "\n", text))
    if not options.dry:
        replace_section(HEADING, text)


if __name__ == "__main__":
    main()
