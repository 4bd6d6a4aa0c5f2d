"""The branch of candidate maps, one for each effective ridge ``rho = exp(t)``, and its special points.

Every stationary map of the reduced problem is ``(A + rho I)^{-1} a`` for a root of
``log phi(rho) = p log kappa`` with ``phi(rho) = rho^p sum a_k^2/(c_k + rho)^2`` and ``p = (D+1)/D``.
``phi`` does not depend on the decays: one curve serves the roots, every threshold and every sweep.
Derivatives and their bounds are derived in ``docs/theory/secular-equation.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.scalar.isolation import Nodes


@dataclass(frozen=True, slots=True)
class Sample:
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


class Curve:
    """Branch of a one-output problem with at least one hidden layer.

    Parameters
    ----------
    values : (n,) array
        Positive eigenvalues c_k.
    squares : (n,) array
        Positive squared projections a_k^2.
    n_hidden : int
        D >= 1.

    Notes
    -----
    Works in units where the largest eigenvalue and the norm of a are one, so that neither can overflow.
    """

    def __init__(self, values: FloatArray, squares: FloatArray, n_hidden: int) -> None:
        self.n_hidden = n_hidden
        self.exponent = (n_hidden + 1) / n_hidden
        self.log_unit = float(np.log(values.max()))
        largest = float(squares.max())
        self.log_target = float(np.log(largest) + np.log(np.sum(squares / largest)))
        self.least_value = float(values.min()) / float(values.max())
        self._values = values / values.max()
        self._squares = squares / largest / np.sum(squares / largest)
        self._table = np.stack((np.ones_like(self._values), self._values))
        # log phi in the caller's units is that in ours plus this
        self.offset = (self.exponent - 2.0) * self.log_unit + self.log_target

    def sample(self, t: FloatArray) -> Sample:
        """Evaluate at ``t`` (m,).  O(m n); finite for every finite t."""
        scaled = np.exp(-np.maximum(t, 0.0))
        ridge = np.exp(np.minimum(t, 0.0))
        resolvent = 1.0 / (scaled[:, None] * self._values + ridge[:, None])
        weights = resolvent * resolvent
        weights *= self._squares
        shrinkage = resolvent
        shrinkage *= ridge[:, None]
        total = weights.sum(axis=1)
        weights /= total[:, None]
        shrunk = weights * shrinkage
        first = shrunk @ self._table.T
        return Sample(
            t=t,
            log_square_norm=np.log(total) - 2.0 * np.maximum(t, 0.0),
            shrinkage=first[:, 0],
            shrinkage_square=(shrunk * shrinkage).sum(axis=1),
            mean_value=weights @ self._values,
            mean_product=first[:, 1],
        )

    def height(self, sample: Sample) -> FloatArray:
        """``log phi`` in units of the curve; equals ``p log kappa`` at a stationary point."""
        return self.exponent * sample.t + sample.log_square_norm

    def height_nodes(self, sample: Sample, level: float) -> Nodes:
        """``log phi - level`` with its derivative, whose rising zeros are minima and falling ones saddles."""
        return Nodes(sample.t, self.height(sample) - level, self.exponent - 2.0 * sample.shrinkage)

    def slope_nodes(self, sample: Sample) -> Nodes:
        """The derivative of ``log phi`` as a function, whose zeros end a branch (spinodals).

        Its first derivative lies in [-1/2, 1], its second in [-7/4, 7/4].
        """
        mean = sample.shrinkage
        spread = sample.shrinkage_square - mean * mean
        return Nodes(sample.t, self.exponent - 2.0 * mean, 6.0 * spread - 2.0 * mean * (1.0 - mean))

    def tie_nodes(self, sample: Sample) -> Nodes:
        """``log(mean c / ((D-1) rho))``: zero where the stationary point has the loss of the zero map.

        Positive where it is better; its derivative lies in [-1, 1].
        """
        value = np.log(sample.mean_value) - np.log(self.n_hidden - 1.0) - sample.t
        pulled = sample.mean_product / sample.mean_value
        return Nodes(sample.t, value, 2.0 * (sample.shrinkage - pulled) - 1.0)

    def outer_bracket(self, level: float) -> tuple[float, float]:
        """All roots lie strictly between: from phi < rho^p sum a^2/c^2 and phi < rho^(p-2) ||a||^2; D >= 2."""
        return self.lower_bracket(level), -level / (2.0 - self.exponent) + 1e-6

    def lower_bracket(self, level: float) -> float:
        """A point below which there is no root."""
        inverse = float(np.log(np.sum(self._squares / self._values**2)))
        return (level - inverse) / self.exponent - 1e-6

    def single_root(self, log_kappa: float) -> float | None:
        """One hidden layer: phi increases, so there is one root if ``||a|| > kappa`` and none otherwise.

        Newton's method for ``1/||a/(1 + tau c)|| = 1/kappa`` in ``tau = 1/rho``; the left side is concave, so
        that the iterates rise to the root without a safeguard.
        """
        ratio = float(np.exp(log_kappa - 0.5 * self.log_target))
        if not ratio < 1.0:
            return None
        tau = 1.0 / ratio - 1.0
        for _ in range(100):
            shrunk = 1.0 / (1.0 + tau * self._values)
            weighted = self._squares * shrunk * shrunk
            square = float(weighted.sum())
            slope = float((weighted * self._values).dot(shrunk)) * square**-1.5
            step = (1.0 / ratio - square**-0.5) / slope
            tau += step
            if abs(step) <= 1e-9 * tau:
                break
        return -float(np.log(tau))

    def level_of(self, log_kappa: float) -> float:
        """The height at which ``kappa`` cuts the curve."""
        return self.exponent * log_kappa - self.offset

    def log_kappa_at(self, t: FloatArray) -> FloatArray:
        """The (log) decay for which the point at ``t`` is stationary."""
        log_kappa: FloatArray = (self.height(self.sample(t)) + self.offset) / self.exponent
        return log_kappa

    def log_ridge(self, t: FloatArray) -> FloatArray:
        """log rho in the caller's units."""
        return t + self.log_unit

    def log_norm(self, sample: Sample) -> FloatArray:
        """log ||v|| in the caller's units."""
        log_norm: FloatArray = 0.5 * (sample.log_square_norm + self.log_target) - self.log_unit
        return log_norm

    def gain(self, sample: Sample) -> FloatArray:
        """H: by how much the stationary point at ``t`` beats the zero map (before division by C)."""
        # mean c - (D-1) rho, times ||v||^2; zero exactly at a tie
        excess = sample.mean_value - (self.n_hidden - 1.0) * np.exp(sample.t)
        gain: FloatArray = np.exp(sample.log_square_norm + self.log_target - self.log_unit) * excess
        return gain
