"""Second-order class of a stationary point of an undecayed linear network, from ranks alone.

Achour, Malgouyres, Gerchinovitz, "The loss landscape of deep linear neural networks: a second-order analysis" (2021).
See ``docs/theory/reduced-rank.md``.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.vocabulary import PointClass

RANK_TOLERANCE = 1e-8
LOSS_TOLERANCE = 1e-9


def rank_share(weights: Sequence[FloatArray], unit: float) -> float:
    """Share of the norms below which a singular value of a product of layers (width, inputs) counts as zero.

    Parameters
    ----------
    weights : sequence of (width, inputs) arrays
    unit : float
        Unit roundoff of the weights: of an n x n matrix it moves singular values by ``2 sqrt(n)`` of itself at most.
    """
    width = max(max(weight.shape) for weight in weights)
    return max(RANK_TOLERANCE, 2.0 * len(weights) * float(np.sqrt(width)) * unit)


def _rank(matrix: FloatArray, scale: float, share: float) -> int:
    """Singular values above a share of ``scale``, which is not the matrix's own norm on purpose."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.count_nonzero(values > share * scale))


def _product(weights: Sequence[FloatArray], size: int) -> FloatArray:
    product = np.eye(size)
    for weight in weights:
        product = weight @ product
    return product


def _sizes(quadratic: Quadratic, weights: Sequence[FloatArray]) -> FloatArray:
    """Norm of every layer, what rounding in it is proportional to: of the first before it is restricted."""
    sizes = np.array([float(np.linalg.norm(weight, 2)) for weight in weights])
    sizes[0] *= quadratic.largest_scale
    return sizes


def class_by_pivots(
    problem: Problem, quadratic: Quadratic, weights: Sequence[FloatArray], unit: float = 0.0
) -> PointClass:
    """Class of a stationary point without weight decay, noise or biases.

    Parameters
    ----------
    problem : Problem
    quadratic : Quadratic
    weights : sequence of (width, inputs) arrays
        Stationary; this is not checked.
    unit : float
        Unit roundoff of the weights where it is more than that of double precision.

    Returns
    -------
    PointClass
        ``GLOBAL_MINIMUM``, ``STRICT_SADDLE`` or ``NON_STRICT_SADDLE``; there are no others.

    Notes
    -----
    A pivot (i, j) is tightened if one of its two blocks has the rank of the whole map; the point is not strict iff
    the map keeps leading singular directions and every pivot is tightened.
    """
    reduced = [quadratic.restrict(weights[0]) * quadratic.scales, *weights[1:]]
    share = rank_share(reduced, unit)
    near = max(LOSS_TOLERANCE, share**2)
    sizes = _sizes(quadratic, weights)
    values = quadratic.svd[1]
    end_map = _product(reduced, quadratic.rank)
    rank = _rank(end_map, float(np.prod(sizes)), share)
    loss = float(np.sum((end_map - quadratic.target) ** 2))
    total = float(np.sum(values**2))
    bound = rank_bound(problem, quadratic)
    if loss <= float(np.sum(values[bound:] ** 2)) + near * total:
        return PointClass.GLOBAL_MINIMUM
    if loss > float(np.sum(values[rank:] ** 2)) + near * total:
        return PointClass.STRICT_SADDLE
    tightened = all(
        _is_tightened(reduced, sizes, quadratic.target, (upper, lower), rank, share)
        for lower, upper in combinations(range(len(reduced)), 2)
    )
    return PointClass.NON_STRICT_SADDLE if tightened else PointClass.STRICT_SADDLE


def _is_tightened(
    weights: Sequence[FloatArray],
    sizes: FloatArray,
    target: FloatArray,
    pivot: tuple[int, int],
    rank: int,
    share: float,
) -> bool:
    """Whether one block of the pivot of two layers (0-based, upper before lower) has the rank of the map."""
    upper, lower = pivot
    between = _product(weights[lower + 1 : upper], weights[lower].shape[0])
    if _rank(between, float(np.prod(sizes[lower + 1 : upper])), share) == rank:
        return True
    before = _product(weights[:lower], weights[0].shape[1])
    after = _product(weights[upper + 1 :], weights[upper].shape[0])
    outside = before @ target.T @ after
    scale = float(np.prod(sizes[:lower]) * np.prod(sizes[upper + 1 :])) * float(np.linalg.norm(target, 2))
    return _rank(outside, scale, share) == rank
