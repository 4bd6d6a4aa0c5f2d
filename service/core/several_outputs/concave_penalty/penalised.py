"""Least squares with a concave penalty of the singular values, and its lower bounds.

``G(V) = ||V diag(s) - target||^2 + residual + P sum sigma_i(V)^p`` over rank at most ``cap`` is what decay on L layers
amounts to, with ``p = 2/L``.  Taking ``m ||V||^2`` from the quadratic, as long as it stays convex, and giving it to the
penalty bounds G from below at every V.  See ``docs/theory/deep-bounds.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.singular_values.scalar_bounds import scalar_bounds
from service.core.several_outputs.squared_error.quadratic import Quadratic

GRADED = 1e-4
"""Least of the inputs' scales, relative to the largest, below which maps are graded."""


@dataclass(frozen=True)
class Penalised:
    """The problem.

    Attributes
    ----------
    quadratic : Quadratic
    penalty : float
        P > 0.
    power : float
        p in (0, 1].
    cap : int
        Largest rank.
    linear : float
        Factor of an additional nuclear norm ``linear ||V||_*``, not negative.
    """

    quadratic: Quadratic
    penalty: float
    power: float
    cap: int
    linear: float = 0.0

    @classmethod
    def of(cls, quadratic: Quadratic, decays: FloatArray, cap: int, linear: float = 0.0) -> "Penalised":
        """From the positive decays (L,) of all layers."""
        penalty = decays.size * float(np.exp(np.mean(np.log(decays))))
        return cls(quadratic, penalty, 2.0 / decays.size, cap, linear)

    @property
    def convexity(self) -> float:
        """``m``, just below the least second moment of the inputs."""
        return float(self.quadratic.scales[-1] ** 2) * (1.0 - 1e-12)

    @property
    def graded(self) -> bool:
        """Whether the inputs' scales differ so much that lanes far below the longest one matter to the error."""
        return bool(self.quadratic.least_scale < GRADED * self.quadratic.largest_scale)

    @property
    def harmless(self) -> float:
        """A singular value up to which a lane costs at least what it gains; zero for a penalty that is not concave."""
        steepest = 2.0 * self.quadratic.correlation_norm
        if self.linear >= steepest:
            return float("inf")
        if self.power == 1.0:
            return 0.0
        with np.errstate(over="ignore"):
            return float(np.float64(self.penalty / (steepest - self.linear)) ** (1.0 / (1.0 - self.power)))

    @property
    def shortest(self) -> float:
        """A norm below which no minimiser has a lane; zero for p = 1.

        Notes
        -----
        Along its own ray a lane pays ``c s^2 - 2 b s + P s^p`` with ``c`` at most the largest second moment; where that
        is least and not positive, ``c s^(2-p) >= P (1 - p)``.
        """
        if self.power == 1.0:
            return 0.0
        steepest = float(self.quadratic.scales[0] ** 2)
        edge = float((self.penalty * (1.0 - self.power) / steepest) ** (1.0 / (2.0 - self.power)))
        return max(edge, self.harmless)

    def fit(self, end_map: FloatArray) -> float:
        """Squared error of a map V (k, rho)."""
        misfit = end_map * self.quadratic.scales - self.quadratic.target
        return self.quadratic.residual + float(np.sum(misfit * misfit))

    def value(self, end_map: FloatArray) -> float:
        """``G(V)`` for a map V (k, rho)."""
        singular = np.asarray(np.linalg.svd(end_map, compute_uv=False), dtype=np.float64)
        singular = singular[singular > 1e-14 * max(float(singular[0]), 1e-300)]
        return self.fit(end_map) + float(np.sum(self.penalties(singular)))

    def penalties(self, singular: FloatArray) -> FloatArray:
        """``P s^p + linear s`` for singular values s >= 0, any shape."""
        result: FloatArray = self.penalty * singular**self.power + self.linear * singular
        return result

    def weights(self, singular: FloatArray) -> FloatArray:
        """Derivative of the penalty in the square of positive singular values (r,)."""
        result: FloatArray = 0.5 * (self.penalty * self.power * singular ** (self.power - 1.0) + self.linear) / singular
        return result

    def gradient(self, end_map: FloatArray) -> FloatArray:
        """Half the gradient (k, rho) of the squared error at a map of that shape."""
        gradient: FloatArray = end_map * self.quadratic.scales**2 - self.quadratic.correlation
        return gradient

    def lower_bound(self, end_map: FloatArray) -> float:
        """A bound that holds for all maps of rank at most ``cap``, whatever ``end_map`` (k, rho) is.

        Notes
        -----
        ``fit - m ||.||^2`` is convex and bounded by its tangent at V; what is left separates over singular values by
        von Neumann's inequality into ``cap`` scalar problems.  O(k rho min(k, rho)).
        """
        m = self.convexity
        dual = m * end_map - self.gradient(end_map)
        pulls = np.maximum(np.linalg.svd(dual, compute_uv=False)[: self.cap] - 0.5 * self.linear, 0.0) / m
        # max over s of 2 z s - m s^2 - P s^p, with y = z / m
        conjugate = m * float(np.sum(pulls**2 - scalar_bounds(pulls, self.penalty / m, self.power)))
        tangent = self.fit(end_map) - m * float(np.sum(end_map**2)) + 2.0 * float(np.sum(dual * end_map))
        return tangent - conjugate
