"""Layers that are not trained: folded into the data in front, absorbed by a neighbour elsewhere.

Each function returns the reduced problem, a reason in words why it does not apply, or ``None`` if it has nothing
to do.  Proofs: ``docs/theory/reductions.md``.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from service.core.ground.data.changes import with_input_noise, with_inputs
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Problem
from service.core.reductions.step import (
    EQUAL,
    Step,
    Weights,
    dense_factor,
    exchanged,
    frozen_decay,
    left_times,
    times_right,
    transposed,
    with_network,
)
from service.core.several_outputs.quadratic import WHITE_TOLERANCE, quadratic_of


def leading(problem: Problem) -> Step | str | None:
    """A frozen first layer makes new inputs; its noise only changes their second moments."""
    first, *rest = problem.network.layers
    matrix = first.frozen_weights
    if matrix is None or not rest:
        return None
    moments = with_input_noise(with_inputs(problem.data, matrix), first.noise_variance, centre=False)
    given = dense_factor(matrix)
    return Step(
        "frozen first layer as new inputs",
        with_network(problem, rest, moments=moments),
        lambda weights, _: replace(weights, layers=(given, *weights.layers)),
        lambda weights: replace(weights, layers=weights.layers[1:]),
        lambda end_map: end_map @ matrix,
        frozen_decay(first),
        {"inputs": matrix.shape[1], "new_inputs": matrix.shape[0]},
    )


def neighbours(problem: Problem) -> Step | str | None:
    """Two frozen layers in a row are one."""
    for index, (one, other) in enumerate(pairwise(problem.network.layers)):
        if one.frozen_weights is not None and other.frozen_weights is not None and not one.noise_variance:
            return _merged(problem, index, one.frozen_weights, other.frozen_weights)
    return None


def _merged(problem: Problem, index: int, first: FloatArray, second: FloatArray) -> Step:
    layers = problem.network.layers
    one, other = layers[index], layers[index + 1]
    merged = replace(other, frozen_weights=second @ first, weight_decay=0.0)
    parts = (dense_factor(first), dense_factor(second))
    product = dense_factor(second @ first)
    return Step(
        "frozen layers in a row as one",
        with_network(problem, (*layers[:index], merged, *layers[index + 2 :])),
        lambda weights, _: replace(weights, layers=exchanged(weights.layers, index, index + 1, parts)),
        lambda weights: replace(weights, layers=exchanged(weights.layers, index, index + 2, (product,))),
        constant=frozen_decay(one) + frozen_decay(other),
    )


@dataclass(frozen=True)
class _Absorbed:
    """``outer S inner^T`` of a frozen matrix, with the part of S that each neighbour takes."""

    outer: FloatArray
    inner: FloatArray
    before: FloatArray
    after: FloatArray


def absorbed(problem: Problem) -> Step | str | None:
    """A frozen layer behind a trained one goes into a neighbour that is free of decay, or into any if isometric."""
    layers = problem.network.layers
    for index, (before, layer) in enumerate(pairwise(layers), start=1):
        if layer.frozen_weights is not None and not _frozen(before):
            if before.noise_variance or layer.noise_variance:
                return f"frozen layer {index + 1} stands beside noise, which sees its axes"
            return _into_a_neighbour(problem, index, layer.frozen_weights)
    return None


def _into_a_neighbour(problem: Problem, index: int, matrix: FloatArray) -> Step | str:
    layers = problem.network.layers
    after = layers[index + 1] if index + 1 < len(layers) else None
    outer, values, inner = np.linalg.svd(matrix, full_matrices=False)
    kept = values > 1e-12 * max(float(values[0]), 1e-300)
    if not np.any(kept):
        return f"frozen layer {index + 1} is zero: nothing reaches the output"
    split = _split(problem, values[kept], layers[index - 1], after)
    if split is None:
        return f"frozen layer {index + 1} has unequal singular values and no neighbour free of decay"
    count, before_share, after_share, decay = split
    part = _Absorbed(outer[:, :count], inner[:count].T, before_share, after_share)
    return _absorbing(problem, index, part, decay)


def _frozen(layer: Layer) -> bool:
    return layer.frozen_weights is not None


def _split(
    problem: Problem, values: FloatArray, before: Layer, after: Layer | None
) -> tuple[int, FloatArray, FloatArray, float] | None:
    """Number of singular pairs kept, what the layers before and after take of them, and the decay before."""
    ones = np.ones_like(values)
    if values[0] - values[-1] <= EQUAL * values[0]:
        scale = float(values[0])
        return values.size, ones * scale, ones, before.weight_decay / scale**2
    if before.weight_decay == 0.0:
        return values.size, values, ones, 0.0
    if after is not None and after.weight_decay == 0.0:
        return values.size, ones, values, before.weight_decay
    network = problem.network
    rank_one = min(*network.hidden_widths, network.outputs, problem.data.inputs) == 1
    if after is not None and rank_one and not np.any(network.noise_variances):
        scale = float(values[0])
        return 1, np.array([scale]), np.ones(1), before.weight_decay / scale**2
    return None


def _absorbing(problem: Problem, index: int, part: _Absorbed, decay: float) -> Step:
    layers = problem.network.layers
    matrix = layers[index].frozen_weights
    given = dense_factor(np.zeros((1, 1)) if matrix is None else matrix)
    new = [*layers[: index - 1], replace(layers[index - 1], width=part.before.size, weight_decay=decay)]
    last = index == len(layers) - 1
    moments = problem.data
    if last:
        # y - U U^T y is out of reach and stays in yy as a constant
        moments = Moments(moments.xx, moments.xy @ part.outer, moments.yy, moments.n)
    inverse = part.inner / part.before
    forward = (part.inner * part.before).T

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
        with_network(problem, (*new, *layers[index + 1 :]), moments=moments),
        lift,
        project,
        (lambda end_map: part.outer @ end_map) if last else (lambda end_map: end_map),
        frozen_decay(layers[index]),
        {"layer": index + 1, "rank": part.before.size},
    )


def turned_round(problem: Problem) -> Step | str | None:
    """On white inputs a network that ends in a frozen matrix A is, read backwards, one whose inputs have ``A^T A``."""
    *trained, last = problem.network.layers
    matrix = last.frozen_weights
    if matrix is None or any(_frozen(layer) for layer in trained) or not trained:
        return None
    if np.any(problem.network.noise_variances):
        return "the last layer is frozen, its singular values differ, and hidden layers have noise"
    quadratic = quadratic_of(problem)
    if quadratic.spread > WHITE_TOLERANCE:
        return "the last layer is frozen, its singular values differ, and the inputs are not white"
    if quadratic.rank < problem.data.inputs and not all(layer.weight_decay > 0.0 for layer in trained):
        return "the last layer is frozen, its singular values differ, and the inputs miss some directions"
    data, square = problem.data, quadratic.mean_square
    widths = [data.inputs, *(layer.width for layer in trained)]
    layers = [Layer(widths[index], weight_decay=trained[index].weight_decay) for index in reversed(range(len(trained)))]
    moments = Moments(square * (matrix.T @ matrix), matrix.T @ data.xy.T, data.yy, data.n)
    given = dense_factor(matrix)
    return Step(
        "white inputs and a frozen last layer, read backwards",
        with_network(problem, layers, moments=moments),
        lambda weights, _: replace(weights, layers=(*(transposed(w) for w in reversed(weights.layers)), given)),
        lambda weights: replace(weights, layers=tuple(transposed(w) for w in reversed(weights.layers[:-1]))),
        lambda end_map: matrix @ end_map.T,
        frozen_decay(last),
        {"spread": quadratic.spread},
    )
