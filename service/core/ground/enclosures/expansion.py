"""A diagonal quadratic below the squared error of every map, exact to first order at one of them.

With W = A basis' and B = A - centre,
``error(W) >= value - 2 <slope, B> + sum_i values_i |B_i|^2 - 2 tilt |B_weak| - bend |B_weak|^2`` for all W.  The
curvature may be off by much: its error enters a bound to second order only, if the bound is least near the centre.
Statement and proof: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.enclosures.sources import UNIT, gamma
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.cached import cached_property


@dataclass(frozen=True)
class ExpandedError:
    """The quadratic; attributes are doubles that hold as they are.

    Attributes
    ----------
    basis : (d, d) array
        Nearly orthonormal directions as columns.
    stretch : float
        ``(1 - stretch) ||A||^2 <= ||W||^2 <= (1 + stretch) ||A||^2``, and so for every singular value squared.
    centre : (k, d) array
        A of the map about which this is expanded.
    value : float
        Lower bound of the squared error there, with what the error of the slope may cost taken off.
    upper : float
        Upper bound of the squared error there.
    slope : (k, d) array
        Half the negative gradient.
    values : (d,) array
        Curvatures; zero for weak directions, whose curvature is not certain.
    share : float
        Part of every curvature, a given ridge included, that the error of the slope has taken.
    tilt : float
        Error of the slope along weak directions.
    bend : float
        ``bend |B_weak|^2`` is what weak directions may take off by their curvature.
    """

    basis: FloatArray
    stretch: float
    centre: FloatArray
    value: float
    upper: float
    slope: FloatArray
    values: FloatArray
    share: float
    tilt: float
    bend: float

    @cached_property
    def known(self) -> BoolArray:
        """Mask (d,) of the directions of certain curvature."""
        mask: BoolArray = self.values > 0.0
        return mask

    @cached_property
    def _roots(self) -> FloatArray:
        return np.sqrt(np.where(self.known, self.values, 1.0))

    @cached_property
    def response(self) -> FloatArray:
        """Target of the quadratic as ``sum_i |A_i sqrt(values_i) - response_i|^2 + rest``, shape (k, d)."""
        response: FloatArray = np.where(self.known, self.slope / self._roots + self.centre * self._roots, 0.0)
        return response

    @cached_property
    def rest(self) -> float:
        """What the quadratic keeps at its minimum over the known directions, rounded down."""
        gains = np.where(self.known, self.slope, 0.0) / self._roots
        gain = float(np.sum(gains * gains))
        return self.value - gain - 16.0 * UNIT * (gain + abs(self.value))

    def weak_cost(self, norm: float) -> float:
        """What weak directions can take off among maps of Frobenius norm at most ``norm``."""
        if self.known.all():
            return 0.0
        weak = ~self.known
        reach = norm * (1.0 + self.stretch) + float(np.linalg.norm(self.centre[:, weak]))
        steepest = float(np.linalg.norm(self.slope[:, weak])) + self.tilt
        return reach * (2.0 * steepest + self.bend * reach) * (1.0 + 16.0 * UNIT)

    def dual_minimum(self, dual: FloatArray, norm: float) -> float:
        """Lower bound of the error plus ``2 <A, dual>`` over maps of Frobenius norm at most ``norm``.

        Parameters
        ----------
        dual : (k, d) array
            In the basis; the bound is sharp where it is the slope at the centre.
        norm : float
            Matters for weak directions only.
        """
        inputs = len(self.values)
        left = self.slope - dual
        pull = np.linalg.norm(left, axis=0)
        pull += 4.0 * UNIT * (np.linalg.norm(self.slope, axis=0) + np.linalg.norm(dual, axis=0))
        gain = float(np.sum(pull[self.known] ** 2 / self.values[self.known]))
        inner, size = float(np.sum(self.centre * dual)), float(np.sum(np.abs(self.centre) * np.abs(dual)))
        rounding = gamma(inputs + self.centre.size + 8.0) * (size + gain + abs(self.value))
        cost = 0.0
        if not self.known.all():
            weak = ~self.known
            reach = norm * (1.0 + self.stretch) + float(np.linalg.norm(self.centre[:, weak]))
            cost = reach * (2.0 * (float(np.linalg.norm(pull[weak])) + self.tilt) + self.bend * reach)
        return self.value + 2.0 * inner - gain - cost * (1.0 + 16.0 * UNIT) - 2.0 * rounding

    def ridge_minimum(self, ridge: float) -> float:
        """Lower bound of the error plus ``ridge ||W||^2`` over all maps, ridge > 0; may be minus infinity."""
        whole = ridge * (1.0 - self.stretch)
        shrunk = whole * (1.0 - self.share)
        curvature = np.where(self.known, self.values + shrunk, shrunk - self.bend)
        if not np.all(curvature > 0.0):
            return -np.inf
        pull = self.slope - whole * self.centre
        pulls = np.sqrt(np.einsum("ij,ij->j", pull, pull))
        pulls += 4.0 * UNIT * (np.linalg.norm(self.slope, axis=0) + whole * np.linalg.norm(self.centre, axis=0))
        # the error of the slope along weak directions may fall on any of them
        pulls = np.where(self.known, pulls, pulls + self.tilt)
        gain = float(np.sum(pulls**2 / curvature))
        kept = whole * float(np.sum(self.centre * self.centre))
        return self.value + kept - gain - 16.0 * UNIT * (abs(self.value) + kept + gain)
