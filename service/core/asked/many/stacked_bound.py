"""The lower bound of `service.core.one_output.norm_bound` for many problems at once, on one flat list of shells.

The same theorem, first cuts and rounding allowance; a shell knows whose it is.  What is not closed after a few
rounds keeps the bound that it has, which is valid all the same.  Proof: ``docs/theory/norm-bound.md``.
"""

import numpy as np

from service.core.asked.many.stack import Stack
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.one_output.relaxation import relaxation

MOST_ROUNDS = 24
MOST_SHELLS_EACH = 4_000
GROWTH = 1.7


def stacked_bound(stack: Stack, tolerance: FloatArray, target: FloatArray, hints: FloatArray) -> FloatArray:
    """Lower bounds (m,) on the loss of every map of each problem, rounding taken off.

    Parameters
    ----------
    stack : Stack
    tolerance : (m,) array
        Absolute widths of the gaps to close.
    target : (m,) array
        Losses that are known to be reached.
    hints : (m,) array
        Norms of ``C w`` near which to cut first, 0 for none; validity does not depend on them.

    Returns
    -------
    (m,) array

    Notes
    -----
    O(m d) for each of some 60 shells a problem.
    """
    shrink = np.exp(-stack.log_factor)
    base = 16.0 * EPSILON * stack.variance
    undecayed = np.maximum(0.0, stack.variance - stack.explained * shrink)
    residual = np.maximum(0.0, stack.variance - stack.explained * shrink - base)
    per_loss = 1.0 / np.maximum(shrink, 1e-300)
    shells = _Shells(stack)
    excess = shells.least_excess(hints, tolerance * per_loss, (target - undecayed) * per_loss)
    lower: FloatArray = residual + np.maximum(0.0, excess) * shrink
    return lower


