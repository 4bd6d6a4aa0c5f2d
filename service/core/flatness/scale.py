"""The least over one scale of a largest eigenvalue: what the flattest minimum comes down to.

``phi(t) = lambda_max(exp(2 t) G + (L - 1) exp(-2 t / (L - 1)) H + E)`` is convex in t, because
the quadratic form of each unit vector is a sum of exponentials.  See ``docs/theory/flatness.md``.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Final

import numpy as np
from scipy.linalg import eigh

from service.core.ground.numbers.arrays import FloatArray

EXACT: Final = 1e-12
"""Relative distance of the value from its bound at which the search ends."""
STEPS: Final = 100
DOUBLINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Pencil:
    """``exp(2 t) first + (n_layers - 1) exp(-2 t / (n_layers - 1)) rest + constant``.

    Attributes
    ----------
    first : (m, m) array
        Positive semidefinite: what the first layer sees.
    rest : (m, m) array
        Positive semidefinite: what all the other layers see.
    constant : (m, m) array or None
        Positive semidefinite: what does not depend on scales.
    n_layers : int
        At least 2.
    """

    first: FloatArray
    rest: FloatArray
    constant: FloatArray | None
    n_layers: int

    def at(self, scale: float) -> "ScaleTangent":
        """Largest eigenvalue and its slope at a logarithm of the scale.  O(m^3)."""
        up, down = self._factors(scale)
        matrix = up * self.first + down * self.rest
        if self.constant is not None:
            matrix = matrix + self.constant
        last = len(matrix) - 1
        values, vectors = eigh(matrix, subset_by_index=[last, last], check_finite=False)
        vector: FloatArray = vectors[:, 0]
        slope = 2.0 * up * _form(self.first, vector) - 2.0 * down * _form(self.rest, vector) / (self.n_layers - 1)
        return ScaleTangent(scale, float(values[0]), slope, vector)

    def start(self) -> float:
        """The best scale if all three matrices were numbers."""
        first, rest = float(np.linalg.norm(self.first)), float(np.linalg.norm(self.rest))
        return 0.5 * (self.n_layers - 1) / self.n_layers * log(rest / first)

    def _factors(self, scale: float) -> tuple[float, float]:
        others = self.n_layers - 1
        return exp(2.0 * scale), others * exp(-2.0 * scale / others)


@dataclass(frozen=True, slots=True)
class ScaleTangent:
    """The value and one slope of ``phi`` at a scale, with the unit vector that they come from."""

    scale: float
    value: float
    slope: float
    vector: FloatArray


@dataclass(frozen=True, slots=True)
class LeastScale:
    """The least largest eigenvalue.

    Attributes
    ----------
    value : float
        Reached at ``scale``.
    lower_bound : float
        By the tangents on both sides.
    scale : float
    mixture : (m, 2) array
        Columns ``sqrt(theta) u_1`` and ``sqrt(1 - theta) u_2`` with slopes that cancel: ``mixture mixture^T`` is the
        density matrix that the lower bound comes from.
    """

    value: float
    lower_bound: float
    scale: float
    mixture: FloatArray


def least_over_scales(pencil: Pencil) -> LeastScale:
    """Minimise ``phi``; ``first`` and ``rest`` are not zero.

    Notes
    -----
    A bracket of tangents of opposite slope; the next scale is where they meet, which finds kinks, in turn with where a
    linear slope would be zero, which finds smooth minima, and with the middle.  O(m^3) a step, some 15 steps.
    """
    left, right = _bracket(pencil)
    best = min(left, right, key=lambda tangent: tangent.value)
    for step in range(STEPS):
        if left.slope == 0.0 or right.slope == 0.0:
            break
        if best.value - _meeting(left, right)[1] <= EXACT * best.value:
            break
        scale = _next(left, right, step)
        if not left.scale < scale < right.scale:
            scale = 0.5 * (left.scale + right.scale)
            if not left.scale < scale < right.scale:
                break
        found = pencil.at(scale)
        best = min(best, found, key=lambda tangent: tangent.value)
        left, right = (found, right) if found.slope <= 0.0 else (left, found)
    return _ended(best, left, right)


def _bracket(pencil: Pencil) -> tuple[ScaleTangent, ScaleTangent]:
    here = pencil.at(pencil.start())
    step = -0.125 if here.slope > 0.0 else 0.125
    for _ in range(DOUBLINGS):
        there = pencil.at(here.scale + step)
        if there.slope * here.slope <= 0.0:
            return (here, there) if step > 0.0 else (there, here)
        here, step = there, 2.0 * step
    raise ArithmeticError(
        "no scale balances the first layer with the others"
    )  # pragma: no cover - both exponentials grow


def _next(left: ScaleTangent, right: ScaleTangent, step: int) -> float:
    if step % 3 == 0:
        return left.scale + (right.scale - left.scale) * (-left.slope) / (right.slope - left.slope)
    if step % 3 == 1:
        return _meeting(left, right)[0]
    return 0.5 * (left.scale + right.scale)


def _meeting(left: ScaleTangent, right: ScaleTangent) -> tuple[float, float]:
    """Scale and value where two tangents meet, which no value of a convex function is below."""
    gap = right.slope - left.slope
    if gap <= 0.0:
        return left.scale, min(left.value, right.value)
    scale = (left.value - right.value + right.slope * right.scale - left.slope * left.scale) / gap
    return scale, left.value + left.slope * (scale - left.scale)


def _ended(best: ScaleTangent, left: ScaleTangent, right: ScaleTangent) -> LeastScale:
    for flat in (left, right):
        if flat.slope == 0.0:
            return LeastScale(flat.value, flat.value, flat.scale, flat.vector[:, None])
    share = right.slope / (right.slope - left.slope)
    mixture = np.column_stack((np.sqrt(share) * left.vector, np.sqrt(1.0 - share) * right.vector))
    return LeastScale(best.value, min(best.value, _meeting(left, right)[1]), best.scale, mixture)


def _form(matrix: FloatArray, vector: FloatArray) -> float:
    return float(vector @ matrix @ vector)
