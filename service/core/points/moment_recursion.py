"""The gradient of a linear network as one recursion that runs on numbers or on their absolute values.

Covariances and means are carried apart, as in `service.core.losses.expected`.  For a layer with a bias the gradient is
taken with respect to the weights at a fixed mean of its output, ``dJ/dW - (dJ/db) m'`` with m the mean that enters: the
two vanish together, and a large mean then cancels before it is multiplied.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, Problem
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.expected import decay_of

State: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""Covariance, covariance with the target and mean of what enters a layer."""


@dataclass(frozen=True, slots=True)
class MomentRecursion:
    """What the gradient reads of the data, and how it is made of it.

    Attributes
    ----------
    network : Network
    spread : (d, d) array
        Covariance of the inputs, second moment without a bias.
    target : (d, k) array
        Minus the covariance with the targets.
    variance : float
        Of the targets.
    mean : (d,) array
        Of the inputs; zero without a bias.
    target_mean : (k,) array
        Minus the mean of the targets.
    sign : float
        Of the one term that is subtracted; 1 at absolute values.
    at_fixed_means : bool
        Whether gradients of layers with a bias are those at fixed means of their outputs.

    Notes
    -----
    With the targets negative every other sign of the recursion is positive.  At absolute values it therefore gives the
    sums of the absolute values of all terms, polynomials without negative coefficients.
    """

    network: Network
    spread: FloatArray
    target: FloatArray
    variance: float
    mean: FloatArray
    target_mean: FloatArray
    sign: float = -1.0
    at_fixed_means: bool = True

    @classmethod
    def of(cls, problem: Problem) -> "MomentRecursion":
        """At the numbers of a problem."""
        moments, network = problem.data, problem.network
        mean, target_mean = np.zeros(moments.inputs), np.zeros(moments.outputs)
        if network.bias_layers and moments.x_mean is not None and moments.y_mean is not None:
            mean, target_mean = moments.x_mean, moments.y_mean
            moments = moments.central
        return cls(network, moments.xx, -moments.xy, moments.yy, mean, -target_mean)

    def absolute(self) -> "MomentRecursion":
        """The same at absolute values."""
        return MomentRecursion(
            self.network,
            np.abs(self.spread),
            np.abs(self.target),
            abs(self.variance),
            np.abs(self.mean),
            np.abs(self.target_mean),
            1.0,
        )

    def loss(self, parameters: DenseParameters) -> float:
        """The loss, or the sum of the absolute values of its terms."""
        spread, target, mean = self._states(parameters)[-1]
        missed = mean + self.target_mean
        fit = float(np.trace(spread)) + 2.0 * float(np.trace(target)) + self.variance + float(missed @ missed)
        return fit + float(decay_of(self.network, parameters))

    def gradient(self, parameters: DenseParameters) -> FloatArray:
        """Gradient in the order of `flatten`, shape (P,); see ``at_fixed_means``."""
        network, states = self.network, self._states(parameters)
        by_spread, by_target = np.eye(network.outputs), 2.0 * np.eye(network.outputs)
        by_mean = 2.0 * (states[-1][2] + self.target_mean)
        weights: list[FloatArray] = []
        biases: list[FloatArray | None] = []
        for index in range(network.n_layers - 1, -1, -1):
            layer, weight, bias = network.layers[index], parameters.weights[index], parameters.biases[index]
            spread, target, mean = states[index]
            inner, pushed = by_spread, by_mean
            if layer.noise_variance:
                noise = layer.noise_variance * np.diagonal(by_spread)
                inner, pushed = by_spread + np.diag(noise), by_mean + 2.0 * noise * states[index + 1][2]
            own = 2.0 * inner @ weight @ spread + by_target @ target.T + 2.0 * layer.weight_decay * weight
            if bias is None:
                biases.append(None)
                weights.append(own + np.outer(pushed, mean) if network.bias_layers else own)
            else:
                decay = network.bias_weight_decays[index] if network.bias_weight_decays else 0.0
                biases.append(pushed + 2.0 * decay * bias)
                through = self.sign * 2.0 * decay * bias if self.at_fixed_means else pushed
                weights.append(own + np.outer(through, mean))
            by_spread, by_target, by_mean = weight.T @ inner @ weight, weight.T @ by_target, weight.T @ pushed
        found: FloatArray = flatten(DenseParameters(tuple(reversed(weights)), tuple(reversed(biases))))
        return found

    def _states(self, parameters: DenseParameters) -> list[State]:
        network = self.network
        spread = _noisy(self.spread, self.mean, network.input_noise_variance)
        target, mean = self.target, self.mean
        states = [(spread, target, mean)]
        for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
            mean = weight @ mean if bias is None else weight @ mean + bias
            spread = _noisy(weight @ spread @ weight.T, mean, layer.noise_variance)
            target = weight @ target
            states.append((spread, target, mean))
        return states


def _noisy(spread: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    return spread + variance * np.diag(np.diagonal(spread) + mean * mean) if variance else spread
