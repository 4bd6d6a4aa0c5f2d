"""Least squares with a squared nuclear norm: what noise on a hidden layer amounts to.

``min ||W - target||^2 + mu ||W||_*^2 + 2 gam ||W||_*`` over rank at most ``cap`` keeps the singular vectors of the
target and lowers its leading singular values by one common amount.  See ``docs/theory/dropout.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.exceeding import exceeds
from service.core.ground.problems import Network, Problem
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.squared_error.ranks import rank_bound

ROUNDING_RANK = 1e-13
"""Singular values of the target, relative to the largest, up to which they are rounding."""


@dataclass(frozen=True, slots=True)
class Level:
    """The solution for given singular values of the target.

    Attributes
    ----------
    kept : int
        Number of singular values that stay positive.
    amount : float
        What is taken off each of them.
    total : float
        Nuclear norm of the solution.
    """

    kept: int
    amount: float
    total: float


def effective_noise(network: Network) -> float:
    """``nu = prod_l (1 + s_l / d_l) - 1`` over the hidden layers; infinite where that leaves double precision."""
    factors = [np.log1p(layer.noise_variance / layer.width) for layer in network.layers[:-1]]
    with np.errstate(over="ignore"):
        return float(np.expm1(sum(factors)))


def noisy_layers(network: Network) -> list[int]:
    """Hidden layers, counted from 0, that have noise."""
    return [index for index, layer in enumerate(network.layers[:-1]) if layer.noise_variance > 0.0]


def fill(values: FloatArray, mu: float, gam: float, cap: int) -> Level:
    """Solve for singular values ``values`` (r,) in descending order.  O(cap)."""
    kept, total = 0, 0.0
    running = 0.0
    for index in range(min(cap, values.size)):
        running += float(values[index])
        candidate = (running - (index + 1) * gam) / (1.0 + (index + 1) * mu)
        if not exceeds(float(values[index]), gam + mu * candidate):
            break
        kept, total = index + 1, candidate
    return Level(kept, gam + mu * total, total)


def transition_scales(values: Sequence[float], mu: float, gam: float, cap: int) -> list[float]:
    """Factors on the decay at which the k-th singular value vanishes, for k = cap .. 1, positive ones only."""
    scales: list[float] = []
    above = 0.0
    for index, value in enumerate(values[:cap]):
        scale = (value * (1.0 + index * mu) - mu * above) / gam
        if scale <= 0.0:
            break
        scales.append(scale)
        above += value
    return scales[::-1]


def equality_holds(network: Network, kept: int) -> bool:
    """Whether some weights attain the bound: one noisy layer, or a solution of rank at most one."""
    return len(noisy_layers(network)) <= 1 or kept <= 1


def decay_level(problem: Problem, quadratic: Quadratic) -> float:
    """``gam``: geometric mean of the two decays in white coordinates, 0 where some layer has none."""
    decays = problem.network.weight_decays
    if not np.all(decays > 0.0):
        return 0.0
    return common_decay(decays) / float(np.sqrt(quadratic.mean_square))


def water_level(problem: Problem, quadratic: Quadratic) -> Level:
    """The water filling that a problem amounts to."""
    values = quadratic.svd[1]
    rank = int(np.count_nonzero(values > ROUNDING_RANK * values[0])) if values.size else 0
    cap = min(rank_bound(problem, quadratic), rank)
    return fill(values, effective_noise(problem.network), decay_level(problem, quadratic), cap)