class _Shells:
    """Shells of norms of many problems, bounded from below together."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.power = stack.power
        self.log_weight = np.log(stack.n_hidden + 1.0) + stack.log_kappa
        size = np.sqrt(stack.values.shape[1])
        correlation = np.sqrt(stack.squares.sum(axis=1))
        quadratic = np.sqrt((stack.xx * stack.xx).sum(axis=(1, 2)))
        linear = np.sqrt((stack.xy * stack.xy).sum(axis=1))
        self.eigen_error = 8.0 * EPSILON * size * np.maximum(quadratic, stack.greatest)
        self.column_error = 2.0 * (8.0 * EPSILON * size * np.maximum(linear, correlation) + stack.leak)
        self._log_pull = np.log(2.0 * correlation)
        self._fitted = stack.squares / stack.values

    def least_excess(self, hints: FloatArray, tolerance: FloatArray, known: FloatArray) -> FloatArray:
        """Least bound of C times the excess over the undecayed minimum, allowance taken off, shape (m,)."""
        explained = self.stack.explained
        least = explained * (1.0 - 64.0 * EPSILON)
        reached = np.minimum(known, explained)
        owner, low, high = self._first(hints, tolerance)
        budget = MOST_SHELLS_EACH * self.stack.size
        for turn in range(MOST_ROUNDS + 1):
            if not owner.size:
                break
            budget -= owner.size
            bound, allowance, relaxed_norm, attained = self._bound(owner, low, high)
            np.minimum.at(reached, owner, attained)
            room = tolerance[owner]
            total = bound - allowance
            useful = bound < reached[owner] - np.maximum(room, 0.25 * allowance)
            open_: BoolArray = (total < reached[owner] - room) & (useful | (high > 1.05 * low))
            if turn == MOST_ROUNDS or budget < 0:
                open_[:] = False
            np.minimum.at(least, owner[~open_], total[~open_])
            owner, low, high = _split(owner[open_], low[open_], high[open_], relaxed_norm[open_])
        return least

    def _decay(self, owner: IntArray, norm: FloatArray) -> FloatArray:
        """``(D+1) kappa ||v||^q`` for norms (m,)."""
        decay: FloatArray = np.exp(self.log_weight[owner] + self.power * np.log(np.maximum(norm, 1e-300)))
        return decay * (norm > 0.0)

    def _bound(
        self, owner: IntArray, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Bound, allowance, norm of the relaxed minimiser and the excess that it reaches."""
        found = relaxation(
            self.stack.values[owner],
            self.stack.squares[owner],
            self._fitted[owner],
            (low, high),
            (self._decay(owner, low), self._decay(owner, high)),
        )
        drift = self.eigen_error[owner] * high * high + self.column_error[owner] * high
        norm = found.norm
        attained = found.shrunk - found.slope * norm * norm + self._decay(owner, norm)
        return found.shrunk + found.constant, found.arithmetic + drift, norm, attained

    def _first(self, hints: FloatArray, tolerance: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Shells to begin with; outside them nothing beats the zero map or the shells' ends."""
        stack = self.stack
        longest = np.sqrt((stack.squares / stack.values**2).sum(axis=1))
        paid = np.exp(np.minimum((np.log(stack.explained) - self.log_weight) / self.power, 600.0))
        longest = np.minimum(longest, paid) * (1.0 + 1e-9)
        shortest = self._shortest(longest)
        rows = np.flatnonzero(shortest < longest)
        longest, shortest = longest[rows], shortest[rows]
        shortest = np.where(shortest < 1e-100 * longest, 0.0, shortest)
        floor = np.where(shortest > 0.0, shortest, longest * 1e-6)
        inner = self._around(rows, hints[rows], floor, longest, tolerance[rows])
        edges = np.column_stack((shortest, floor, inner, longest))
        low, high = edges[:, :-1], edges[:, 1:]
        row, column = np.nonzero(high > low)
        return rows[row], low[row, column], high[row, column]

    def _shortest(self, longest: FloatArray) -> FloatArray:
        """Norms up to which the decay outweighs ``2 a.v``, so that the zero map is better."""
        log_ratio = self.log_weight - self._log_pull
        if self.stack.n_hidden == 1:
            return np.where(log_ratio >= 0.0, longest, 0.0)
        shortest: FloatArray = np.exp(np.minimum(log_ratio / (1.0 - self.power), 600.0)) * (1.0 - 1e-12)
        return shortest

    def _around(
        self, rows: IntArray, hints: FloatArray, floor: FloatArray, longest: FloatArray, tolerance: FloatArray
    ) -> FloatArray:
        """Ascending edges whose distance grows with the distance from the hint, as the bound allows."""
        half = 0.5 * self.power
        usable = (hints > floor) & (hints < longest)
        # without a hint the cuts are as coarse as they may be, around the middle
        centre = np.where(usable, hints, np.sqrt(floor * longest))
        bend = self._decay(rows, centre) * half * (1.0 - half)
        first = np.clip(np.sqrt(0.3 * tolerance / np.maximum(bend, 1e-300)), 1e-7, 0.5)
        first = np.where(usable, first, 0.5)
        reach = np.log(longest) - np.log(floor)
        count = int(np.ceil(np.max(np.log1p(reach / first), initial=0.0) / np.log(GROWTH))) + 1
        steps = first[:, None] * GROWTH ** np.arange(count)
        offsets = np.concatenate((-steps[:, ::-1], steps), axis=1)
        edges: FloatArray = centre[:, None] * np.exp(np.clip(offsets, -600.0, 600.0))
        return np.clip(edges, floor[:, None], longest[:, None])


def _split(
    owner: IntArray, low: FloatArray, high: FloatArray, relaxed: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Cut every shell (m,) at its relaxed minimiser, or in the middle where that does not help."""
    middle = np.where(low > 0.0, np.sqrt(low * high), 1e-3 * high)
    cut = np.where((relaxed > np.sqrt(low * middle)) & (relaxed < np.sqrt(middle * high)), relaxed, middle)
    return np.concatenate((owner, owner)), np.concatenate((low, cut)), np.concatenate((cut, high))
