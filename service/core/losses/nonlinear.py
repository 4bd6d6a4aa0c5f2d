"""Losses and gradients of networks with activations on samples, in plain numpy.

``J = E l(f(x), y) + sum_l g_l ||W_l||^2 + sum_l h_l ||b_l||^2`` without noise and skips; for squared loss
``l = ||f - y||^2``.  At a kink the derivative is that of the left side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp, softmax

from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Samples
from service.core.losses.dense import DenseParameters
from service.vocabulary import RELU_LOSSES, Activation, Loss


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Loss and gradient at one point.

    Attributes
    ----------
    loss : float
    gradient : DenseParameters
        Derivatives in the shapes of the weights and biases.
    outputs : (n, k) array
    margin : float
        Least distance of a pre-activation of a piecewise linear unit from its kink; infinite without such units.
    """

    loss: float
    gradient: DenseParameters
    outputs: FloatArray
    margin: float


def apply(layer: Layer, values: FloatArray) -> FloatArray:
    """The activation of a layer on pre-activations of any shape."""
    kind = layer.activation
    if kind is Activation.RELU:
        return np.maximum(values, 0.0)
    if kind is Activation.LEAKY_RELU:
        return np.where(values > 0.0, values, _slope(layer) * values)
    if kind is Activation.TANH:
        return np.tanh(values)
    if kind is Activation.SIGMOID:
        return np.asarray(expit(values))
    if kind is Activation.SOFTPLUS:
        return np.logaddexp(0.0, values)
    return values * values if kind is Activation.QUADRATIC else values


def derivative(layer: Layer, values: FloatArray) -> FloatArray:
    """Derivative of the activation at pre-activations of any shape; at a kink that of the left side."""
    kind = layer.activation
    if kind is Activation.RELU:
        return np.where(values > 0.0, 1.0, 0.0)
    if kind is Activation.LEAKY_RELU:
        return np.where(values > 0.0, 1.0, _slope(layer))
    if kind is Activation.TANH:
        return 1.0 - np.tanh(values) ** 2
    if kind is Activation.SIGMOID:
        return np.asarray(expit(values) * expit(-values))
    if kind is Activation.SOFTPLUS:
        return np.asarray(expit(values))
    return 2.0 * values if kind is Activation.QUADRATIC else np.ones_like(values)


def _slope(layer: Layer) -> float:
    return 0.0 if layer.slope is None else layer.slope


def data_loss(
    loss: Loss,
    outputs: FloatArray,
    y: FloatArray,
    weights: FloatArray | None = None,
    parameter: float | None = None,
) -> tuple[float, FloatArray]:
    """Mean loss over the samples, and its derivative by the outputs (n, k).

    Labels are -1 and +1 for `logistic`, `exponential` and `squared_hinge`, rows of probabilities for `cross_entropy`;
    ``parameter`` is that of `huber` or `quantile`.

    Raises
    ------
    ValueError
        For `weighted_squared` without weights.
    """
    n = len(outputs)
    if loss is Loss.WEIGHTED_SQUARED and weights is not None:
        errors = weights * (outputs - y)
        return float(np.sum(errors * (outputs - y))) / n, 2.0 * errors / n
    if loss is Loss.SQUARED:
        errors = outputs - y
        return float(np.sum(errors * errors)) / n, 2.0 * errors / n
    if loss is Loss.LOGISTIC:
        return float(np.sum(np.logaddexp(0.0, -y * outputs))) / n, np.asarray(-y * expit(-y * outputs)) / n
    if loss is Loss.EXPONENTIAL:
        values = np.exp(-y * outputs)
        return float(np.sum(values)) / n, -y * values / n
    if loss is Loss.CROSS_ENTROPY:
        total = y.sum(axis=1, keepdims=True)
        # differences first, so that a loss far below rounding of the outputs keeps its digits
        terms = [logsumexp(outputs - outputs[:, [label]], axis=1) * y[:, label] for label in range(outputs.shape[1])]
        value = float(np.sum(terms)) / n
        return value, np.asarray(total * softmax(outputs, axis=1) - y) / n
    if loss in RELU_LOSSES:
        scalar = LOSSES[loss](y, parameter)
        return scalar.value(outputs) / n, scalar.slope(outputs) / n
    raise ValueError(f"the loss {loss} needs the weights of the samples")


