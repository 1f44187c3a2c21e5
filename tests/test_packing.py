"""Packed weights give the products that the library's own layers give."""

import pytest
import torch
from models import THREAD, random_model

from constitution.engines.transformers import packing
from constitution.engines.transformers.model import LoadedModel, load_model
from constitution.engines.transformers.packing import pack_linears


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = random_model(tmp_path_factory.mktemp("packed"), "llama")
    return THREAD.submit(load_model, str(folder), None, "bfloat16", "cpu").result()


def logits(loaded: LoadedModel, rows: int) -> torch.Tensor:
    ids = torch.arange(rows * 7).reshape(rows, 7) % 997

    @torch.inference_mode()
    def go() -> torch.Tensor:
        return loaded.model(ids).logits.float()

    return THREAD.submit(go).result()


def packed(loaded: LoadedModel) -> bool:
    return THREAD.submit(pack_linears, loaded.model).result()


@pytest.mark.parametrize("rows", [1, 5, 200])
def test_packed_weights_give_the_same_logits(small: LoadedModel, rows: int) -> None:
    before = logits(small, rows)
    if not packed(small):
        pytest.skip("this processor has no fast bfloat16")
    assert all("forward" in vars(part) for part in small.model.modules() if type(part) is torch.nn.Linear)
    after = logits(small, rows)
    # bfloat16 keeps eight bits; sums in another order differ in the last.
    assert (after - before).abs().max() <= 0.02 * before.abs().max()


def test_weights_that_would_take_much_of_the_memory_stay_as_they_are(
    small: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "SHARE", 1e-12)
    assert not packed(small)
    assert not any("forward" in vars(part) for part in small.model.modules())


def test_other_number_formats_are_left_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = random_model(tmp_path_factory.mktemp("plain"), "llama")
    assert not packed(THREAD.submit(load_model, str(folder), None, "float32", "cpu").result())
