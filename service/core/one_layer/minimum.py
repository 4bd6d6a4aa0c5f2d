"""Weights of one linear layer at the least loss, part by part."""

from dataclasses import replace
from typing import Final

import numpy as np

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.differences import QuantileLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.one_layer.coordinates import Coordinates
from service.core.one_layer.interior import kinked_minimum, polished
from service.core.one_layer.newton import SmoothProblem, minimised
from service.core.one_layer.parts import LayerPart
from service.core.one_layer.predicted import LayerWeights, cost_of, predicted

PASSES: Final = 2
"""The second one counts from predictions in twice the working precision, which offsets need."""


def fitted(part: LayerPart) -> LayerWeights:
    """The best weights of a part, but for rounding, where some are best."""
    span, basis = _spanned(part)
    shift, span = _shifted(span)
    coordinates = Coordinates.of(span)
    rank = part.loss.y.shape[1] if isinstance(part.loss, ClassShares) else 1
    weights = LayerWeights(np.zeros((rank, span.x.shape[1])), np.zeros(rank))
    for _ in range(PASSES):
        weights = _better(span, coordinates, weights)
    return LayerWeights(weights.matrix if basis is None else weights.matrix @ basis.T, weights.biases + shift)


def _better(part: LayerPart, coordinates: Coordinates, weights: LayerWeights) -> LayerWeights:
    """Weights at the minimum, counted from those that are given."""
    seen = predicted(part, weights)
    before = weights.coefficients(part)
    paid = np.sqrt(part.decays)[:, None] * before
    loss, begun = part.loss, seen.at if seen.at.ndim > 1 else seen.at[:, None]
    if isinstance(loss, QuantileLoss):
        loss = loss.with_targets(-seen.at)
        moved = kinked_minimum(coordinates, loss, paid[:, 0])
        at = polished(coordinates, loss, paid[:, 0], moved)[:, None]
    else:
        problem = SmoothProblem(coordinates, seen.loss, begun, paid)
        at = minimised(problem, problem.start())
    step = coordinates.turned @ at
    if part.bias_decay is None:
        return LayerWeights(weights.matrix + step.T, weights.biases)
    matrix = weights.matrix + step[:-1].T
    # the centre goes into the bias: of what the weights have grown by, so that little is rounded
    return LayerWeights(matrix, weights.biases + step[-1] - step[:-1].T @ part.centre)


def _spanned(part: LayerPart) -> tuple[LayerPart, FloatArray | None]:
    """The same part in coordinates of the rows' span, with its basis (d, m), where there are more inputs than samples.

    Nothing is gained by weights off the span, and they cost as much as others.
    """
    count, inputs = part.x.shape
    if inputs <= count:
        return part, None
    basis, rows = np.linalg.qr(part.x.T)
    return LayerPart(np.ascontiguousarray(rows.T), part.loss, part.outputs, part.decay, part.bias_decay), basis


def _shifted(part: LayerPart) -> tuple[float, LayerPart]:
    """The same with targets about their middle, where a free bias makes that the same problem."""
    loss = part.loss
    if isinstance(loss, ClassShares) or not part.has_free_bias or loss.centred() is None:
        return 0.0, part
    middle = float(np.median(loss.y))
    return middle, replace(part, loss=loss.with_targets(loss.y - middle))


def simplest(part: LayerPart, weights: LayerWeights) -> LayerWeights:
    """Zero weights with the same mean prediction, where they cost no more but for rounding; else those given."""
    if not weights.matrix.any():
        return weights
    biases = weights.biases + weights.matrix @ part.centre if part.bias_decay is not None else weights.biases
    zero = LayerWeights(np.zeros_like(weights.matrix), biases)
    costs = [cost_of(part, each, predicted(part, each)) for each in (weights, zero)]
    given, simple = (cost.fit + cost.decay for cost in costs)
    return zero if simple <= given + costs[0].rounding else weights
