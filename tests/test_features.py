"""What models read of responses, kept on disk: found again, bounded, and never in the way."""

import os
from pathlib import Path

import numpy as np
import pytest

from constitution.engines.base import Identity
from constitution.probes import features
from constitution.probes.features import Features, FeatureStore
from constitution.records import Message

MODEL = Identity(engine="transformers", model="m", revision="r", detail="float32")
ASKED = [Message(role="user", content="Hm?")]


def store(root: Path, model: Identity = MODEL, layers: tuple[int, ...] = (1, 2)) -> FeatureStore:
    return FeatureStore(model, None, layers, root)


def made(number: int) -> Features:
    return Features(np.full((2, 2, 4), number, dtype=np.float32), 10 + number)


def keep(kept: FeatureStore, numbers: range) -> None:
    for n in numbers:
        kept.add(ASKED, f"Response {n}", made(n))
    kept.flush()


def held(kept: FeatureStore, number: int) -> bool:
    found = kept.find(ASKED, f"Response {number}")
    assert found is None or (np.array_equal(found.states, made(number).states) and found.tokens == 10 + number)
    return found is not None


def test_what_was_read_is_found_again_for_the_same_model_and_layers(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.add(ASKED, "Response 0", made(0))
    # At hand at once; for another process once it is written.
    assert held(first, 0) and not held(store(tmp_path), 0)
    keep(first, range(1, 300))
    again = store(tmp_path)
    assert all(held(again, n) and held(first, n) for n in range(300)) and not held(again, 300)
    assert again.find(ASKED, " Response 7\n") and not again.find([], "Response 7")
    assert not held(store(tmp_path, layers=(2, 1)), 0)
    assert not held(store(tmp_path, MODEL.model_copy(update={"revision": "s"})), 0)


def test_the_oldest_go_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store(tmp_path)
    for part in range(4):
        keep(kept, range(10 * part, 10 * part + 10))
        for place, path in enumerate(sorted(tmp_path.rglob("*.safetensors"), key=lambda one: one.stat().st_mtime_ns)):
            os.utime(path, (place, place))
    size = next(tmp_path.rglob("*.safetensors")).stat().st_size
    monkeypatch.setattr(features, "MOST_BYTES", 3 * size)
    keep(kept, range(40, 50))
    again = store(tmp_path)
    assert [held(again, n) for n in (0, 10, 20, 30, 40)] == [False, False, True, True, True]
    # Whoever remembers one that is gone reads anew.
    assert not held(kept, 0)


def test_a_disk_that_takes_nothing_costs_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "features").write_text("a file in the way")
    kept = store(tmp_path)
    keep(kept, range(3))
    assert "what was read of responses is not kept" in caplog.text and not held(kept, 0)


def test_a_damaged_file_is_read_over(tmp_path: Path) -> None:
    keep(store(tmp_path), range(3))
    path = next(tmp_path.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:100])
    assert not held(store(tmp_path), 0)
