"""Losses that fall for ever along some weights that cost nothing, towards zero: no weights attain their infimum.

Along a map that classifies every sample with a positive margin, logistic loss and cross-entropy tend to zero, and
without decay nothing holds them back.  A free bias does the same where all labels are equal, or all counts zero.
"""

from typing import Final

import numpy as np

from service.core.convex_losses.class_shares import ClassShares
from service.core.data_facts.separation import separation_of
from service.core.ground.numbers.arrays import BoolArray
from service.core.ground.problems import Problem
from service.core.one_layer.parts import LayerPart, parts_of, samples_of
from service.core.one_layer.predicted import LayerWeights, predicted
from service.vocabulary import Loss

ENDLESS: Final = frozenset({Loss.LOGISTIC, Loss.CROSS_ENTROPY, Loss.POISSON})


def endless_weights(problem: Problem) -> LayerWeights | None:
    """Weights along whose multiples the loss tends to zero and nothing is paid; None where none are found."""
    if problem.loss not in ENDLESS:
        return None
    samples, network = samples_of(problem), problem.network
    inputs, outputs = samples.x.shape[1], network.outputs
    biased = network.has_bias(0)
    free_bias = biased and not any(network.bias_weight_decays)
    found = LayerWeights(np.zeros((outputs, inputs)), np.zeros(outputs))
    alike = (samples.y == samples.y[0]).all() and (problem.loss is not Loss.POISSON or not samples.y.any())
    if free_bias and alike:
        signs = np.where(samples.y[0] > 0.0, 1.0, -1.0)
        return LayerWeights(found.matrix, signs) if is_endless(problem, LayerWeights(found.matrix, signs)) else None
    if network.layers[0].weight_decay > 0.0 or problem.loss is Loss.POISSON:
        return None
    if problem.loss is Loss.CROSS_ENTROPY and not ((samples.y == 0.0) | (samples.y == 1.0)).all():
        return None
    separation = separation_of(problem, offset=free_bias)
    if separation is None or not separation.separable:
        return None
    matrix = separation.coefficients.reshape(outputs, -1)
    biases = matrix[:, inputs] if free_bias else np.zeros(outputs)
    weights = LayerWeights(np.ascontiguousarray(matrix[:, :inputs]), np.ascontiguousarray(biases))
    return weights if is_endless(problem, weights) else None


def is_endless(problem: Problem, weights: LayerWeights) -> bool:
    """Whether the loss tends to zero along multiples of weights (k, d) and biases (k,), which cost nothing: proved.

    Every sample has a positive margin beyond the rounding of its predictions.
    """
    parts = parts_of(problem)
    for part in parts:
        own = weights if isinstance(part.loss, ClassShares) else rows_of(weights, part)
        costs = part.decays[:, None] * np.square(own.coefficients(part))
        if part.bias_decay is None and own.biases.any():
            return False
        if costs.any() or not bool(np.all(_margins(problem, part, own))):
            return False
    return True


def rows_of(weights: LayerWeights, part: LayerPart) -> LayerWeights:
    """The weights and biases of the outputs of a part."""
    rows = list(part.outputs)
    return LayerWeights(weights.matrix[rows], weights.biases[rows])


def _margins(problem: Problem, part: LayerPart, weights: LayerWeights) -> BoolArray:
    """Whether each sample's loss tends to zero."""
    seen = predicted(part, weights)
    if isinstance(part.loss, ClassShares):
        one_hot = ((part.loss.y == 0.0) | (part.loss.y == 1.0)).all(axis=1)
        below = np.where(part.loss.others, seen.at + seen.error < 0.0, True)
        return np.asarray(one_hot & below.all(axis=1))
    if problem.loss is Loss.LOGISTIC:
        return np.asarray(part.loss.y * seen.at > seen.error)
    return np.asarray((part.loss.y == 0.0) & (seen.at + seen.error < 0.0))
