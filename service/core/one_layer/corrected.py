"""Dual points for which ``A'v = 2 decay W`` holds exactly in some columns, shown to lie in a box.

Errors move by ``room F z`` for the columns F in question, so that those at an end of their domain stay there.  What is
left of the equation, with its rounding, over the least eigenvalue of ``F' room F`` bounds the z that solves it exactly.
Columns are made nearly orthogonal first, so that this eigenvalue is not felt.
"""

from dataclasses import dataclass
from math import fsum
from typing import Final, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.enclosures.sources import gamma
from service.core.ground.enclosures.sums import BLOCK, PAIRWISE, block_product, careful_error, careful_product
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.factor import powers_of_two, triangle
from service.core.one_layer.parts import LayerPart
from service.core.one_layer.predicted import UNIT

CORRECTIONS: Final = 3
MOST: Final = 1_200
"""Coefficients of a softmax whose equations are solved together."""
SUMMED: Final = 1.01 * gamma(BLOCK + PAIRWISE + 8.0)


class _Columns(NamedTuple):
    """Scaled columns F (m, q), what rounding took off them (m, q) or None, and what they shall add up to (q, r)."""

    columns: FloatArray
    rests: FloatArray | None
    target: FloatArray


@dataclass(frozen=True)
class _Equation:
    """``F'v = target`` for scaled columns F (m, q), and coordinates in which they are nearly orthogonal.

    Attributes
    ----------
    columns : (m, q) array
    rests : (m, q) array or None
        What rounding took off them.
    target : (q, r) array
    turned : (q, q) array
        T, whose numbers are taken as exact.
    near : (m, q) array
        F T, rounded.
    lost : (m,) array
        Bound of the length of the rounding of each of its rows.
    """

    columns: FloatArray
    rests: FloatArray | None
    target: FloatArray
    turned: FloatArray
    near: FloatArray
    lost: FloatArray

    @classmethod
    def of(cls, seen: _Columns, room: FloatArray) -> "_Equation | None":
        columns, rests, target = seen
        weighted = np.sqrt(room)[:, None] * columns
        if weighted.shape[0] < weighted.shape[1]:
            return None
        upper = triangle(weighted)
        if not (np.abs(upper.diagonal()) > 0.0).all():
            return None
        turned = solve_triangular(upper, np.eye(len(upper)))
        if not np.isfinite(turned).all():
            return None
        near = columns @ turned
        lost = gamma(len(turned) + 8.0) * np.linalg.norm(np.abs(columns) @ np.abs(turned), axis=1)
        return cls(columns, rests, target, turned, near, lost)

    def left(self, errors: FloatArray, extra: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``T'(F'v - target)`` (q, r) for errors (m, r) known to within ``extra`` (m, r), and its rounding."""
        value = careful_product(self.columns, errors)
        largest = np.abs(self.columns).max(axis=0)[:, None] * np.abs(errors).max(axis=0)
        size = careful_error(len(errors)) * largest + 2.0 * UNIT * np.abs(value)
        if self.rests is not None:
            value = value + block_product(self.rests, errors)
            size += SUMMED * block_product(np.abs(self.rests), np.abs(errors)) + 2.0 * UNIT * np.abs(value)
        for index in np.flatnonzero((self.columns == 1.0).all(axis=0)):
            # exactly rounded sums: nothing is left of a balance that holds exactly
            value[index] = [fsum(errors[:, each]) for each in range(errors.shape[1])]
            size[index] = 2.0 * UNIT * np.abs(value[index])
        size += block_product(np.abs(self.columns), extra)
        size += 4.0 * UNIT * np.abs(self.target)
        value = value - self.target
        rounding = np.abs(self.turned).T @ (size + gamma(len(value) + 4.0) * np.abs(value))
        return self.turned.T @ value, 1.01 * rounding

    def least(self, gram: FloatArray, heaviness: float) -> float:
        """A lower bound of the least eigenvalue of a gram matrix of `near`, of exact columns and sums."""
        if not np.isfinite(gram).all():
            return 0.0
        values = np.linalg.eigvalsh(gram)
        trace = max(float(np.trace(gram)), 0.0)
        own = float(values[0]) - 2.0 * gamma(len(self.columns) + 10.0 * len(gram) + 16.0) * trace
        root = np.sqrt(max(own, 0.0)) - heaviness
        return float(root * root) if root > 0.0 else 0.0


def corrected(
    part: LayerPart, loss: ScalarLoss | ClassShares, dual: FloatArray, exact: BoolArray, coefficients: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """A dual point at which the columns ``exact`` (q,) balance but for rounding, and a box about it with an exact one.

    Parameters
    ----------
    part : LayerPart
    loss : ScalarLoss or ClassShares
    dual : (m,) or (m, K) array
    exact : (q,) array
    coefficients : (q, r) array

    Returns
    -------
    pair of arrays, or None
        The point, and half widths (m,): of errors, or as shares of the shares of a softmax.  None where nothing can
        move, or the columns depend on each other.
    """
    columns, target = part.columns[:, exact], 2.0 * part.decays[exact, None] * coefficients[exact]
    units = powers_of_two(np.abs(columns).max(axis=0, initial=0.0))
    present = np.abs(columns).max(axis=0, initial=0.0) > 0.0
    if target[~present].any():
        return None
    columns, target = columns[:, present] / units[present], target[present] / units[present, None]
    rests = None if part.rests is None else part.rests[:, exact][:, present] / units[present]
    seen = _distinct(_Columns(columns, rests, target))
    if not seen.columns.shape[1]:
        return dual, np.zeros(len(dual))
    if isinstance(loss, ClassShares):
        return _corrected_shares(seen, loss, dual)
    return _corrected_errors(seen, loss, dual)


def _distinct(seen: _Columns) -> _Columns:
    """Without copies of columns that have to balance alike."""
    columns, rests, target = seen
    if target.any() or columns.shape[1] < 2:
        return seen
    leading = columns[np.argmax(columns != 0.0, axis=0), np.arange(columns.shape[1])]
    whole = columns if rests is None else np.vstack([columns, rests])
    _, kept = np.unique(whole * np.sign(leading), axis=1, return_index=True)
    kept = np.sort(kept)
    return _Columns(columns[:, kept], None if rests is None else rests[:, kept], target[kept])


def _corrected_errors(seen: _Columns, loss: ScalarLoss, errors: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    nothing = np.zeros((len(errors), 1))
    if not seen.target.any() and _balances(seen.columns, errors[:, None], nothing):
        return errors, nothing[:, 0]
    for _ in range(CORRECTIONS):
        room = loss.room(errors)
        equation = _Equation.of(seen, room)
        if equation is None:
            return None
        value = equation.left(errors[:, None], nothing)[0]
        gram = equation.near.T @ (room[:, None] * equation.near)
        errors = errors - room * (equation.near @ np.linalg.lstsq(gram, value[:, 0], None)[0])
    room = loss.room(errors)
    equation = _Equation.of(seen, room)
    if equation is None:
        return None
    value, rounding = equation.left(errors[:, None], nothing)
    gram = equation.near.T @ (room[:, None] * equation.near)
    least = equation.least(gram, float(np.sqrt(room @ np.square(equation.lost))) * 1.01)
    if least <= 0.0:
        return None
    length = float(np.linalg.norm(np.abs(value) + rounding)) / least
    return errors, 1.01 * room * (np.linalg.norm(equation.near, axis=1) + equation.lost) * length


def _balances(columns: FloatArray, errors: FloatArray, extra: FloatArray) -> bool:
    """Whether errors balance exactly: all of them zero, or adding up to zero beside a column of ones."""
    if extra.any():
        return False
    if not errors.any():
        return True
    ones = columns.shape[1] == 1 and bool((columns == 1.0).all())
    return ones and all(fsum(errors[:, each]) == 0.0 for each in range(errors.shape[1]))


def _corrected_shares(seen: _Columns, loss: ClassShares, shares: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """The same for shares, which move by ``p (z_k - sum p z)`` for ``z = Z'a`` of a sample's columns a."""
    count, classes = shares.shape
    rounded = (4.0 + 2.0 * classes) * UNIT

    def extra(of: FloatArray) -> FloatArray:
        others = np.where(loss.others, of, 0.0) * loss.totals[:, None]
        found: FloatArray = rounded * (others + np.where(loss.others, 0.0, others.sum(axis=1, keepdims=True)))
        return found

    if not seen.target.any() and _balances(seen.columns, loss.errors(shares), extra(shares)):
        return shares, np.zeros(count)
    if seen.columns.shape[1] * (classes - 1) > MOST:
        return None
    equation = _Equation.of(seen, np.ones(count))
    if equation is None:
        return None
    near = equation.near
    for _ in range(CORRECTIONS):
        value = equation.left(loss.errors(shares), extra(shares))[0]
        move = np.zeros((near.shape[1], classes))
        solution = np.linalg.lstsq(_class_gram(near, loss, shares), value[:, :-1].T.ravel(), None)[0]
        move[:, :-1] = solution.reshape(classes - 1, -1).T
        along = near @ move
        grown = shares * (1.0 + along - (shares * along).sum(axis=1, keepdims=True))
        if not (np.isfinite(grown) & (grown >= 0.0)).all():
            return None
        shares = grown
    value, rounding = equation.left(loss.errors(shares), extra(shares))
    gram = _class_gram(near, loss, shares)
    heavy = float(np.sqrt((loss.totals * shares.max(axis=1)) @ np.square(equation.lost))) * 1.01
    least = equation.least(gram, heavy)
    if least <= 0.0:
        return None
    length = float(np.linalg.norm(np.abs(value) + rounding)) / least
    return shares, 2.02 * (np.linalg.norm(near, axis=1) + equation.lost) * length


def _class_gram(columns: FloatArray, loss: ClassShares, shares: FloatArray) -> FloatArray:
    """Sum over samples of ``a a'`` times ``t (diag p - p p')`` without the last class, ordered by class."""
    free, classes = columns.shape[1], shares.shape[1]
    gram = np.zeros((classes - 1, free, classes - 1, free))
    for one, other, weights in loss.bends(shares):
        if one < classes - 1:
            block = columns.T @ (weights[:, None] * columns)
            gram[one, :, other], gram[other, :, one] = block, block
    return gram.reshape((classes - 1) * free, -1)


def is_curved(part: LayerPart, curvature: FloatArray) -> bool:
    """Whether ``A' diag(curvature) A`` is positive definite for curvatures (m,), rounding counted."""
    columns = part.columns
    units = powers_of_two(np.abs(columns).max(axis=0, initial=0.0))
    if not (units > 0.0).all() or not columns.any(axis=0).all():
        return False
    rests = None if part.rests is None else part.rests / units
    seen = _Columns(columns / units, rests, np.zeros((columns.shape[1], 1)))
    equation = _Equation.of(seen, curvature)
    if equation is None:
        return False
    gram = equation.near.T @ (curvature[:, None] * equation.near)
    heavy = float(np.sqrt(curvature @ np.square(equation.lost))) * 1.01
    return equation.least(gram, heavy) > 0.0
