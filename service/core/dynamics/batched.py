"""The exact expected loss and its gradient for many weights of one network at once.

The recursion of `service.core.losses` on stacks: every array has the runs as its first axis.  Products are
taken matrix by matrix, so that the digits of a run do not depend on which others it is stacked with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from service.core.arrays import FloatArray
from service.core.losses import DenseParameters
from service.core.problems import Network, Problem, shapes_of

Stack: TypeAlias = list[FloatArray]
"""Weights (runs, width, inputs) of every layer, then the biases (runs, width, 1) of the layers that have one."""


@dataclass(frozen=True, slots=True)
class _State:
    """Second moment, moment with the target and mean of what enters a layer, stacked or shared by all runs."""

    second: FloatArray
    target: FloatArray
    mean: FloatArray


class BatchedLoss:
    """Exact loss and gradient of stacks of weights.

    Parameters
    ----------
    problem : Problem
        A linear network without skips and frozen layers, with squared loss and data.
    """

    def __init__(self, problem: Problem) -> None:
        self.network: Network = problem.network
        moments = problem.data
        self.shapes = shapes_of(self.network, moments.inputs)
        d, k = moments.inputs, moments.outputs
        self._yy = moments.yy
        self._y_mean = np.zeros((k, 1)) if moments.y_mean is None else moments.y_mean[:, None]
        mean = np.zeros((d, 1)) if moments.x_mean is None else moments.x_mean[:, None]
        self._input = _State(_noisy(moments.xx[None], self.network.input_noise_variance), moments.xy[None], mean[None])
        self.decays = [layer.weight_decay for layer in self.network.layers]
        bias_decays = self.network.bias_weight_decays or (0.0,) * self.network.n_layers
        self.decays += [bias_decays[index] for index in self.network.bias_layers]

    def of(self, parameters: Sequence[FloatArray], *, decayed: bool = True) -> FloatArray:
        """Loss of every run, shape (runs,); without the decay term if not ``decayed``."""
        final = self._forward(parameters)[-1]
        error: FloatArray = _trace(final.second) - 2.0 * _trace(final.target) + self._yy
        return error + self.decay(parameters) if decayed else error

    def decay(self, parameters: Sequence[FloatArray]) -> FloatArray:
        """Decay term of every run, shape (runs,)."""
        total = np.zeros(len(parameters[0]))
        for decay, array in zip(self.decays, parameters, strict=True):
            if decay:
                total = total + decay * np.sum(array * array, axis=(1, 2))
        return total

    def add_decay(self, parameters: Sequence[FloatArray], gradient: Stack) -> Stack:
        """The gradient of the data term with that of the decay term added."""
        return [
            slope + (2.0 * decay) * array for decay, array, slope in zip(self.decays, parameters, gradient, strict=True)
        ]

    def gradient(self, parameters: Sequence[FloatArray]) -> tuple[FloatArray, Stack]:
        """Data term of every run and its gradient, both without decay.

        Returns
        -------
        (runs,) array
        list of arrays
            Shaped like the parameters.

        Notes
        -----
        O(runs * sum_l d_l d_{l-1} max(d_l, d_{l-1})).
        """
        states = self._forward(parameters)
        error = _trace(states[-1].second) - 2.0 * _trace(states[-1].target) + self._yy
        weights, biases = self._split(parameters)
        k = self.network.outputs
        second = np.eye(k)[None]
        target = -2.0 * np.eye(k)[None]
        mean = np.zeros((1, k, 1))
        weight_slopes: Stack = []
        bias_slopes: Stack = []
        for index in range(self.network.n_layers - 1, -1, -1):
            weight, bias, state = weights[index], biases[index], states[index]
            turned = weight.swapaxes(1, 2)
            inner = _noisy(second, self.network.layers[index].noise_variance)
            pushed = inner @ weight
            slope = 2.0 * pushed @ state.second + target @ state.target.swapaxes(1, 2)
            before = turned @ mean
            if bias is not None:
                shifted = 2.0 * inner @ bias
                slope = slope + (shifted + mean) @ state.mean.swapaxes(1, 2)
                bias_slopes.append(2.0 * pushed @ state.mean + shifted + target @ self._y_mean + mean)
                before = before + turned @ shifted
            elif self.network.bias_layers:
                slope = slope + mean @ state.mean.swapaxes(1, 2)
            weight_slopes.append(slope)
            second, target, mean = turned @ pushed, turned @ target, before
        return error, [*reversed(weight_slopes), *reversed(bias_slopes)]

    def _forward(self, parameters: Sequence[FloatArray]) -> list[_State]:
        weights, biases = self._split(parameters)
        states = [self._input]
        for layer, weight, bias in zip(self.network.layers, weights, biases, strict=True):
            state = states[-1]
            turned = weight.swapaxes(1, 2)
            second, target, mean = weight @ state.second @ turned, weight @ state.target, weight @ state.mean
            if bias is not None:
                crossed = mean @ bias.swapaxes(1, 2)
                second = second + crossed + crossed.swapaxes(1, 2) + bias @ bias.swapaxes(1, 2)
                target = target + bias @ self._y_mean.T
                mean = mean + bias
            states.append(_State(_noisy(second, layer.noise_variance), target, mean))
        return states

    def _split(self, parameters: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray | None]]:
        layers = self.network.n_layers
        own = iter(parameters[layers:])
        return list(parameters[:layers]), [
            next(own) if self.network.has_bias(index) else None for index in range(layers)
        ]


def _noisy(second: FloatArray, variance: float) -> FloatArray:
    """``M + s diag(M)``, on stacks."""
    if variance == 0.0:
        return second
    noisy = second.copy()
    places = np.arange(second.shape[-1])
    noisy[:, places, places] *= 1.0 + variance
    return noisy


def _trace(matrices: FloatArray) -> FloatArray:
    trace: FloatArray = np.trace(matrices, axis1=1, axis2=2)
    return trace


def norms_of(parameters: Sequence[FloatArray]) -> FloatArray:
    """Norm of all parameters of every run, shape (runs,)."""
    total = np.zeros(len(parameters[0]))
    for array in parameters:
        total = total + np.sum(array * array, axis=(1, 2))
    return np.sqrt(total)


def single(network: Network, parameters: Sequence[FloatArray], run: int) -> DenseParameters:
    """Parameters of one run as the rest of the core knows them."""
    layers = network.n_layers
    own = iter(parameters[layers:])
    biases = tuple(next(own)[run, :, 0] if network.has_bias(index) else None for index in range(layers))
    return DenseParameters(tuple(array[run] for array in parameters[:layers]), biases)
