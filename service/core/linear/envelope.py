"""Least squares with a concave penalty of the singular values, and its lower bounds.

``G(V) = ||V diag(s) - target||^2 + residual + P sum sigma_i(V)^p`` over rank at most ``cap`` is what decay on L layers
amounts to, with ``p = 2/L``.  Taking ``m ||V||^2`` from the quadratic, as long as it stays convex, and giving it to the
penalty bounds G from below at every V.  See ``docs/theory/deep-bounds.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.quadratic import Quadratic
from service.core.linear.scalar_bounds import scalar_bounds


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
        """From the positive decays of all layers."""
        penalty = decays.size * float(np.exp(np.mean(np.log(decays))))
        return cls(quadratic, penalty, 2.0 / decays.size, cap, linear)

    @property
    def convexity(self) -> float:
        """``m``, just below the least second moment of the inputs."""
        return float(self.quadratic.scales[-1] ** 2) * (1.0 - 1e-12)

    def fit(self, end_map: FloatArray) -> float:
        """Squared error of a map V (k, rho)."""
        misfit = end_map * self.quadratic.scales - self.quadratic.target
        return self.quadratic.residual + float(np.sum(misfit * misfit))

    def value(self, end_map: FloatArray) -> float:
        """``G(V)``."""
        singular = np.linalg.svd(end_map, compute_uv=False)
        singular = singular[singular > 1e-14 * max(float(singular[0]), 1e-300)]
        penalties = self.penalty * singular**self.power + self.linear * singular
        return self.fit(end_map) + float(np.sum(penalties))

    def gradient(self, end_map: FloatArray) -> FloatArray:
        """Half the gradient of the squared error."""
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

    def convexified_prox(self, singular: FloatArray, step: float) -> FloatArray:
        """Proximal map of half the convex envelope of ``m s^2 + P s^p + linear s`` at singular values (n,)."""
        m, c, p = self.convexity, 0.5 * self.penalty, self.power
        edge = (2.0 * c * (1.0 - p) / m) ** (1.0 / (2.0 - p))
        slope = (0.5 * m * edge + c * edge ** (p - 1.0) if edge > 0.0 else c) + 0.5 * self.linear
        short = np.clip(singular - step * slope, 0.0, edge)
        # beyond the edge: (s - a)/step + m s + c p s^(p-1) + linear/2 = 0, convex and increasing there
        at = np.maximum(singular, max(edge, 1e-300))
        for _ in range(40):
            value = (at - singular) / step + m * at + c * p * at ** (p - 1.0) + 0.5 * self.linear
            growth = 1.0 / step + m + c * p * (p - 1.0) * at ** (p - 2.0)
            following = np.maximum(at - value / growth, max(edge, 1e-300))
            if np.all(np.abs(following - at) <= 1e-15 * at):
                break
            at = following
        beyond = (edge - singular) / step + m * edge + (c * p * edge ** (p - 1.0) if edge > 0.0 else c)
        far = beyond + 0.5 * self.linear < 0.0
        result: FloatArray = np.where(far, at, short)
        return result


def improved_bound(problem: Penalised, start: FloatArray, goal: float, steps: int = 400) -> tuple[float, FloatArray]:
    """Best lower bound along accelerated proximal steps on the convexified problem.

    Parameters
    ----------
    problem : Penalised
    start : (k, rho) array
    goal : float
        Bound at which to stop: the value that is to be certified.
    steps : int
        At most this many singular value decompositions.

    Returns
    -------
    float, (k, rho) array
        The bound and the last map, a good start for a search.
    """
    quadratic, m = problem.quadratic, problem.convexity
    step = 1.0 / max(float(quadratic.scales[0] ** 2) - m, 1e-3 * m)
    best = problem.lower_bound(start)
    current, ahead, momentum = start, start, 1.0
    for count in range(steps):
        if best >= goal:
            break
        gradient = problem.gradient(ahead) - m * ahead
        left, singular, right = np.linalg.svd(ahead - step * gradient, full_matrices=False)
        following = (left * problem.convexified_prox(singular, step)) @ right
        change = following - current
        if float(np.sum((ahead - following) * change)) > 0.0:
            momentum, ahead = 1.0, following
        else:
            grown = 0.5 * (1.0 + float(np.sqrt(1.0 + 4.0 * momentum**2)))
            ahead, momentum = following + (momentum - 1.0) / grown * change, grown
        current = following
        if count % 5 == 0:
            best = max(best, problem.lower_bound(current))
        if float(np.linalg.norm(change)) <= 1e-13 * max(float(np.linalg.norm(current)), 1e-300):
            break
    return max(best, problem.lower_bound(current)), current
