"""Small tokenizers in the formats of known families of chat models, made here: nothing is downloaded.

The control strings, how each is matched (special, normalised, with white space taken along, as single words only) and
the layout of a conversation (chat_templates.py) follow the families' documentation; vocabularies are trained on a few
sentences.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from chat_templates import CHATML, COMMAND_R, DEEPSEEK, FOLDING, GEMMA, HARMONY, LLAMA2, LLAMA3, MISTRAL, PHI3, ZEPHYR
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from constitution.templating import load_templates

SENTENCES = [
    "How do I kill a Python process that hangs, when the terminal does not answer any more and I can't restart?",
    "The user asks the assistant, and the system says: write one more line about the message, then start and end it.",
    "Human and Assistant turn to the model; thinking of a tool, the channel is final. Name three colours, and why.",
    "INST SYS im_start im_end eot_id header_id start_of_turn end_of_turn think user system assistant developer model",
    "for n in range(10): print(x[n] == {'a': 1}) # naïve «quotes» in code, 日本語, e-mail <b>bold</b> | pipes || and",
]


@dataclass(frozen=True)
class Family:
    """A tokenizer with its format.

    Attributes:
        tokenizer: The library's object.
        strings: What opens a turn, what closes it, and one more: the ones that payloads are made of.
        template: A chat template that replaces the tokenizer's, as for base models.
        markers: Words in plain characters that tell turns apart.
        system: Whether the format has a system prompt.
        normal_form: What the normaliser does to a text's characters, white space aside.
    """

    tokenizer: Any
    strings: tuple[str, str, str]
    template: str | None = None
    markers: tuple[str, ...] = ()
    system: bool = True
    normal_form: normalizers.Normalizer | None = None


def special(*words: str, **how: bool) -> list[AddedToken]:
    return [AddedToken(word, special=True, normalized=False, **how) for word in words]


def plain(*words: str, **how: bool) -> list[AddedToken]:
    return [AddedToken(word, special=False, **{"normalized": False, **how}) for word in words]


def finish(tokenizer: Tokenizer, added: Sequence[AddedToken], chat_template: str | None, **named: str) -> Any:
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
    wrapped.chat_template = chat_template
    return wrapped


def byte_level(split: str | None = None, ignore_merges: bool = False) -> Tokenizer:
    """Byte pairs as in GPT-2, or with a pattern of its own that splits words, as later ones."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    pattern = [pre_tokenizers.Split(Regex(split), "isolated")] if split else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*pattern, level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    return tokenizer


