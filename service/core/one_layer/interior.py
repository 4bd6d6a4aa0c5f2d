"""The minimum of absolute and quantile errors of one linear layer, by an interior point method.

``min sum_i s max(tau e_i, (tau - 1) e_i) + decay |W|^2`` with ``e = y - A W = p - m`` is a quadratic programme in W and
the parts p, m >= 0 of the errors, whose multipliers v lie between ``s (tau - 1)`` and ``s tau``.  Steps are those of
Mehrotra, *On the implementation of a primal-dual interior point method* (1992); each solves one system of the size of
W, as in Portnoy and Koenker, *The Gaussian hare and the Laplacian tortoise* (1997).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.convex_losses.differences import QuantileLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.one_layer.coordinates import Coordinates
from service.core.one_layer.newton import solved

STEPS: Final = 120
CLOSED: Final = 1e-15
"""Complementarity, relative to the loss, at which nothing is left to gain."""
NEARLY_MET: Final = (1e-11, 1e-9, 1e-7, 1e-5)
"""Distances from a target, relative to the terms of both, at which it is tried to meet it."""
BACK: Final = 0.9995
"""Share of the way to the boundary that is taken."""


@dataclass
class _Point:
    """A point inside, or a step.

    Coefficients a (q,), parts of the errors p, m (n,), and distances of their multipliers from the ends of their range
    (n,), which stay positive where the multipliers themselves round to an end.
    """

    a: FloatArray
    p: FloatArray
    m: FloatArray
    over: FloatArray
    under: FloatArray

    def multipliers(self, high: float, low: float) -> FloatArray:
        """v (n,)."""
        return np.where(self.over < self.under, high - self.over, self.under - low)


def kinked_minimum(coordinates: Coordinates, loss: QuantileLoss, paid: FloatArray) -> FloatArray:
    """The best coordinates (k,), counted from weights whose predictions were taken off the targets.

    Parameters
    ----------
    coordinates : Coordinates
    loss : QuantileLoss
    paid : (q,) array
        Square roots of decays times the coefficients of those weights.
    """
    unit = float(np.abs(loss.y).mean()) or 1.0
    # in units of the targets, so that where the path begins depends on no units
    inside = replace(coordinates, rooted=coordinates.rooted * np.sqrt(unit))
    return unit * _followed(inside, replace(loss, y=loss.y / unit), paid / np.sqrt(unit))


def _followed(coordinates: Coordinates, loss: QuantileLoss, paid: FloatArray) -> FloatArray:
    columns, rooted, y = coordinates.columns, coordinates.rooted, loss.y
    bent, count = 2.0 * coordinates.costs, len(y)
    high, low = loss.scale * loss.tau, loss.scale * (1.0 - loss.tau)
    a = np.linalg.lstsq(np.vstack([columns, rooted]), np.append(y, -paid), None)[0]
    e = y - columns @ a
    near = max(float(np.abs(e).mean()), 1e-8)
    at = _Point(a, np.maximum(e, 0.0) + near, np.maximum(-e, 0.0) + near, np.full(count, high), np.full(count, low))
    best, least = a, value_at(a, coordinates, loss, paid)
    for _ in range(STEPS):
        over, under = at.over, at.under
        gap = float(at.p @ over + at.m @ under)
        mu = gap / (2 * count)
        rest = (
            y - columns @ at.a - at.p + at.m,
            columns.T @ at.multipliers(high, low) - 2.0 * rooted.T @ (paid + rooted @ at.a),
        )
        value = value_at(at.a, coordinates, loss, paid)
        if value < least:
            best, least = at.a, value
        if gap <= CLOSED * max(value, 1e-300) or not np.isfinite(gap) or should_stop():
            break
        system = _System(at, rest, columns, bent)
        plain = system.step(-at.p * over, -at.m * under)
        after = _moved(at, plain, min(1.0, _reach(at, plain)))
        left = float(after.p @ after.over + after.m @ after.under)
        aim = mu * (max(left, 0.0) / gap) ** 3
        step = system.step(aim - at.p * over - plain.p * plain.over, aim - at.m * under - plain.m * plain.under)
        at = _moved(at, step, min(1.0, BACK * _reach(at, step)))
    return best


class _System:
    """Newton steps from a point: one matrix for the predicted step and the corrected one."""

    def __init__(self, at: _Point, rest: tuple[FloatArray, FloatArray], columns: FloatArray, bent: FloatArray) -> None:
        self._at, self._rest, self._columns = at, rest, columns
        self._theta = 1.0 / (at.p / at.over + at.m / at.under)
        self._hessian = columns.T @ (self._theta[:, None] * columns) + bent

    def step(self, goal: FloatArray, other: FloatArray) -> _Point:
        """The step that changes ``p over`` and ``m under`` (n,) by so much, to first order."""
        at, columns = self._at, self._columns
        right = self._rest[0] - goal / at.over + other / at.under
        move = solved(self._hessian, self._rest[1] + columns.T @ (self._theta * right))
        dv = self._theta * (right - columns @ move)
        return _Point(move, (goal + at.p * dv) / at.over, (other - at.m * dv) / at.under, -dv, dv)


def value_at(a: FloatArray, coordinates: Coordinates, loss: QuantileLoss, paid: FloatArray) -> float:
    """P of coordinates (k,)."""
    return float(loss.each(coordinates.columns @ a).sum() + np.square(paid + coordinates.rooted @ a).sum())


def _moved(at: _Point, step: _Point, share: float) -> _Point:
    return _Point(
        at.a + share * step.a,
        at.p + share * step.p,
        at.m + share * step.m,
        at.over + share * step.over,
        at.under + share * step.under,
    )


def _reach(at: _Point, step: _Point) -> float:
    """How far a step may go before something is no longer positive; at most 1 / `BACK`."""
    found = 1.0 / BACK
    pairs = ((at.p, step.p), (at.m, step.m), (at.over, step.over), (at.under, step.under))
    for value, change in pairs:
        falling = change < 0.0
        if falling.any():
            found = min(found, float((-value[falling] / change[falling]).min()))
    return found


def polished(coordinates: Coordinates, loss: QuantileLoss, paid: FloatArray, a: FloatArray) -> FloatArray:
    """Coordinates (k,) with the targets that are nearly met met to rounding, where that is no worse.

    The samples that are met and the signs of the other errors make the minimum the solution of a linear system.
    """
    columns, y, best, least = coordinates.columns, loss.y, a, value_at(a, coordinates, loss, paid)
    high, low = loss.scale * loss.tau, loss.scale * (loss.tau - 1.0)
    sizes = np.abs(columns) @ np.abs(a) + np.abs(y) + 1e-300
    for share in NEARLY_MET:
        e = y - columns @ best
        met = np.abs(e) <= share * sizes
        free, count = len(a), int(np.count_nonzero(met))
        if not count or count > 4 * free + 16:
            continue
        pull = columns[~met].T @ np.where(e[~met] > 0.0, high, low) - 2.0 * coordinates.rooted.T @ paid
        matrix = np.block([[2.0 * coordinates.costs, -columns[met].T], [columns[met], np.zeros((count, count))]])
        found = np.linalg.lstsq(matrix, np.append(pull, y[met]), None)[0][:free]
        reached = value_at(found, coordinates, loss, paid)
        if np.isfinite(reached) and reached <= least * (1.0 + 1e-15):
            best, least = found, reached
    return best
