"""The branch of candidate maps, one for each effective ridge ``rho = exp(t)``.

Every stationary map of the reduced problem is ``(A + rho I)^{-1} a`` for a root of
``log phi(rho) = p log kappa`` with ``phi(rho) = rho^p sum a_k^2/(c_k + rho)^2`` and ``p = (D+1)/D``.
``phi`` does not depend on the decays: one curve serves the roots, every threshold and every sweep.
Derivatives and their bounds are derived in ``docs/theory/secular-equation.md``.
"""

from collections.abc import Iterable
from math import exp, expm1, log
from typing import NamedTuple, TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.exceeding import THRESHOLD_ROUNDING
from service.errors import NumericalError

Row: TypeAlias = tuple[float, float, float, float, float, float]


class Sample(NamedTuple):
    """Quantities of the branch at points ``t``, each of shape (m,).

    Attributes
    ----------
    t : array
        log rho, in units of the largest eigenvalue.
    log_square_norm : array
        ``log sum a_k^2/(c_k+rho)^2``.
    shrinkage, shrinkage_square : array
        Mean of u and u^2, ``u = rho/(c+rho)``, under weights ``a^2/(c+rho)^2``.
    mean_value : array
        Mean of c under the same weights.
    mean_product : array
        Mean of c u.
    """

    t: FloatArray
    log_square_norm: FloatArray
    shrinkage: FloatArray
    shrinkage_square: FloatArray
    mean_value: FloatArray
    mean_product: FloatArray

    def rows(self) -> Iterable[Row]:
        """The same numbers point by point, as plain floats in the order of the attributes."""
        return zip(
            self.t.tolist(),
            self.log_square_norm.tolist(),
            self.shrinkage.tolist(),
            self.shrinkage_square.tolist(),
            self.mean_value.tolist(),
            self.mean_product.tolist(),
            strict=True,
        )


