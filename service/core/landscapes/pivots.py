"""Second-order class of a stationary point of an undecayed linear network, from ranks alone.

Achour, Malgouyres, Gerchinovitz, "The loss landscape of deep linear neural networks: a second-order analysis" (2021).
See ``docs/theory/reduced-rank.md``.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.quadratic import Quadratic
from service.core.linear.ranks import rank_bound
from service.core.problems import Problem
from service.vocabulary import PointClass

RANK_TOLERANCE = 1e-8
LOSS_TOLERANCE = 1e-9


def _rank(matrix: FloatArray, scale: float) -> int:
    """Singular values above the tolerance times ``scale``, which is not the matrix's own norm on purpose."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.count_nonzero(values > RANK_TOLERANCE * scale))


def _product(weights: Sequence[FloatArray], size: int) -> FloatArray:
    product = np.eye(size)
    for weight in weights:
        product = weight @ product
    return product


def map_rank(weights: Sequence[FloatArray]) -> int:
    """Rank of the end-to-end map relative to the norms of the layers."""
    return _rank(_product(weights, weights[0].shape[1]), _scale(weights))


def _scale(weights: Sequence[FloatArray]) -> float:
    """Product of the layers' norms, each at least 1e-6: what rounding in a product is proportional to."""
    return float(np.prod([max(float(np.linalg.norm(weight, 2)), 1e-6) for weight in weights], initial=1.0))


def class_by_pivots(problem: Problem, quadratic: Quadratic, weights: Sequence[FloatArray]) -> PointClass:
    """Class of a stationary point without weight decay, noise or biases.

    Parameters
    ----------
    problem : Problem
    quadratic : Quadratic
    weights : sequence of arrays
        Stationary; this is not checked.

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
    rank = map_rank(reduced)
    values = quadratic.svd[1]
    end_map = _product(reduced, quadratic.rank)
    loss = float(np.sum((end_map - quadratic.target) ** 2))
    unit = float(np.sum(values**2))
    bound = rank_bound(problem, quadratic)
    if loss <= float(np.sum(values[bound:] ** 2)) + LOSS_TOLERANCE * unit:
        return PointClass.GLOBAL_MINIMUM
    if loss > float(np.sum(values[rank:] ** 2)) + LOSS_TOLERANCE * unit:
        return PointClass.STRICT_SADDLE
    tightened = all(
        _is_tightened(reduced, quadratic.target, upper, lower, rank)
        for lower, upper in combinations(range(len(reduced)), 2)
    )
    return PointClass.NON_STRICT_SADDLE if tightened else PointClass.STRICT_SADDLE


def _is_tightened(weights: Sequence[FloatArray], target: FloatArray, upper: int, lower: int, rank: int) -> bool:
    """Whether one block of the pivot of two layers (0-based, ``upper > lower``) has the rank of the map."""
    inside = weights[lower + 1 : upper]
    between = _product(inside, weights[lower].shape[0])
    if _rank(between, _scale(inside)) == rank:
        return True
    low, high = weights[:lower], weights[upper + 1 :]
    before = _product(low, weights[0].shape[1])
    after = _product(high, weights[upper].shape[0])
    outside = before @ target.T @ after
    return _rank(outside, _scale(low) * _scale(high) * max(float(np.linalg.norm(target, 2)), 1e-6)) == rank
