"""All special points of the branch of candidates, in one pass: spinodals, ties and the roots for a decay.

Spinodals (zeros of the slope of ``log phi``) are isolated with certificates; between two of them the height
and the gain are monotone, so every root and every tie there is bracketed by a change of sign.  Proofs:
``docs/theory/secular-equation.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import BoolArray, FloatArray
from service.core.scalar.curve import Curve, Sample
from service.core.scalar.isolation import Brackets, DerivativeBounds, Nodes, isolate, polish

SLOPE_BOUNDS = DerivativeBounds(-0.5, 1.0, -1.75, 1.75)
STEP = 0.125
MOST_NODES = 400
TAIL = 0.25 * (2.0 ** np.arange(14) - 1.0)[1:]


@dataclass(frozen=True, slots=True)
class Survey:
    """Special points of a curve, each array ascending in t.

    Attributes
    ----------
    roots : (r,) array
        Stationary points for the given decay, from the largest norm to the smallest.
    rising : (r,) array of bool
        True for strict local minima of the reduced problem, false for saddles.
    spinodals : (s,) array
        Where a minimum and a saddle meet; the first one ends the branch of largest norm, then they alternate.
    ties : (m,) array
        Stationary points, for some decay, with exactly the loss of the zero map.
    """

    roots: FloatArray
    rising: BoolArray
    spinodals: FloatArray
    ties: FloatArray


_NONE = np.empty(0)


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
    Some 30 to 200 nodes at once and about three Newton steps; O(nodes * n).
    """
    if curve.n_hidden == 1:
        root = None if log_kappa is None else curve.single_root(log_kappa)
        roots = _NONE if root is None else np.array([root])
        return Survey(roots, np.ones(roots.size, dtype=bool), _NONE, _NONE)
    return _Surveyor(curve, log_kappa).result()


class _Surveyor:
    """State of one survey: the level, the nodes and what was found between them."""

    def __init__(self, curve: Curve, log_kappa: float | None) -> None:
        self.curve = curve
        self.level = 0.0 if log_kappa is None else curve.level_of(log_kappa)
        self.with_roots = log_kappa is not None
        self.core_low = float(np.log(curve.least_value * self._ratio)) - 0.05
        self.core_high = float(np.log(self._ratio)) + 0.05

    @property
    def _ratio(self) -> float:
        """Every spinodal has rho between ratio c_min and ratio c_max."""
        return (self.curve.n_hidden + 1.0) / (self.curve.n_hidden - 1.0)

    def result(self) -> Survey:
        curve = self.curve
        core = self._core_nodes()
        sample = curve.sample(np.concatenate((self._left_tail(), core, self._right_tail())))
        inner = (sample.t >= self.core_low) & (sample.t <= self.core_high)
        slopes = curve.slope_nodes(sample)
        spinodal = isolate(slopes.take(inner), lambda t: curve.slope_nodes(curve.sample(t)), SLOPE_BOUNDS)
        if self._hides_a_pair(sample, spinodal):
            return self._two_stages(sample, spinodal)
        tie, root = self._ties(sample), self._roots(sample)
        return self._polished(spinodal, tie, root)

    def _core_nodes(self) -> FloatArray:
        count = int(np.clip((self.core_high - self.core_low) / STEP + 1.0, 8, MOST_NODES))
        return np.linspace(self.core_low, self.core_high, count)

    def _left_tail(self) -> FloatArray:
        """Nodes down to the lowest root or tie; the branch becomes a power law, so they may spread."""
        lowest = float(np.log(self.curve.least_value / (self.curve.n_hidden - 1.0))) - 0.5
        if self.with_roots:
            lowest = min(lowest, self.curve.outer_bracket(self.level)[0])
        return self._tail(self.core_low - lowest, lambda offset: self.core_low - offset)[::-1]

    def _right_tail(self) -> FloatArray:
        highest = self.curve.outer_bracket(self.level)[1] if self.with_roots else self.core_high
        return self._tail(highest - self.core_high, lambda offset: self.core_high + offset)

    @staticmethod
    def _tail(reach: float, place: object) -> FloatArray:
        if reach <= 0.0:
            return _NONE
        offsets = np.append(TAIL[reach > TAIL], reach)
        return place(offsets)  # type: ignore[operator,no-any-return]  # one of two local functions

    def _hides_a_pair(self, sample: Sample, spinodal: Brackets) -> bool:
        """Whether two roots or two ties may lie between the nodes around a spinodal."""
        at = np.searchsorted(sample.t, spinodal.left.t)
        at = np.minimum(at, sample.t.size - 2)
        ties = self.curve.tie_nodes(sample).value
        width = 2.0 * (sample.t[at + 1] - sample.t[at])
        close = np.minimum(ties[at], ties[at + 1]) < width
        hidden = (ties[at] > 0.0) & (ties[at + 1] > 0.0) & close
        if self.with_roots:
            heights = self.curve.height(sample) - self.level
            same = (heights[at] >= 0.0) == (heights[at + 1] >= 0.0)
            hidden |= same & (np.minimum(np.abs(heights[at]), np.abs(heights[at + 1])) < width)
        return bool(hidden.any())

    def _two_stages(self, sample: Sample, spinodal: Brackets) -> Survey:
        """Locate the spinodals first and cut there; then everything between nodes is monotone."""
        curve = self.curve
        spinodals = polish(spinodal, lambda t: curve.slope_nodes(curve.sample(t)))
        cut = curve.sample(np.sort(np.concatenate((sample.t, spinodals))))
        found = self._polished(_nothing(), self._ties(cut), self._roots(cut))
        return Survey(found.roots, found.rising, spinodals, found.ties)

    def _ties(self, sample: Sample) -> Brackets:
        return _crossings(self.curve.tie_nodes(sample))

    def _roots(self, sample: Sample) -> Brackets:
        return _crossings(self.curve.height_nodes(sample, self.level)) if self.with_roots else _nothing()

    def _polished(self, spinodal: Brackets, tie: Brackets, root: Brackets) -> Survey:
        """Newton's method for all three kinds of points at once."""
        curve, level = self.curve, self.level
        first, second = spinodal.left.t.size, spinodal.left.t.size + tie.left.t.size
        together = Brackets(
            spinodal.left.joined(tie.left).joined(root.left), spinodal.right.joined(tie.right).joined(root.right)
        )

        def evaluate(t: FloatArray) -> Nodes:
            sample = curve.sample(t)
            kinds = (curve.slope_nodes(sample), curve.tie_nodes(sample), curve.height_nodes(sample, level))
            values = [kind.value for kind in kinds]
            slopes = [kind.slope for kind in kinds]
            parts = (slice(None, first), slice(first, second), slice(second, None))
            return Nodes(
                t,
                np.concatenate([value[part] for value, part in zip(values, parts, strict=True)]),
                np.concatenate([slope[part] for slope, part in zip(slopes, parts, strict=True)]),
            )

        t = polish(together, evaluate)
        return Survey(t[second:], root.rising, t[:first], t[first:second])


def _nothing() -> Brackets:
    empty = Nodes(_NONE, _NONE, _NONE)
    return Brackets(empty, empty)


def _crossings(nodes: Nodes) -> Brackets:
    """Pairs of neighbours between which the value changes sign."""
    up = nodes.value >= 0.0
    at = np.flatnonzero(up[1:] != up[:-1])
    after = at + 1
    return Brackets(
        Nodes(nodes.t[at], nodes.value[at], nodes.slope[at]),
        Nodes(nodes.t[after], nodes.value[after], nodes.slope[after]),
    )
