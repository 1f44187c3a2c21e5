"""The arithmetic of fitting probes: ridges, temperatures, and folds that leak nothing."""

import math

import numpy as np
import pytest

from constitution.probes.crossing import SPLITS, cross_validate, scale_of, split_of, weights_of
from constitution.probes.ridge import confidence, log_loss, ridge


def right(margins: tuple[float, ...]) -> float:
    return float(np.mean(np.array(margins) > 0))


@pytest.mark.parametrize(("pairs", "features"), [(40, 7), (7, 40)])
def test_a_ridge_is_the_textbooks_in_both_shapes(pairs: int, features: int) -> None:
    rows = np.random.default_rng(0).normal(size=(pairs, features)).astype(np.float32)
    scale = float((rows**2).sum()) / pairs
    for strength, found in zip((0.1, 2.0), ridge(rows, (0.1, 2.0)), strict=True):
        expected = np.linalg.solve(rows.T @ rows + strength * scale * np.eye(features), rows.T @ np.ones(pairs))
        assert found == pytest.approx(expected, abs=1e-4)


def test_weights_do_not_depend_on_the_size_of_features() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2, 2, 3)).astype(np.float32)
    sizes = np.geomspace(0.01, 100, 12).reshape(2, 2, 3).astype(np.float32)
    (plain,), (scaled,) = weights_of(rows, [1.0]), weights_of(rows * sizes, [1.0])
    assert scaled * sizes == pytest.approx(plain, rel=1e-3)
    # A feature that is the same of all responses counts for nothing, and divides by nothing.
    rows[:, 0, 0, 0] = 0
    assert scale_of(rows).min() > 0 and weights_of(rows, [1.0])[0, 0, 0, 0] == 0


def test_the_temperature_is_found_and_never_infinite() -> None:
    dice = np.random.default_rng(0)
    sizes = np.abs(dice.normal(size=8000))
    truly = dice.random(8000) < 1 / (1 + np.exp(-2.5 * sizes))
    margins = np.where(truly, sizes, -sizes).tolist()
    assert confidence(margins) == pytest.approx(2.5, rel=0.05)
    assert log_loss(margins, 2.5) < log_loss(margins, 1.5) < log_loss(margins, 0.0) == pytest.approx(math.log(2))
    # All right: one is taken to be wrong beside them, so the usual margin is that of 20 in 21.
    assert confidence([1.0] * 20) == pytest.approx(math.log(20), rel=1e-6)
    # No better than chance, or nothing at all.
    assert confidence([-1.0, 1.0, -1.0]) == 0.0 and confidence([0.0, 0.0]) == 0.0


def test_splits_are_about_equal_and_keep_groups_together() -> None:
    groups = [f"group {n % 37}" for n in range(300)] + ["large"] * 40
    splits = split_of(groups)
    assert {split for group, split in zip(groups, splits, strict=True) if group == "large"} <= set(range(SPLITS))
    assert len(set(zip(groups, splits, strict=True))) == 38
    assert all(60 <= splits.count(split) <= 76 for split in range(SPLITS))
    # The order of the file counts for nothing.
    assert dict(zip(groups[::-1], split_of(groups[::-1]), strict=True)) == dict(zip(groups, splits, strict=True))


def test_a_planted_direction_is_found_in_its_layer() -> None:
    dice = np.random.default_rng(0)
    rows = dice.normal(size=(200, 3, 2, 8)).astype(np.float32)
    rows[:, 1, 0, 3] += 2.0
    found = cross_validate(rows, [str(n) for n in range(200)])
    assert 1 in found.choice.layers and right(found.margins) > 0.9
    ps = 1 / (1 + np.exp(-np.array(found.margins)))
    # As sure as it is right, on pairs that it has not seen.
    assert float(ps.mean()) == pytest.approx(right(found.margins), abs=0.05)


def test_nothing_leaks_between_splits() -> None:
    dice = np.random.default_rng(0)
    # Each group has a direction of its own, which its four pairs share: whoever has seen one of them knows the others.
    own = dice.normal(size=(50, 1, 2, 60)).astype(np.float32)
    rows = np.repeat(own, 4, axis=0) + 0.05 * dice.normal(size=(200, 1, 2, 60)).astype(np.float32)
    groups = [str(n // 4) for n in range(200)]
    assert right(cross_validate(rows, groups).margins) < 0.68
    assert right(cross_validate(rows, [str(n) for n in range(200)]).margins) > 0.95