class Curve:
    """Branch of a one-output problem with at least one hidden layer.

    Parameters
    ----------
    values : (n,) array
        Positive eigenvalues c_k, ascending.
    squares : (n,) array
        Positive squared projections a_k^2.
    n_hidden : int
        D >= 1.

    Raises
    ------
    NumericalError
        If the smallest eigenvalue is nothing in units of the largest.

    Notes
    -----
    Works in units where the largest eigenvalue and the norm of a are one, so that neither can overflow.
    """

    def __init__(self, values: FloatArray, squares: FloatArray, n_hidden: int) -> None:
        self.n_hidden = n_hidden
        self.exponent = (n_hidden + 1) / n_hidden
        greatest, largest = values[-1].item(), squares.max().item()
        self.log_unit = log(greatest)
        scaled = squares / largest
        total = scaled.sum().item()
        self.log_target = log(largest) + log(total)
        self._values = values / greatest
        self._squares = scaled / total
        if not self._values[0] > 0.0:
            raise NumericalError("the second moments of the inputs lie too far apart for double precision")
        self.log_least = log(self._values[0].item())
        self._table = np.empty((values.size, 2))
        self._table[:, 0] = 1.0
        self._table[:, 1] = self._values
        # log phi in the caller's units is that in ours plus this
        self.offset = (self.exponent - 2.0) * self.log_unit + self.log_target

    def sample(self, t: FloatArray) -> Sample:
        """Evaluate at ``t`` (m,).  O(m n); finite for every finite t."""
        above = np.maximum(t, 0.0)
        ridge = np.exp(t - above)[:, None]
        resolvent = self._values * np.exp(-above)[:, None]
        resolvent += ridge
        np.reciprocal(resolvent, out=resolvent)
        weights = resolvent * resolvent
        weights *= self._squares
        total, valued = weights.dot(self._table).T
        resolvent *= ridge
        weights *= resolvent
        shrunk, pulled = weights.dot(self._table).T
        weights *= resolvent
        square = weights.dot(self._table[:, 0])
        return Sample(
            t=t,
            log_square_norm=np.log(total) - 2.0 * above,
            shrinkage=shrunk / total,
            shrinkage_square=square / total,
            mean_value=valued / total,
            mean_product=pulled / total,
        )

    def height(self, sample: Sample) -> FloatArray:
        """``log phi`` (m,) in units of the curve; equals ``p log kappa`` at a stationary point."""
        return self.exponent * sample.t + sample.log_square_norm

    def height_nodes(self, sample: Sample, level: float) -> tuple[FloatArray, FloatArray]:
        """``log phi - level`` and its derivative: rising zeros are minima, falling ones saddles.

        The derivative lies in (p - 2, p), the second derivative in [-1/2, 1].
        """
        return self.height(sample) - level, self.exponent - 2.0 * sample.shrinkage

    def slope_nodes(self, sample: Sample) -> tuple[FloatArray, FloatArray]:
        """The derivative of ``log phi`` and its own derivative, (m,) each; zeros end a branch (spinodals).

        Its first derivative lies in [-1/2, 1], its second in [-7/4, 7/4].
        """
        mean = sample.shrinkage
        bend = 6.0 * sample.shrinkage_square - 2.0 * mean * (1.0 + 2.0 * mean)
        return self.exponent - 2.0 * mean, bend

    def tie_nodes(self, sample: Sample) -> tuple[FloatArray, FloatArray]:
        """``log(mean c / ((D-1) rho))`` and its derivative, (m,) each; the derivative lies in [-1, 1]; D >= 2.

        Positive where the stationary point is better than the zero map, zero where they tie.
        """
        value = np.log(sample.mean_value) - log(self.n_hidden - 1.0) - sample.t
        return value, 2.0 * (sample.shrinkage - sample.mean_product / sample.mean_value) - 1.0

    def height_at(self, row: Row, level: float) -> tuple[float, float]:
        """`height_nodes` at one point."""
        t, log_square_norm, mean, *_ = row
        return self.exponent * t + log_square_norm - level, self.exponent - 2.0 * mean

    def slope_at(self, row: Row) -> tuple[float, float]:
        """`slope_nodes` at one point."""
        _, _, mean, square, *_ = row
        return self.exponent - 2.0 * mean, 6.0 * square - 2.0 * mean * (1.0 + 2.0 * mean)

    def tie_at(self, row: Row) -> tuple[float, float]:
        """`tie_nodes` at one point."""
        t, _, mean, _, value, product = row
        return log(value / (self.n_hidden - 1.0)) - t, 2.0 * (mean - product / value) - 1.0

    def outer_bracket(self, level: float) -> tuple[float, float]:
        """All roots lie strictly between: from phi < rho^p sum a^2/c^2 and phi < rho^(p-2) ||a||^2; D >= 2."""
        return self.lower_bracket(level), -level / (2.0 - self.exponent) + 1e-6

    def lower_bracket(self, level: float) -> float:
        """A point below which there is no root."""
        inverse = log((self._squares / self._values**2).sum().item())
        return (level - inverse) / self.exponent - 1e-6

    def single_root(self, log_kappa: float) -> float | None:
        """One hidden layer: phi increases, so there is one root if ``||a|| > kappa``, beyond rounding, and no other.

        Newton's method for ``1/||a/(kappa + tau c)|| = 1`` in ``tau = kappa/rho`` and units where ||a|| = 1; the
        left side is concave and at most one where the iterates start, so that they rise to the root; close to the
        threshold the start is the root to rounding, and no step may fall below it.
        """
        log_ratio = log_kappa - 0.5 * self.log_target
        if not log_ratio < -THRESHOLD_ROUNDING:
            return None
        ratio, start = exp(log_ratio), -expm1(log_ratio)
        tau = start
        for _ in range(100):
            shrunk = 1.0 / (ratio + tau * self._values)
            weighted = self._squares * shrunk * shrunk
            square = weighted.sum().item()
            slope = (weighted * self._values).dot(shrunk).item() * square**-1.5
            step = (1.0 - square**-0.5) / slope
            tau = max(tau + step, start)
            if abs(step) <= 1e-9 * tau:
                break
        return log_ratio - log(tau)

    def level_of(self, log_kappa: float) -> float:
        """The height at which ``kappa`` cuts the curve."""
        return self.exponent * log_kappa - self.offset

    def log_ridge(self, t: FloatArray) -> FloatArray:
        """log rho (m,) in the caller's units."""
        return t + self.log_unit

    def log_norm(self, sample: Sample) -> FloatArray:
        """log ||v|| (m,) in the caller's units."""
        return 0.5 * sample.log_square_norm + (0.5 * self.log_target - self.log_unit)

    def log_norm_from(self, log_square_norm: float) -> float:
        """`log_norm` at one point."""
        return 0.5 * (log_square_norm + self.log_target) - self.log_unit

    def gain_from(self, t: float, log_square_norm: float, mean_value: float) -> float:
        """`gain` at one point."""
        logs = log_square_norm + self.log_target - self.log_unit
        return exp(min(logs, 700.0)) * mean_value - (self.n_hidden - 1.0) * exp(min(logs + t, 700.0))

    def gain(self, sample: Sample) -> FloatArray:
        """H (m,): by how much the stationary point at ``t`` beats the zero map (before division by C)."""
        # mean c - (D-1) rho, times ||v||^2; zero exactly at a tie.  Both factors stay finite for any t
        logs = sample.log_square_norm + (self.log_target - self.log_unit)
        gain: FloatArray = np.exp(logs) * sample.mean_value - (self.n_hidden - 1.0) * np.exp(logs + sample.t)
        return gain
