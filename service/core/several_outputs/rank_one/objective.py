"""The objective of maps of rank one under weight decay at any depth, on rays and from below.

After the best output direction it is, over ``w`` (in the basis of the inputs),
``total - 2 ||C w|| + sum s^2 w^2 + P |w|^(2/L)`` with ``C = E[y x^T]``.  A chord of the concave last term on an
interval of ``|w|^2`` leaves a problem with a closed form.  See ``docs/theory/rank-one.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.squared_error.quadratic import Quadratic


@dataclass(frozen=True)
class RankOneObjective:
    """The objective, with everything that the search uses again and again."""

    quadratic: Quadratic
    shrinkage: Shrinkage

    @property
    def penalty(self) -> float:
        """Factor P of ``|w|^(2/L)``."""
        return self.shrinkage.penalty

    def largest_square(self) -> float:
        """No minimiser has a larger ``|w|^2``: the penalty alone, or the data alone, would cost more than zero."""
        layers = self.shrinkage.n_layers
        with np.errstate(over="ignore"):
            by_penalty = float(np.float64(self.quadratic.total / self.penalty) ** layers)
        by_data = (self.quadratic.correlation_norm / float(self.quadratic.scales[-1] ** 2)) ** 2
        return min(by_penalty, by_data)

    def harmless_square(self) -> float:
        """Below this ``|w|^2`` the objective is at least that of zero (three or more layers)."""
        layers = self.shrinkage.n_layers
        if layers == 2:
            return 0.0
        ratio = np.float64(self.penalty / (2.0 * self.quadratic.correlation_norm))
        with np.errstate(over="ignore"):
            return float(ratio ** (2.0 * layers / (layers - 2)))

    def relaxed(self, low: float, high: float) -> tuple[float, FloatArray]:
        """Bound from below for ``low <= |w|^2 <= high``, and the minimiser (rho,) of the relaxation."""
        power = 1.0 / self.shrinkage.n_layers
        start = low**power if low > 0.0 else 0.0
        slope = self.penalty * (high**power - start) / (high - low)
        intercept = self.penalty * start - slope * low
        weights = 1.0 / np.sqrt(self.quadratic.scales**2 + slope)
        value, direction = _leading(self.quadratic.correlation * weights)
        return self.quadratic.total - value + intercept, np.sqrt(value) * direction * weights

    def along(self, direction: FloatArray) -> tuple[float, FloatArray]:
        """Least loss on the ray of ``direction`` (rho,), and the point."""
        size = float(np.linalg.norm(direction))
        if size == 0.0:
            return self.quadratic.total, direction
        unit = direction / size
        pull = float(np.linalg.norm(self.quadratic.correlation @ unit))
        weight = float(np.sum((self.quadratic.scales * unit) ** 2))
        layers = self.shrinkage.n_layers
        scaled = Shrinkage(layers, self.shrinkage.log_decay - layers * float(np.log(weight)))
        root = scaled.stable_root(pull / weight)
        gain = 0.0 if root is None else weight * (root.value - (pull / weight) ** 2)
        if root is None or gain >= 0.0:
            return self.quadratic.total, np.zeros_like(direction)
        return self.quadratic.total + gain, unit * root.product

    def loss(self, right: FloatArray) -> float:
        """Objective at ``w`` (rho,)."""
        square = float(right @ right)
        pull = float(np.linalg.norm(self.quadratic.correlation @ right))
        quadratic = float(np.sum((self.quadratic.scales * right) ** 2))
        penalty = self.penalty * square ** (1.0 / self.shrinkage.n_layers)
        return float(self.quadratic.total - 2.0 * pull + quadratic + penalty)


def _leading(matrix: FloatArray) -> tuple[float, FloatArray]:
    """Square of the largest singular value and its right singular vector."""
    if matrix.shape[0] <= matrix.shape[1]:
        values, vectors = np.linalg.eigh(matrix @ matrix.T)
        right = matrix.T @ vectors[:, -1]
        size = float(np.linalg.norm(right))
        return size**2, right / size if size > 0.0 else right
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    return max(float(values[-1]), 0.0), vectors[:, -1]
