"""Which kinds of model there are, told from their configurations."""

import sys
from typing import Any

import transformers

from constitution.errors import ModelError


def class_of(name: str, config: Any) -> Any:
    """The library's class that loads a model.

    Raises:
        ModelError: It is no language model that answers in text.
    """
    decoders, encoder_decoders = (
        transformers.MODEL_FOR_CAUSAL_LM_MAPPING,
        transformers.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    )
    # The library loads BERT as a decoder too, which it was not trained to be.
    fills_gaps = type(config) in transformers.MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    if config.is_encoder_decoder and type(config) in encoder_decoders:
        return transformers.AutoModelForSeq2SeqLM
    if not config.is_encoder_decoder and type(config) in decoders and not fills_gaps:
        return transformers.AutoModelForCausalLM
    raise unsupported(name, config)


def unsupported(name: str, config: Any, why: str = "") -> ModelError:
    """What to raise for a model that is no language model."""
    kind = (config.architectures or [config.model_type])[0]
    return ModelError(
        f"the model {name!r} is of an unsupported kind: {kind}" + (f" ({why})" if why else ""),
        "Give one that answers in text: a decoder (Llama, Qwen, GPT-2, Mamba) or an encoder-decoder (T5, BART).",
    )


def context_of(config: Any, tokenizer: Any) -> int:
    """Most tokens that a model reads."""
    if getattr(config, "relative_attention_num_buckets", None):
        # T5's positions are relative, so nothing bounds it; its tokenizer names what texts were cut to in training.
        return sys.maxsize
    context = getattr(config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
    # Tokenizers without a limit of their own report a number with thirty digits.
    return min(int(context), tokenizer.model_max_length, sys.maxsize)


def opening_of(model: Any) -> tuple[int, ...]:
    """What an encoder-decoder's answer begins with: the token that starts it, and one that its authors may force."""
    given = model.generation_config
    start = given.decoder_start_token_id if given.decoder_start_token_id is not None else given.bos_token_id
    return tuple(token for token in (start, given.forced_bos_token_id) if token is not None)
