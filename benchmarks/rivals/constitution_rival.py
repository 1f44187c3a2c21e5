"""This program's own engine, spoken to as its rivals are: see `rival.py`."""

import asyncio
from itertools import count

import torch
import transformers
from rival import Answer, Messages, arguments, only_results_on_stdout, serve

from constitution import __version__
from constitution.engines import open_engine
from constitution.model_settings import ModelSettings
from constitution.records import Message, Sampling


async def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    results = only_results_on_stdout()
    engine = await open_engine(
        ModelSettings(model=options.model, dtype="bfloat16", device=options.device, slots=options.concurrency)
    )
    sampling, numbers = Sampling(max_tokens=options.max_tokens), count()

    async def ask(messages: Messages) -> Answer:
        completion = await engine.generate([Message.model_validate(m) for m in messages], sampling, next(numbers))
        return Answer(completion.text, completion.completion_tokens, completion.prompt_tokens)

    detail = f"bfloat16, transformers {transformers.__version__}, torch {torch.__version__}"
    await serve(options, results, ask, __version__, detail)
    await engine.aclose()


if __name__ == "__main__":
    asyncio.run(main())
