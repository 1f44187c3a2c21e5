"""A linear model without intercept on differences of features, and how sure it may be.

Every difference is that of what people preferred less what they did not, so each target is 1, and exchanging a pair
changes its sign: without an intercept, the two probabilities add up to 1. Least squares with a ridge stands where a
logistic loss might: in closed form, with the same accuracy here; what makes its values log-odds is the temperature.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from constitution.votes import sigmoid

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def ridge(differences: Floats, strengths: Sequence[float]) -> Floats:
    """Weights of least squares towards 1 with these ridges.

    Args:
        differences: [pairs, features].
        strengths: Relative to the mean square of a pair's features, so that they mean the same whatever their number.

    Returns:
        [strengths, features].
    """
    rows = torch.from_numpy(np.ascontiguousarray(differences))
    pairs, features = rows.shape
    wide = features > pairs
    # Whichever is smaller: products of pairs, or of features.
    square = (rows @ rows.T if wide else rows.T @ rows).double()
    scale = float(rows.square().sum()) / pairs
    target = torch.ones(pairs, dtype=torch.float64) if wide else rows.sum(dim=0).double()
    found = []
    for strength in strengths:
        # In the mean square's units; divided among pairs or features alike.
        penalised = square + torch.eye(len(square), dtype=torch.float64) * (strength * scale)
        solved = torch.cholesky_solve(target[:, None], torch.linalg.cholesky(penalised))[:, 0].float()
        found.append(rows.T @ solved if wide else solved)
    weights: Floats = torch.stack(found).numpy()
    return weights


def confidence(margins: Sequence[float]) -> float:
    """What to multiply margins with so that their sigmoid is the probability of being right (Guo et al. 2017, 4.2).

    The inverse of their temperature; 0 where margins say nothing. One margin of the usual size is taken to be wrong
    beside those that are there, so that no number of right ones makes a probe certain.

    Args:
        margins: Of pairs that were not fitted on; positive where the model prefers what people do.
    """
    values = np.asarray(margins, dtype=np.float64)
    usual = float(np.median(np.abs(values)))
    if usual == 0:
        return 0.0
    values = np.append(values, -usual)

    def gains(factor: float) -> bool:
        """Whether the likelihood still rises there."""
        return math.fsum(value * sigmoid(-factor * value) for value in values.tolist()) > 0

    low, high = 0.0, 100 / usual
    if not gains(low):
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if gains(middle) else (low, middle)
    return low


def log_loss(margins: Sequence[float], factor: float) -> float:
    """Mean of minus the log-likelihood of being right, in nats; 0.693 of one who knows nothing."""
    return math.fsum(float(np.logaddexp(0.0, -factor * value)) for value in margins) / len(margins)
