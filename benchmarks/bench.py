"""Tokens per second of this program's engine and of its rivals: one run, one job, in turns.

The job is what the SL stage does: for each prompt a response, a critique, a revision, each one depending on the one
before. Every contestant is a process of its own (`rivals/`), with the same prompts, limits and sampling; a rival whose
environment is not there (`make bench-rivals`) is left out. Also measured: judging with and without reuse of what
questions have in common. Writes the beginning of `benchmarks/results.md`; what is below, under headings, stays.

    python benchmarks/bench.py --prompts my.csv --column Behavior
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rivals.rival import CRITIQUE, RESPONSE

from constitution.config import Settings
from constitution.engines.transformers.model import converted_bundle
from constitution.principles import load_principles
from constitution.records import Message, Prompt
from constitution.resources import shipped
from constitution.sources import read
from constitution.templating import load_templates

HERE = Path(__file__).parent
RESULTS = HERE / "results.md"


@dataclass(frozen=True)
class Contestant:
    """One engine.

    Attributes:
        name: As in the table.
        script: In `rivals/`.
        python: The interpreter of its environment.
        flags: What its script is told beside the job.
        anywhere: Whether it runs on other devices than a CPU.
    """

    name: str
    script: str
    python: Path
    flags: tuple[str, ...] = ()
    anywhere: bool = False


def contestants(device: str) -> list[Contestant]:
    """Ours, plain `generate`, and the rivals whose environments are there; theirs are builds for CPUs."""
    from constitution.engines.bundled import bundled_file

    root, here = HERE.parent, Path(sys.executable)
    all_of_them = [
        Contestant("constitution", "constitution_rival.py", here, anywhere=True),
        Contestant("model.generate", "generate_rival.py", here, anywhere=True),
        Contestant("vLLM, CPU", "vllm_rival.py", root / ".venv-vllm/bin/python", ("--as-it-comes",)),
        Contestant("vLLM, CPU, one process", "vllm_rival.py", root / ".venv-vllm/bin/python"),
        Contestant("OpenVINO GenAI", "openvino_rival.py", root / ".venv-openvino/bin/python"),
        Contestant(
            "llama.cpp", "llamacpp_rival.py", root / ".venv-llamacpp/bin/python", ("--gguf", str(bundled_file()))
        ),
    ]
    return [one for one in all_of_them if one.python.exists() and (device == "cpu" or one.anywhere)]


def write_job(prompts: list[Prompt], file: Path) -> None:
    """Every row's three conversations, with marks where the model's own answers belong."""
    templates, principles = load_templates("chat"), load_principles("harmlessness")

    def plain(messages: list[Message]) -> list[dict[str, str]]:
        return [message.model_dump() for message in messages]

    rows = []
    for prompt in prompts:
        principle = principles.draw(0, prompt.id, 1)
        rows.append(
            {
                "respond": plain(templates.respond(prompt)),
                "critique": plain(templates.critique(prompt, RESPONSE, principle)),
                "revise": plain(templates.revise(prompt, RESPONSE, principle, CRITIQUE)),
            }
        )
    file.write_text(json.dumps(rows), encoding="utf-8")


def run_once(one: Contestant, job: Path, options: argparse.Namespace, model: Path) -> dict[str, Any]:
    """Start a contestant, let it do the whole job once after its warm-up, stop it.

    One at a time: some rivals keep the cores busy while they wait.
    """
    command = [str(one.python), str(HERE / "rivals" / one.script), "--model", str(model), "--jobs", str(job)]
    command += ["--max-tokens", str(options.max_tokens), "--concurrency", str(options.slots)]
    command += ["--device", options.device, *one.flags]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        assert process.stdin and process.stdout
        ready = process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        told = process.stdout.readline() if ready else ""
        process.stdin.close()
        process.wait()
        if not told:
            log.seek(0)
            sys.exit(f"{one.name} failed:\n{log.read()[-3000:]}")
        result: dict[str, Any] = json.loads(told)
        return result


def processor() -> str:
    """The processor's name and what of it this machine has."""
    name, flags = platform.processor() or platform.machine(), ""
    if Path("/proc/cpuinfo").exists():
        lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
        facts = {key.strip(): value.strip() for key, value in lines.items()}
        name = facts.get("model name", name)
        units = [
            unit for unit in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if unit in facts.get("flags", "").split()
        ]
        flags = f" ({', '.join(units[:2])})" if units else ""
    return f"{os.cpu_count()} cores of {name}{flags}"


