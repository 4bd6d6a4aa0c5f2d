"""Whether a matrix dominates every lane: chords of a concave penalty on intervals of the lane's norm.

On an interval the penalty lies above its chord, and what a lane can gain with the chord in its place is a quadratic
form of its direction.  See ``docs/theory/deep-bounds.md``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lapack

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.stopping import should_stop
from service.core.several_outputs.concave_penalty.penalised import Penalised

RATIO = 1.5
"""Norms of one interval of the first cover, largest by smallest."""
HALVINGS = 48
ROUNDS = 40
"""Refinements of the cover at most; each halves what fails."""
NEARLY = 1.02
"""A violation known to this factor is not refined further."""
ENTRIES = 1 << 21
"""Numbers in one stack of matrices at most."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The output direction in which a multiplier fails most.

    Attributes
    ----------
    excess : float
        By how much at most, an upper bound for all directions and norms.
    reached : float
        By how much at least: the value at ``direction`` and ``norm``.
    direction : (k,) array
        Unit vector.
    norm : float
        Norm of the lane's row; infinity stands for zero.
    chord : (k, k) array
        The matrix that the multiplier has to dominate there.
    """

    excess: float
    reached: float
    direction: FloatArray
    norm: float
    chord: FloatArray


class Cover:
    """All norms that a lane may have, in intervals on which a chord bounds the penalty from below."""

    def __init__(self, objective: Penalised, allowed: float) -> None:
        self.objective = objective
        quadratic = objective.quadratic
        self.squares = quadratic.scales**2
        self.correlation = quadratic.correlation
        fitted = float(np.linalg.norm(quadratic.target)) ** 2
        self.allowed = max(allowed, (8 + quadratic.target.shape[0]) * EPSILON * fitted)
        steepest = 2.0 * quadratic.correlation_norm
        with np.errstate(over="ignore", divide="ignore"):
            by_penalty = float(np.float64(fitted / objective.penalty) ** (1.0 / objective.power))
        # beyond the last the penalty, or the error, costs more than a lane gains; below the first no minimiser has one,
        # or, for p = 1, it gains at most what is allowed
        self.last = min(by_penalty, steepest / float(self.squares[-1]))
        self.first = objective.shortest if objective.power < 1.0 else self.allowed / steepest

    def worst(self, matrix: FloatArray, values: FloatArray, exactly: bool = False) -> Lane:
        """Where ``matrix`` (k, k) fails most, with an upper bound for everywhere that counts the intervals' chords in.

        Notes
        -----
        Where every Cholesky decomposition succeeds, nothing exceeds ``allowed``; otherwise eigenvalues show by how much
        the rest fails, and what to halve.
        """
        knots = self._knots(values)
        low, high = self._failing(matrix, knots[:-1], knots[1:], self.allowed)
        if not low.size and (exactly or np.all(_positive(matrix[None].copy(), self.allowed))):
            return Lane(2.0 * self.allowed, 0.0, np.zeros(matrix.shape[0]), np.inf, matrix)
        # a lane of norm zero gains nothing, a short one at most what is allowed: the matrix must not be negative
        least, vectors = np.linalg.eigh(matrix)
        deepest = -np.inf if exactly else -float(least[0])
        worst = Lane(deepest, deepest, vectors[:, 0], np.inf, np.zeros_like(matrix))
        limit = highest = max(self.allowed, worst.excess)
        for _ in range(ROUNDS):
            if not low.size:
                return replace(worst, excess=limit + self.allowed)
            upper = np.concatenate([np.linalg.eigvalsh(stack - matrix)[:, -1] for stack in self._stacks(low, high)])
            reached = upper - self._depths(low, high)
            at = int(np.argmax(reached))
            if reached[at] > worst.reached:
                worst = self._lane(matrix, low[at : at + 1], high[at : at + 1], float(reached[at]))
            limit = max(limit, NEARLY * worst.reached)
            low, high, highest = low[upper > limit], high[upper > limit], float(np.max(upper))
            if should_stop():
                break
            middle = np.sqrt(low * high)
            low, high = np.concatenate((low, middle)), np.concatenate((middle, high))
            low, high = self._failing(matrix, low, high, limit)
        return replace(worst, excess=max(limit, highest) + self.allowed)

    def _failing(
        self, matrix: FloatArray, low: FloatArray, high: FloatArray, shift: float
    ) -> tuple[FloatArray, FloatArray]:
        """The intervals whose chord exceeds ``matrix`` by more than ``shift``."""
        parts = [_positive(matrix - stack, shift) for stack in self._stacks(low, high)]
        failing = ~np.concatenate(parts) if parts else np.zeros(0, dtype=bool)
        return low[failing], high[failing]

    def _knots(self, values: FloatArray) -> FloatArray:
        """Ends of the first intervals: geometric, and graded towards the norms at which the multiplier is tight."""
        if self.first >= self.last:
            return np.array([self.last, self.last])
        count = int(np.ceil((np.log(self.last) - np.log(self.first)) / np.log(RATIO))) + 1
        pieces = [np.geomspace(self.first, self.last, max(count, 2))]
        for value in values[(values > self.first) & (values < self.last)].tolist():
            # the chord of an interval of relative length t lies below the penalty by at most penalty t^2 / 8
            finest = np.sqrt(8.0 * self.allowed / float(self.objective.penalties(np.array([value]))[0]))
            halvings = int(np.clip(np.ceil(-np.log2(max(finest, 1e-14))), 1, HALVINGS))
            steps = 0.5 ** np.arange(1, halvings + 1)
            pieces += [np.array([value]), value * (1.0 + steps), value * (1.0 - steps)]
        knots = np.concatenate(pieces)
        return np.unique(knots[(knots >= self.first) & (knots <= self.last)])

    def _chords(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Slopes in the squared norm and intercepts."""
        start, end = self.objective.penalties(low), self.objective.penalties(high)
        apart = high > low
        slope = np.where(apart, (end - start) / np.where(apart, (high - low) * (high + low), 1.0), 0.0)
        return slope, start - slope * low**2

    def _stacks(self, low: FloatArray, high: FloatArray) -> Iterator[FloatArray]:
        """What a multiplier has to dominate on each interval, in stacks (n, k, k)."""
        slopes, intercepts = self._chords(low, high)
        outputs = self.correlation.shape[0]
        length = max(1, ENTRIES // max(self.correlation.size, outputs**2))
        diagonal = np.arange(outputs)
        for begin in range(0, low.size, length):
            part = slice(begin, begin + length)
            weighted = self.correlation / (self.squares + slopes[part, None])[:, None, :]
            stack = weighted @ self.correlation.T
            stack[:, diagonal, diagonal] -= intercepts[part, None]
            yield stack

    def _depths(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """How far at most the chord lies below the penalty, by the tangent that is parallel to it."""
        slopes, intercepts = self._chords(low, high)
        at = self._touching(slopes, low, high)
        depths: FloatArray = np.maximum(self.objective.penalties(at) - slopes * at**2 - intercepts, 0.0)
        return depths

    def _touching(self, slopes: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
        """Norms between the ends at which the penalty is steepest above its chord, by bisection."""
        for _ in range(40):
            middle = 0.5 * (low + high)
            steeper = self.objective.weights(middle) > slopes
            low, high = np.where(steeper, middle, low), np.where(steeper, high, middle)
        return 0.5 * (low + high)

    def _lane(self, matrix: FloatArray, low: FloatArray, high: FloatArray, reached: float) -> Lane:
        chord = next(self._stacks(low, high))[0]
        values, vectors = np.linalg.eigh(chord - matrix)
        norm = float(self._touching(self._chords(low, high)[0], low, high)[0])
        return Lane(float(values[-1]), reached, vectors[:, -1], norm, chord)


def _positive(stack: FloatArray, shift: float) -> BoolArray:
    """Which matrices of a stack, raised by ``shift``, have a Cholesky decomposition; the stack is spent."""
    diagonal = np.arange(stack.shape[-1])
    stack[:, diagonal, diagonal] += shift
    try:
        np.linalg.cholesky(stack)
    except np.linalg.LinAlgError:
        return np.array([lapack.dpotrf(matrix.T, lower=0, clean=0)[1] == 0 for matrix in stack])
    return np.ones(stack.shape[0], dtype=bool)
