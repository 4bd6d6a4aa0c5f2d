"""Branch and bound on the norm of the map: shells are cut until none may hold anything better.

Nothing here looks for a stationary point.  Statement, proof and the rounding allowance: ``docs/theory/norm-bound.md``.
"""

from math import ceil, exp, log, log1p, sqrt
from typing import Final, NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.one_output.reduced import ReducedProblem
from service.core.one_output.relaxation import relaxation

MOST_NODES: Final = 20_000


class Drift(NamedTuple):
    """By how much the data of a problem may differ from its numbers: norms of the errors of A and of a."""

    quadratic: float = 0.0
    linear: float = 0.0


EXACT: Final = Drift()


class _Shells(NamedTuple):
    """Bounds, over shells, on C times the excess over the undecayed minimum; each of shape (m,).

    ``bound`` is not yet reduced by ``allowance``; ``slope`` is that of the chord, ``relaxed`` the relaxed minimum
    of the quadratic part alone, and ``relaxed_norm`` where it lies.
    """

    low: FloatArray
    high: FloatArray
    bound: FloatArray
    allowance: FloatArray
    slope: FloatArray
    relaxed: FloatArray
    relaxed_norm: FloatArray


def longest_useful(reduced: ReducedProblem) -> float:
    """A norm beyond which decay alone costs more than the whole variance."""
    if reduced.log_kappa == -np.inf:
        return 0.0
    exponent = (np.log(max(reduced.variance, 1e-300) / (reduced.n_hidden + 1.0)) - reduced.log_kappa) / reduced.power
    return float(np.exp(min(exponent, 300.0)))


class ShellProblem:
    """Bounds of H on shells of the norm."""

    def __init__(self, reduced: ReducedProblem, drift: Drift) -> None:
        self.reduced = reduced
        self.drift = drift
        self.log_weight = log(reduced.n_hidden + 1.0) + reduced.log_kappa
        self.explained = reduced.explained

    def decay(self, norm: FloatArray) -> FloatArray:
        """``(D+1) kappa ||v||^q`` for norms (m,)."""
        # a norm of zero pays nothing: its logarithm is replaced before it is taken
        decay: FloatArray = np.exp(self.log_weight + self.reduced.power * np.log(np.maximum(norm, 1e-300)))
        return decay * (norm > 0.0)

    def edges(self, hint: float | None, tolerance: float) -> FloatArray:
        """Norms (m + 1,) that bound the first shells; outside them nothing beats the zero map or the shells' ends."""
        reduced = self.reduced
        longest = sqrt((reduced.squares / reduced.values**2).sum().item())
        paid = exp(min((log(self.explained) - self.log_weight) / reduced.power, 600.0))
        longest = min(longest, paid) * (1.0 + 1e-9)
        shortest = self._shortest(longest)
        if shortest >= longest:
            return np.empty(0)
        if shortest < 1e-100 * longest:
            # squares of such norms would leave double precision; the shell that starts at zero covers them
            shortest = 0.0
        floor = shortest if shortest > 0.0 else longest * 1e-6
        around = np.empty(0)
        if hint is not None and floor < hint < longest:
            around = self._around(hint, floor, longest, tolerance)
        inner = around if around.size else np.geomspace(floor, longest, 8)[1:-1]
        start = [0.0, floor] if shortest == 0.0 else [floor]
        return np.concatenate((start, inner, [longest]))

    def _shortest(self, longest: float) -> float:
        """Norm up to which the decay outweighs ``2 a.v``, so that the zero map is better."""
        log_ratio = self.log_weight - log(2.0 * self.reduced.correlation)
        if self.reduced.n_hidden == 1:
            return longest if log_ratio >= 0.0 else 0.0
        exponent = log_ratio / (1.0 - self.reduced.power)
        return exp(min(exponent, 600.0)) * (1.0 - 1e-12)

    def _around(self, hint: float, floor: float, longest: float, tolerance: float) -> FloatArray:
        """Edges whose distance grows with the distance from the hint, as the bound allows."""
        half = 0.5 * self.reduced.power
        bend = exp(self.log_weight + self.reduced.power * log(hint)) * half * (1.0 - half)
        first = min(max(sqrt(0.3 * tolerance / max(bend, 1e-300)), 1e-7), 0.5)
        reach = log(longest) - log(floor)
        count = ceil(log1p(reach / first) / log(1.7)) + 1
        steps = first * 1.7 ** np.arange(count)
        both = np.concatenate((-steps[::-1], steps))
        edges = hint * np.exp(np.minimum(np.maximum(both, -600.0), 600.0))
        inside: FloatArray = edges[(edges > floor) & (edges < longest)]
        return inside

    def bound(self, low: FloatArray, high: FloatArray) -> _Shells:
        """Relax m shells (m,): ``excess >= sum a^2 k / (c (c + k)) + d`` with the chord ``k s + d`` of the decay."""
        values, squares, m = self.reduced.values, self.reduced.squares, low.size
        ends = np.concatenate((low, high))
        paid = self.decay(ends)
        found = relaxation(values, squares, squares / values, (low, high), (paid[:m], paid[m:]))
        moved = self.drift.quadratic * high * high + 2.0 * self.drift.linear * high
        bound = found.shrunk + found.constant
        return _Shells(low, high, bound, found.arithmetic + moved, found.slope, found.shrunk, found.norm)

    def reached(self, shells: _Shells) -> float:
        """Least excess of the relaxed minimisers themselves."""
        norm = shells.relaxed_norm
        return float((shells.relaxed - shells.slope * norm * norm + self.decay(norm)).min())

    def split(self, low: FloatArray, high: FloatArray, relaxed: FloatArray) -> _Shells:
        """Cut every shell (m,) at its relaxed minimiser, or in the middle where that does not help."""
        middle = np.where(low > 0.0, np.sqrt(low * high), 1e-3 * high)
        first_quarter = np.sqrt(low * middle)
        last_quarter = np.sqrt(middle * high)
        cut = np.where((relaxed > first_quarter) & (relaxed < last_quarter), relaxed, middle)
        return self.bound(np.concatenate((low, cut)), np.concatenate((cut, high)))


def subdivide(
    problem: ShellProblem, hint: float | None, tolerance: float, known: float
) -> tuple[float, float, float, int]:
    """Split the shells that may still hold something better, until none may or they are too many.

    Returns the least bound, its allowance, the least excess that was reached, and the number of shells.
    """
    # outside the shells nothing is better than the zero map
    excess, allowance, reached = problem.explained, 0.0, min(known, problem.explained)
    edges = problem.edges(hint, tolerance)
    if edges.size < 2:
        return excess, 64.0 * EPSILON * excess, problem.explained, 1
    shells = problem.bound(edges[:-1], edges[1:])
    nodes = shells.low.size
    while True:
        total = shells.bound - shells.allowance
        splittable = total < reached - tolerance
        if splittable.any():
            reached = min(reached, problem.reached(shells))
            # of a narrow shell that rounding alone keeps open, cutting would only make two
            useful = shells.bound < reached - np.maximum(tolerance, 0.25 * shells.allowance)
            splittable = (total < reached - tolerance) & (useful | (shells.high > 1.05 * shells.low))
            splittable &= nodes <= MOST_NODES
        closed = np.where(splittable, np.inf, total)
        least = int(closed.argmin())
        if closed[least] < excess - allowance:
            excess, allowance = float(shells.bound[least]), float(shells.allowance[least])
        if not splittable.any():
            return excess, allowance, reached, nodes
        shells = problem.split(shells.low[splittable], shells.high[splittable], shells.relaxed_norm[splittable])
        nodes += shells.low.size
