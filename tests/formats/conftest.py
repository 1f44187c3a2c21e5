"""What the checks against consumers share: exported folders, and a tokenizer that changes nothing.

Run by `make test-formats`, in an environment of its own, never by `make test`.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import write

# Before a consumer imports a Hugging Face package, which reads it once.
os.environ["HF_HUB_OFFLINE"] = "1"
# Some keep what they mapped by a fingerprint of the file: a cache of an earlier run must not answer for this one.
CACHE = tempfile.mkdtemp(prefix="constitution-formats-")
os.environ["HF_HOME"] = os.environ["MODELSCOPE_CACHE"] = CACHE
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
# These packages ask for versions of one another's dependencies that no one environment can hold.
os.environ["DISABLE_VERSION_CHECK"] = "1"

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only who asks for this folder gets it."""
    return None if any("formats" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a family, written once."""
    root, made = tmp_path_factory.mktemp("exports"), dict[tuple[str, bool], Path]()

    def of(family: str, parquet: bool = False) -> Path:
        if (family, parquet) not in made:
            made[family, parquet] = write(root / f"{family}-{parquet}", family, parquet=parquet)
        return made[family, parquet]

    return of


@pytest.fixture
def tokenizer():
    """A token a byte, so that what was encoded comes back as it was; the chat template is ChatML."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE(vocab={byte: place for place, byte in enumerate(alphabet)}, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=bytes_only, eos_token="<|im_end|>", pad_token="<pad>")
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    made.chat_template = CHATML
    return made
