"""How near `constitution plan` comes: runs that are each planned first and then made.

At a mock server that takes a while for each token: 1. 2,000 rows, both stages; 2. the prompts of XSTest, two rounds;
3. those of HarmBench, three rounds and a judge with chains of thought. With the bundled model: 4. 80 prompts of
HarmBench; 5. 200 of XSTest. The files are read where they are: a folder named by DATA. The prices are made up: what is
compared is the reckoning. Time is that from the first call to the last one of each model's turn. A machine that others
use is not as fast in the run as it was in the pilot: so there is also the time that the same reckoning gives with the
pace of the run itself.

    DATA=/path/to/data python benchmarks/plans.py            # 1 to 3; --only 4 5: others
"""

import argparse
import asyncio
import csv
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from constitution.config import load_settings
from constitution.journal import read_records
from constitution.manifest import COMPARE, REVISE, has_stage
from constitution.planning.drawing import Drawn, length_of
from constitution.planning.forecast import Forecast, foresee
from constitution.planning.pilot import Pilot
from constitution.prices import load_prices
from constitution.records import Call
from constitution.sources import read
from constitution.spending import Tokens, bill, spent_in

RESULTS = Path(__file__).parent / "results.md"
HEADING = "## Planned and made (`plans.py`)"
PROGRAM = [sys.executable, "-c", "from constitution.cli import main; main()"]
PRICES = "currency: USD\nmodels:\n  mock: {input: 0.15, cached_input: 0.075, output: 0.6}\n"
PRICES += "  smollm2: {input: 0.02, cached_input: 0.01, output: 0.08}\n"
# The server: seconds until the first token, and for each.
FIRST, EACH = 0.15, 0.012
TEXT = "people often ask about this and the best answer says what is known and what is not and why it matters"
WORDS = TEXT.split()


