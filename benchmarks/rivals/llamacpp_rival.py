"""llama.cpp as a rival: see `rival.py` for how it is spoken to.

Runs the weights in 16 bits, as the others do: the bundled .gguf holds 4-bit numbers, so a copy is made on first use.
The wheel is built for AVX2: it uses none of the AVX-512 and AMX units that the others find on newer processors.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import xllamacpp
from rival import Answer, Messages, arguments, only_results_on_stdout, serve

# What the writer says by itself.
OWN = ("GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture", "general.file_type")


async def main() -> None:
    options = arguments(__doc__.splitlines()[0], needed="--gguf")
    results = only_results_on_stdout()
    params = xllamacpp.CommonParams()
    params.model.path = str(unquantised(Path(options.gguf)))
    params.n_parallel = options.concurrency
    params.n_ctx = 1024 * options.concurrency
    server = xllamacpp.Server(params)
    threads = ThreadPoolExecutor(options.concurrency)

    def complete(messages: Messages) -> Answer:
        sampling = {"temperature": 1.0, "samplers": ["temperature"], "max_tokens": options.max_tokens}
        reply = server.handle_chat_completions({"messages": messages, **sampling})
        text, usage = reply["choices"][0]["message"]["content"], reply["usage"]
        return Answer(text or "", usage["completion_tokens"], usage["prompt_tokens"])

    async def ask(messages: Messages) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(threads, complete, messages)

    # Of the form "CPU : SSE3 = 1 | AVX2 = 1 | ...".
    units = xllamacpp.get_system_info().removeprefix("CPU : ").replace(" = 1", "").replace(" |", ",").strip(" ,")
    detail = (
        f"float16 weights and KV cache, server with {options.concurrency} slots of 1024 tokens, continuous batching, "
        f"prompt cache; built with {units}"
    )
    await serve(options, results, ask, xllamacpp.__version__, detail)


def unquantised(source: Path) -> Path:
    """The model with its matrices as float16, inside of this environment; vectors stay float32."""
    target = Path(sys.prefix) / "models" / f"{source.stem}-as-F16.gguf"
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    aside = target.with_suffix(".converting")
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(aside, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name not in OWN:
            # An array's types are its own and its elements'.
            kind, *element = field.types
            writer.add_key_value(name, field.contents(), kind, element[-1] if element else None)
    for tensor in reader.tensors:
        weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, weights if weights.ndim == 1 else weights.astype("float16"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    aside.rename(target)
    return target


if __name__ == "__main__":
    asyncio.run(main())
