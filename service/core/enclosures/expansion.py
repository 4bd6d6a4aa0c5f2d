"""A diagonal quadratic below the squared error of every map, exact to first order at one of them.

With W = A basis' and B = A - centre,
``error(W) >= value - 2 <slope, B> + sum_i values_i |B_i|^2 - 2 tilt |B_weak| - bend |B_weak|^2`` for all W.  The
curvature may be off by much: its error enters a bound to second order only, if the bound is least near the centre.
Statement and proof: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.core.arrays import BoolArray, FloatArray
from service.core.enclosures.sources import UNIT, Source, gamma
from service.core.factor import powers_of_two
from service.core.twofold import product, product_error

LARGEST_SHARE = 0.3
"""Share of the curvature that its error may take in a direction that counts as known."""
NEGLIGIBLE = 1e-12
"""Error of the slope, relative to the value, that may be charged at once rather than to the curvature."""


@dataclass(frozen=True)
class Expansion:
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
        Part of every curvature, a ridge that was told included, that the error of the slope has taken.
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


def expand(
    source: Source,
    basis: FloatArray,
    squares: FloatArray,
    end_to_end_map: FloatArray,
    unit: float,
    precise: bool = False,
    ridge: float = 0.0,
    norm: float = np.inf,
) -> Expansion:
    """Expand the squared error about a map.

    Parameters
    ----------
    source : Source
    basis : (d, d) array
        Directions in which second moments are nearly diagonal, nearly orthonormal; validity does not depend on it.
    squares : (d,) array
        Second moments along them, or estimates; zero where there are no data.
    end_to_end_map : (k, d) array
        The bound is sharpest there.
    unit : float
        What errors of a bound are compared with; positive.
    precise : bool
        Whether value, slope and curvature are found in about twice the working precision.
    ridge : float
        Where the expansion is for `Expansion.ridge_minimum` of this ridge alone, which then helps against the error of
        the slope.
    norm : float
        Frobenius norm of the maps that matter; infinite if all do.

    Notes
    -----
    The error of the slope is charged to the curvature, or at once where the maps that matter make that cheaper.
    O(d^3 + k d^2), and one or two passes over rows.
    """
    inputs = len(squares)
    centre = end_to_end_map @ basis
    if precise:
        whole = product(centre, np.ascontiguousarray(basis.T))
        high, low = whole.high, whole.low
        moved = product_error(inputs) * np.abs(centre).max(axis=1) @ np.ones((len(centre), inputs))
    else:
        high = centre @ basis.T
        low = np.zeros_like(high)
        moved = gamma(inputs + 2.0) * np.linalg.norm(np.abs(centre) @ np.abs(basis.T), axis=0)
    local = source.near(high, low, precise)
    steepness = np.linalg.norm(local.slope, axis=0)
    shifted = float(source.sizes @ moved)
    value_error = local.value_error + 2.0 * float(steepness @ moved) + shifted * shifted
    slope_error = local.slope_error + 1.01 * shifted * source.sizes + gamma(inputs + 4.0) * steepness
    wrong = slope_error @ np.abs(basis)
    values, bend = curvature_along(source, basis, squares, precise)
    known = values > 0.0
    charged = 0.0
    if not known.all() and np.isfinite(norm):
        # any curvature will do where maps are bounded, if what it adds is taken off again
        weak = ~known
        far = 1.1 * norm + float(np.linalg.norm(centre[:, weak]))
        curvature = NEGLIGIBLE * unit / max(far * far, 1e-290)
        charged = far * (2.0 * float(np.linalg.norm(wrong[weak])) + (curvature + bend) * far)
        values, wrong, known, bend = np.where(weak, curvature, values), np.where(weak, 0.0, wrong), values >= 0.0, 0.0
    at_once = np.zeros_like(known)
    if np.isfinite(norm):
        reach = 1.1 * norm + np.linalg.norm(centre, axis=0)
        at_once = known & (wrong >= 2e-9 * reach * (values + ridge))
        charged += 2.0 * float(np.sum((wrong * reach)[at_once]))
    others = known & ~at_once
    lost = float(np.sum(wrong[others] ** 2 / (values[others] + ridge)))
    share = float(np.clip(lost / (NEGLIGIBLE * unit), 1e-14, LARGEST_SHARE))
    return Expansion(
        basis=basis,
        stretch=_departure(basis),
        centre=centre,
        value=local.value - 1.01 * (value_error + lost / share + charged),
        upper=local.value + 1.01 * value_error,
        slope=local.slope @ basis,
        values=values * (1.0 - share),
        share=share,
        tilt=1.01 * float(np.linalg.norm(wrong[~known])),
        bend=bend,
    )


def _departure(basis: FloatArray) -> float:
    """Bound on the norm of ``basis' basis - 1``."""
    gram = basis.T @ basis
    gram[np.diag_indices_from(gram)] -= 1.0
    inputs = len(basis)
    # columns have norms near one, so that the moduli of a product of two of them add up to one at most
    return 1.01 * (float(np.linalg.norm(gram)) + gamma(inputs + 2.0) * inputs)


def curvature_along(source: Source, basis: FloatArray, squares: FloatArray, precise: bool) -> tuple[FloatArray, float]:
    """Certain curvatures along the basis, zero for weak directions, and what these may take off.

    Notes
    -----
    In units of their square roots the second moments along the basis are the identity but for an error, whose norm is
    the share by which every curvature may be less.  Directions are weak where they are so small beside the numbers that
    make them up that this share would not be below a third.
    """
    inputs = len(squares)
    roots = np.sqrt(np.maximum(squares, 0.0))
    spans = source.sizes @ np.abs(basis)
    first = 20.0 * inputs * gamma(inputs + 8.0)
    units = powers_of_two(np.maximum(roots, first * spans))
    gram, error = source.second(basis, units, precise)
    for floor in (first, 1e-10, 4.0 * np.sqrt(first), 1e-5, 1e-3):
        sides = np.maximum(roots, floor * spans)
        scale = np.where(sides > 0.0, units / np.where(sides > 0.0, sides, 1.0), 0.0)
        departure = np.abs(gram * scale * scale[:, None] - np.diag((roots / np.where(sides > 0.0, sides, 1.0)) ** 2))
        departure += (error + 8.0 * UNIT * np.abs(gram)) * scale * scale[:, None]
        share = 1.01 * float(np.linalg.norm(departure)) + 8.0 * UNIT
        if share <= LARGEST_SHARE:
            weak = roots < floor * spans
            bend = share * float(np.max(sides[weak], initial=0.0)) ** 2
            return np.where(weak | (roots == 0.0), 0.0, roots * roots * (1.0 - share)), bend
    # second moments are never negative
    return np.zeros(inputs), 0.0
