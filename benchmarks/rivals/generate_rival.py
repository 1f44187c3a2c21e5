"""Plain `model.generate` as a rival: static batches that last as long as their longest answer; see `rival.py`."""

import asyncio
from collections.abc import Iterator

import torch
import transformers
from rival import Answer, Messages, arguments, in_steps, only_results_on_stdout, serve
from transformers import AutoModelForCausalLM, AutoTokenizer


async def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    results = only_results_on_stdout()
    transformers.utils.logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(options.model, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16).eval().to(options.device)
    end = tokenizer.eos_token_id
    waiting: list[tuple[int, Messages]] = []

    def step() -> Iterator[tuple[int, Answer]]:
        """One batch of all that waits: every row in flight is at the same stage of its chain."""
        batch, waiting[:] = waiting[:], []
        inputs = tokenizer.apply_chat_template(
            [messages for _, messages in batch],
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        ).to(options.device)
        with torch.inference_mode():
            out = model.generate(
                **inputs,
                max_new_tokens=options.max_tokens,
                do_sample=True,
                temperature=1.0,
                top_p=1.0,
                top_k=0,
                eos_token_id=end,
                pad_token_id=tokenizer.pad_token_id,
            )
        sampled = out[:, inputs["input_ids"].shape[1] :].tolist()
        for (number, _), row, mask in zip(batch, sampled, inputs["attention_mask"], strict=True):
            tokens = row[: row.index(end) + 1] if end in row else row
            text = tokenizer.decode(tokens, skip_special_tokens=True)
            yield number, Answer(text, len(tokens), int(mask.sum()))

    call = in_steps(lambda: list(step()))

    async def ask(messages: Messages) -> Answer:
        return await call(lambda number: waiting.append((number, messages)))

    await serve(options, results, ask, transformers.__version__, f"bfloat16, torch {torch.__version__}")


if __name__ == "__main__":
    asyncio.run(main())
