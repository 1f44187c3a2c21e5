"""Models and datasets that bring code: none of it runs. Each canary is a file that the code would write."""

import io
import json
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy
import pytest
import torch
from models import load_model, random_model

from constitution.config import Settings
from constitution.engines.transformers.model import find_model, locate
from constitution.errors import ConstitutionError, ModelError
from constitution.sources import read


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


class Touch:
    """Unpickled, it writes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


def code(canary: Path) -> str:
    """A module that writes the canary when it is imported, and has whatever class is asked for."""
    return f"from pathlib import Path\nPath({str(canary)!r}).touch()\ndef __getattr__(name): return object\n"


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def refusal(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_model(str(folder))
    return caught.value


def test_the_canary_is_written_by_code_that_runs(canary: Path) -> None:
    pickle.loads(pickle.dumps(Touch(canary)))
    assert canary.exists()
    canary.unlink()
    exec(code(canary), {})
    assert canary.exists()


# --- models

NEW = {"model_type": "brand-new", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}
TOKENIZER = {"tokenizer_class": "BrandNew", "auto_map": {"AutoTokenizer": ["evil.T", "evil.T"]}}


@pytest.mark.parametrize(("file", "changes"), [("config.json", NEW), ("tokenizer_config.json", TOKENIZER)])
def test_a_model_that_needs_its_own_code_is_refused_and_the_code_not_run(
    tmp_path: Path, canary: Path, file: str, changes: dict[str, Any]
) -> None:
    folder = random_model(tmp_path / "m", "llama")
    (folder / "evil.py").write_text(code(canary), encoding="utf-8")
    edit(folder / file, **changes)
    error = refusal(folder)
    assert error.message == f"the model {str(folder)!r} needs Python code that comes with it, which is never run here"
    assert "--engine openai" in error.hint
    assert not canary.exists()


def test_code_beside_a_model_that_the_library_knows_is_not_run(tmp_path: Path, canary: Path) -> None:
    folder = random_model(tmp_path / "m", "llama")
    (folder / "evil.py").write_text(code(canary), encoding="utf-8")
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(code(canary), encoding="utf-8")
    edit(folder / "config.json", auto_map=NEW["auto_map"])
    edit(folder / "tokenizer_config.json", auto_map=TOKENIZER["auto_map"])
    assert type(load_model(str(folder)).model).__name__ == "LlamaForCausalLM"
    assert not canary.exists()


def test_attention_from_the_hub_is_refused(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "m", "llama")
    edit(folder / "config.json", attn_implementation="someone/kernel")
    for look in (lambda: load_model(str(folder)), lambda: find_model(str(folder), None)):
        with pytest.raises(ModelError, match=r"wants code from the Hub for its attention \(someone/kernel\)"):
            look()


@pytest.mark.parametrize("ending", ["bin", "pt"])
def test_weights_that_are_pickles_are_refused_and_not_read(tmp_path: Path, canary: Path, ending: str) -> None:
    folder = random_model(tmp_path / "m", "llama")
    (folder / "model.safetensors").unlink()
    (folder / f"pytorch_model.{ending}").write_bytes(pickle.dumps(Touch(canary)))
    error = refusal(folder)
    assert error.message == (
        f"{folder}: its weights are pickles (pytorch_model.{ending}), which can run code when they are read"
    )
    assert "save_pretrained" in error.hint
    # Both engines find a model so, before any of them loads it.
    for look in (lambda: locate(str(folder), None), lambda: find_model(str(folder), None)):
        with pytest.raises(ModelError, match="pickles"):
            look()
    assert not canary.exists()


def test_safetensors_are_read_and_not_the_pickle_beside_them(tmp_path: Path, canary: Path) -> None:
    folder = random_model(tmp_path / "m", "llama")
    torch.save(Touch(canary), folder / "pytorch_model.bin")
    load_model(str(folder))
    assert not canary.exists()


def test_an_index_that_names_pickles_does_not_have_them_run(tmp_path: Path, canary: Path) -> None:
    folder = random_model(tmp_path / "m", "llama")
    torch.save(Touch(canary), folder / "evil.bin")
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    index = {"metadata": {"total_size": 1}, "weight_map": {"model.norm.weight": "evil.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert "names 'evil.bin', which is no .safetensors file of this folder" in refusal(folder).message
    assert not canary.exists()


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ('{"weight_map": {"a": "../x.safetensors"}}', "names '../x.safetensors'"),
        ("[" * 10_000, "cannot be read"),
        ("[]", "cannot be read"),
    ],
)
def test_an_index_that_is_broken_or_leads_out_of_the_folder_is_refused(tmp_path: Path, index: str, told: str) -> None:
    folder = random_model(tmp_path / "m", "llama")
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    assert told in refusal(folder).message


def test_an_adapter_is_refused_as_it_names_another_model(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "m", "llama")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}', encoding="utf-8")
    error = refusal(folder)
    assert "an adapter (adapter_config.json), not a model" in error.message
    assert "merge_and_unload" in error.hint


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert "no weights" in refusal(tmp_path).message


def header(content: Any) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text


WEIGHT = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
HEADERS = {
    "cut off": lambda whole: whole[:100],
    "empty": lambda whole: b"",
    "longer than the file": lambda whole: struct.pack("<Q", 2**63) + whole[8:],
    "longer than is allowed": lambda whole: struct.pack("<Q", 200_000_000) + whole[8:],
    "no JSON": lambda whole: struct.pack("<Q", 4) + b"\x80abc" + whole,
    "a list": lambda whole: header([1]),
    "deep": lambda whole: struct.pack("<Q", 20_000) + b"[" * 20_000,
    "numbers beyond the file": lambda whole: header({"a": WEIGHT | {"data_offsets": [0, 2**60]}}),
    "numbers that overlap": lambda whole: header({"a": WEIGHT, "b": WEIGHT}) + bytes(16),
    "a shape beyond all": lambda whole: header({"a": WEIGHT | {"shape": [2**40, 2**40]}}) + bytes(16),
    "an unknown type": lambda whole: header({"a": WEIGHT | {"dtype": "PICKLE"}}) + bytes(16),
    "other weights": lambda whole: header({"a": WEIGHT}) + bytes(16),
}


@pytest.mark.parametrize("fault", HEADERS)
def test_hostile_safetensors_are_an_error_of_the_model(tmp_path: Path, fault: str) -> None:
    folder = random_model(tmp_path / "m", "llama")
    weights = folder / "model.safetensors"
    weights.write_bytes(HEADERS[fault](weights.read_bytes()))
    message = refusal(folder).message
    assert "its files lack" in message if fault == "other weights" else "cannot be loaded" in message


# --- datasets


def a_script(folder: Path, canary: Path) -> None:
    (folder / f"{folder.name}.py").write_text(code(canary), encoding="utf-8")


def a_script_beside_rows(folder: Path, canary: Path) -> None:
    a_script(folder, canary)
    (folder / "train.jsonl").write_text('{"prompt": "Hi?"}\n', encoding="utf-8")


def a_pickle(folder: Path, canary: Path) -> None:
    for ending in ("pkl", "pickle", "pandas"):
        (folder / f"train.{ending}").write_bytes(pickle.dumps(Touch(canary)))


def a_pickle_as_arrow(folder: Path, canary: Path) -> None:
    (folder / "train.arrow").write_bytes(pickle.dumps(Touch(canary)))


def a_tar_of_pickles(folder: Path, canary: Path) -> None:
    numbers = io.BytesIO()
    numpy.save(numbers, numpy.array([Touch(canary)], dtype=object), allow_pickle=True)
    weights = io.BytesIO()
    torch.save(Touch(canary), weights)
    pickled = pickle.dumps(Touch(canary))
    members = {"pyd": pickled, "pkl": pickled, "pickle": pickled, "npy": numbers.getvalue(), "pth": weights.getvalue()}
    for ending, content in members.items():
        with tarfile.open(folder / f"{ending}-train.tar", "w") as tar:
            for name, held in ((f"0.{ending}", content), ("0.txt", b"Hi?")):
                member = tarfile.TarInfo(name)
                member.size = len(held)
                tar.addfile(member, io.BytesIO(held))


def a_state_of_pickles(folder: Path, canary: Path) -> None:
    datasets.Dataset.from_list([{"prompt": "Hi?"}]).save_to_disk(folder)
    edit(folder / "state.json", _data_files=[{"filename": "../evil.arrow"}])
    (folder.parent / "evil.arrow").write_bytes(pickle.dumps(Touch(canary)))


@pytest.mark.parametrize(
    "make", [a_script, a_script_beside_rows, a_pickle, a_pickle_as_arrow, a_tar_of_pickles, a_state_of_pickles]
)
def test_a_dataset_that_brings_code_does_not_run_it(
    tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, Path], None]
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder, canary)
    settings = Settings(prompts=str(folder), out="unused")
    with pytest.raises(ConstitutionError):
        list(read(settings))
    assert not canary.exists()
