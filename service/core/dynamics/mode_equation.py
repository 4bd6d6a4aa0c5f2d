"""The equation of one singular direction of a linear network under gradient flow, and when it passes a value.

Proofs: ``docs/theory/learning-times.md``.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Final

from scipy.integrate import quad
from scipy.optimize import brentq

DIES: Final = "decay is stronger than the data from this start: the direction dies out"


@dataclass(frozen=True, slots=True)
class ModeEquation:
    """``m' = 2 L m^(2-2/L) (strength - size m) - 2 L g m``; with ``m = a^L``: ``a' = 2 a^(L-1) (..) - 2 g a``.

    Attributes
    ----------
    layers : int
        L.
    strength : float
        Singular value of ``E[y x^T]``, positive.
    size : float
        Second moment of the inputs along the direction, positive.
    decay : float
        g of every layer.
    """

    layers: int
    strength: float
    size: float
    decay: float

    def limit_from(self, start: float) -> tuple[float, str]:
        """Where the flow ends, and why it never rises; the reason is empty if it does."""
        if self.layers == 1:
            return self.strength / (self.size + self.decay), ""
        if start <= 0.0:
            return 0.0, "nothing of the start grows along this direction"
        if self.layers == 2:
            limit = (self.strength - self.decay) / self.size
            return (limit, "") if limit > 0.0 else (0.0, DIES)
        return self._deep_limit(start)

    def _deep_limit(self, start: float) -> tuple[float, str]:
        """Of three layers and more."""
        top = (self.strength / self.size) ** (1.0 / self.layers)
        if self.decay == 0.0:
            return self.strength / self.size, ""
        # the pull of the data over that of decay has one maximum between zero and the target
        peak = top * ((self.layers - 2.0) / (2.0 * self.layers - 2.0)) ** (1.0 / self.layers)
        if self._pull(peak) <= 0.0 or start ** (1.0 / self.layers) <= brentq(self._pull, 0.0, peak):
            return 0.0, DIES
        return float(brentq(self._pull, peak, top, xtol=1e-300, rtol=1e-14)) ** self.layers, ""

    def _pull(self, layer: float) -> float:
        """``a' / (2 a)`` at the common norm of the layers."""
        return layer ** (self.layers - 2) * (self.strength - self.size * layer**self.layers) - self.decay

    def curvature_at(self, limit: float) -> float:
        """Largest Hessian eigenvalue along the direction at a balanced point."""
        return 2.0 * self.layers * self.size * float(abs(limit) ** (2.0 - 2.0 / self.layers)) + 2.0 * self.decay

    def time(self, start: float, end: float, limit: float) -> float:
        """From one value to a larger one below the limit."""
        if self.layers == 1:
            return log((limit - start) / (limit - end)) / (2.0 * (self.size + self.decay))
        if self.layers == 2:
            # the logistic equation, by differences that small starts do not lose
            odds = log(limit - start) - log(start) - log(limit - end) + log(end)
            return odds / (4.0 * self.size * limit)
        low, high = log(start) / self.layers, log(end) / self.layers
        # over the logarithm of a, where small starts are as smooth as large ones
        return float(quad(lambda x: 0.5 / self._pull(exp(x)), low, high, epsabs=0.0, epsrel=1e-11, limit=200)[0])
