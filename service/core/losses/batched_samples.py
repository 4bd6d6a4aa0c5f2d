"""The loss on samples, and its gradient, of many weights of one network with activations at once."""

from collections.abc import Sequence

import numpy as np

from service.core.convex_losses.scalar import ScalarLoss
from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.losses.batched import BatchedLoss, Stack
from service.core.losses.nonlinear import apply, derivative
from service.vocabulary import Activation, Loss


class BatchedSampleLoss(BatchedLoss):
    """As `BatchedLoss`, by a pass over the samples forwards and backwards.

    Parameters
    ----------
    problem : Problem
        A network of one output without noise, skips and frozen layers, on samples, with a loss of
        `service.core.convex_losses`.
    """

    def __init__(self, problem: Problem) -> None:
        if problem.samples is None:
            raise ValueError("a network with activations needs the samples")
        self.network = problem.network
        self.shapes = shapes_of(self.network, problem.data.inputs)
        self._x, self._y = problem.samples.x, problem.samples.y
        self._loss, self._parameter = problem.loss, problem.samples.loss_parameter
        self._unit = 2.0 if problem.loss is Loss.SQUARED else 1.0
        self.decays = [layer.weight_decay for layer in self.network.layers]
        bias_decays = self.network.bias_weight_decays or (0.0,) * self.network.n_layers
        self.decays += [bias_decays[index] for index in self.network.bias_layers]

    def of(self, parameters: Sequence[FloatArray], *, decayed: bool = True) -> FloatArray:
        """Loss of every run, shape (runs,), of arrays (runs, width, inputs); without decay if not ``decayed``."""
        outputs = self._pass(parameters, self._x)[0][-1]
        error = self._values(outputs, self._y)
        return error + self.decay(parameters) if decayed else error

    def gradient(self, parameters: Sequence[FloatArray]) -> tuple[FloatArray, Stack]:
        """Data term (runs,) and its gradient, arrays like the parameters (runs, width, inputs), without decay."""
        return self.on(parameters, self._x, self._y)

    def on(self, parameters: Sequence[FloatArray], x: FloatArray, y: FloatArray) -> tuple[FloatArray, Stack]:
        """The same on rows ((runs,) n, d) with targets ((runs,) n, 1)."""
        inputs, before = self._pass(parameters, x)
        outputs = inputs[-1]
        back = (self._unit / outputs.shape[-2]) * self._scalar(y).slope(outputs)
        weight_slopes: Stack = []
        bias_slopes: Stack = []
        for index in range(self.network.n_layers - 1, -1, -1):
            back = back * derivative(self.network.layers[index], before[index])
            weight_slopes.append(back.swapaxes(-1, -2) @ inputs[index])
            if self.network.has_bias(index):
                bias_slopes.append(back.sum(axis=-2)[..., None])
            if index:
                back = back @ parameters[index]
        return self._values(outputs, y), [*reversed(weight_slopes), *reversed(bias_slopes)]

    def curvature_bound(self, parameters: Sequence[FloatArray]) -> FloatArray:
        """About the most (runs,) that the gradient of two layers (runs, width, inputs) changes by, kinks left out.

        The Gauss-Newton part by its trace, the mixed one by twice ``|l'| |x|``, and the decay.
        """
        inputs, before = self._pass(parameters, self._x)
        outputs, scalar, unit = inputs[-1], self._scalar(self._y), self._unit / len(self._x)
        lengths = float(self.network.has_bias(0)) + np.square(self._x).sum(axis=1)
        passed = np.square(derivative(self.network.layers[0], before[0]) * parameters[1]).sum(axis=-1)
        hidden = np.square(inputs[1]).sum(axis=-1) + float(self.network.has_bias(1))
        bend = np.broadcast_to(scalar.curvature(outputs), outputs.shape)[..., 0]
        gauss = (bend * (passed * lengths + hidden)).sum(axis=-1)
        mixed = np.ascontiguousarray(np.abs(scalar.slope(outputs)[..., 0]) * np.sqrt(lengths)).sum(axis=-1)
        return np.asarray(unit * (gauss + 2.0 * mixed) + 2.0 * max(self.decays))

    def _pass(self, parameters: Sequence[FloatArray], x: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
        """What enters each layer and the outputs, and all pre-activations, (runs, n, width)."""
        weights, biases = self._split(parameters)
        inputs, before = [np.broadcast_to(x, (len(weights[0]), *x.shape[-2:]))], []
        for layer, weight, bias in zip(self.network.layers, weights, biases, strict=True):
            product = inputs[-1] @ weight.swapaxes(1, 2)
            before.append(product if bias is None else product + bias.swapaxes(1, 2))
            inputs.append(apply(layer, before[-1]))
        return inputs, before

    def _scalar(self, y: FloatArray) -> ScalarLoss:
        return LOSSES[self._loss](y, self._parameter)

    def _values(self, outputs: FloatArray, y: FloatArray) -> FloatArray:
        """Mean loss of every run (runs,)."""
        # one row a run, so that the order of the sum does not depend on how many runs there are
        each = np.ascontiguousarray(self._scalar(y).each(outputs)[..., 0])
        return np.asarray(self._unit / each.shape[-1] * each.sum(axis=-1))


def stacked_loss(problem: Problem) -> BatchedLoss:
    """The loss of stacks of weights: by moments where these decide it, else on the samples."""
    linear = all(layer.activation is Activation.LINEAR for layer in problem.network.layers)
    return BatchedLoss(problem) if linear and problem.loss is Loss.SQUARED else BatchedSampleLoss(problem)
