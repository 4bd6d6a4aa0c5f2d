"""One singular value under weight decay: ``h(s; y) = (s - y)^2 + L lam^(1/L) s^(2/L)``.

All layers of a balanced lane share ``sigma = (sqrt(lam) s)^(1/L)``, where ``sigma / sqrt(g_l)`` is the singular
value of layer l and ``lam = prod g_l``.  With ``sigma = kap t`` and ``kap = lam^(1/(2(L-1)))`` the stationary
equation is ``t^L + t^(2-L) = y / kap``.  See ``docs/theory/factorisation.md``.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.bracketed import bracketed_root
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.spectrum import EPSILON

INFLECTION_TOLERANCE = 1e-12
FAR = 60.0
"""Logarithm of ``y / kap`` beyond which one of the two powers is all of the sum, to more than double precision."""


@dataclass(frozen=True, slots=True)
class Root:
    """A positive stationary value of the scalar problem.

    Attributes
    ----------
    product : float
        Singular value s of the end-to-end map.
    lane : float
        ``sigma``: ``sqrt(g_l)`` times the singular value of every layer.
    value : float
        ``h(s; y)``.
    stable : bool
        Whether it is the scalar minimum (the larger root).
    """

    product: float
    lane: float
    value: float
    stable: bool


@dataclass(frozen=True)
class Shrinkage:
    """The scalar problem for ``n_layers`` >= 2 and ``log_decay = sum log g_l``."""

    n_layers: int
    log_decay: float

    @classmethod
    def of(cls, decays: FloatArray) -> "Shrinkage":
        """From the positive decays (L,) of all layers."""
        return cls(int(decays.size), float(np.sum(np.log(decays))))

    @cached_property
    def unit(self) -> float:
        """``kap``, the scale of lanes and targets."""
        return float(np.exp(self._log_unit))

    @property
    def _log_unit(self) -> float:
        return self.log_decay / (2 * (self.n_layers - 1))

    @cached_property
    def penalty(self) -> float:
        """``L lam^(1/L)``, the factor of ``s^(2/L)``."""
        return self.n_layers * float(np.exp(self.log_decay / self.n_layers))

    @cached_property
    def _inflection_lane(self) -> float:
        layers = self.n_layers
        return float(((layers - 2) / layers) ** (1.0 / (2 * layers - 2)))

    @cached_property
    def existence_threshold(self) -> float:
        """``y_*``: below it only zero is stationary; at it (L >= 3) the two roots meet in an inflection."""
        layers = self.n_layers
        if layers == 2:
            return self.unit
        lane = self._inflection_lane
        return float(self.unit * (lane**layers + lane ** (2 - layers)))

    @cached_property
    def global_threshold(self) -> float:
        """``y_c``: above it the stable root beats zero."""
        layers = self.n_layers
        if layers == 2:
            return self.unit
        return self.unit * (layers - 1) * float(float(layers - 2) ** ((2 - layers) / (2 * layers - 2)))

    @cached_property
    def jump(self) -> float:
        """Singular value of the end-to-end map with which a lane appears at ``y_c``; 0 for two layers."""
        layers = self.n_layers
        return self.unit * float(layers - 2) ** (layers / (2 * layers - 2)) if layers > 2 else 0.0

    def at_inflection(self, target: float) -> bool:
        """Whether ``target`` equals ``y_*`` to a relative 1e-12 (three or more layers only)."""
        threshold = self.existence_threshold
        return self.n_layers > 2 and abs(target - threshold) <= INFLECTION_TOLERANCE * threshold

    def scaled(self, factor: float) -> "Shrinkage":
        """The problem with all decays multiplied by ``factor`` > 0."""
        return Shrinkage(self.n_layers, self.log_decay + self.n_layers * float(np.log(factor)))

    def scale_reaching(self, target: float, threshold: float) -> float:
        """Factor on all decays that moves ``threshold`` onto ``target``."""
        exponent = 2.0 * (self.n_layers - 1) / self.n_layers
        return float((target / threshold) ** exponent)

    def _root(self, lane: float, stable: bool) -> Root:
        layers, unit = self.n_layers, self.unit
        product = unit * lane**layers
        # at a stationary point s - y = -kap t^(2-L), which avoids the cancellation in s - y
        value = unit**2 * (lane ** (4 - 2 * layers) + layers * lane**2)
        return Root(product, unit * lane, value, stable)

    def roots(self, target: float) -> tuple[Root, ...]:
        """Positive stationary points for a target ``y`` >= 0: none, one, or (unstable, stable).

        Notes
        -----
        At ``y_*`` itself (three or more layers) the double root is returned once, as unstable.  The roots lie between
        the inflection and where one of the two powers alone is the right-hand side.
        """
        layers = self.n_layers
        if layers == 2:
            return (self._two_layers(target - self.unit),) if target > self.unit else ()
        if self.at_inflection(target):
            return (self._root(self._inflection_lane, False),)
        if target < self.existence_threshold:
            return ()
        log_ratio = log(target) - self._log_unit
        if log_ratio > FAR:
            return self._far_roots(target, log_ratio)
        ratio, middle = target / self.unit, self._inflection_lane

        def equation(lane: float) -> float:
            return float(lane**layers + lane ** (2 - layers) - ratio)

        lower = min(ratio ** (-1.0 / (layers - 2)), middle)
        upper = max(ratio ** (1.0 / layers), middle)
        # the exponents of the ends are rounded, and then the ends; the middle is off the root by more than that
        rounding = 4.0 * EPSILON * (layers + abs(log_ratio)) * ratio
        stable = bracketed_root(equation, middle, upper, rounding)
        unstable = bracketed_root(equation, lower, middle, rounding)
        return (self._root(unstable, False), self._root(stable, True))

    def _two_layers(self, product: float) -> Root:
        return Root(product, exp(0.5 * self._log_unit) * sqrt(product), self.unit * (self.unit + 2.0 * product), True)

    def _far_roots(self, target: float, log_ratio: float) -> tuple[Root, ...]:
        """The roots where a power alone gives them, by logarithms: ``kap`` itself may leave double precision."""
        layers = self.n_layers
        near, far = -log_ratio / (layers - 2), log_ratio / layers
        lanes = [exp(self._log_unit + log_lane) for log_lane in (near, far)]
        product = exp(self._log_unit + layers * near)
        return (
            Root(product, lanes[0], target * target + layers * lanes[0] ** 2, False),
            Root(target, lanes[1], layers * lanes[1] ** 2, True),
        )

    def stable_root(self, target: float) -> Root | None:
        """The scalar minimum other than zero, if there is one."""
        roots = self.roots(target)
        return roots[-1] if roots and roots[-1].stable else None

    def value(self, product: float, target: float) -> float:
        """``h(s; y)``."""
        return (product - target) ** 2 + self.penalty * float(product ** (2.0 / self.n_layers))
