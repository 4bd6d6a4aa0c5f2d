"""Layers that are not trained behind a trained one: absorbed by a neighbour.

Each function returns the reduced problem, a reason in words why it does not apply, or ``None`` if it has nothing
to do.  Proofs: ``docs/theory/reductions.md``.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from service.core.ground.as_sent import reflections
from service.core.ground.data.changes import with_targets
from service.core.ground.enclosures.composed import Composed
from service.core.ground.enclosures.sources import UNIT, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import Twofold, exactly, times
from service.core.ground.problems import Layer, Problem
from service.core.reductions.step import (
    EQUAL,
    ChangeError,
    Step,
    Weights,
    dense_factor,
    exact_frozen,
    exchanged,
    frozen_decay,
    left_times,
    same_norm,
    times_right,
    with_network,
)

PRESENT = 1e-12
"""Singular values of a frozen matrix, relative to the largest, that count as present."""
ELIMINATED = 16
"""Rows or columns up to which a rank is decided exactly."""


@dataclass(frozen=True)
class _Absorbed:
    """``outer S inner^T`` of a frozen matrix, with the part of S that each neighbour takes.

    Attributes
    ----------
    outer : (k, r) array
    inner : (d, r) array
    before, after : (r,) arrays
    decay : float
        Of the layer before, in its new units.
    share : float
        By which weights may cost more than their like, relative to the loss.
    dropped : float
        Largest singular value that may have been left out.
    """

    outer: FloatArray
    inner: FloatArray
    before: FloatArray
    after: FloatArray
    decay: float
    share: float
    dropped: float


def absorbed(problem: Problem) -> Step | str | None:
    """A frozen layer behind a trained one goes into a neighbour that is free of decay, or into any if isometric."""
    layers = problem.network.layers
    for index, (before, layer) in enumerate(pairwise(layers), start=1):
        if layer.frozen_weights is not None and before.frozen_weights is None:
            if before.noise_variance or layer.noise_variance:
                return f"frozen layer {index + 1} is next to noise, which depends on its axes"
            return _into_a_neighbour(problem, index, layer)
    return None


def _into_a_neighbour(problem: Problem, index: int, layer: Layer) -> Step | str:
    layers = problem.network.layers
    after = layers[index + 1] if index + 1 < len(layers) else None
    matrix, rest = exact_frozen(layer)
    outer, values, inner = np.linalg.svd(matrix, full_matrices=False)
    # by how much singular values are wrong: what rounding left of the matrix, and that of their own computation
    off = float(np.linalg.norm(rest)) + 8.0 * sum(matrix.shape) * UNIT * float(values[0])
    kept = values > PRESENT * max(float(values[0]), 1e-300)
    if not np.any(kept):
        return f"frozen layer {index + 1} is zero: nothing reaches the output"
    split = _split(problem, values[kept], layers[index - 1], after)
    if split is None:
        return f"frozen layer {index + 1} has unequal singular values and no neighbour free of decay"
    before_share, after_share, decay, spread = split
    count, present = before_share.size, int(np.count_nonzero(kept))
    dropped = 0.0
    if present < values.size and count == present and (rest.any() or exact_rank(matrix) > present):
        dropped = float(values[present]) + off
    share = 0.0 if spread is None else 2.2 * (spread + 2.0 * off) / float(values[count - 1])
    part = _Absorbed(outer[:, :count], inner[:count].T, before_share, after_share, decay, share, dropped)
    return _absorbing(problem, index, part)


def _split(
    problem: Problem, values: FloatArray, before: Layer, after: Layer | None
) -> tuple[FloatArray, FloatArray, float, float | None] | None:
    """What the layers before and after take of the singular values that are kept, and the decay before.

    The last number is by how much these values differ that count as one; None where it does not matter.
    """
    ones, spread = np.ones_like(values), float(values[0] - values[-1])
    if spread <= EQUAL * values[0]:
        scale = float(values[0])
        return ones * scale, ones, before.weight_decay / scale**2, spread
    if before.weight_decay == 0.0:
        return values, ones, 0.0, None
    if after is not None and after.weight_decay == 0.0:
        return ones, values, before.weight_decay, None
    network = problem.network
    rank_one = min(*network.hidden_widths, network.outputs, problem.data.inputs) == 1
    if after is not None and rank_one and not np.any(network.noise_variances):
        scale = float(values[0])
        return np.array([scale]), np.ones(1), before.weight_decay / scale**2, 0.0
    return None


def _absorbing(problem: Problem, index: int, part: _Absorbed) -> Step:
    layers, exact = problem.network.layers, exact_frozen(problem.network.layers[index])
    given = dense_factor(exact.high)
    new = [*layers[: index - 1], replace(layers[index - 1], width=part.before.size, weight_decay=part.decay)]
    inverse = part.inner / part.before
    forward = (part.inner * part.before).T
    last, left = index == len(layers) - 1, 0.0
    moments, change = problem.data, None
    if last:
        # what no map reaches of the targets is a constant
        moments, left = with_targets(problem.data, part.outer)
        left = _out_of_reach(problem, left, part.outer, times(exact, exactly(inverse)).rounded())
        change = _behind_the_network(inverse, exact, left)

    def lift(weights: Weights, _: FloatArray) -> Weights:
        changed = [left_times(inverse, weights.layers[index - 1]), given]
        if not last:
            changed.append(times_right(weights.layers[index], (part.outer / part.after).T))
        return replace(weights, layers=exchanged(weights.layers, index - 1, index + 1 - last, changed))

    def project(weights: Weights) -> Weights:
        changed = [left_times(forward, weights.layers[index - 1])]
        if not last:
            changed.append(times_right(weights.layers[index + 1], part.outer * part.after))
        return replace(weights, layers=exchanged(weights.layers, index - 1, index + 2 - last, changed))

    return Step(
        "frozen layer absorbed by a neighbour",
        with_network(problem, (*new, *layers[index + 1 :]), moments=moments, change=change),
        lift,
        project,
        (lambda end_map: part.outer @ end_map) if last else (lambda end_map: end_map),
        frozen_decay(layers[index]) + left,
        {"layer": index + 1, "rank": part.before.size},
        share=part.share,
        searched=part.dropped > 0.0,
        limit=(lambda limit, _: 0.99 * limit) if last else same_norm,
    )


def _behind_the_network(inverse: FloatArray, exact: Twofold, left: float) -> ChangeError:
    """The error of maps that go through the frozen matrix, the constant taken off that no map reaches."""
    return lambda base: Composed(base, before=(exactly(inverse), exact), constant=left)


def _out_of_reach(problem: Problem, left: float, outer: FloatArray, reached: FloatArray) -> float:
    """No more than the part of the targets that no map reaches, from what was computed of it with ``outer`` (k, r)."""
    across = reached - outer @ (outer.T @ reached)
    turned = float(np.linalg.norm(across)) / max(float(np.linalg.norm(reached, -2)), 1e-300)
    rounding = gamma(reflections(problem.data) + 16.0 * len(outer)) + 1.01 * turned
    return max(float(np.sqrt(left)) - rounding * float(np.sqrt(problem.data.yy)), 0.0) ** 2 * (1.0 - 16.0 * UNIT)


def exact_rank(matrix: FloatArray) -> int:
    """Rank of a matrix (m, n) by rational elimination, up to `ELIMINATED` rows or columns; else the most."""
    if min(matrix.shape) > ELIMINATED or max(matrix.shape) > 8 * ELIMINATED:
        return int(min(matrix.shape))
    rows = [[Fraction(float(entry)) for entry in row] for row in (matrix if len(matrix) <= len(matrix.T) else matrix.T)]
    rank = 0
    for column in range(len(rows[0])):
        found = next((row for row in rows[rank:] if row[column]), None)
        if found is None:
            continue
        rows.remove(found)
        rows.insert(rank, found)
        for place in range(rank + 1, len(rows)):
            factor = rows[place][column] / found[column]
            if factor:
                rows[place] = [a - factor * b for a, b in zip(rows[place], found, strict=True)]
        rank += 1
        if rank == len(rows):
            break
    return rank