async def serve() -> None:
    """A server whose answers are as long as a hash of the request says; prints its port, ends with its input."""
    from aiohttp import web

    async def complete(request: web.Request) -> web.Response:
        raw = await request.read()
        asked = json.loads(raw)
        draw = random.Random(hashlib.blake2b(raw, digest_size=8).digest())
        prompt = sum(len(turn["content"]) for turn in asked["messages"]) // 4
        usage: dict[str, Any] = {"prompt_tokens": prompt, "prompt_tokens_details": {"cached_tokens": prompt // 3}}
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        if asked.get("logprobs"):
            p, tokens, text = draw.uniform(0.05, 0.9), 1, "A"
            tops = [{"token": "A", "logprob": -p}, {"token": "B", "logprob": -1 / p}]
            choice["logprobs"] = {"content": [{"token": "A", "logprob": -p, "top_logprobs": tops}]}
        else:
            tokens = min(asked["max_tokens"], 5 + int(draw.lognormvariate(4, 0.6)))
            text = " ".join(draw.choice(WORDS) for _ in range(tokens))
        await asyncio.sleep(FIRST + EACH * tokens)
        usage["completion_tokens"] = tokens
        choice["message"] = {"role": "assistant", "content": text}
        return web.json_response({"object": "chat.completion", "model": "mock", "choices": [choice], "usage": usage})

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mock", "object": "model"}]})

    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@contextmanager
def server() -> Iterator[str]:
    """Run it as a process; its address."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.stdin.close()
        process.wait()


def run(*args: str, folder: Path) -> str:
    """Run the program to its end; what it printed."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [*PROGRAM, *args], check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
    ).stdout


def spans(calls: dict[str, list[Call]], forecast: Forecast) -> float:
    """Seconds from the first call to the last one, of each turn that was planned."""
    total = 0.0
    for turn in forecast.turns:
        own = [one for one in calls[turn.stage] if turn.stage == "generate" or one.model == turn.model]
        ends = [
            (one.began, one.began + one.seconds) for one in own if one.began is not None and one.seconds is not None
        ]
        total += max(end for _, end in ends) - min(began for began, _ in ends)
    return total


def plan_and_make(name: str, settings: dict[str, Any], pilot: int, folder: Path) -> str:
    """One reference run: a line of the table."""
    config, out = folder / "run.yaml", folder / "run"
    # JSON is YAML.
    config.write_text(json.dumps(settings | {"out": str(out)}), encoding="utf-8")
    prices = folder / "prices.yaml"
    prices.write_text(PRICES, encoding="utf-8")
    told = run(
        *("plan", str(config), "--prices", str(prices), "--pilot", str(pilot), "--format", "json", "--quiet"),
        folder=folder,
    )
    found = Forecast.model_validate_json(told)
    print(f"{name}: planned", flush=True)
    begun = time.monotonic()
    run("generate", "--config", str(config), "--quiet", folder=folder)
    print(f"{name}: made in {time.monotonic() - begun:.0f} s", flush=True)
    stages = {"generate": REVISE} | ({"compare": COMPARE} if has_stage(out, COMPARE) else {})
    calls = {stage: list(read_records(out / files.calls, Call)) for stage, files in stages.items()}
    spent = spent_in(out)
    tokens, cost = sum(spent.values(), Tokens()), bill(spent, load_prices(prices)).cost
    assert cost and found.total.cost and found.total.prompt_tokens and found.total.completion_tokens
    whole = load_settings(config, {})
    rows = tuple(read(whole))
    import numpy as np

    drawn = Drawn(rows, np.array([length_of(row) for row in rows]))
    own = foresee(Pilot(whole, drawn, calls, begun=0.0, failed=0))
    seconds = spans(calls, found)
    planned = sum(turn.seconds.value for turn in found.turns)
    own_pace = sum(turn.seconds.value for turn in own.turns)
    pairs = [
        (found.total.calls.value, float(tokens.calls), ",.0f"),
        (found.total.prompt_tokens.value + found.total.completion_tokens.value, float(tokens.total), ",.0f"),
        (found.total.cost.value, cost, ".4f"),
        (planned, seconds, ",.0f"),
        (own_pace, seconds, ",.0f"),
    ]
    loads = ", ".join(f"{turn.load:.2g}" for turn in found.turns)
    print(f"{name}: loads {loads}; of the run itself {', '.join(f'{turn.load:.2g}' for turn in own.turns)}", flush=True)
    cells = [f"{one:{form}} / {other:{form}} ({one / other - 1:+.1%})" for one, other, form in pairs]
    line = f"| {name} | {found.rows:,} | {found.pilot} | {' | '.join(cells)} |"
    print(line, flush=True)
    return line


def lengths_of_all_kinds(path: Path, rows: int) -> None:
    """Prompts of 3 to some hundred words."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            words = " ".join(draw.choice(WORDS) for _ in range(3 + int(draw.lognormvariate(3, 0.9))))
            file.write(json.dumps({"id": f"row-{number}", "prompt": f"{words}?"}) + "\n")


def column_of(data: Path, path: Path, column: str, rows: int) -> None:
    """The first prompts of a CSV file."""
    with data.open(encoding="utf-8", newline="") as source, path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(source)):
            if number < rows:
                file.write(json.dumps({"id": f"row-{number}", "prompt": row[column]}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, nargs="+", choices=range(1, 6), default=[1, 2, 3], help="which of them")
    parser.add_argument("--rows", type=int, default=2000, help="at the mock server")
    parser.add_argument("--max-tokens", type=int, default=64, help="of an answer of the bundled model")
    parser.add_argument("--dtype", default="auto", help="of the bundled model; float32 is faster on a CPU without bf16")
    # What the process that this one starts is told.
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    data = Path(os.environ.get("DATA", "."))
    xstest, harmbench = data / "xstest_prompts.csv", data / "harmbench_behaviors_text_val.csv"
    bundled = {"rounds": 1, "max_tokens": options.max_tokens, "dtype": options.dtype}
    thinking = {"cot": True, "cot_samples": 2, "cot_tokens": 96, "principles_per_pair": 2, "samples": 2}
    lines = []
    with tempfile.TemporaryDirectory() as folder, server() as address:
        mock = {"engine": "openai", "model": "mock", "base_url": address}
        references: dict[int, tuple[str, Path | None, str, int, int, dict[str, Any]]] = {
            1: ("mock server, both stages", None, "", options.rows, 64, mock | {"compare": {"principles_per_pair": 2}}),
            2: ("mock server, XSTest, two rounds", xstest, "prompt", 450, 48, mock | {"concurrency": 48}),
            3: (
                *("mock server, HarmBench, three rounds, reasoned verdicts", harmbench, "Behavior", 80, 24),
                mock | {"rounds": 3, "concurrency": 24, "compare": thinking},
            ),
            4: ("bundled model, HarmBench", harmbench, "Behavior", 80, 16, bundled | {"concurrency": 16}),
            5: ("bundled model, XSTest", xstest, "prompt", 200, 32, bundled | {"concurrency": 32}),
        }
        for number in options.only:
            name, file, column, rows, pilot, settings = references[number]
            (there := Path(folder) / f"{number}").mkdir()
            prompts = there / "prompts.jsonl"
            if file:
                column_of(file, prompts, column, rows)
            else:
                lengths_of_all_kinds(prompts, rows)
            lines.append(plan_and_make(name, {"prompts": str(prompts)} | settings, pilot, there))
    if options.only == [1, 2, 3]:
        write(lines)


def write(lines: list[str]) -> None:
    """Put the section in its place, or at the end."""
    section = "\n".join(
        [
            HEADING,
            "",
            f"{date.today()}, {os.cpu_count()} cores, which others used too; planned / made (difference). Prices are "
            "made up. The last column: the reckoning of time with the pace of the run itself.",
            "",
            "| run | rows | pilot | calls | tokens | cost, USD | time, s | time at the run's own pace, s |",
            "|---|---|---|---|---|---|---|---|",
            *lines,
        ]
    )
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Benchmarks\n"
    before, there, after = text.partition(HEADING)
    rest = after.partition("\n## ")
    tail = f"\n\n## {rest[2]}" if there and rest[1] else "\n"
    RESULTS.write_text(f"{before.rstrip()}\n\n{section}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
