"""The least sharpness of a chain of one output: a lower bound by a mixture of two directions.

Let a be the norm of what follows the first of L layers.  The largest eigenvalue of ``K(a) = a^2 diag(spread) + e e' +
(L-1) a^(-2/(L-1)) v v'`` is to be least.  For every density matrix X, ``tr(X K(a))`` is below it and has its least
value in closed form.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Final

import numpy as np

from service.core.flatness.tangents import Tangents
from service.core.ground.numbers.arrays import FloatArray

_STEPS: Final = 60
"""Halvings of the bracket of log a, from a width of some ten."""
_DENSE: Final = 48
"""Size up to which an eigenvalue problem is solved as a whole."""


@dataclass(frozen=True, slots=True)
class LeastOfChain:
    """A lower bound of ``min_a lambda_max(K(a))``, and about the best norm a."""

    value: float
    norm: float


@dataclass(frozen=True, slots=True)
class _Mixture:
    """``tr(X K(a)) = first a^2 + constant + rest a^(-2/m)`` with ``m = L-1``."""

    first: float
    constant: float
    rest: float
    above: int

    def slope(self, log_norm: float) -> float:
        """Derivative in log a."""
        grown = 2.0 * self.first * exp(2.0 * log_norm)
        return grown - 2.0 / self.above * self.rest * exp(-2.0 * log_norm / self.above)

    def least(self) -> float:
        """Infimum over a > 0."""
        if not (self.first > 0.0 and self.rest > 0.0):
            return self.constant
        log_norm = log(self.rest / (self.above * self.first)) / (2.0 + 2.0 / self.above)
        return self.first * exp(2.0 * log_norm) + self.constant + self.rest * exp(-2.0 * log_norm / self.above)

    def mixed(self, other: "_Mixture", share: float) -> "_Mixture":
        """``share`` of this and the rest of another."""
        return _Mixture(
            share * self.first + (1.0 - share) * other.first,
            share * self.constant + (1.0 - share) * other.constant,
            share * self.rest + (1.0 - share) * other.rest,
            self.above,
        )


def lowest(tangents: Tangents, chain: FloatArray) -> LeastOfChain:
    """Bound the sharpness of every chain with ``v = chain`` (q,) from below.

    Notes
    -----
    Convex in log a: the sign of the slope along the top eigenvector halves the bracket.  The two last eigenvectors,
    mixed so that their slopes cancel, give the bound, which holds however far the halving went.
    """
    above = tangents.layers - 1
    square, widest = float(chain @ chain), float(tangents.spread.max(initial=0.0))
    if square == 0.0 or widest == 0.0:
        return LeastOfChain(0.0 if tangents.fixed is None else 1.0, 1.0)

    def top(log_norm: float) -> _Mixture:
        unit = _top_vector(tangents, exp(2.0 * log_norm), above * exp(-2.0 * log_norm / above), chain)
        constant = 0.0 if tangents.fixed is None else float(tangents.fixed @ unit) ** 2
        return _Mixture(float(unit**2 @ tangents.spread), constant, above * float(chain @ unit) ** 2, above)

    # where the chain stands alone in the widest direction the slopes cancel here; elsewhere the first layer counts less
    low = 0.5 * above / tangents.layers * log(square / widest) - 1.0
    high, step = low + 2.0, 2.0
    left, right = top(low), top(high)
    while right.slope(high) < 0.0:
        low, left = high, right
        high, step = high + step, 2.0 * step
        right = top(high)
    while left.slope(low) > 0.0:
        high, right = low, left
        low, step = low - step, 2.0 * step
        left = top(low)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        found = top(middle)
        if found.slope(middle) < 0.0:
            low, left = middle, found
        else:
            high, right = middle, found
    middle = 0.5 * (low + high)
    falls, rises = left.slope(middle), right.slope(middle)
    share = 0.5 if rises <= falls else min(max(rises / (rises - falls), 0.0), 1.0)
    value = max(left.mixed(right, share).least(), left.least(), right.least())
    return LeastOfChain(value, exp(middle))


def _top_vector(tangents: Tangents, first: float, rest: float, chain: FloatArray) -> FloatArray:
    """Unit vector (q,) near the top of ``first diag(spread) + e e' + rest v v'``."""
    diagonal = first * tangents.spread
    columns = [np.sqrt(rest) * chain] if tangents.fixed is None else [np.sqrt(rest) * chain, tangents.fixed]
    added = np.column_stack(columns)
    if diagonal.size <= _DENSE:
        return np.asarray(np.linalg.eigh(np.diag(diagonal) + added @ added.T)[1][:, -1])
    return _secular(diagonal, added)


def _secular(diagonal: FloatArray, added: FloatArray) -> FloatArray:
    """The same by the secular equation: the top eigenvalue of ``G' (lambda - D)^-1 G`` is one at the eigenvalue."""
    widest = float(diagonal.max())
    squares = np.einsum("qi,qj->qij", added, added)

    def excess(value: float) -> float:
        return float(np.linalg.eigvalsh(np.einsum("q,qij->ij", 1.0 / (value - diagonal), squares))[-1]) - 1.0

    low, high = widest, widest + float(np.sum(added**2))
    for _ in range(80):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    if not high > widest:
        return _axis(diagonal)
    weights = np.linalg.eigh(np.einsum("q,qij->ij", 1.0 / (high - diagonal), squares))[1][:, -1]
    vector = (added @ weights) / (high - diagonal)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0.0:
        return _axis(diagonal)
    return np.asarray(vector / length)


def _axis(diagonal: FloatArray) -> FloatArray:
    """The unit vector of the widest direction."""
    unit = np.zeros(diagonal.size)
    unit[diagonal.argmax()] = 1.0
    return unit
