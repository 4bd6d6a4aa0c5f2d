"""Exact loss and gradient of linear networks with skips, from low-rank products of factored weights.

Shares nothing with the reductions; hidden noise goes through the second moments of `service.core.losses.expected`.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of, squared_norm
from service.core.ground.problems import Moments, Network, Problem
from service.core.ground.results import Terms
from service.core.losses.expected import fit_of, gradient_of, terms_of
from service.core.losses.narrow import dense_or_narrow
from service.core.reductions.step import Weights, apply

ROUNDED = 1e-6
"""Rounding of a slope, relative to the moduli of its terms, in units of what it is compared with: some hundred units in
the last place where it is small to 1e-8."""


def end_map(network: Network, weights: Weights, inputs: int) -> FloatArray:
    """Mean prediction as a linear map (k, d), biases aside."""
    return _node_maps(network, weights, inputs)[-1]


def _node_maps(network: Network, weights: Weights, inputs: int) -> list[FloatArray]:
    maps: list[FloatArray] = [np.eye(inputs)]
    for node, weight in enumerate(weights.layers, start=1):
        value = apply(weight, maps[-1])
        for skip, own in zip(network.skips, weights.skips, strict=True):
            if skip.target == node:
                value = value + (maps[skip.source] if own is None else apply(own, maps[skip.source]))
        maps.append(value)
    return maps


def _output_maps(network: Network, weights: Weights) -> list[FloatArray]:
    """For every node the map (k, width) from it to the output."""
    count = network.n_layers
    outputs = network.outputs
    maps: list[FloatArray] = [np.zeros((outputs, 0))] * count + [np.eye(outputs)]
    for node in range(count - 1, -1, -1):
        value = _after(maps[node + 1], weights.layers[node])
        for skip, own in zip(network.skips, weights.skips, strict=True):
            if skip.source == node:
                value = value + (maps[skip.target] if own is None else _after(maps[skip.target], own))
        maps[node] = value
    return maps


def _after(rows: FloatArray, weight: FactoredMatrix) -> FloatArray:
    """``rows @ weight`` without the dense weight."""
    product: FloatArray = ((rows @ columns_of(weight.left)) * weight.values) @ columns_of(weight.right).T
    return product


def exact_terms(problem: Problem, weights: Weights, offset: FloatArray) -> Terms:
    """Terms of the loss of a linear network with skips, or with hidden noise, on the squared error.

    Parameters
    ----------
    problem : Problem
    weights : Weights
    offset : (k,) array
        What the biases add to every prediction.
    """
    network, data = problem.network, problem.data
    product = end_map(network, weights, data.inputs)
    fit = max(fit_of(data, product, offset), 0.0)
    noise = network.input_noise_variance * float(np.sum(product**2, axis=0) @ data.xx.diagonal())
    if np.any(network.noise_variances):
        narrow, dense = dense_or_narrow(network, Parameters(weights.layers, (None,) * network.n_layers))
        noise = terms_of(narrow, data, dense).noise
    decays = [*(layer.weight_decay for layer in network.layers), *(skip.weight_decay for skip in network.skips)]
    pairs = zip(decays, (*weights.layers, *weights.skips), strict=True)
    decay = sum(decay * squared_norm(own) for decay, own in pairs if own is not None and decay > 0.0)
    return Terms(fit, noise, float(decay))


def gradient_norm(problem: Problem, weights: Weights) -> tuple[float, float]:
    """Norm of the gradient in all weights that are trained, free biases being at their best, and what it is small to.

    Parameters
    ----------
    problem : Problem
        Without biases and noise on the inputs: on the moments that these leave behind.
    weights : Weights

    Returns
    -------
    float, float
        The norm, and that of its terms if nothing in them cancelled.
    """
    network, data = problem.network, problem.data
    pairs = list(_slopes(network, data, weights))
    size = float(np.sqrt(sum(largest for _, largest in pairs)))
    if np.any(network.noise_variances):
        narrow, dense = dense_or_narrow(network, Parameters(weights.layers, (None,) * network.n_layers))
        slopes = gradient_of(narrow, data, dense).weights
        trained = [layer.frozen_weights is None for layer in network.layers]
        squares = sum(float(np.sum(s * s)) for s, own in zip(slopes, trained, strict=True) if own)
        return float(np.sqrt(squares)), size
    return float(np.sqrt(sum(slope for slope, _ in pairs))), size


def _slopes(network: Network, data: Moments, weights: Weights) -> Iterator[tuple[float, float]]:
    """For each trained matrix ``||2 B^T E P^T + 2 g W||^2`` with all factors narrow, and a bound without cancelling."""
    before, after = _node_maps(network, weights, data.inputs), _output_maps(network, weights)
    fitted = before[-1] @ data.xx
    misfit = fitted - data.xy.T
    parts = [
        (index, index + 1, layer.weight_decay, weights.layers[index])
        for index, layer in enumerate(network.layers)
        if layer.frozen_weights is None
    ]
    parts += [
        (skip.source, skip.target, skip.weight_decay, own)
        for skip, own in zip(network.skips, weights.skips, strict=True)
        if own is not None
    ]
    # where the map is large along weak inputs, its own rounding moves the slope along strong ones
    reached = float(np.linalg.norm(np.abs(before[-1]) @ np.abs(data.xx)))
    pulls = float(np.linalg.norm(fitted)) + float(np.linalg.norm(data.xy)) + ROUNDED * reached
    for source, target, decay, weight in parts:
        pull = FactoredMatrix(after[target].T, np.full(network.outputs, 2.0), before[source] @ misfit.T)
        left = np.hstack([columns_of(pull.left), columns_of(weight.left)])
        right = np.hstack([columns_of(pull.right), columns_of(weight.right)])
        values = np.concatenate([pull.values, 2.0 * decay * weight.values])
        reach = float(np.linalg.norm(after[target])) * pulls * float(np.linalg.norm(before[source]))
        largest = 4.0 * (reach**2 + (decay * float(np.sqrt(squared_norm(weight)))) ** 2)
        yield max(squared_norm(FactoredMatrix(left, values, right)), 0.0), largest


def without_weights(problem: Problem, weights: Weights) -> Weights:
    """All trained weights zero, frozen ones as they are."""
    layers = tuple(
        replace(own, values=own.values * 0.0) if layer.frozen_weights is None else own
        for layer, own in zip(problem.network.layers, weights.layers, strict=True)
    )
    skips = tuple(None if own is None else replace(own, values=own.values * 0.0) for own in weights.skips)
    return Weights(layers, skips)
