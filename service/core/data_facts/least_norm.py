"""The shortest vector on the right side of every constraint, or the proof that there is none."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, nnls

from service.core.ground.numbers.arrays import FloatArray, IntArray

ZERO_COMBINATION = 1e-10
FEASIBLE = 1e-9
MAX_ROUNDS = 200
ADDED_A_ROUND = 4
"""Violated rows that join a round of the active set, as a multiple of the dimension."""


@dataclass(frozen=True)
class LeastNorm:
    """Answer to: minimise ``||w||`` subject to ``Z w >= 1``.

    Attributes
    ----------
    feasible : bool or None
        ``None`` where double precision cannot decide.
    direction : (d,) array or None
        Unit vector of the minimiser.
    margin : float or None
        ``min_i z_i . direction``, positive.
    support : array of int or None
        Rows that are active at the minimiser.
    multipliers : array or None
        Of the active rows, non-negative: the dual solution.
    residual : float
        Feasible: relative gap between primal and dual value.  Infeasible: length of the convex combination
        of the rows (scaled to at most unit length) that should be zero.
    method : str
        Which certificate decided.
    """

    feasible: bool | None
    direction: FloatArray | None
    margin: float | None
    support: IntArray | None
    multipliers: FloatArray | None
    residual: float
    method: str


def least_norm(rows: FloatArray) -> LeastNorm:
    """Solve by the dual non-negative least squares problem on a growing set of rows, then polish.

    Parameters
    ----------
    rows : (m, d) array
        ``Z``, for a binary problem ``y_i x_i``.

    Notes
    -----
    With ``E = [Z^T; 1^T]`` and ``f`` the last unit vector, the residual of ``min_{u>=0} ||E u - f||`` is
    the solution, or zero exactly if a convex combination of the rows vanishes (Lawson, Hanson 1974, chapter
    23).  Both answers are checked on their own; only where neither check passes a linear program decides.
    """
    scale = float(np.sqrt(np.max(np.sum(rows * rows, axis=1), initial=0.0)))
    if scale == 0.0:
        return _infeasible(0.0, "a convex combination of the signed samples is zero")
    scaled = rows / scale
    working = _first_rows(scaled)
    for _ in range(MAX_ROUNDS):
        weights = _dual_weights(scaled[working])
        if weights is None:
            break
        combination = float(np.linalg.norm(weights @ scaled[working]))
        if combination <= ZERO_COMBINATION:
            return _infeasible(combination, "a convex combination of the signed samples is zero")
        values = scaled @ (weights @ scaled[working])
        outside = np.setdiff1d(np.flatnonzero(values < float(values[working].min()) - 1e-14), working)
        if outside.size == 0 or float(values.min()) > 0.99 * combination**2:
            found = _polished(scaled, working[weights > 0.0], scale)
            if found is not None:
                return found
        if outside.size == 0:
            break
        worst = outside[np.argsort(values[outside])][: ADDED_A_ROUND * scaled.shape[1]]
        working = np.union1d(working[weights > 0.0], worst)
    return _by_linear_program(scaled, scale)


def _first_rows(rows: FloatArray) -> IntArray:
    """The rows that a few steps towards their mean serve worst."""
    count, dimension = rows.shape
    if count <= 2 * ADDED_A_ROUND * dimension:
        return np.arange(count)
    direction = np.linalg.lstsq(rows, np.ones(count), rcond=None)[0]
    return np.sort(np.argsort(rows @ direction)[: ADDED_A_ROUND * dimension])


def _dual_weights(rows: FloatArray) -> FloatArray | None:
    """Convex weights of the shortest vector in the convex hull of the rows; None where they are not found."""
    system = np.vstack([rows.T, np.ones(rows.shape[0])])
    target = np.zeros(rows.shape[1] + 1)
    target[-1] = 1.0
    try:
        weights, _ = nnls(system, target, maxiter=20 * rows.shape[0] + 200)
    except RuntimeError:
        return None
    total = float(weights.sum())
    return weights / total if total > 0.0 else None


def _polished(rows: FloatArray, active: IntArray, scale: float) -> LeastNorm | None:
    """The minimiser for a set of active rows, if it satisfies every condition of optimality."""
    chosen = rows[active]
    vector = np.asarray(np.linalg.lstsq(chosen, np.ones(len(active)), rcond=None)[0], dtype=np.float64)
    multipliers = np.linalg.lstsq(chosen.T, vector, rcond=None)[0]
    square = float(vector @ vector)
    if square == 0.0:
        return None
    values = rows @ vector
    dual = float(multipliers.sum())
    gap = abs(square - dual) / square
    is_optimal = float(values.min()) >= 1.0 - FEASIBLE and float(multipliers.min()) >= -1e-9 * dual and gap <= 1e-9
    if not is_optimal:
        return None
    length = float(np.sqrt(square))
    return LeastNorm(
        feasible=True,
        direction=vector / length,
        margin=float(values.min()) / length * scale,
        support=np.flatnonzero(values <= 1.0 + 1e-7),
        multipliers=np.maximum(multipliers, 0.0),
        residual=max(gap, 1.0 - float(values.min())),
        method="primal and dual optimality of the least-norm problem",
    )


def _by_linear_program(rows: FloatArray, scale: float) -> LeastNorm:
    """Largest t with ``Z w >= t`` on the unit cube, where the least-norm problem is too ill-conditioned."""
    dimension = rows.shape[1]
    found = linprog(
        np.append(np.zeros(dimension), -1.0),
        A_ub=np.column_stack([-rows, np.ones(len(rows))]),
        b_ub=np.zeros(len(rows)),
        bounds=[(-1.0, 1.0)] * dimension + [(None, None)],
        method="highs",
    )
    if found.x is None:
        return LeastNorm(None, None, None, None, None, float("inf"), "neither certificate was reached")
    vector = found.x[:-1]
    least = float((rows @ vector).min())
    if least <= FEASIBLE:
        return _infeasible(max(least, 0.0), "linear program: no direction has a positive margin")
    length = float(np.linalg.norm(vector))
    method = "linear program; the direction has this margin but is not the best one"
    return LeastNorm(True, None, least / length * scale, None, None, least, method)


def _infeasible(residual: float, method: str) -> LeastNorm:
    return LeastNorm(False, None, None, None, None, residual, method)