def outputs_of(network: Network, parameters: DenseParameters, x: FloatArray) -> FloatArray:
    """Outputs of the network without noise, (n, k)."""
    values = x
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        values = apply(layer, _affine(values, weight, bias))
    return values


def loss_of(network: Network, loss: Loss, parameters: DenseParameters, samples: Samples) -> float:
    """Objective at a point, decay included."""
    outputs = outputs_of(network, parameters, samples.x)
    return data_loss(loss, outputs, samples.y, samples.weights, samples.loss_parameter)[0] + decay_of(
        network, parameters
    )


def decay_of(network: Network, parameters: DenseParameters) -> float:
    """The decay term of the objective."""
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    weights = sum(
        layer.weight_decay * float(np.sum(weight * weight))
        for layer, weight in zip(network.layers, parameters.weights, strict=True)
    )
    biases = sum(
        decay * float(np.sum(bias * bias))
        for decay, bias in zip(decays, parameters.biases, strict=True)
        if bias is not None
    )
    return weights + biases


def forward(network: Network, parameters: DenseParameters, x: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
    """What each layer receives, (n, inputs), the outputs of the network last, and its pre-activations (n, width)."""
    inputs, before = [x], []
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        before.append(_affine(inputs[-1], weight, bias))
        inputs.append(apply(layer, before[-1]))
    return inputs, before


@dataclass(frozen=True, slots=True)
class Backward:
    """What one backward pass finds.

    Attributes
    ----------
    loss : float
        Decay included.
    gradient : DenseParameters
    errors : list of (n, width) arrays
        Derivatives by the outputs of each layer, activation included.
    """

    loss: float
    gradient: DenseParameters
    errors: list[FloatArray]


def backward(
    network: Network,
    loss: Loss,
    parameters: DenseParameters,
    samples: Samples,
    inputs: Sequence[FloatArray],
    slopes: Sequence[FloatArray],
) -> Backward:
    """Loss and gradient, with the slopes (n, width) of every activation as the caller chooses them."""
    value, error = data_loss(loss, inputs[-1], samples.y, samples.weights, samples.loss_parameter)
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    weights: list[FloatArray] = []
    biases: list[FloatArray | None] = []
    errors: list[FloatArray] = []
    for index in range(network.n_layers - 1, -1, -1):
        layer, bias = network.layers[index], parameters.biases[index]
        errors.append(error)
        error = error * slopes[index]
        weights.append(error.T @ inputs[index] + 2.0 * layer.weight_decay * parameters.weights[index])
        biases.append(None if bias is None else error.sum(axis=0) + 2.0 * decays[index] * bias)
        error = error @ parameters.weights[index]
    gradient = DenseParameters(tuple(reversed(weights)), tuple(reversed(biases)))
    return Backward(value + decay_of(network, parameters), gradient, errors[::-1])


def evaluate(network: Network, loss: Loss, parameters: DenseParameters, samples: Samples) -> Evaluation:
    """Loss and gradient by one forward and one backward pass.  O(n times the number of weights)."""
    inputs, before = forward(network, parameters, samples.x)
    slopes = [derivative(layer, values) for layer, values in zip(network.layers, before, strict=True)]
    found = backward(network, loss, parameters, samples, inputs, slopes)
    kinked = [
        float(np.abs(values).min(initial=np.inf))
        for layer, values in zip(network.layers, before, strict=True)
        if layer.activation in (Activation.RELU, Activation.LEAKY_RELU)
    ]
    return Evaluation(
        found.loss,
        found.gradient,
        inputs[-1],
        min(kinked, default=np.inf),
    )


def _affine(values: FloatArray, weight: FloatArray, bias: FloatArray | None) -> FloatArray:
    product: FloatArray = values @ weight.T
    return product if bias is None else product + bias
