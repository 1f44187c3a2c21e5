"""Small real models for the tests of the transformers engine, and what the library itself makes of them."""

import asyncio
import copy
import functools
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers.processors import TemplateProcessing

from constitution.engines.transformers import TransformersEngine, model_thread
from constitution.engines.transformers import model as loading
from constitution.engines.transformers.batcher import Batcher
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.memory import Memory
from constitution.engines.transformers.model import LoadedModel, converted_bundle
from constitution.engines.transformers.running import Fitness, fitness
from constitution.records import Completion, Message, Sampling

# Everything that runs a model in the tests does so here, as the engine asks for.
THREAD = model_thread()

QUESTIONS = [
    "What is the capital of France?",
    "Name three colours and say which one you like best, and why, in a few words that a child can follow.",
    "Hi",
    "Write a line about rain.\nThen one about snow.",
    "How do I kill a Python process that hangs, when the terminal does not answer any more and I can't restart?",
    "2 + 2 =",
]

TOKENS = {"vocab_size": 49152, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
SMALL = TOKENS | {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
ONE_OF_EACH = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
# What the slots run.
CONFIGS = {
    "llama": hf.LlamaConfig(**SMALL),
    # Looks back 8 tokens only, in every layer.
    "mistral": hf.MistralConfig(**SMALL, sliding_window=8),
    # One layer that sees everything, one that looks back 8 tokens.
    "qwen2": hf.Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=8, max_window_layers=1),
    # Learned positions, as many key heads as query heads.
    "gpt2": hf.GPT2Config(vocab_size=49152, n_positions=512, n_embd=32, n_layer=2, n_head=4, eos_token_id=2),
    # Learned positions that begin at 2.
    "opt": hf.OPTConfig(**(SMALL | {"ffn_dim": 64, "word_embed_proj_dim": 32, "num_key_value_heads": 4})),
    "phi3": hf.Phi3Config(**SMALL),
    "qwen3": hf.Qwen3Config(**SMALL, head_dim=8),
    # Scores squashed, and hard: they reach the bound.
    "gemma2": hf.Gemma2Config(**SMALL, **ONE_OF_EACH, head_dim=8, query_pre_attn_scalar=8, attn_logit_softcapping=2.0),
    "gemma3_text": hf.Gemma3TextConfig(**SMALL, **ONE_OF_EACH, head_dim=8),
    # Experts, and sinks of attention.
    "gpt_oss": hf.GptOssConfig(**SMALL, **ONE_OF_EACH, head_dim=8, num_local_experts=4, num_experts_per_tok=2),
    "mixtral": hf.MixtralConfig(**SMALL, num_local_experts=4, num_experts_per_tok=2),
}
SIDES = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
# What only the library runs.
PLAIN_CONFIGS = {
    "bloom": hf.BloomConfig(**TOKENS, hidden_size=32, n_layer=2, n_head=4),
    "mamba": hf.MambaConfig(**TOKENS, hidden_size=32, state_size=4, num_hidden_layers=2),
    # State and attention in turns.
    "jamba": hf.JambaConfig(
        **SMALL, attn_layer_period=2, attn_layer_offset=1, num_experts=1, mamba_d_state=4, mamba_dt_rank=4
    ),
    # Reads padding as if it were text.
    "recurrent_gemma": hf.RecurrentGemmaConfig(
        **(SMALL | {"num_hidden_layers": 3}), lru_width=32, attention_window_size=16, head_dim=8
    ),
    # Mixes up the rows of a batch.
    "rwkv": hf.RwkvConfig(**TOKENS, hidden_size=32, attention_hidden_size=32, num_hidden_layers=2),
    "t5": hf.T5Config(**TOKENS, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0),
    # Other frequencies for all as soon as one sequence has more than 32 tokens.
    "phi3-long": hf.Phi3Config(
        **SMALL,
        original_max_position_embeddings=32,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0] * 4,
            "long_factor": [4.0] * 4,
            "original_max_position_embeddings": 32,
            "partial_rotary_factor": 1.0,
        },
    ),
    "bart": hf.BartConfig(
        **TOKENS, **SIDES, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=512
    ),
}


def random_model(folder: Path, kind: str, chat: bool = True) -> Path:
    """Save a random model of a few layers with the bundled model's tokenizer; returns its folder."""
    return THREAD.submit(_random_model, folder, kind, chat).result()


def _random_model(folder: Path, kind: str, chat: bool) -> Path:
    torch.manual_seed(0)
    config = (CONFIGS | PLAIN_CONFIGS)[kind]
    library = hf.AutoModelForSeq2SeqLM if config.is_encoder_decoder else hf.AutoModelForCausalLM
    model = library.from_config(config)
    # Random weights of the usual size give nearly the same logits everywhere: make them differ.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(folder)
    tokenizer = hf.AutoTokenizer.from_pretrained(converted_bundle())
    if config.is_encoder_decoder:
        # As T5's: every text ends in the token that ends an answer.
        end = tokenizer.eos_token
        ending = TemplateProcessing(single=f"$A {end}", special_tokens=[(end, tokenizer.eos_token_id)])
        tokenizer.backend_tokenizer.post_processor = ending
    if not chat or config.is_encoder_decoder:
        tokenizer.chat_template = None
    tokenizer.save_pretrained(folder)
    return folder


