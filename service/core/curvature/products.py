"""Hessian-vector products of networks with activations, without forming the Hessian.

The directional derivative of the backward pass (Pearlmutter, Fast Exact Multiplication by the Hessian, 1994): one
product costs about two gradients and is exact to rounding wherever no pre-activation sits on a kink.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, softmax

from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Samples
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import backward, derivative, forward
from service.vocabulary import RELU_LOSSES, Activation, Loss


def second_derivative(layer: Layer, values: FloatArray) -> FloatArray | None:
    """Second derivative of the activation at pre-activations of any shape, ``None`` where it is zero everywhere."""
    kind = layer.activation
    if kind is Activation.TANH:
        bent = np.tanh(values)
        return np.asarray(-2.0 * bent * (1.0 - bent * bent))
    if kind is Activation.SIGMOID:
        return np.asarray(expit(values) * expit(-values) * (expit(-values) - expit(values)))
    if kind is Activation.SOFTPLUS:
        return np.asarray(expit(values) * expit(-values))
    return np.full_like(values, 2.0) if kind is Activation.QUADRATIC else None


def curvature_times(
    loss: Loss,
    outputs: FloatArray,
    y: FloatArray,
    moved: FloatArray,
    weights: FloatArray | None = None,
    parameter: float | None = None,
) -> FloatArray:
    """Derivative of the output error of `service.core.losses.nonlinear.data_loss` along a change of the outputs (n, k).

    Raises
    ------
    ValueError
        For `weighted_squared` without weights.
    """
    n = len(outputs)
    if loss is Loss.SQUARED:
        return np.asarray(2.0 * moved / n)
    if loss is Loss.WEIGHTED_SQUARED and weights is not None:
        return np.asarray(2.0 * weights * moved / n)
    if loss is Loss.LOGISTIC:
        return np.asarray(y * y * expit(y * outputs) * expit(-y * outputs) * moved / n)
    if loss is Loss.EXPONENTIAL:
        return np.asarray(y * y * np.exp(-y * outputs) * moved / n)
    if loss is Loss.CROSS_ENTROPY:
        shares = softmax(outputs, axis=1)
        mean = np.sum(shares * moved, axis=1, keepdims=True)
        return np.asarray(y.sum(axis=1, keepdims=True) * shares * (moved - mean) / n)
    if loss in RELU_LOSSES:
        return np.asarray(LOSSES[loss](y, parameter).curvature(outputs) * moved / n)
    raise ValueError(f"the loss {loss} needs the weights of the samples")


class HessianProducts:
    """The Hessian of the mean loss over samples, decay included, at one point.

    Parameters
    ----------
    network : Network
        Without noise and skips.
    loss : Loss
    point : DenseParameters
    samples : Samples
    slopes : sequence of (n, width) arrays, optional
        Slopes of the activations of each layer where the caller chooses them, as at a kink.

    Notes
    -----
    What does not depend on the vector (activations, errors, slopes) is kept: O(n times the number of neurons) memory.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        point: DenseParameters,
        samples: Samples,
        slopes: Sequence[FloatArray] | None = None,
    ) -> None:
        self._network, self._loss, self._point, self._samples = network, loss, point, samples
        self._inputs, before = forward(network, point, samples.x)
        own = [derivative(layer, values) for layer, values in zip(network.layers, before, strict=True)]
        self._slopes = own if slopes is None else list(slopes)
        self._bends = [second_derivative(layer, values) for layer, values in zip(network.layers, before, strict=True)]
        self._outer = backward(network, loss, point, samples, self._inputs, self._slopes).errors

    def times(self, vector: DenseParameters) -> DenseParameters:
        """Hessian times ``vector``.  O(n times the number of weights)."""
        network, point = self._network, self._point
        changes: list[FloatArray] = []
        moved: list[FloatArray | None] = [None]
        for index in range(network.n_layers):
            change = self._inputs[index] @ vector.weights[index].T
            before = moved[-1]
            if before is not None:
                change = change + before @ point.weights[index].T
            bias = vector.biases[index]
            changes.append(change if bias is None else change + bias)
            moved.append(changes[-1] * self._slopes[index])
        last = moved[-1]
        assert last is not None  # noqa: S101 - a network has a layer
        samples = self._samples
        turned = curvature_times(self._loss, self._inputs[-1], samples.y, last, samples.weights, samples.loss_parameter)
        weights: list[FloatArray] = []
        biases: list[FloatArray | None] = []
        decays = network.bias_weight_decays or (0.0,) * network.n_layers
        for index in range(network.n_layers - 1, -1, -1):
            error = self._outer[index] * self._slopes[index]
            change = turned * self._slopes[index]
            bend, before, bias = self._bends[index], moved[index], vector.biases[index]
            if bend is not None:
                change = change + self._outer[index] * bend * changes[index]
            product = change.T @ self._inputs[index]
            if before is not None:
                product = product + error.T @ before
            weights.append(product + 2.0 * network.layers[index].weight_decay * vector.weights[index])
            biases.append(None if bias is None else change.sum(axis=0) + 2.0 * decays[index] * bias)
            turned = change @ point.weights[index] + error @ vector.weights[index]
        return DenseParameters(tuple(reversed(weights)), tuple(reversed(biases)))
