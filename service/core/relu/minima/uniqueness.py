"""Whether a certified network is the only one with its loss, up to order, rescaling, and division along a ray.

The dual of a strictly convex loss has one maximum v*, within a distance r of the errors that prove the bound, and every
unit of every minimum is correlated with it by exactly beta.  So all such units lie in what is left of the space once
cones with a correlation below ``beta - r max|phi|`` are cut away.  A piece of it in which no row with positive weight
changes its sign holds at most one: the correlation is concave there, and of two units of equal correlation the middle,
which is shorter, would have more.  With features that are independent, wherever in its piece each unit is, the
coefficients follow from the predictions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.convex_losses.labelled import LogisticLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.cones import SimplicialCones
from service.core.relu.critical import MOST_RANK
from service.core.relu.networks import Objective
from service.core.relu.rows import Span, WeightedRows
from service.core.relu.search import ConeSearch

_CURVED: Final = {HalfSquaredLoss: 1.0, LogisticLoss: 4.0}
"""Least curvature of the dual of a sample."""
_FIRST_CONES: Final = 128
_CONES: Final = 16_384
_MOST_PIECES: Final = 800
_SAME: Final = 1e-12
NOT_STRICT: Final = "predictions at the minimum are unique for squared and logistic loss only"
FREE_HIDDEN: Final = "a hidden bias without decay can be moved at no cost"
NOT_ISOLATED: Final = "units that a minimum could have are not told apart within the gap"
DEPENDENT: Final = "the features of the units that a minimum could have are not proved to be independent"
TOO_MANY: Final = "the rank of the inputs is too large to cut the space into cones"


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """Whether uniqueness is proved, and why not."""

    proved: bool
    reason: str = ""


class _Leaving(ConeSearch):
    """Cuts away cones below the target, and keeps whatever is not below it, however thin."""

    def __init__(self, rows: WeightedRows, target: float) -> None:
        self.left: list[FloatArray] = []
        super().__init__(rows, target, missing=np.inf)

    @property
    def threshold(self) -> float:
        """Bounds up to this close a cone; what is attained does not matter."""
        return self.target

    def _close(self, cones: SimplicialCones, bounds: FloatArray) -> None:
        above = bounds > self.target
        if above.any():
            self.left.append(cones.generators[above])
        super()._close(cones, bounds)


def uniqueness(objective: Objective, errors: FloatArray, gap: float) -> Uniqueness:
    """Whether errors (n,) whose bound is ``gap`` below the minimum, or less, prove that it is unique."""
    curvature = _CURVED.get(type(objective.loss))
    if curvature is None:
        return Uniqueness(False, NOT_STRICT)
    if objective.excess != 1.0:
        return Uniqueness(False, FREE_HIDDEN)
    span = Span.of(objective.x)
    if span.dimension > MOST_RANK:
        return Uniqueness(False, TOO_MANY)
    radius = float(np.sqrt(2.0 * max(gap, 0.0) / curvature))
    steepest = max(1.0, abs(objective.slope)) * float(np.linalg.norm(objective.x, 2))
    level = objective.beta - radius * steepest * (1.0 + 1e-9)
    pieces: list[FloatArray] = []
    # a row of the span stands for all samples along it, whose errors move together by no more than this
    moved = (1.0 - objective.slope) * radius * _lengths_along(span)
    for one in _both(span, errors, objective.slope):
        found = _pieces(one, level - one.allowance, moved)
        if found is None:
            return Uniqueness(False, NOT_ISOLATED)
        pieces += found
    return _independent(objective, span, pieces, steepest)


def _both(span: Span, errors: FloatArray, slope: float) -> tuple[WeightedRows, WeightedRows]:
    rows = span.with_errors(errors, slope)
    return rows, rows.reversed


def _lengths_along(span: Span) -> FloatArray:
    """For each row of the span the root of the sum of squares of the lengths of its samples (m,)."""
    squares = np.zeros(len(span.x) + 1)
    np.add.at(squares, span.groups, np.square(span.lengths))
    return np.sqrt(squares[:-1])


def _pieces(rows: WeightedRows, level: float, moved: FloatArray) -> list[FloatArray] | None:
    """Generators (k, r) of each piece of what is not below a level; None where one is not seen to hold one unit only.

    Cones are cut until the pieces are fine enough: that they become finer still would cost without end.
    """
    dimension = rows.x.shape[1]
    if level <= 0.0:
        return None
    if dimension < 2:
        directions = np.array([[1.0], [-1.0]])[: 2 * dimension]
        return [one[None] for one in directions if rows.correlation(one[None])[0] >= level]
    search = _Leaving(rows, level)
    most = _FIRST_CONES
    while most <= _CONES and not should_stop():
        complete = search.run(most=most)
        cones = np.concatenate([*search.left, search.open_cones.generators]).transpose(0, 2, 1)
        if len(cones) <= _MOST_PIECES:
            found = _connected(cones) if len(cones) else []
            if all(_holds_one(rows, piece, moved) for piece in found):
                return found
        if complete:
            return None
        most *= 2
    return None


def _connected(cones: FloatArray) -> list[FloatArray]:
    """Generators (k, r) of cones (b, r, r), given row by row, that hang together by common generators."""
    # cones with generators in common touch; others are near where their middles are nearer than their sizes
    centres = cones.mean(axis=1)
    centres /= np.sqrt(np.square(centres).sum(axis=1))[:, None]
    sizes = np.sqrt(np.square(cones - centres[:, None]).sum(axis=2)).max(axis=1)
    apart = np.sqrt(np.square(centres[:, None] - centres[None]).sum(axis=2))
    near = apart <= 1.001 * (sizes[:, None] + sizes[None]) + _SAME
    label = np.arange(len(cones))
    for _ in range(len(cones)):
        lower = np.where(near, label[None, :], len(cones)).min(axis=1)
        if (lower == label).all():
            break
        label = lower
    return [cones[label == one].reshape(-1, cones.shape[2]) for one in np.unique(label)]


def _holds_one(rows: WeightedRows, piece: FloatArray, moved: FloatArray) -> bool:
    """Whether a piece spans less than a half space, and rows whose weight may be positive keep one sign on it."""
    if (piece @ piece.T).min() <= 0.0:
        return False
    products = rows.x @ piece.T
    turning = (products.min(axis=1) < -_SAME) & (products.max(axis=1) > _SAME)
    may_be_positive = rows.plus - rows.minus + moved > 0.0
    return not bool((turning & may_be_positive).any())


def _independent(objective: Objective, span: Span, pieces: list[FloatArray], steepest: float) -> Uniqueness:
    """Whether features of one unit of each piece, and what is free, are independent wherever the units are."""
    middles = [piece.sum(axis=0) / np.sqrt(np.square(piece.sum(axis=0)).sum()) for piece in pieces]
    widths = [np.sqrt(np.square(piece - one).sum(axis=1)).max() for piece, one in zip(pieces, middles, strict=True)]
    units = np.array(middles).reshape(len(pieces), span.dimension) @ span.basis.T
    features = objective.features(units)
    columns = np.concatenate([features, objective.free], axis=1)
    if not columns.shape[1]:
        return Uniqueness(True)
    if columns.shape[1] > len(columns):
        return Uniqueness(False, DEPENDENT)
    least = float(np.linalg.svd(columns, compute_uv=False)[-1])
    off = steepest * float(np.sqrt(np.square(widths).sum())) + 1e-12 * float(np.linalg.norm(columns))
    return Uniqueness(True) if least > off else Uniqueness(False, DEPENDENT)