def parrot(folder: Path, words: list[str]) -> Path:
    """Save a GPT-2 that after each of these tokens says the next one, and after the last the first; its folder."""
    return THREAD.submit(_parrot, folder, words).result()


def _parrot(folder: Path, words: list[str]) -> Path:
    torch.manual_seed(0)
    config = copy.deepcopy(CONFIGS["gpt2"])
    config.tie_word_embeddings = False
    model = hf.GPT2LMHeadModel(config)
    tokenizer = hf.AutoTokenizer.from_pretrained(converted_bundle())
    tokenizer.chat_template = None
    said = [tokenizer.get_vocab()[tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(w)[0][0]] for w in words]
    body = model.transformer
    with torch.no_grad():
        # Only the last token counts: no positions, and layers that add nothing.
        body.wpe.weight.zero_()
        for layer in body.h:
            layer.attn.c_proj.weight.zero_()
            layer.mlp.c_proj.weight.zero_()
        body.wte.weight.normal_()
        model.lm_head.weight.zero_()
        model.lm_head.weight[[*said[1:], said[0]]] = body.ln_f(body.wte.weight[said])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load_model(*args: str, **kwargs: str) -> LoadedModel:
    return THREAD.submit(loading.load_model, *args, **kwargs).result()


def user(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


@functools.cache
def fitness_of(loaded: LoadedModel) -> Fitness:
    return THREAD.submit(fitness, loaded.model).result()


def engine_for(
    loaded: LoadedModel, slots: int = 4, columns: int = 1 << 20, reuse: bool = True, chat_template: str | None = None
) -> TransformersEngine:
    """An engine with slots; `columns` is how many tokens there is memory for."""
    fit = fitness_of(loaded)
    assert not fit.reason
    memory = Memory(columns * fit.bytes_per_token, fit.bytes_per_token, "cpu")
    batcher = Batcher(loaded, slots, memory, THREAD, reuse)
    return TransformersEngine(loaded, Encoder(loaded.tokenizer, chat_template, "test"), batcher)


def answer_all(
    engine: TransformersEngine, conversations: list[list[Message]], sampling: Sampling, seed: int = 0
) -> list[Completion]:
    """All at once; conversation n has the seed `seed + n`."""

    async def go() -> list[Completion]:
        calls = [engine.generate(messages, sampling, seed + n) for n, messages in enumerate(conversations)]
        try:
            return list(await asyncio.gather(*calls))
        finally:
            await engine.aclose()

    return asyncio.run(go())


def library_prompt(loaded: LoadedModel, messages: list[Message]) -> list[int]:
    return loaded.tokenizer.apply_chat_template(
        [message.model_dump() for message in messages], add_generation_prompt=True, return_dict=True
    )["input_ids"]


def greedy_by_library(loaded: LoadedModel, prompt: list[Message] | list[int], max_tokens: int) -> str:
    """What `model.generate` answers to a conversation, or to tokens."""
    ids = prompt if isinstance(prompt[0], int) else library_prompt(loaded, prompt)
    given: dict[str, Any] = {"decoder_input_ids": torch.tensor([loaded.opening])} if loaded.opening else {}
    options = {"max_new_tokens": max_tokens, "do_sample": False, "pad_token_id": 2, "eos_token_id": list(loaded.ends)}
    tokens = torch.tensor([ids])
    out = THREAD.submit(
        lambda: loaded.model.generate(tokens, attention_mask=torch.ones_like(tokens), **given, **options)
    ).result()
    start = len(loaded.opening) or len(ids)
    text = loaded.tokenizer.decode(out[0, start:], skip_special_tokens=True)
    # Cut within a character, an answer ends before it.
    return (text if int(out[0, -1]) in loaded.ends else text.rstrip("\ufffd")).strip()


def log_chances(loaded: LoadedModel, tokens: list[int], answer: list[int]) -> torch.Tensor:
    """Log-probabilities of each of the answer's tokens and of the one after it, [tokens + 1, vocabulary]."""

    @torch.inference_mode()
    def go() -> torch.Tensor:
        if loaded.opening:
            given = {"decoder_input_ids": torch.tensor([[*loaded.opening, *answer]])}
            logits = loaded.model(torch.tensor([tokens]), **given).logits[0, len(loaded.opening) - 1 :]
        else:
            logits = loaded.model(torch.tensor([tokens + answer])).logits[0, len(tokens) - 1 :]
        return torch.log_softmax(logits.float(), dim=-1)

    return THREAD.submit(go).result()
