"""A million rows in the memory of a hundred thousand, and a start over them that does not read for minutes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scale import LONG

ROWS = 1_000_000 if LONG else 12_000
# Resident memory is compared at these numbers of finished rows.
EARLY, LATE = ROWS // 10, ROWS
SCRIPT = Path(__file__).with_name("watched_run.py")


def run(prompts: Path, folder: Path, *marks: int) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), str(prompts), str(folder), "1", *map(str, marks)]
    told = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_memory_does_not_grow_with_the_rows_and_a_resume_begins_soon(tmp_path: Path) -> None:
    prompts, folder = tmp_path / "prompts.jsonl", tmp_path / "run"
    with prompts.open("w", encoding="utf-8") as file:
        for n in range(ROWS):
            text = f"Question number {n}: how is that done, and what should somebody know who wants to do it?"
            file.write(json.dumps({"id": f"row-{n:07}", "prompt": text}) + "\n")
    first = run(prompts, folder, EARLY, LATE)
    early, late = first["resident"][str(EARLY)], first["resident"][str(LATE)]
    print(f"{ROWS:,} rows × 3 calls in {first['seconds']:.0f} s, {ROWS / first['seconds']:.0f} rows/s, ", end="")
    print(
        f"{first['bytes'] / 1e9:.1f} GB of journals; resident {early:.0f} MB at row {EARLY:,}, {late:.0f} MB at row ",
        end="",
    )
    print(f"{LATE:,}, {first['most']:.0f} MB at the most")
    assert first["rows"] == ROWS
    assert late < 1.1 * early
    assert first["most"] < 500

    # The last row's transcript is lost, and its last call: what is left to do is one call of a million rows.
    for name in ("transcripts.jsonl", "calls.jsonl"):
        with (folder / name).open("r+b") as journal:
            end = journal.seek(0, 2)
            journal.seek(max(0, end - 100_000))
            tail = journal.read()
            journal.truncate(end - len(tail) + tail.rstrip(b"\n").rfind(b"\n") + 1)
    again = run(prompts, folder)
    print(f"a start over {ROWS - 1:,} finished rows made its first call after {again['first_call']:.1f} s, ", end="")
    print(f"{again['most']:.0f} MB at the most")
    assert 1 <= again["rows"] <= 2
    assert again["counts"]["done"] == ROWS
    assert again["first_call"] < 30
    assert again["most"] < 500
