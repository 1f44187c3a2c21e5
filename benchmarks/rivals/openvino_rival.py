"""OpenVINO GenAI as a rival: see `rival.py` for how it is spoken to.

Runs the weights in 16 bits, as the others do: it reads a copy of the model in its own format, made on first use.
"""

import asyncio
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import openvino
from openvino_genai import ContinuousBatchingPipeline, GenerationStatus, SchedulerConfig
from rival import Answer, Messages, arguments, in_steps, only_results_on_stdout, serve


async def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    results = only_results_on_stdout()
    scheduler = SchedulerConfig()
    scheduler.max_num_seqs = options.concurrency
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = 2  # GB
    # With the default of 256 it is a sixth slower.
    scheduler.max_num_batched_tokens = 1024
    pipeline = ContinuousBatchingPipeline(converted(options.model), scheduler, "CPU")
    tokenizer = pipeline.get_tokenizer()
    running = {}

    def step() -> Iterator[tuple[int, Answer]]:
        pipeline.step()
        for number, (handle, prompt_tokens) in list(running.items()):
            if handle.get_status() == GenerationStatus.RUNNING:
                continue
            del running[number]
            (output,) = handle.read_all()
            ids = output.generated_ids
            yield number, Answer(tokenizer.decode(ids), len(ids), prompt_tokens)

    call = in_steps(step)

    async def ask(messages: Messages) -> Answer:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        ids = tokenizer.encode(text, add_special_tokens=False).input_ids

        def submit(number: int) -> None:
            sampling = pipeline.get_config()
            sampling.do_sample, sampling.temperature, sampling.top_p = True, 1.0, 1.0
            # Without a seed of its own each call would draw the same numbers.
            sampling.max_new_tokens, sampling.rng_seed = options.max_tokens, number
            running[number] = pipeline.add_request(number, ids, sampling), ids.shape[1]

        return await call(submit)

    precision = openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT").get_type_name()
    detail = (
        f"float16 weights computed in {precision}, 16-bit KV cache, ContinuousBatchingPipeline, prefix caching, "
        f"max_num_seqs {options.concurrency}, max_num_batched_tokens 1024, 2 GB of KV cache"
    )
    await serve(options, results, ask, version("openvino-genai"), detail)


def converted(model: str) -> Path:
    """The model in OpenVINO's format, inside of this environment; about half a minute on first use."""
    source = Path(model).resolve()
    folder = Path(sys.prefix) / "models" / source.name
    if not folder.exists():
        from optimum.exporters.openvino import main_export
        from optimum.intel import OVConfig

        aside = folder.with_name("converting")
        main_export(
            str(source),
            aside,
            task="text-generation-with-past",
            ov_config=OVConfig(dtype="fp16"),
            convert_tokenizer=True,
        )
        aside.rename(folder)
    return folder


if __name__ == "__main__":
    asyncio.run(main())