def graphics(device: str) -> str:
    """The name of the GPU that was used, if any."""
    import torch

    return "" if device == "cpu" else f", {torch.cuda.get_device_name(device)}"


async def judging(model: Path, options: argparse.Namespace, reuse: bool) -> tuple[float, float]:
    """Questions per second of a judge, and the share of prompt tokens that were at hand."""
    from constitution.engines.transformers import open_engine
    from constitution.judging import load_judge_templates
    from constitution.model_settings import ModelSettings

    principles = load_principles("harmlessness").principles[:16]
    templates = load_judge_templates("chat")
    engine = await open_engine(ModelSettings(model=str(model), slots=options.slots, device=options.device), reuse=reuse)
    rows = list(read(Settings(prompts=str(shipped("examples") / "prompts" / "harmlessness.jsonl"), out="-")))

    async def ask(number: int, texts: tuple[str, str]) -> None:
        prompt = rows[number % len(rows)]
        for principle in principles:
            asked = templates.compare(prompt.messages, *texts, principle, seed=0, row=prompt.id, reason=False)
            await engine.choose(asked, templates.labels, 0)

    long, short = (
        "I would rather not help with that, because it could hurt someone. " * 12,
        "Of course, and gladly. " * 40,
    )
    started = time.perf_counter()
    pairs = [(n, texts) for n in range(options.judged) for texts in ((long, short), (short, long))]
    await asyncio.gather(*(ask(number, texts) for number, texts in pairs))
    seconds = time.perf_counter() - started
    usage = engine.usage
    await engine.aclose()
    return len(pairs) * len(principles) / seconds, usage.reused_tokens / usage.prompt_tokens


def limit(model: Path, slots: int, length: float, device: str) -> float:
    """Tokens per second if a step were only its matrix products and one reading of all keys and values.

    Args:
        model: The folder.
        slots: Sequences in a step.
        length: Tokens that a sequence holds on average.
        device: Where.
    """
    import torch

    from constitution.engines.transformers import model_thread
    from constitution.engines.transformers.model import load_model
    from constitution.engines.transformers.packing import pack_linears

    def median_seconds(work: Callable[[], object]) -> float:
        seconds = []
        for _ in range(7):
            started = time.perf_counter()
            work()
            if device != "cpu":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
        return statistics.median(seconds)

    @torch.inference_mode()
    def measure() -> float:
        loaded = load_model(str(model), dtype="bfloat16", device=device)
        pack_linears(loaded.model)
        layers = [part for part in loaded.model.modules() if isinstance(part, torch.nn.Linear)]
        inputs = {
            n: torch.randn(slots, n, dtype=torch.bfloat16, device=device)
            for n in {layer.in_features for layer in layers}
        }
        products = median_seconds(lambda: [layer(inputs[layer.in_features]) for layer in layers])
        config = loaded.model.config
        size = config.num_hidden_layers * 2 * config.num_key_value_heads * config.head_dim * 2 * slots * length
        block = torch.ones(1 << 26, dtype=torch.int64, device=device)
        reading = median_seconds(block.sum) / block.nbytes * size
        return slots / (products + reading)

    return model_thread().submit(measure).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", default=str(shipped("examples") / "prompts" / "harmlessness.jsonl"))
    parser.add_argument("--column", action="append", default=[])
    parser.add_argument("--rows", type=int, default=128, help="prompts; a shorter file is begun again")
    parser.add_argument("--slots", type=int, default=64, help="rows in flight, and sequences in a batch")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--judged", type=int, default=4, help="pairs that are judged with and without reuse")
    parser.add_argument("--only", action="append", default=[], help="contestants, by the beginning of their names")
    options = parser.parse_args()
    found = list(read(Settings(prompts=options.prompts, column=tuple(options.column), out="-")))
    prompts = [found[n % len(found)] for n in range(options.rows)]
    model = converted_bundle()
    running = [
        one for one in contestants(options.device) if not options.only or one.name.startswith(tuple(options.only))
    ]
    told: dict[str, list[dict[str, Any]]] = {one.name: [] for one in running}
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        write_job(prompts, job)
        for repeat in range(options.repeats):
            # In turns, and not always in the same order.
            for one in running[:: 1 if repeat % 2 == 0 else -1]:
                result = run_once(one, job, options, model)
                told[one.name].append(result)
                speed = result["completion_tokens"] / result["seconds"]
                print(f"{one.name:23} {result['seconds']:6.1f} s {speed:5.0f} tokens/s", flush=True)
    judged = {
        reuse: [asyncio.run(judging(model, options, reuse)) for _ in range(options.repeats)] for reuse in (True, False)
    }
    ours = told["constitution"][0]
    calls = 3 * ours["rows"]
    length = (ours["prompt_tokens"] + ours["completion_tokens"] / 2) / calls
    write_results(told, judged, limit(model, options.slots, length, options.device), options)


