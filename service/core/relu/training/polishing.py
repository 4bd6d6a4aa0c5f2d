"""The last digits: Newton's method once the kinks that units rest on are known.

With the signs of all products fixed, and those that are zero kept at zero, predictions are linear in the units, and the
objective is smooth as long as no unit is zero.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.curvature import gauss_newton
from service.core.relu.training.trimming import merged

_TOLERANCES: Final = (1e-4, 1e-5, 1e-6, 1e-7)
_STEPS: Final = 12


def polished(objective: Objective, units: HiddenUnits, loose: float) -> HiddenUnits:
    """The best network that the tolerances for kinks lead to; never a worse one."""
    best, value = units, objective.value(units)
    for tolerance in _TOLERANCES:
        found = merged(objective, _at_kinks(objective, best, tolerance), loose)
        reached = objective.value(found)
        if reached <= value:
            best, value = found, reached
    return best


def _at_kinks(objective: Objective, units: HiddenUnits, tolerance: float) -> HiddenUnits:
    """Newton's method with products below a tolerance kept at zero."""
    if not len(units):
        return units
    products = objective.x @ units.w.T
    # beside the largest product of the unit, not the lengths: a long column of ones makes all products small
    zero = np.abs(products) <= tolerance * np.abs(products).max(axis=0)
    bases = [_complement(objective.x[zero[:, unit]], objective.x.shape[1]) for unit in range(len(units))]
    kept = np.array([basis.shape[1] > 0 for basis in bases])
    bases = [basis for basis in bases if basis.shape[1]]
    if not bases:
        return units
    units = units.chosen(kept)
    products, zero = products[:, kept], zero[:, kept]
    active = np.where(zero, 0.0, np.where(products > 0.0, 1.0, objective.slope))
    columns = [
        sign * (active[:, unit, None] * (objective.x @ basis))
        for unit, (basis, sign) in enumerate(zip(bases, units.signs, strict=True))
    ]
    starts = [0, *np.cumsum([basis.shape[1] for basis in bases]).tolist()]
    jacobian = np.concatenate([*columns, objective.free], axis=1)
    reduced = np.concatenate([*(basis.T @ w for basis, w in zip(bases, units.w, strict=True)), units.free])
    reduced = _newton(objective, jacobian, reduced, starts)
    places = [slice(a, b) for a, b in pairwise(starts)]
    w = np.array([basis @ reduced[place] for basis, place in zip(bases, places, strict=True)])
    return HiddenUnits(w, units.signs, reduced[starts[-1] :])


def _complement(rows: FloatArray, dimension: int) -> FloatArray:
    """Orthonormal columns of what is orthogonal to rows (k, d)."""
    if not len(rows):
        return np.eye(dimension)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    units = rows[lengths > 0.0] / lengths[lengths > 0.0, None]
    if not len(units):
        return np.eye(dimension)
    _, values, vectors = np.linalg.svd(units, full_matrices=True)
    return np.asarray(vectors[int((values > 1e-9).sum()) :].T)


def _newton(objective: Objective, jacobian: FloatArray, start: FloatArray, starts: Sequence[int]) -> FloatArray:
    """Damped steps on ``l(J q) + beta sum |q_j| + ridge |c|^2``, never through a unit that is zero."""
    beta, last = objective.beta, starts[-1]
    groups = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    loss = objective.loss
    q = start

    def lengths_of(q: FloatArray) -> FloatArray:
        return np.sqrt(np.bincount(groups, np.square(q[:last]), minlength=len(starts) - 1))

    def value_of(q: FloatArray) -> float:
        with np.errstate(over="ignore"):
            cost = beta * lengths_of(q).sum() + objective.ridge * q[last:] @ q[last:]
            return float(loss.rounded_value(jacobian @ q) + cost)

    for _ in range(_STEPS):
        f = jacobian @ q
        lengths = lengths_of(q)
        if not lengths.min(initial=1.0) > 0.0:
            break
        along = q[:last] / lengths[groups]
        gradient = loss.slope(f) @ jacobian
        gradient[:last] += beta * along
        gradient[last:] += 2.0 * objective.ridge * q[last:]
        hessian = gauss_newton(jacobian, loss.curvature(f))
        same = groups[:, None] == groups
        inner = (np.eye(last) - along[:, None] * along) / lengths[groups]
        hessian[:last, :last] += beta * np.where(same, inner, 0.0)
        diagonal = np.arange(len(hessian))
        hessian[diagonal[last:], diagonal[last:]] += 2.0 * objective.ridge
        hessian[diagonal, diagonal] *= 1.0 + 1e-13
        hessian[diagonal, diagonal] += 1e-14 * hessian.trace() / len(hessian) + 1e-300
        try:
            move = -cho_solve(cho_factor(hessian, check_finite=False), gradient, check_finite=False)
        except LinAlgError:
            break
        step, before = 1.0, value_of(q)
        slope = float(gradient @ move)
        if not np.isfinite(slope) or slope >= 0.0:
            break
        while step > 1e-6 and not value_of(q + step * move) <= before + 1e-4 * step * slope:
            step *= 0.5
        if step <= 1e-6:
            # near the end values are equal but for rounding, and the gradient is not
            if -slope < 1e-12 * abs(before):
                q = q + move
            break
        q = q + step * move
    return q
