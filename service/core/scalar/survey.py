"""All special points of the branch of candidates, in one pass: spinodals, ties and the roots for a decay.

Spinodals (zeros of the slope of ``log phi``) are isolated with certificates: bounds on two derivatives turn
the values at two nodes into a proof that nothing, or exactly one zero, lies between them.  Between two
spinodals the height and the gain are monotone, so that every root and every tie shows as a change of sign.
Proofs: ``docs/theory/secular-equation.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import BoolArray, FloatArray, IntArray
from service.core.scalar.curve import Curve, Sample
from service.core.scalar.newton import CONVERGED, MOST_STEPS, BracketedRoot

SLOPE_BOUND, CURVATURE_BOUND = 1.0, 1.75
"""Bounds on the first and second derivative of the slope of ``log phi``, on the whole line."""
TANGENTIAL = 1e-9
"""Intervals shorter than this that stay undecided hold a (near) double spinodal."""
STEP = 0.125
FEWEST_NODES, MOST_NODES = 8, 400
TAIL = [0.25 * (2.0**k - 1.0) for k in range(1, 14)]

SPINODAL, TIE, ROOT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Points:
    """Special points of one kind, ascending in t, with what is known there; arrays of shape (m,).

    Attributes
    ----------
    t : array
    log_kappa : array
        (log) decay for which the point is stationary.
    log_norm : array
        log ||v||.
    gain : array
        H, by which it beats the zero map.
    """

    t: FloatArray
    log_kappa: FloatArray
    log_norm: FloatArray
    gain: FloatArray


@dataclass(frozen=True, slots=True)
class Survey:
    """Special points of a curve.

    Attributes
    ----------
    roots : Points
        Stationary points for the given decay, from the largest norm to the smallest.
    rising : (r,) array of bool
        True for strict local minima of the reduced problem, false for saddles.
    spinodals : Points
        Where a minimum and a saddle meet; the first one ends the branch of largest norm, then they alternate.
    ties : Points
        Stationary points, for some decay, with exactly the loss of the zero map.
    """

    roots: Points
    rising: BoolArray
    spinodals: Points
    ties: Points


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
    if curve.n_hidden == 1:
        root = None if log_kappa is None else curve.single_root(log_kappa)
        found = [] if root is None else [root]
        return _result(curve, [[], [], found], [True] * len(found))
    return _Surveyor(curve, log_kappa).result()


def _result(curve: Curve, found: list[list[float]], rising: list[bool]) -> Survey:
    """Evaluate all points at once and sort them into kinds."""
    sample = curve.sample(np.array([*found[SPINODAL], *found[TIE], *found[ROOT]]))
    log_kappa = (curve.height(sample) + curve.offset) / curve.exponent
    columns = (sample.t, log_kappa, curve.log_norm(sample), curve.gain(sample))
    first, second = len(found[SPINODAL]), len(found[SPINODAL]) + len(found[TIE])
    kinds = [
        Points(*(column[part] for column in columns))
        for part in (slice(None, first), slice(first, second), slice(second, None))
    ]
    return Survey(kinds[ROOT], np.array(rising, dtype=bool), kinds[SPINODAL], kinds[TIE])


class _Surveyor:
    """One survey: the level of the decay, the nodes, and the values of the three functions at them."""

    def __init__(self, curve: Curve, log_kappa: float | None) -> None:
        self.curve = curve
        self.level = None if log_kappa is None else curve.level_of(log_kappa)
        # every spinodal has rho between ratio c_min and ratio c_max
        log_ratio = float(np.log((curve.n_hidden + 1.0) / (curve.n_hidden - 1.0)))
        self.core_low = curve.log_least + log_ratio - 0.05
        self.core_high = log_ratio + 0.05

    def result(self) -> Survey:
        nodes = self._start_nodes()
        cut = False
        while True:
            sample = self.curve.sample(nodes)
            values, slopes = self._functions(sample)
            undecided = self._undecided(nodes, values[SPINODAL], slopes[SPINODAL])
            if undecided.size:
                middle = 0.5 * (nodes[undecided] + nodes[undecided + 1])
                nodes = np.sort(np.concatenate((nodes, middle)))
                continue
            brackets = self._brackets(nodes, values, slopes)
            if cut or not self._hides_a_pair(nodes, values):
                break
            self._polish([brackets[SPINODAL], [], []])
            nodes = np.unique(np.concatenate((nodes, [root.t for root in brackets[SPINODAL]])))
            cut = True
        self._polish(brackets)
        found = [[root.t for root in kind] for kind in brackets]
        return _result(self.curve, found, [root.rising for root in brackets[ROOT]])

    def _start_nodes(self) -> FloatArray:
        """A fine grid where spinodals can be, and doubling steps down and up to the last possible root."""
        curve = self.curve
        lowest = curve.log_least - float(np.log(curve.n_hidden - 1.0)) - 0.5
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
        return np.flatnonzero(undecided)

    def _brackets(self, nodes: FloatArray, values: FloatArray, slopes: FloatArray) -> list[list[BracketedRoot]]:
        """A bracketed root of the right kind at every change of sign."""
        up = values >= 0.0
        kinds, at = np.nonzero(up[:, 1:] != up[:, :-1])
        brackets: list[list[BracketedRoot]] = [[], [], []]
        for kind, left in zip(kinds.tolist(), at.tolist(), strict=True):
            if kind == ROOT and self.level is None:
                continue
            right = left + 1
            brackets[kind].append(
                BracketedRoot(
                    (nodes[left].item(), values[kind, left].item(), slopes[kind, left].item()),
                    (nodes[right].item(), values[kind, right].item(), slopes[kind, right].item()),
                )
            )
        return brackets

    def _hides_a_pair(self, nodes: FloatArray, values: FloatArray) -> bool:
        """Whether two roots or two ties may lie between the nodes around a spinodal."""
        up = values[SPINODAL] >= 0.0
        for left in np.flatnonzero(up[1:] != up[:-1]).tolist():
            width = 2.0 * (nodes[left + 1] - nodes[left]).item()
            tie = min(values[TIE, left].item(), values[TIE, left + 1].item())
            if 0.0 < tie < width:
                return True
            before, after = values[ROOT, left].item(), values[ROOT, left + 1].item()
            close = min(abs(before), abs(after)) < width
            if self.level is not None and close and (before >= 0.0) == (after >= 0.0):
                return True
        return False

    def _polish(self, brackets: list[list[BracketedRoot]]) -> None:
        """Newton's method for all points at once; each is evaluated by the function of its kind."""
        curve, level = self.curve, 0.0 if self.level is None else self.level
        roots = [root for kind in brackets for root in kind]
        kinds = [kind for kind, members in enumerate(brackets) for _ in members]
        if not roots:
            return
        for _ in range(MOST_STEPS):
            rows = curve.sample(np.array([root.t for root in roots])).rows()
            functions = (curve.slope_at, curve.tie_at, lambda row: curve.height_at(row, level))
            longest = max(root.step(*functions[kind](row)) for root, kind, row in zip(roots, kinds, rows, strict=True))
            if longest <= CONVERGED:
                return
