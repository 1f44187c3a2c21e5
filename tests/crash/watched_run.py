"""Make a run in a process of its own, as `constitution generate` does, and tell what it takes: a script.

    python watched_run.py PROMPTS RUN ROUNDS MARK…

Prints a JSON object: resident memory in MB when so many rows were done (MARK…) and at the most, the seconds until the
first call of this start was journalled and until the end, and the rows that this start finished.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()


def main() -> None:
    import psutil

    from constitution import Settings, generate
    from constitution.runner import State

    prompts, run, rounds, *marks = sys.argv[1:]
    process, open_marks = psutil.Process(), sorted(map(int, marks))
    resident: dict[int, float] = {}
    first_call = 0.0
    done_before = -1

    def watch(state: State) -> None:
        nonlocal first_call, done_before
        if done_before < 0:
            done_before = state.counts.done
        if not first_call and state.calls_made:
            first_call = time.perf_counter() - BEGAN
        while open_marks and state.counts.done >= open_marks[0]:
            resident[open_marks.pop(0)] = process.memory_info().rss / 2**20

    settings = Settings(prompts=prompts, out=run, engine="scripted", rounds=int(rounds))
    counts = asyncio.run(generate(settings, watch))
    seconds = time.perf_counter() - BEGAN
    # The system's other figure, of `getrusage`, begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    most = int(status.split("VmHWM:")[1].split()[0]) / 1024
    told = {"resident": resident, "most": most, "first_call": first_call, "seconds": seconds}
    size = sum(file.stat().st_size for file in Path(run).iterdir())
    print(json.dumps(told | {"rows": counts.done - done_before, "bytes": size, "counts": counts.model_dump()}))


if __name__ == "__main__":
    main()
