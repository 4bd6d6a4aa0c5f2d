"""All special points of the branch of candidates, in one pass: spinodals, ties and the roots for a decay.

Spinodals (zeros of the slope of ``log phi``) are isolated with certificates: bounds on two derivatives turn
the values at two nodes into a proof that nothing, or exactly one zero, lies between them.  Between two
spinodals the height and the gain are monotone, so that every root and every tie shows as a change of sign.
Proofs: ``docs/theory/secular-equation.md``.
"""

from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.one_output.curve import Curve, Row, Sample
from service.core.one_output.newton import CONVERGED, MOST_STEPS, BracketedRoot
from service.errors import NumericalError

SLOPE_BOUND, CURVATURE_BOUND = 1.0, 1.75
"""Bounds on the first and second derivative of the slope of ``log phi``, on the whole line."""
TANGENTIAL = 1e-9
"""Intervals shorter than this that stay undecided hold a (near) double spinodal."""
STEP = 0.125
FEWEST_NODES, MOST_NODES = 8, 400
TAIL = [0.25 * (2.0**k - 1.0) for k in range(1, 14)]

SPINODAL, TIE, ROOT = 0, 1, 2


class SpecialPoint(NamedTuple):
    """A special point of the branch.

    Attributes
    ----------
    t : float
        log rho, in units of the curve.
    log_kappa : float
        (log) decay for which it is stationary.
    log_norm : float
        log ||v||.
    gain : float
        H, by which it beats the zero map.
    rising : bool
        For a root, whether it is a strict local minimum of the reduced problem rather than a saddle.
    """

    t: float
    log_kappa: float
    log_norm: float
    gain: float
    rising: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """Special points of a curve, each kind ascending in t.

    Attributes
    ----------
    roots : tuple of SpecialPoint
        Stationary points for the given decay, from the largest norm to the smallest.
    spinodals : tuple of SpecialPoint
        Where a minimum and a saddle meet; the first one ends the branch of largest norm, then they alternate.
    ties : tuple of SpecialPoint
        Stationary points, for some decay, with exactly the loss of the zero map.
    """

    roots: tuple[SpecialPoint, ...]
    spinodals: tuple[SpecialPoint, ...] = ()
    ties: tuple[SpecialPoint, ...] = ()


def survey(curve: Curve, log_kappa: float | None = None) -> Survey:
    """Locate every special point of a curve.

    Parameters
    ----------
    curve : Curve
    log_kappa : float, optional
        Decay for which the stationary points are wanted.

    Returns
    -------
    Survey
        Complete but for pairs of spinodals closer than 1e-9 in log rho, which no global minimum ever meets.

    Notes
    -----
    Some 30 to 200 nodes at once and two or three Newton steps; O(nodes * n).
    """
    if curve.n_hidden > 1:
        return _Surveyor(curve, log_kappa).result()
    t = None if log_kappa is None else curve.single_root(log_kappa)
    if t is None:
        return Survey(())
    row = next(iter(curve.sample(np.array([t])).rows()))
    return Survey((point_near(curve, t, row, rising=True),))


def point_near(curve: Curve, t: float, row: Row, rising: bool) -> SpecialPoint:
    """The point at ``t`` from the quantities at a place so near that a first-order step is exact to rounding."""
    step = t - row[0]
    _, log_square_norm, mean, _, value, product = row
    log_square_norm -= 2.0 * mean * step
    value -= 2.0 * (product - value * mean) * step
    return SpecialPoint(
        t,
        (curve.exponent * t + log_square_norm + curve.offset) / curve.exponent,
        curve.log_norm_from(log_square_norm),
        curve.gain_from(t, log_square_norm, value),
        rising,
    )


