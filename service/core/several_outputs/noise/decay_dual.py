"""A lower bound for two layers with noise and decay on any inputs, by duality of the decay.

For every Z with ``||Z||_2 <= 2 gam`` the decay of a map W is at least ``<Z, W>``; what is left is a water filling in
closed form.  Proof: ``docs/theory/dropout.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.noise.water_filling import fill
from service.core.several_outputs.squared_error.quadratic import Quadratic

STEPS = 300
STALLED = 1e-13


@dataclass(frozen=True)
class DecayDual:
    """``min_W ||W diag(s) - M||^2 + mu ||W diag(s)||_*^2 + 2 gam ||W||_*`` over rank at most ``cap``, from below."""

    quadratic: Quadratic
    mu: float
    gam: float
    cap: int

    def at(self, dual: FloatArray) -> tuple[float, FloatArray]:
        """Bound for a dual point (k, rho), and the map (k, rho) that attains its inner minimum."""
        target, scales = self.quadratic.target, self.quadratic.scales
        shifted = target - 0.5 * dual / scales
        left, values, right = np.linalg.svd(shifted, full_matrices=False)
        level = fill(values, self.mu, 0.0, self.cap)
        kept = values[: level.kept] - level.amount
        inner = (left[:, : level.kept] * kept) @ right[: level.kept]
        value = level.kept * level.amount**2 + float(np.sum(values[level.kept :] ** 2)) + self.mu * level.total**2
        value += float(np.sum((target - shifted) * (target + shifted)))
        return self.quadratic.residual + value, inner / scales

    def projected(self, dual: FloatArray) -> FloatArray:
        """The nearest dual point (k, rho) that is allowed."""
        left, values, right = np.linalg.svd(dual, full_matrices=False)
        nearest: FloatArray = (left * np.minimum(values, 2.0 * self.gam)) @ right
        return nearest

    def best(self, start: FloatArray, goal: float) -> float:
        """Largest bound of accelerated projected ascent from the signs of a map (k, rho); stops at ``goal``.

        Notes
        -----
        Every iterate is a bound.  O(k rho min(k, rho)) a step.
        """
        left, values, right = np.linalg.svd(start, full_matrices=False)
        kept = values > 1e-9 * max(float(values[0]), 1e-300)
        current = ahead = 2.0 * self.gam * (left[:, kept] @ right[kept])
        step = 2.0 * float(self.quadratic.scales[-1]) ** 2
        value, momentum = self.at(current)[0], 1.0
        for _ in range(STEPS):
            if value >= goal:
                break
            following = self.projected(ahead + step * self.at(ahead)[1])
            reached = self.at(following)[0]
            grown = 0.5 * (1.0 + float(np.sqrt(1.0 + 4.0 * momentum**2)))
            if reached < value:
                if momentum == 1.0:
                    break
                ahead, momentum = current, 1.0
                continue
            ahead = following + (momentum - 1.0) / grown * (following - current)
            settled = reached - value <= STALLED * abs(reached) and momentum > 20.0
            current, value, momentum = following, reached, grown
            if settled:
                break
        return value
