"""The least sharpness of all global minima of a linear network without decay, between two bounds.

See ``docs/theory/flatness.md``.
"""

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np

from service.core.flatness.scale import LeastScale, Pencil, least_over_scales
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of

MET: Final = 1e-9
"""Relative distance at which two bounds count as one."""
ROUNDS: Final = 5
RANK: Final = 1e-10
"""Singular values of the best map below this share of the largest count as zero."""
MOST_INPUTS: Final = 1500
"""Directions of the inputs up to which the largest eigenvalue is sought over scales."""
INSIDE: Final = 1e-10
"""Share of a mean outside the directions in which the inputs vary that counts as rounding."""


@dataclass(frozen=True, slots=True)
class SharpnessBounds:
    """The least sharpness: reached by some minimum, and proved of all of them.

    Attributes
    ----------
    reached : float
    proved : float
        Not larger.
    because : str
        What proves it.
    scale : float or None
        Logarithm of the common singular value of the layers above the first in that minimum, where it was sought.
    """

    reached: float
    proved: float
    because: str
    scale: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A least-squares map in the coordinates of its inputs.

    Attributes
    ----------
    inputs : (rho, m) array
        ``T``: its Gram matrix over m features is what the first layer sees, a column more for an output bias.
    images : (k, m) array
        The best map applied to ``inputs``.
    constant : (m, m) array or None
        What the output bias sees.
    """

    inputs: FloatArray
    images: FloatArray
    constant: FloatArray | None


def flattest(problem: Problem) -> SharpnessBounds | str:
    """The least largest Hessian eigenvalue over all global minima, or why it is not known.

    Parameters
    ----------
    problem : Problem
        Linear, squared loss, every layer trained, no decay, no noise on hidden layers, no skips; no bias, or one of the
        output without decay.
    """
    quadratic = quadratic_of(problem)
    rank = _rank(quadratic)
    if rank > min(problem.network.hidden_widths, default=rank):
        return "a bottleneck cuts the best map, so that errors that remain enter the curvature"
    if quadratic.rank > MOST_INPUTS:
        return f"more than {MOST_INPUTS} directions of the inputs"
    seen = _seen(quadratic)
    if seen is None:
        return "the mean of the inputs lies outside the directions in which they vary, where the best map is free"
    return _closed(quadratic, seen, problem.network.n_layers, rank) or _balanced(seen, problem.network.n_layers)


def _rank(quadratic: Quadratic) -> int:
    """Rank of the best map."""
    singular = quadratic.svd[1]
    return int(np.count_nonzero(singular > RANK * max(float(singular.max(initial=0.0)), 1e-300)))


def _closed(quadratic: Quadratic, seen: _Seen, layers: int, rank: int) -> SharpnessBounds | None:
    """The least sharpness where no scale has to be sought."""
    if layers == 1:
        first = seen.inputs.T @ seen.inputs
        whole = first if seen.constant is None else first + seen.constant
        value = 2.0 * _largest(whole)
        return SharpnessBounds(value, value, "one layer: all weights have the same Hessian")
    if not rank:
        value = 0.0 if seen.constant is None else 2.0 * _largest(seen.constant)
        return SharpnessBounds(value, value, "zero is a best map: zero weights reach it")
    if quadratic.white and seen.constant is None:
        size, largest = float(quadratic.scales[0]), float(quadratic.svd[1][0])
        value = 2.0 * layers * size ** (2.0 / layers) * largest ** (2.0 - 2.0 / layers)
        scale = (layers - 1.0) / layers * log(largest / size)
        return SharpnessBounds(value, value, "white inputs: closed form", scale)
    return None


def _balanced(seen: _Seen, layers: int) -> SharpnessBounds:
    """The least sharpness by the best scale of the first layer, and a bound from single directions of the outputs."""
    first, rest = seen.inputs.T @ seen.inputs, seen.images.T @ seen.images
    found = least_over_scales(Pencil(first, rest, seen.constant, layers))
    outputs = len(seen.images)
    if outputs == 1 or layers == 2:
        why = "one output" if outputs == 1 else "two layers"
        return SharpnessBounds(
            2.0 * found.value, 2.0 * found.lower_bound, f"{why}: a convex problem in one scale", found.scale
        )
    lower = max(_along_one_output(seen, first, found, layers), 0.0)
    why = "the best bound from single directions of the outputs"
    return SharpnessBounds(2.0 * found.value, 2.0 * min(lower, found.value), why, found.scale)


def _seen(quadratic: Quadratic) -> _Seen | None:
    """Inputs and images; with a free output bias a constant feature beside the centred ones."""
    weights = quadratic.target / quadratic.scales
    scales = np.diag(quadratic.scales)
    if quadratic.x_mean is None:
        return _Seen(scales, quadratic.target, None)
    mean = quadratic.x_mean if quadratic.basis is None else quadratic.basis.T @ quadratic.x_mean
    outside = quadratic.x_mean - quadratic.expand(mean)
    if np.linalg.norm(outside) > INSIDE * max(float(np.linalg.norm(quadratic.x_mean)), 1e-300):
        return None
    constant = np.zeros((quadratic.rank + 1, quadratic.rank + 1))
    constant[-1, -1] = 1.0
    inputs = np.column_stack((scales, mean))
    return _Seen(inputs, np.column_stack((quadratic.target, weights @ mean)), constant)


def _along_one_output(seen: _Seen, first: FloatArray, found: LeastScale, layers: int) -> float:
    """A lower bound from one direction of the outputs, which is improved in turns with the inputs."""
    mixture, bound = found.mixture, 0.0
    for _ in range(ROUNDS):
        left, _, _ = np.linalg.svd(seen.images @ mixture, full_matrices=False)
        row = left[:, 0] @ seen.images
        if not row.any():
            break
        alone = least_over_scales(Pencil(first, np.outer(row, row), seen.constant, layers))
        if alone.lower_bound <= bound * (1.0 + MET):
            return max(bound, alone.lower_bound)
        bound, mixture = alone.lower_bound, alone.mixture
        if bound >= found.lower_bound * (1.0 - MET):
            break
    return bound


def _largest(matrix: FloatArray) -> float:
    return float(np.linalg.eigvalsh(matrix)[-1]) if matrix.size else 0.0