class _Surveyor:
    """One survey: the level of the decay, the nodes, and the values of the three functions at them."""

    def __init__(self, curve: Curve, log_kappa: float | None) -> None:
        self.curve = curve
        self.level = None if log_kappa is None else curve.level_of(log_kappa)
        # every spinodal has rho between ratio c_min and ratio c_max
        log_ratio = log((curve.n_hidden + 1.0) / (curve.n_hidden - 1.0))
        self.core_low = curve.log_least + log_ratio - 0.05
        self.core_high = log_ratio + 0.05

    def result(self) -> Survey:
        nodes = self._start_nodes()
        cut = False
        while True:
            sample = self.curve.sample(nodes)
            values, slopes = self._functions(sample)
            if not np.isfinite(values).all():
                # no sign would ever decide such an interval, which would be halved without end
                raise NumericalError("the second moments of the inputs lie too far apart for double precision")
            undecided = self._undecided(nodes, values[SPINODAL], slopes[SPINODAL])
            if undecided.size:
                middle = 0.5 * (nodes[undecided] + nodes[undecided + 1])
                nodes = np.sort(np.concatenate((nodes, middle)))
                continue
            brackets = self._brackets(nodes, values, slopes)
            if cut or not self._hides_a_pair(nodes, values):
                break
            spinodals = self._polish([brackets[SPINODAL], [], []])[SPINODAL]
            nodes = np.unique(np.concatenate((nodes, [point.t for point in spinodals])))
            cut = True
        found = self._polish(brackets)
        return Survey(found[ROOT], found[SPINODAL], found[TIE])

    def _start_nodes(self) -> FloatArray:
        """A fine grid where spinodals can be, and doubling steps down and up to the last possible root."""
        curve = self.curve
        lowest = curve.log_least - log(curve.n_hidden - 1.0) - 0.5
        highest = self.core_high
        if self.level is not None:
            low, high = curve.outer_bracket(self.level)
            lowest, highest = min(lowest, low), max(highest, high)
        span = self.core_high - self.core_low
        count = min(max(int(span / STEP) + 2, FEWEST_NODES), MOST_NODES)
        core = self.core_low + np.arange(count) * (span / (count - 1))
        down, up = self.core_low - lowest, highest - self.core_high
        left = [lowest, *(self.core_low - offset for offset in reversed(TAIL) if offset < down)] if down > 0.0 else []
        right = [*(self.core_high + offset for offset in TAIL if offset < up), highest] if up > 0.0 else []
        return np.concatenate((left, core, right))

    def _functions(self, sample: Sample) -> tuple[FloatArray, FloatArray]:
        """Values and slopes of the three functions, shape (3, m)."""
        curve = self.curve
        level = 0.0 if self.level is None else self.level
        pairs = (curve.slope_nodes(sample), curve.tie_nodes(sample), curve.height_nodes(sample, level))
        return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])

    def _undecided(self, nodes: FloatArray, value: FloatArray, slope: FloatArray) -> IntArray:
        """Indices of intervals that may hold a spinodal no sign shows, or more than one."""
        h = nodes[1:] - nodes[:-1]
        size = np.abs(value)
        bend = np.abs(slope)
        # the curvature bound keeps the sign of the slope over the whole interval
        monotone = np.maximum(bend[:-1], bend[1:]) > CURVATURE_BOUND * h
        up = value >= 0.0
        far = (up[:-1] == up[1:]) & (size[:-1] + size[1:] > SLOPE_BOUND * h)
        undecided = ~(monotone | far) & (h > TANGENTIAL)
        # beyond the core the slope has one sign
        undecided &= (nodes[1:] > self.core_low) & (nodes[:-1] < self.core_high)
        places: IntArray = undecided.nonzero()[0]
        return places

    def _brackets(self, nodes: FloatArray, values: FloatArray, slopes: FloatArray) -> list[list[BracketedRoot]]:
        """A bracketed root of the right kind at every change of sign."""
        up = values >= 0.0
        kinds, left = (up[:, 1:] != up[:, :-1]).nonzero()
        right = left + 1
        lows = zip(nodes[left].tolist(), values[kinds, left].tolist(), slopes[kinds, left].tolist(), strict=True)
        highs = zip(nodes[right].tolist(), values[kinds, right].tolist(), slopes[kinds, right].tolist(), strict=True)
        brackets: list[list[BracketedRoot]] = [[], [], []]
        for kind, low, high in zip(kinds.tolist(), lows, highs, strict=True):
            if kind != ROOT or self.level is not None:
                brackets[kind].append(BracketedRoot(low, high))
        return brackets

    def _hides_a_pair(self, nodes: FloatArray, values: FloatArray) -> bool:
        """Whether two roots or two ties may lie between the nodes around a spinodal."""
        up = values[SPINODAL] >= 0.0
        for left in (up[1:] != up[:-1]).nonzero()[0].tolist():
            width = 2.0 * (nodes[left + 1] - nodes[left]).item()
            tie = min(values[TIE, left].item(), values[TIE, left + 1].item())
            if 0.0 < tie < width:
                return True
            before, after = values[ROOT, left].item(), values[ROOT, left + 1].item()
            close = min(abs(before), abs(after)) < width
            if self.level is not None and close and (before >= 0.0) == (after >= 0.0):
                return True
        return False

    def _polish(self, brackets: list[list[BracketedRoot]]) -> list[tuple[SpecialPoint, ...]]:
        """Newton's method for all points at once; each is evaluated by the function of its kind."""
        curve, level = self.curve, 0.0 if self.level is None else self.level
        functions = (curve.slope_at, curve.tie_at, lambda row: curve.height_at(row, level))
        roots = [(functions[kind], root) for kind, members in enumerate(brackets) for root in members]
        rows: list[Row] = []
        for _ in range(MOST_STEPS):
            rows = list(curve.sample(np.array([root.t for _, root in roots])).rows())
            if (
                max((root.step(*function(row)) for (function, root), row in zip(roots, rows, strict=True)), default=0.0)
                <= CONVERGED
            ):
                break
        placed = iter(rows)
        return [tuple(point_near(curve, root.t, next(placed), root.rising) for root in members) for members in brackets]
