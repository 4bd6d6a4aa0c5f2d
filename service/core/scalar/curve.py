"""The branch of candidate maps, one for each effective ridge ``rho = exp(t)``, and its special points.

Every stationary map of the reduced problem is ``(A + rho I)^{-1} a`` for a root of
``log phi(rho) = p log kappa`` with ``phi(rho) = rho^p sum a_k^2/(c_k + rho)^2`` and ``p = (D+1)/D``.
``phi`` does not depend on the decays: one curve serves the roots, every threshold and every sweep.
Derivatives and their bounds are derived in ``docs/theory/secular-equation.md``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.core.arrays import FloatArray
from service.core.scalar.isolation import DerivativeBounds, Isolated, Nodes, isolate, polish

HEIGHT_CURVATURE = (-0.5, 1.0)
SLOPE_CURVATURE = (-9.0, 9.0)
TIE_BOUNDS = DerivativeBounds(-1.0, 1.0, -1.5, 1.5)


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
        """The derivative of ``log phi`` as a function, whose zeros end a branch (spinodals)."""
        mean = sample.shrinkage
        spread = sample.shrinkage_square - mean * mean
        return Nodes(sample.t, self.exponent - 2.0 * mean, 6.0 * spread - 2.0 * mean * (1.0 - mean))

    def tie_nodes(self, sample: Sample) -> Nodes:
        """``log(mean c / ((D-1) rho))``: zero where the stationary point has the loss of the zero map."""
        value = np.log(sample.mean_value) - np.log(self.n_hidden - 1.0) - sample.t
        pulled = sample.mean_product / sample.mean_value
        return Nodes(sample.t, value, 2.0 * (sample.shrinkage - pulled) - 1.0)

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

    @cached_property
    def _grid(self) -> Sample:
        """Nodes that hold every spinodal and every tie, about one unit apart."""
        depth = self.n_hidden
        low = float(np.log(self._values.min())) - np.log(depth - 1.0) - 0.25
        high = float(np.log((depth + 1.0) / (depth - 1.0))) + 0.25
        return self.sample(np.linspace(low, high, int(np.clip(2.0 * (high - low), 6, 160))))

    @cached_property
    def spinodals(self) -> FloatArray:
        """Points where a pair of stationary points is born or dies, ascending in t; D >= 2.

        They alternate: the first one ends the branch of largest norm.  Near-double ones are left out: they
        end no interval of decays.
        """
        bounds = DerivativeBounds(*HEIGHT_CURVATURE, *SLOPE_CURVATURE)
        return self._solve(self.slope_nodes(self._grid), lambda t: self.slope_nodes(self.sample(t)), bounds)

    @cached_property
    def ties(self) -> FloatArray:
        """Points that are stationary with exactly the loss of the zero map, ascending in t; D >= 2."""
        return self._solve(self.tie_nodes(self._grid), lambda t: self.tie_nodes(self.sample(t)), TIE_BOUNDS)

    @staticmethod
    def _solve(nodes: Nodes, evaluate: object, bounds: DerivativeBounds) -> FloatArray:
        return polish(isolate(nodes, evaluate, bounds), evaluate)  # type: ignore[arg-type]  # a lambda in both uses

    def roots(self, log_kappa: float) -> "Roots":
        """All stationary points for a decay, certified complete.

        Parameters
        ----------
        log_kappa : float
            Finite.

        Returns
        -------
        Roots
            Ascending in t, that is from the largest norm to the smallest.
        """
        if self.n_hidden == 1:
            return self._single_root(log_kappa)
        level = self.level_of(log_kappa)
        bounds = DerivativeBounds(-(2.0 - self.exponent), self.exponent, *HEIGHT_CURVATURE)
        low, high = self._bracket(level)
        if not low < high:
            return Roots(np.empty(0), np.empty(0, dtype=bool), np.empty(0))
        grid = np.linspace(low, high, int(np.clip(high - low, 6, 160)))

        def evaluate(t: FloatArray) -> Nodes:
            return self.height_nodes(self.sample(t), level)

        isolated: Isolated = isolate(evaluate(grid), evaluate, bounds)
        return Roots(polish(isolated, evaluate), isolated.rising, isolated.tangential)

    def _bracket(self, level: float) -> tuple[float, float]:
        """All roots lie strictly between: from phi < rho^p sum a^2/c^2 and phi < rho^(p-2) ||a||^2."""
        inverse = float(np.log(np.sum(self._squares / self._values**2)))
        return (level - inverse) / self.exponent - 1e-6, -level / (2.0 - self.exponent) + 1e-6

    def _single_root(self, log_kappa: float) -> "Roots":
        """One hidden layer: phi increases, so there is one root if ``||a|| > kappa`` and none otherwise.

        Newton's method for ``1/||a/(1 + tau c)|| = 1/kappa`` in ``tau = 1/rho``; the left side is concave, so
        that the iterates rise to the root without a safeguard.
        """
        ratio = np.exp(log_kappa - 0.5 * self.log_target)
        if not ratio < 1.0:
            return Roots(np.empty(0), np.empty(0, dtype=bool), np.empty(0))
        tau = float(1.0 / ratio - 1.0)
        for _ in range(100):
            shrunk = 1.0 / (1.0 + tau * self._values)
            square = float(np.sum(self._squares * shrunk**2))
            slope = float(np.sum(self._squares * self._values * shrunk**3)) * square**-1.5
            step = (1.0 / ratio - square**-0.5) / slope
            tau += step
            if abs(step) <= 4e-16 * tau:
                break
        return Roots(np.array([-np.log(tau)]), np.array([True]), np.empty(0))


@dataclass(frozen=True, slots=True)
class Roots:
    """Stationary points of the reduced problem.

    Attributes
    ----------
    t : (r,) array
        Ascending.
    rising : (r,) array of bool
        True for strict local minima, false for saddles.
    tangential : (s,) array
        Degenerate (double) points; never a global minimum.
    """

    t: FloatArray
    rising: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    tangential: FloatArray
