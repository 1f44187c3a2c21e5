"""Small real models for the tests of the transformers engine."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM as CausalLM
from transformers import AutoTokenizer, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config

from constitution.engines.transformers.model import converted_bundle

# Everything that runs a model in the tests does so here, as the engine asks for.
THREAD = ThreadPoolExecutor(max_workers=1)

SMALL = {
    "vocab_size": 49152,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "eos_token_id": 2,
    "pad_token_id": 2,
}
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    # Looks back 8 tokens only, in every layer.
    "mistral": MistralConfig(**SMALL, sliding_window=8),
    # One layer that sees everything, one that looks back 8 tokens.
    "qwen2": Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=8, max_window_layers=1),
    # Learned positions, as many key heads as query heads.
    "gpt2": GPT2Config(vocab_size=49152, n_positions=512, n_embd=32, n_layer=2, n_head=4, eos_token_id=2),
}


def random_model(folder: Path, kind: str, chat: bool = True) -> Path:
    """Save a random model of two layers with the bundled model's tokenizer; returns its folder."""
    return THREAD.submit(_random_model, folder, kind, chat).result()


def _random_model(folder: Path, kind: str, chat: bool) -> Path:
    torch.manual_seed(0)
    model = CausalLM.from_config(CONFIGS[kind])
    # Random weights of the usual size give nearly the same logits everywhere: make them differ.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(converted_bundle())
    if not chat:
        tokenizer.chat_template = None
    tokenizer.save_pretrained(folder)
    return folder
