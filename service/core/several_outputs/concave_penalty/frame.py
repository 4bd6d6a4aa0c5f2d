"""Least squares with a concave penalty of the singular values, bounded one output direction at a time.

Over the left singular vectors q of a map V both the squared error and the penalty are sums of one lane each, so that
a symmetric matrix N with ``gain(q) <= q^T N q`` for every unit vector q bounds the objective from below.  At a
stationary map there is one natural N, in closed form; whether it dominates is checked by chords of the penalty.  See
``docs/theory/deep-bounds.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.several_outputs.concave_penalty.chords import Cover, Lane
from service.core.several_outputs.concave_penalty.penalised import Penalised

REPAIRS = 3


@dataclass(frozen=True, slots=True)
class FrameBound:
    """A lower bound, and where the multiplier of the map failed, if it did.

    Attributes
    ----------
    value : float
    violated : Lane or None
    """

    value: float
    violated: Lane | None


def multiplier(objective: Penalised, end_map: FloatArray, exactly: bool = False) -> FloatArray:
    """The matrix N (k, k) that is tight at a stationary map (k, rho).

    Notes
    -----
    ``N q = C v - (pen(s) - s pen'(s) / 2) q`` for every lane ``v = V^T q`` of norm s; zero on other directions, or,
    where no further lane can come, the least eigenvalue on the lanes: at the cap, or for maps of ``exactly`` this rank.
    """
    left, values, right = np.linalg.svd(end_map, full_matrices=False)
    kept = values > 1e-10 * max(float(values[0]), 1e-300)
    left, values, right = left[:, kept], values[kept], right[kept]
    offsets = objective.penalties(values) - objective.weights(values) * values**2
    inside = (left.T @ objective.quadratic.correlation) @ (right.T * values) - np.diag(offsets)
    inside = 0.5 * (inside + inside.T)
    matrix = (left @ inside) @ left.T
    if values.size and (exactly or values.size == objective.cap < end_map.shape[0]):
        least = float(np.linalg.eigvalsh(inside)[0])
        least = least if exactly else max(least, 0.0)
        matrix += least * (np.eye(end_map.shape[0]) - left @ left.T)
    symmetric: FloatArray = 0.5 * (matrix + matrix.T)
    return symmetric


def frame_bound(objective: Penalised, end_map: FloatArray, slack: float, repairs: int = REPAIRS) -> FrameBound:
    """Lower bound of the objective at every map, from the multiplier of a map (k, rho).

    Parameters
    ----------
    objective : Penalised
    end_map : (k, rho) array
        Any map; the bound is good where it is stationary and globally least.
    slack : float
        What the bound may lose for a cover that is not refined further; positive.
    repairs : int
        How often a multiplier that fails is raised where it fails most.

    Notes
    -----
    ``total`` minus the ``cap`` largest eigenvalues of a matrix that dominates every lane (Ky Fan).  A Cholesky
    decomposition of order k for each interval, some 30 intervals for each lane of the map.
    """
    cover = Cover(objective, slack / (2 * max(objective.cap, 1)))
    matrix = multiplier(objective, end_map)
    values = np.asarray(np.linalg.svd(end_map, compute_uv=False), dtype=np.float64)
    worst = cover.worst(matrix, values)
    violated = worst if worst.excess > 2.0 * cover.allowed else None
    best = _value(objective, matrix, worst.excess)
    for _ in range(repairs if violated is not None else 0):
        matrix = matrix + _positive_part(worst.chord - matrix)
        worst = cover.worst(matrix, values)
        best = max(best, _value(objective, matrix, worst.excess))
        if worst.excess <= 2.0 * cover.allowed or should_stop():
            break
    return FrameBound(best, violated)


def exact_rank_bound(objective: Penalised, end_map: FloatArray, slack: float) -> float:
    """Lower bound of the objective at minimisers of exactly the rank of a map (k, rho), positive; for p < 1.

    Notes
    -----
    No lane is zero or shorter than ``objective.shortest``, so that the matrix need not dominate those and may be
    negative.
    """
    matrix = multiplier(objective, end_map, exactly=True)
    values = np.asarray(np.linalg.svd(end_map, compute_uv=False), dtype=np.float64)
    rank = int(np.count_nonzero(values > 1e-10 * values[0]))
    cover = Cover(objective, slack / (2 * rank))
    if cover.first >= cover.last:
        return objective.quadratic.total
    shift = cover.worst(matrix, values, exactly=True).excess
    leading = np.linalg.eigvalsh(matrix)[::-1][:rank] + shift
    return objective.quadratic.total - float(np.sum(leading))


def _value(objective: Penalised, matrix: FloatArray, shift: float) -> float:
    values = np.linalg.eigvalsh(matrix)[::-1][: objective.cap] + shift
    return objective.quadratic.total - float(np.sum(np.maximum(values, 0.0)))


def _positive_part(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    part: FloatArray = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return part
