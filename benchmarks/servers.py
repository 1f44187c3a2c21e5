"""Which server a request goes to: by its beginning, by load alone, or in turns, at servers that keep beginnings.

Four servers in memory, each as an inference engine works: in steps of 40 ms, in which every request that is answering
gets a token, and waiting prompts are computed, 2,048 tokens at most, each token that is not at hand 0.5 ms more. What
was computed is kept in blocks of 16 tokens, the last 50,000 of them (a token is four characters). A request takes up to
20 ms to get there. That is slow: nothing is to be measured of the machine that this runs on.

In turns, three times each: (i) chains of response, critique and revision; (ii) a judge under 4 principles in both
orders, with the shipped examples. Times are of the stage, without the start of the process.
Writes its section of `results.md`.

    python benchmarks/servers.py
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sections import replace_section

STEP_SECONDS, TOKEN_SECONDS, STEP_TOKENS = 0.04, 0.0005, 2048
BLOCK_CHARACTERS, CACHED_BLOCKS = 64, 50_000 // 16
ANSWER_TOKENS = (30, 90)
NETWORK_SECONDS = 0.02
PRINCIPLES = 4
TOP = [{"token": "A", "logprob": -0.6}, {"token": "B", "logprob": -0.9}]


def draw(text: str, low: int, high: int) -> int:
    """A number that depends on the text."""
    return low + int.from_bytes(sha256(text.encode()).digest()[:4]) % (high - low + 1)


@dataclass
class Job:
    """A request: its text, how many tokens are to be answered, and what comes of it."""

    text: str
    tokens: int
    done: "asyncio.Future[None]"
    cached: int = 0


@dataclass
class Engine:
    """One server's engine: steps over a batch, with a prefix cache."""

    running: list[Job] = field(default_factory=list)
    waiting: deque[Job] = field(default_factory=deque)
    cache: dict[int, None] = field(default_factory=dict)
    work: asyncio.Event = field(default_factory=asyncio.Event)

    def blocks(self, text: str) -> list[int]:
        """A hash of each whole block's text and all before it."""
        found, before = [], 0
        for end in range(BLOCK_CHARACTERS, len(text) + 1, BLOCK_CHARACTERS):
            before = hash((before, text[end - BLOCK_CHARACTERS : end]))
            found.append(before)
        return found

    def keep(self, text: str) -> None:
        """Have this text at hand, and let go of what was not used for longest."""
        for block in reversed(self.blocks(text)):
            self.cache.pop(block, None)
            self.cache[block] = None
        while len(self.cache) > CACHED_BLOCKS:
            del self.cache[next(iter(self.cache))]

    def admit(self) -> int:
        """Take prompts into the batch; how many tokens of them are computed in this step."""
        computed = 0
        while self.waiting and computed < STEP_TOKENS:
            job = self.waiting.popleft()
            for block in self.blocks(job.text):
                if block not in self.cache:
                    break
                job.cached += BLOCK_CHARACTERS // 4
            computed += len(job.text) // 4 - job.cached
            self.keep(job.text)
            self.running.append(job)
        return computed

    async def run(self) -> None:
        """Step while there is work, and wait while there is none."""
        while True:
            await self.work.wait()
            while self.running or self.waiting:
                await asyncio.sleep(STEP_SECONDS + TOKEN_SECONDS * self.admit())
                for job in self.running:
                    job.tokens -= 1
                    if not job.tokens:
                        job.done.set_result(None)
                self.running = [job for job in self.running if job.tokens]
            self.work.clear()