def write_results(
    told: dict[str, list[dict[str, Any]]],
    judged: dict[bool, list[tuple[float, float]]],
    most: float,
    options: argparse.Namespace,
) -> None:
    """Medians and pairwise ratios as Markdown, printed and kept."""
    speeds = {name: [one["completion_tokens"] / one["seconds"] for one in results] for name, results in told.items()}
    lines = [
        "# Benchmarks",
        "",
        f"`benchmarks/bench.py`, {date.today()}, {processor()}{graphics(options.device)}, {platform.system()}, "
        f"Python {platform.python_version()}.",
        "",
        f"The job: {options.rows} prompts of `{Path(options.prompts).name}`, response, critique, revision, at most "
        f"{options.max_tokens} tokens each, temperature 1; SmolLM2-135M-Instruct; {options.slots} rows in flight; "
        f"{options.repeats} repeats in turns, medians. The ratio: this program's speed over the other's, pair by pair.",
        "",
        f"The limit, {most:.0f} tokens/s: a step that is only its matrix products and one reading of keys and values.",
        "",
        "| engine | tokens/s | of the limit | rows/s | peak memory | ratio (each pair) | |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, results in told.items():
        ratios = [ours / theirs for ours, theirs in zip(speeds["constitution"], speeds[name], strict=True)]
        rows = statistics.median(one["rows"] / one["seconds"] for one in results)
        pairs = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        memory = statistics.median(one["peak_mb"] for one in results)
        lines.append(
            f"| {name} {results[0]['version']} | {statistics.median(speeds[name]):.0f} "
            f"| {statistics.median(speeds[name]) / most:.0%} | {rows:.2f} | {memory:.0f} MB "
            f"| {statistics.median(ratios):.2f} ({pairs}) | {results[0]['detail']} |"
        )
    with_reuse, without = (statistics.median(speed for speed, _ in judged[reuse]) for reuse in (True, False))
    lines += [
        "",
        f"Judging {options.judged} pairs under 16 principles in both orders: {with_reuse:.1f} "
        f"questions/s, {statistics.median(share for _, share in judged[True]):.0%} of prompt tokens at hand; "
        f"without reuse {without:.1f}; ratio {with_reuse / without:.1f}.",
        "",
    ]
    text = "\n".join(lines)
    _, heading, sections = (RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "").partition("\n## ")
    RESULTS.write_text(text + heading + sections, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
