"""Exact loss and gradient of a network whose hidden layers have equal entries, in O(d^2 + depth).

Such a network equals one with a single neuron in every hidden layer and noise ``s/d`` there
(`service.core.losses.narrow`), so that the second-moment recursion of `service.core.losses.expected` runs on plain
numbers after the first layer.  A test holds it equal to the dense recursion.
"""

from dataclasses import dataclass, replace
from math import inf, prod, sqrt
from typing import NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.core.ground.problems import Moments, Network

MOST = 1_000_000
"""Entries up to which a matrix is written out and looked through."""


@dataclass(frozen=True, slots=True)
class UnitChain:
    """A network of one neuron in every hidden layer.

    Attributes
    ----------
    first : (d,) array
        Weights of the first layer.
    sizes : tuple of float
        The weights of the others.
    biases : tuple of float
        Zero where there is none.
    noise : tuple of float
        Noise variances of the merged hidden layers, and 0 for the output.
    """

    first: FloatArray
    sizes: tuple[float, ...]
    biases: tuple[float, ...]
    noise: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChainLoss:
    """Exact loss of a chain, its split, and its gradient's norm; ``end_to_end_map`` is (d,).

    ``least_layer_norm`` is that of the smallest layer, which has the steepest gradient; ``offset_moduli`` is the offset
    of the moduli of all weights and biases, to which the rounding of ``offset`` is relative, or 0 where that is exact.
    """

    fit: float
    noise: float
    decay: float
    gradient_norm: float
    least_layer_norm: float
    end_to_end_map: FloatArray
    offset: float
    offset_moduli: float

    @property
    def loss(self) -> float:
        """Sum of the three terms, shape (m,)."""
        return self.fit + self.noise + self.decay


def chain_of(network: Network, parameters: Parameters) -> UnitChain | None:
    """The chain that equals a network with uniform rank-one layers; None if a layer is of another form."""
    first, *others = parameters.weights
    if isinstance(first.right, UniformColumn) or first.values.size != 1 or first.right.shape[1] != 1:
        return None
    lefts = [weight.left for weight in parameters.weights[:-1]]
    rights = [weight.right for weight in others]
    if not all(isinstance(column, UniformColumn) for column in (*lefts, *rights)):
        return None
    sizes = [weight.values[0].item() * _unit(weight.left) * _unit(weight.right) for weight in others]
    biases = [0.0 if bias is None else bias.values[0].item() * _unit(bias.left) for bias in parameters.biases]
    noise = [layer.noise_variance / layer.width for layer in network.layers[:-1]]
    weights = first.right[:, 0] * (first.values[0].item() * _unit(first.left))
    return UnitChain(weights, tuple(sizes), tuple(biases), (*noise, 0.0))


def as_chain(network: Network, parameters: Parameters) -> Parameters:
    """The same weights as uniform rank-one layers, where matrices that are written out have equal entries.

    Nothing is rounded: rows are compared exactly.  Weights of another form are returned as they are.
    """
    factored = any(isinstance(weight.left, UniformColumn) for weight in parameters.weights)
    if (
        factored
        or len(parameters.weights) == 1
        or max(weight.shape[0] * weight.shape[1] for weight in parameters.weights) > MOST
    ):
        return parameters
    dense = [weight.dense() for weight in parameters.weights]
    hidden = dense[:-1]
    if len(dense[-1]) != 1:
        return parameters
    equal_rows = all(np.array_equal(weight, np.broadcast_to(weight[:1], weight.shape)) for weight in hidden)
    equal_columns = all(np.array_equal(weight, np.broadcast_to(weight[:, :1], weight.shape)) for weight in dense[1:])
    if not (equal_rows and equal_columns):
        return parameters
    columns = [UniformColumn(1.0, width) for width in network.hidden_widths]
    lefts: list[FloatArray | UniformColumn] = [*columns, np.ones((1, 1))]
    rights: list[FloatArray | UniformColumn] = [dense[0][:1].T, *columns]
    sizes = [1.0, *(weight[0, 0].item() for weight in dense[1:])]
    weights = tuple(
        FactoredMatrix(left, np.array([size]), right) for left, size, right in zip(lefts, sizes, rights, strict=True)
    )
    return replace(parameters, weights=weights)


def _unit(column: FloatArray | UniformColumn) -> float:
    """Coordinate along the unit vector of equal entries; the output layer has one entry."""
    if isinstance(column, UniformColumn):
        return column.value * sqrt(column.length)
    return float(column[0, 0])