async def serve(servers: int) -> None:
    """The servers; prints their ports, and ends with its standard input."""
    from aiohttp import web

    def application(engine: Engine) -> web.Application:
        async def complete(request: web.Request) -> web.Response:
            asked = await request.json()
            text = "".join(f"<{turn['role']}>{turn['content']}" for turn in asked["messages"])
            # By what was asked, so that rows are the same whoever answers.
            tokens = 1 if asked.get("logprobs") else draw(text, *ANSWER_TOKENS)
            job = Job(text, tokens, asyncio.get_running_loop().create_future())
            # Without it, calls that go in turns would keep step, and each chain its server.
            await asyncio.sleep(random.uniform(0, NETWORK_SECONDS))
            engine.waiting.append(job)
            engine.work.set()
            await job.done
            words = f"{len(text)} things might be said of this, and people would read on. " * 9
            answer = "A" if tokens == 1 else words[: tokens * 4]
            engine.keep(f"{text}<assistant>{answer}")
            message = {"role": "assistant", "content": answer}
            choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "stop"}
            if tokens == 1:
                choice["logprobs"] = {"content": [{"top_logprobs": TOP}]}
            usage = {"prompt_tokens": len(text) // 4, "completion_tokens": tokens}
            usage |= {"prompt_tokens_details": {"cached_tokens": job.cached}}
            return web.json_response({"choices": [choice], "usage": usage})

        async def models(request: web.Request) -> web.Response:
            return web.json_response({"object": "list", "data": [{"id": "mock", "object": "model"}]})

        app = web.Application()
        app.router.add_post("/v1/chat/completions", complete)
        app.router.add_get("/v1/models", models)
        return app

    ports, loops = [], []
    for _ in range(servers):
        engine = Engine()
        loops.append(asyncio.create_task(engine.run()))
        runner = web.AppRunner(application(engine), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        ports.append(runner.addresses[0][1])
    print(*ports, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for loop in loops:
        loop.cancel()


def stage(options: argparse.Namespace) -> None:
    """One stage under one policy; prints its seconds and the share of prompt tokens that were at hand."""
    from constitution import generate
    from constitution.config import CompareSettings, Settings
    from constitution.engines import openai
    from constitution.engines.openai.fleet import Fleet
    from constitution.engines.openai.routing import pick
    from constitution.labelling import label_pairs

    policies = {
        "by beginning": pick,
        "least busy": lambda loads: min(range(len(loads)), key=lambda n: (loads[n].in_flight, loads[n].sent)),
        "in turns": lambda loads: min(range(len(loads)), key=lambda n: loads[n].sent),
    }
    openai.Fleet = partial(Fleet, route=policies[options.policy])  # type: ignore[misc]
    last: list[Any] = []
    addresses = tuple(f"http://127.0.0.1:{port}/v1" for port in options.ports)
    began = time.perf_counter()
    if options.stage == "chains":
        given: dict[str, Any] = {"engine": "openai", "model": "mock", "rounds": 1, "concurrency": options.in_flight}
        settings = Settings(prompts=str(options.prompts), out=str(options.out), base_url=addresses, **given)
        counts = asyncio.run(generate(settings, last.append))
    else:
        compare = CompareSettings(
            pairs="revisions", principles_per_pair=PRINCIPLES, limit=options.pairs, base_url=addresses
        )
        counts = asyncio.run(label_pairs(options.out, compare, last.append))
    seconds = time.perf_counter() - began
    if counts.done != counts.input:
        raise SystemExit(f"{counts.done} of {counts.input} rows done")
    usage = last[-1].usage
    print(json.dumps({"seconds": seconds, "at_hand": usage.reused_tokens / usage.prompt_tokens}))


def measured(options: argparse.Namespace, ports: list[str], name: str, policy: str, prompts: Path, out: Path) -> Any:
    command = [sys.executable, __file__, "--stage", name, "--policy", policy, "--prompts", str(prompts)]
    command += ["--out", str(out), "--in-flight", str(options.in_flight), "--pairs", str(options.pairs)]
    done = subprocess.run([*command, "--ports", *ports], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"{name:7} {policy:13} {result['seconds']:6.2f} s, {result['at_hand']:.0%} at hand", flush=True)
    return result


@contextlib.contextmanager
def fresh_servers(options: argparse.Namespace) -> Any:
    """Servers with nothing in their caches; their ports."""
    command = [sys.executable, __file__, "--serve", "--servers", str(options.servers)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().split()
    finally:
        process.stdin.close()
        process.wait()


POLICIES = ("by beginning", "least busy", "in turns")
STAGES = {"chains": "calls", "judge": "questions"}


def compare(options: argparse.Namespace, folder: Path) -> None:
    """All policies in turns, then medians."""
    prompts = folder / "prompts.jsonl"
    words = "what my neighbour keeps in his shed, how safe it is there, and whom I may ask about it in my town, "
    rows = [{"id": f"row-{n}", "prompt": f"Question {n}: {words * (6 + 2 * (n % 5))}"} for n in range(options.rows)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told: dict[tuple[str, str], list[Any]] = {}
    # Judged are the same texts each time; the servers that made them are gone, so the folder says nothing of them.
    for repeat in range(options.repeats):
        for policy in POLICIES[:: 1 if repeat % 2 == 0 else -1]:
            out = folder / f"run-{policy.replace(' ', '-')}-{repeat}"
            with fresh_servers(options) as ports:
                told.setdefault(("chains", policy), []).append(measured(options, ports, "chains", policy, prompts, out))
            with fresh_servers(options) as ports:
                told.setdefault(("judge", policy), []).append(measured(options, ports, "judge", policy, prompts, out))
            shutil.rmtree(out)
    calls = {"chains": options.rows * 3, "judge": options.pairs * PRINCIPLES * 2}
    table = []
    for name, unit in STAGES.items():
        for policy in POLICIES:
            results = told[name, policy]
            ratios = [
                theirs["seconds"] / ours["seconds"]
                for ours, theirs in zip(results, told[name, "in turns"], strict=True)
            ]
            speed = statistics.median(calls[name] / one["seconds"] for one in results)
            at_hand = statistics.median(one["at_hand"] for one in results)
            pairs = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            ratio = f"{statistics.median(ratios):.2f} ({pairs})"
            table.append(f"| {name} | {policy} | {speed:.1f} {unit}/s | {at_hand:.0%} | {ratio} |")
    low, high = ANSWER_TOKENS
    text = (
        f"{date.today()}, simulated: {options.servers} servers in memory, steps of {STEP_SECONDS * 1000:.0f} ms, "
        f"{TOKEN_SECONDS * 1000:g} ms more for each prompt token that is not at hand, the last 50,000 tokens kept; "
        f"{options.in_flight} rows in flight, {options.repeats} repeats in turns, medians. Chains: {options.rows} rows "
        f"of three calls, {low} to {high} tokens each. Judge: {options.pairs} pairs under {PRINCIPLES} principles in "
        "both orders, with the shipped examples.\n\n"
        "| stage | a request goes | speed | of prompt tokens at hand | ratio to taking turns (each pair) |\n"
        "|---|---|---|---|---|\n" + "\n".join(table)
    )
    print(text)
    replace_section("Several servers (`servers.py`)", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=64, help="pairs that are judged")
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    # What the processes that this one starts are told.
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--policy", help=argparse.SUPPRESS)
    parser.add_argument("--prompts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ports", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.servers))
    elif options.stage:
        stage(options)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(options, Path(folder))


if __name__ == "__main__":
    main()
