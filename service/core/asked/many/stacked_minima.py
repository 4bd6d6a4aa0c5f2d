"""The best maps of many one-output problems at once: a candidate each, certified elsewhere.

All rising zeros of the branch that a grid shows are polished together and the best of them is kept.  A pair of
roots closer than the grid would be missed; the certificate of `service.core.asked.many.stacked_bound` then stays
open, and the caller solves that problem on its own.  Derivation: ``docs/theory/secular-equation.md``.
"""

import numpy as np

from service.core.asked.many.stack import Stack
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.exceeding import THRESHOLD_ROUNDING

NODES = 40
MOST_STEPS = 60
CONVERGED = 4e-16


def best_maps(stack: Stack) -> FloatArray:
    """End-to-end maps (m, d) of least reduced loss among the candidates found; zero where none beats zero.

    Notes
    -----
    O(m d^2) besides 40 m evaluations of the branch, O(d) each.
    """
    branch = _Branches(stack)
    owner, t = branch.minima()
    ridges = np.exp(np.minimum(t, 600.0)) * branch.unit[owner]
    values, squares = stack.values[owner], stack.squares[owner]
    resolvent = 1.0 / (values + ridges[:, None])
    excess = np.vecdot(ridges[:, None] * resolvent * (1.0 / values + stack.n_hidden * resolvent), squares)
    maps = np.zeros_like(stack.xy)
    # the last one that is written for a problem is its best
    order = np.argsort(-excess, kind="stable")
    if stack.n_hidden > 1:
        # with one hidden layer a root beats the zero map wherever there is one, by however little
        order = order[excess[order] < stack.explained[owner[order]]]
    shrink = np.exp(-stack.log_factor)[owner]
    coordinates = stack.projections[owner] * resolvent * shrink[:, None]
    chosen = np.full(stack.size, -1)
    chosen[owner[order]] = order
    found = np.flatnonzero(chosen >= 0)
    maps[found] = (stack.vectors[found] @ coordinates[chosen[found], :, None])[:, :, 0]
    return maps


class _Branches:
    """The curves ``t -> log phi(e^t) - level`` of a stack, in units of the largest eigenvalue and of ||a||."""

    def __init__(self, stack: Stack) -> None:
        self.exponent = (stack.n_hidden + 1) / stack.n_hidden
        self.unit = stack.greatest
        total = stack.squares.sum(axis=1)
        self._values = stack.values / self.unit[:, None]
        self._squares = stack.squares / total[:, None]
        offset = (self.exponent - 2.0) * np.log(self.unit) + np.log(total)
        self.level = self.exponent * stack.log_kappa - offset
        lowest = (self.level - np.log((self._squares / self._values**2).sum(axis=1))) / self.exponent
        self._low = lowest - 1e-6
        if stack.n_hidden > 1:
            self._high = -self.level / (2.0 - self.exponent) + 1e-6
        else:
            # (rho/(1+rho))^2 < phi < 1 as no eigenvalue exceeds one; there is no root at or above one
            with np.errstate(divide="ignore", invalid="ignore"):
                self._high = np.where(
                    self.level < -2.0 * THRESHOLD_ROUNDING,
                    0.5 * self.level - np.log(-np.expm1(0.5 * self.level)),
                    -np.inf,
                )
            self._high += 1e-6

    def minima(self) -> tuple[IntArray, FloatArray]:
        """Owners and places t of the rising zeros that the grid shows, polished."""
        rows = np.flatnonzero(self._low < self._high)
        share = np.linspace(0.0, 1.0, NODES)
        nodes = self._low[rows, None] + share * (self._high - self._low)[rows, None]
        height, _ = self._at(np.repeat(rows, NODES), nodes.ravel())
        negative = (height < 0.0).reshape(nodes.shape)
        row, column = np.nonzero(negative[:, :-1] & ~negative[:, 1:])
        return rows[row], self._polished(rows[row], nodes[row, column], nodes[row, column + 1])

    def _polished(self, owner: IntArray, low: FloatArray, high: FloatArray) -> FloatArray:
        """Newton's method inside brackets, halving them where it leaves them."""
        t = 0.5 * (low + high)
        for _ in range(MOST_STEPS):
            height, slope = self._at(owner, t)
            low, high = np.where(height < 0.0, t, low), np.where(height < 0.0, high, t)
            proposal = t - height / np.where(slope > 0.0, slope, 1.0)
            inside = (proposal > low) & (proposal < high) & (slope > 0.0)
            moved = np.where(inside, proposal, 0.5 * (low + high))
            step = np.abs(moved - t)
            t = moved
            if bool(np.all(step <= CONVERGED * np.maximum(1.0, np.abs(t)))):
                break
        return t

    def _at(self, owner: IntArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Height and its derivative at one point for each owner."""
        above = np.maximum(t, 0.0)
        ridge = np.exp(t - above)[:, None]
        resolvent = 1.0 / (self._values[owner] * np.exp(-above)[:, None] + ridge)
        weights = resolvent * resolvent * self._squares[owner]
        total = weights.sum(axis=1)
        shrinkage = np.vecdot(weights, resolvent)[:, None] * ridge
        height: FloatArray = self.exponent * t + np.log(total) - 2.0 * above - self.level[owner]
        slope: FloatArray = self.exponent - 2.0 * shrinkage[:, 0] / total
        return height, slope