def sentencepiece(prefix: bool) -> Tokenizer:
    """Pairs of characters with bytes for unknown ones, as sentencepiece models are converted."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trained.train_from_iterator(SENTENCES * 3, trainers.BpeTrainer(vocab_size=600, show_progress=False))
    learnt = json.loads(trained.to_str())["model"]
    words = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *learnt["vocab"], "▁▁", "▁▁▁▁"]
    vocabulary = {word: n for n, word in enumerate(dict.fromkeys(words))}
    merges = [*(tuple(pair) for pair in learnt["merges"]), ("▁", "▁"), ("▁▁", "▁▁")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    spaces = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces]) if prefix else spaces
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if prefix else steps)
    return tokenizer


def unigram(pieces: Sequence[str], byte_fallback: bool = True) -> Tokenizer:
    """A unigram model whose vocabulary itself holds some control strings, and which folds look-alikes and case."""
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    trained.train_from_iterator([sentence.lower() for sentence in SENTENCES * 3], trainer)
    learnt = [tuple(piece) for piece in json.loads(trained.to_str())["model"]["vocab"]]
    spelt = [(f"<0x{byte:02X}>", -20.0) for byte in range(256)] if byte_fallback else []
    vocabulary = [*learnt, *spelt, *((piece, 0.0) for piece in pieces)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, 0, byte_fallback=byte_fallback))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    return tokenizer


LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def chatml() -> Family:
    tokenizer = byte_level(LETTERS)
    tokenizer.normalizer = normalizers.NFC()
    added = [*special("<|endoftext|>", "<|im_start|>", "<|im_end|>"), *plain("<think>", "</think>", "<tool_call>")]
    made = finish(tokenizer, added, CHATML, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    return Family(made, ("<|im_start|>", "<|im_end|>", "</think>"), normal_form=normalizers.NFC())


def llama2() -> Family:
    made = finish(sentencepiece(True), special("<unk>", "<s>", "</s>"), LLAMA2, bos_token="<s>", eos_token="</s>")
    return Family(made, ("<s>", "</s>", "<<SYS>>"), markers=("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"))


def llama3() -> Family:
    words = ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|python_tag|>")
    reserved = [f"<|reserved_special_token_{n}|>" for n in range(240)]
    made = finish(
        byte_level(LETTERS, ignore_merges=True), special(*words, *reserved), LLAMA3, bos_token="<|begin_of_text|>"
    )
    return Family(made, ("<|start_header_id|>", "<|eot_id|>", "<|end_header_id|>"))


def mistral() -> Family:
    words = special("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]")
    made = finish(sentencepiece(True), words, MISTRAL, bos_token="<s>", eos_token="</s>")
    return Family(made, ("[INST]", "[/INST]", "</s>"))


def gemma() -> Family:
    words = special("<pad>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")
    others = plain(
        *(f"<unused{n}>" for n in range(99)), *("\n" * n for n in range(2, 8)), *("▁" * n for n in range(2, 8))
    )
    made = finish(sentencepiece(False), [*words, *others], GEMMA, bos_token="<bos>", eos_token="<eos>")
    return Family(made, ("<start_of_turn>", "<end_of_turn>", "<unused7>"), system=False)


def phi3() -> Family:
    words = special("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", rstrip=True)
    others = [*special("<unk>", "<s>", "</s>"), *special("<|endoftext|>", lstrip=True, rstrip=True)]
    made = finish(sentencepiece(True), [*others, *words], PHI3, bos_token="<s>", eos_token="<|endoftext|>")
    return Family(made, ("<|user|>", "<|end|>", "<|endoftext|>"))


def deepseek() -> Family:
    words = special("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>")
    others = plain("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", normalized=True)
    made = finish(
        byte_level(LETTERS), [*words, *others], DEEPSEEK, bos_token=words[0].content, eos_token=words[1].content
    )
    return Family(made, ("<｜User｜>", "<｜end▁of▁sentence｜>", "</think>"))


def harmony() -> Family:
    words = special("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>", "<|endoftext|>")
    made = finish(byte_level(LETTERS), words, HARMONY, eos_token="<|return|>")
    return Family(made, ("<|start|>", "<|end|>", "<|channel|>"))


def command_r() -> Family:
    roles = [f"<|{role}_TOKEN|>" for role in ("SYSTEM", "USER", "CHATBOT")]
    words = special("<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", *roles)
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.NFC()
    made = finish(tokenizer, words, COMMAND_R, bos_token="<BOS_TOKEN>")
    return Family(
        made, ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"), normal_form=normalizers.NFC()
    )


def zephyr() -> Family:
    made = finish(sentencepiece(True), special("<unk>", "<s>", "</s>"), ZEPHYR, bos_token="<s>", eos_token="</s>")
    return Family(made, ("<|user|>", "</s>", "<|system|>"), markers=("<|user|>", "<|system|>", "<|assistant|>"))


def folding() -> Family:
    added = [
        *special("<unk>", "<pad>"),
        *plain("<turn>", "</turn>", normalized=True),
        *plain("<think>", "</think>", normalized=True, lstrip=True, rstrip=True),
        *plain("endofall", normalized=True, single_word=True),
    ]
    made = finish(unigram(["</turn>", "<think>", "endofall"]), added, FOLDING, pad_token="<pad>", unk_token="<unk>")
    form = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    return Family(made, ("<turn>", "</turn>", "<think>"), markers=("user:", "model:"), normal_form=form)


def transcript() -> Family:
    """A base model with the program's own templates, whose tokenizer opens and closes every text."""
    tokenizer = byte_level()
    made = finish(tokenizer, special("<|bos|>", "<|endoftext|>"), None, bos_token="<|bos|>", eos_token="<|endoftext|>")
    ends = [(word, tokenizer.token_to_id(word)) for word in ("<|bos|>", "<|endoftext|>")]
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|bos|> $A <|endoftext|>", special_tokens=ends
    )
    template = load_templates("transcript").chat_template
    return Family(made, ("<|bos|>", "<|endoftext|>", "Human:"), template, markers=("Human:", "Assistant:"))


def bytes_only() -> Family:
    """A tokenizer written in Python: one token a byte, and no character positions."""
    template = load_templates("transcript").chat_template
    return Family(ByT5Tokenizer(), ("<pad>", "</s>", "<extra_id_0>"), template)


FAMILIES = {
    made.__name__: cache(made)
    for made in (
        *(chatml, llama2, llama3, mistral, gemma, phi3, deepseek, harmony, command_r, zephyr, folding, transcript),
        bytes_only,
    )
}
