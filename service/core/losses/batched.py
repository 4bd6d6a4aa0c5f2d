"""The exact expected loss and its gradient for many weights of one network at once.

The recursion of `service.core.losses.expected` on stacks: every array has the runs as its first axis.  Covariances are
carried along where the network has a bias, so that a large mean and the bias that takes it off cancel before anything
is squared.  Products are taken matrix by matrix, so that the digits of a run do not depend on which others it is
stacked with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, Problem, shapes_of
from service.core.losses.dense import DenseParameters

Stack: TypeAlias = list[FloatArray]
"""Weights (runs, width, inputs) of every layer, then the biases (runs, width, 1) of the layers that have one."""


@dataclass(frozen=True, slots=True)
class _State:
    """Covariance, covariance with the target and mean of what enters a layer, stacked or shared by all runs.

    Without a bias in the network these are second moments about zero, and the mean is zero.
    """

    spread: FloatArray
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
        mean, y_mean, seen = np.zeros(moments.inputs), np.zeros(moments.outputs), moments
        if self.network.bias_layers and moments.x_mean is not None:
            mean = moments.x_mean
            if moments.y_mean is not None:
                y_mean, seen = moments.y_mean, moments.central
        self._variance, self._y_mean, column = seen.yy, y_mean[:, None], mean[:, None]
        spread = _noisy(seen.xx[None], column, self.network.input_noise_variance)
        self._input = _State(spread, seen.xy[None], column[None])
        self.decays = [layer.weight_decay for layer in self.network.layers]
        bias_decays = self.network.bias_weight_decays or (0.0,) * self.network.n_layers
        self.decays += [bias_decays[index] for index in self.network.bias_layers]

    def of(self, parameters: Sequence[FloatArray], *, decayed: bool = True) -> FloatArray:
        """Loss of every run, shape (runs,); without the decay term if not ``decayed``."""
        error = self._error(self._forward(parameters)[-1])
        return error + self.decay(parameters) if decayed else error

    def _error(self, final: _State) -> FloatArray:
        missed = final.mean - self._y_mean
        error: FloatArray = _trace(final.spread) - 2.0 * _trace(final.target) + self._variance
        error += np.sum(missed * missed, axis=(1, 2))
        # a mean of squares, though it is computed as a difference
        return np.maximum(error, 0.0)

    def decay(self, parameters: Sequence[FloatArray]) -> FloatArray:
        """Decay term of every run, shape (runs,)."""
        total = np.zeros(len(parameters[0]))
        for decay, array in zip(self.decays, parameters, strict=True):
            if decay:
                total = total + decay * np.sum(array * array, axis=(1, 2))
        return total

    def add_decay(self, parameters: Sequence[FloatArray], gradient: Stack) -> Stack:
        """The gradient of the data term with that of the decay term added; arrays (runs, ...)."""
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
        weights, biases = self._split(parameters)
        k = self.network.outputs
        spread = np.eye(k)[None]
        target = -2.0 * np.eye(k)[None]
        mean = 2.0 * (states[-1].mean - self._y_mean)
        weight_slopes: Stack = []
        bias_slopes: Stack = []
        for index in range(self.network.n_layers - 1, -1, -1):
            weight, bias, state = weights[index], biases[index], states[index]
            turned, variance = weight.swapaxes(1, 2), self.network.layers[index].noise_variance
            inner, pushed = spread, mean
            if variance:
                own = np.diagonal(spread, axis1=1, axis2=2)[:, :, None]
                inner = _noisy(spread, np.zeros((1, 1)), variance)
                pushed = mean + 2.0 * variance * own * states[index + 1].mean
            slope = 2.0 * inner @ weight @ state.spread + target @ state.target.swapaxes(1, 2)
            weight_slopes.append(slope + pushed @ state.mean.swapaxes(1, 2))
            if bias is not None:
                bias_slopes.append(pushed)
            spread, target, mean = turned @ inner @ weight, turned @ target, turned @ pushed
        return self._error(states[-1]), [*reversed(weight_slopes), *reversed(bias_slopes)]

    def _forward(self, parameters: Sequence[FloatArray]) -> list[_State]:
        weights, biases = self._split(parameters)
        states = [self._input]
        for layer, weight, bias in zip(self.network.layers, weights, biases, strict=True):
            state = states[-1]
            spread, mean = weight @ state.spread @ weight.swapaxes(1, 2), weight @ state.mean
            if bias is not None:
                mean = mean + bias
            states.append(_State(_noisy(spread, mean, layer.noise_variance), weight @ state.target, mean))
        return states

    def _split(self, parameters: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray | None]]:
        layers = self.network.n_layers
        own = iter(parameters[layers:])
        return list(parameters[:layers]), [
            next(own) if self.network.has_bias(index) else None for index in range(layers)
        ]


def _noisy(spread: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    """``S + s diag(S + m m')`` for means (..., width, 1), on stacks."""
    if variance == 0.0:
        return spread
    squares = np.broadcast_to(mean, (*spread.shape[:-1], 1))[..., 0] ** 2
    noisy = spread.copy()
    places = np.arange(spread.shape[-1])
    noisy[:, places, places] += variance * (noisy[:, places, places] + squares)
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
    """Parameters of one run out of arrays (runs, ...), as the rest of the core knows them."""
    layers = network.n_layers
    own = iter(parameters[layers:])
    biases = tuple(next(own)[run, :, 0] if network.has_bias(index) else None for index in range(layers))
    return DenseParameters(tuple(array[run] for array in parameters[:layers]), biases)
