"""What the program itself costs: calls per second against a bare asyncio client, in one run.

A mock endpoint answers after 200 ms and serves 256 requests at a time: at most 1,280 calls/s. In turns, each one a
process of its own: (i) a bare aiohttp client that makes 2,000 × 3 chained calls and keeps nothing; (ii) `constitution
generate` over 2,000 prompts and one round (response, critique, revision), every call journalled. The time is that of
the process, its start included. The endpoint uses uvloop where it is installed.
Writes its section of `results.md`.

    python benchmarks/overhead.py
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from sections import replace_section

CALLS_PER_ROW = 3
ANSWER = "This is what a model might say, in about as many words as people read before they scroll on. " * 4


async def serve(seconds: float, capacity: int) -> None:
    """The mock endpoint; prints its port, and ends with its standard input."""
    from aiohttp import web

    places = asyncio.Semaphore(capacity)
    usage = {"prompt_tokens": 300, "completion_tokens": 80}
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    body = json.dumps({"object": "chat.completion", "model": "mock", "choices": [choice], "usage": usage}).encode()

    async def complete(request: web.Request) -> web.Response:
        await request.read()
        async with places:
            await asyncio.sleep(seconds)
        return web.Response(body=body, content_type="application/json")

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mock", "object": "model"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def bare(base_url: str, prompts: Path, in_flight: int) -> None:
    """The least that a client can do."""
    import aiohttp

    url = f"{base_url}/chat/completions"
    rows: Iterator[str] = iter(prompts.read_text(encoding="utf-8").splitlines())

    async def ask(session: aiohttp.ClientSession, messages: list[dict[str, str]]) -> str:
        async with session.post(url, json={"model": "mock", "messages": messages, "max_tokens": 256}) as response:
            answer: dict[str, Any] = await response.json()
        return str(answer["choices"][0]["message"]["content"])

    async def work(session: aiohttp.ClientSession) -> None:
        for row in rows:
            messages = [{"role": "user", "content": json.loads(row)["prompt"]}]
            for request in ("Criticise your answer.", "Rewrite it.", ""):
                text = await ask(session, messages)
                messages += [{"role": "assistant", "content": text}, {"role": "user", "content": request}]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(work(session) for _ in range(in_flight)))


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a command; its seconds and its peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return time.perf_counter() - started, peak


def compare(options: argparse.Namespace, folder: Path, port: str) -> None:
    """Both sides in turns, then medians."""
    prompts, base_url = folder / "prompts.jsonl", f"http://127.0.0.1:{port}/v1"
    question = (
        "What should I know about the safety of the thing that my neighbour keeps in his shed, and whom may I ask?"
    )
    lines = (json.dumps({"id": f"row-{n}", "prompt": f"Question {n}: {question}"}) for n in range(options.rows))
    prompts.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    program = Path(sys.executable).with_name("constitution")
    calls, speeds, peaks = options.rows * CALLS_PER_ROW, dict[str, list[float]](), dict[str, list[float]]()
    for repeat in range(options.repeats):
        commands = {
            "bare client": [sys.executable, __file__, "--bare", base_url, "--prompts", str(prompts)],
            "constitution": [
                *(str(program), "generate", "--quiet", "--rounds", "1", "--prompts", str(prompts)),
                *("--out", str(folder / f"run-{repeat}"), "--concurrency", str(options.capacity)),
                *("--engine", "openai", "--base-url", base_url, "--model", "mock"),
            ],
        }
        # In turns: neither always comes first.
        for name in list(commands)[:: 1 if repeat % 2 == 0 else -1]:
            seconds, peak = timed(commands[name], {**os.environ, "HF_HUB_OFFLINE": "1"})
            speeds.setdefault(name, []).append(calls / seconds)
            peaks.setdefault(name, []).append(peak)
            print(f"{name:12} {seconds:6.2f} s {calls / seconds:6.0f} calls/s {peak:6.0f} MB", flush=True)
        done = (folder / f"run-{repeat}" / "transcripts.jsonl").read_bytes().count(b"\n")
        if done != options.rows:
            raise SystemExit(f"{done} of {options.rows} rows done")
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    ours, theirs = medians["constitution"], medians["bare client"]
    found = (
        f"{date.today()}, {options.rows} rows × {CALLS_PER_ROW} chained calls at an endpoint that answers after "
        f"{options.seconds * 1000:.0f} ms and serves {options.capacity} at a time, start of the process included, "
        f"medians of {options.repeats} repeats in turns: {ours:.0f} calls/s with every call journalled, "
        f"{theirs:.0f} with a bare aiohttp client, ratio {ours / theirs:.2f}; "
        f"{max(peaks['constitution']):.0f} MB at most.\n"
    )
    print(found)
    replace_section("In front of a server (`overhead.py`)", found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--capacity", type=int, default=256, help="requests that the endpoint serves at a time")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long each takes")
    # What the processes that this one starts are told.
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--prompts", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        try:
            import uvloop

            uvloop.run(serve(options.seconds, options.capacity))
        except ImportError:
            asyncio.run(serve(options.seconds, options.capacity))
    elif options.bare:
        asyncio.run(bare(options.bare, options.prompts, options.capacity))
    else:
        command = [sys.executable, __file__, "--serve", "--seconds", str(options.seconds)]
        command += ["--capacity", str(options.capacity)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdin is not None and server.stdout is not None
        try:
            with tempfile.TemporaryDirectory() as folder:
                compare(options, Path(folder), server.stdout.readline().strip())
        finally:
            server.stdin.close()
            server.wait()


if __name__ == "__main__":
    main()