def chain_loss(network: Network, moments: Moments, chain: UnitChain) -> ChainLoss:
    """Loss, terms and gradient norm of a chain by the second-moment recursion on plain numbers.

    Returns
    -------
    ChainLoss
        Exactly what the dense recursion gives for the wide network.
    """
    seen, x_mean, y_mean = _as_seen(network, moments)
    on_inputs = network.input_noise_variance * (seen.xx.diagonal() + x_mean * x_mean) * chain.first
    pushed, added = seen.xx.dot(chain.first), on_inputs.dot(chain.first).item()
    rooted = seen.rooted
    spread = seen.mean_square(chain.first[None, :]) if rooted else max(pushed.dot(chain.first).item(), 0.0)
    pushed, total = pushed + on_inputs, spread + added
    target, mean = chain.first.dot(seen.xy[:, 0]).item(), chain.first.dot(x_mean).item()
    sizes = (1.0, *chain.sizes)
    entering: list[_Entering] = []
    means: list[float] = []
    for size, bias, noise in zip(sizes, chain.biases, chain.noise, strict=True):
        entering.append(_Entering(total, target, mean))
        total, added, target, mean = size * size * total, size * size * added, size * target, size * mean + bias
        scattered = noise * (total + mean * mean)
        total, added = total + scattered, added + scattered
        means.append(mean)
    size = prod(chain.sizes)
    product, offset = chain.first * size, _offset(sizes, chain.biases)
    if rooted:
        fit = moments.fit(product[None, :], np.array([offset]))
    else:
        missed = mean - y_mean
        fit = max(size * size * spread - 2.0 * target + seen.yy + missed * missed, 0.0)
    steps = _Steps(entering, means, 2.0 * (mean - y_mean))
    gradient, decay = _backward(network, chain, steps, pushed, (seen.xy[:, 0], x_mean))
    return ChainLoss(
        fit=fit,
        noise=added,
        decay=decay,
        gradient_norm=sqrt(gradient),
        least_layer_norm=min(length_of(chain.first), *map(abs, chain.sizes), inf),
        end_to_end_map=product,
        offset=offset,
        offset_moduli=_offset(tuple(map(abs, sizes)), tuple(map(abs, chain.biases))) if any(chain.biases[:-1]) else 0.0,
    )


class _Entering(NamedTuple):
    """Variance, covariance with the target and mean of what enters a neuron; about zero without biases."""

    total: float
    target: float
    mean: float


class _Steps(NamedTuple):
    """The way forward: what enters each neuron, the mean of what leaves it, and the slope of the loss in the last."""

    entering: list[_Entering]
    means: list[float]
    mean_slope: float


def _as_seen(network: Network, moments: Moments) -> tuple[Moments, FloatArray, float]:
    """Moments about the means with the means, or as they are with zeros where the network has no bias."""
    if not network.bias_layers or moments.x_mean is None or moments.y_mean is None:
        return moments, np.zeros(moments.inputs), 0.0
    return moments.central, moments.x_mean, moments.y_mean[0].item()


def _offset(sizes: tuple[float, ...], biases: tuple[float, ...]) -> float:
    offset = 0.0
    for size, bias in zip(sizes, biases, strict=True):
        offset = size * offset + bias
    return offset


def _backward(
    network: Network, chain: UnitChain, steps: _Steps, pushed: FloatArray, linear: tuple[FloatArray, FloatArray]
) -> tuple[float, float]:
    """Squared norm of the gradient, and the decay, from the output to the input."""
    spread, target_slope, mean_slope = 1.0, -2.0, steps.mean_slope
    gradient = decay = 0.0
    decays = [layer.weight_decay for layer in network.layers]
    for index in range(network.n_layers - 1, -1, -1):
        noise = chain.noise[index]
        inner, into_mean = spread * (1.0 + noise), mean_slope + 2.0 * noise * spread * steps.means[index]
        if network.has_bias(index):
            bias = chain.biases[index]
            bias_decay = network.bias_weight_decays[index] if network.bias_weight_decays else 0.0
            slope = into_mean + 2.0 * bias_decay * bias
            gradient += slope * slope
            decay += bias_decay * bias * bias
        if index:
            size, entering = chain.sizes[index - 1], steps.entering[index]
            slope = 2.0 * inner * size * entering.total + target_slope * entering.target + into_mean * entering.mean
            slope += 2.0 * decays[index] * size
            gradient += slope * slope
            decay += decays[index] * size * size
            spread, target_slope, mean_slope = size * size * inner, size * target_slope, size * into_mean
            continue
        xy, x_mean = linear
        slopes = 2.0 * inner * pushed + target_slope * xy + into_mean * x_mean + 2.0 * decays[0] * chain.first
        first = chain.first.dot(chain.first).item()
        gradient += slopes.dot(slopes).item()
        decay += decays[0] * first
    return gradient, decay
