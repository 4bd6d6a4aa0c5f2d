"""Losses along straight rows of points, many points at a time: what slices, interpolations and sharpness are made of.

Along a row the first layer's outputs are linear in the position, so that the inputs are multiplied once a row and not
once a point; the other layers of as many points as fit into the cache go through one batched product.
"""

from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from service.core.arrays import FloatArray
from service.core.dynamics.batched import BatchedLoss, Stack
from service.core.landscapes.empirical.objective import shape_of, uses_moments
from service.core.losses import DenseParameters, unflatten
from service.core.problems import Layer, Problem, Samples
from service.vocabulary import Activation, Loss, Precision

Reals: TypeAlias = npt.NDArray[np.floating[Any]]

CACHED_NUMBERS: Final = 2**17
"""Numbers of one layer's outputs that are computed together."""


class Rows(Protocol):
    """Losses along rows of one direction."""

    def losses(self, base: FloatArray, positions: FloatArray) -> FloatArray:
        """Losses (m,) at ``base + position * direction``; not finite where they leave double precision."""


def rows_of(problem: Problem, direction: FloatArray, precision: Precision = Precision.DOUBLE) -> Rows:
    """What evaluates rows along a flat direction.

    Parameters
    ----------
    problem : Problem
        Feedforward with data, without skips and frozen layers; samples unless linear with squared loss.
    direction : (P,) array
    precision : Precision
        Of the products; sums are in double precision.  Moments are always computed in double precision.
    """
    if uses_moments(problem):
        return _MomentRows(problem, direction)
    if problem.samples is None:
        raise ValueError("this loss needs samples")
    return _SampleRows(problem, problem.samples, direction, precision)


class _MomentRows:
    def __init__(self, problem: Problem, direction: FloatArray) -> None:
        self._loss, self._like = BatchedLoss(problem), shape_of(problem)
        self._direction = direction
        self._together = max(1, CACHED_NUMBERS // max(direction.size, problem.data.inputs**2))

    def losses(self, base: FloatArray, positions: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = [
                self._loss.of(_stack(base + part[:, None] * self._direction, self._like))
                for part in np.split(positions, range(self._together, len(positions), self._together))
            ]
        return np.concatenate(found)


def _stack(points: FloatArray, like: DenseParameters) -> Stack:
    """Flat points (m, P) as the stacks that `BatchedLoss` takes."""
    stack: Stack = []
    at = 0
    for part in (*like.weights, *(bias[:, None] for bias in like.biases if bias is not None)):
        stack.append(points[:, at : at + part.size].reshape(len(points), *part.shape))
        at += part.size
    return stack


class _SampleRows:
    def __init__(self, problem: Problem, samples: Samples, direction: FloatArray, precision: Precision) -> None:
        self._dtype: type[np.floating[Any]] = np.float32 if precision is Precision.SINGLE else np.float64
        self._network, self._loss = problem.network, problem.loss
        self._like = shape_of(problem)
        self._x: Reals = samples.x.astype(self._dtype)
        self._y = samples.y
        self._direction = unflatten(direction, self._like)
        self._step = self._first(self._direction)
        widest = max(layer.width for layer in problem.network.layers)
        self._together = max(1, CACHED_NUMBERS // (len(samples.x) * widest))

    def losses(self, base: FloatArray, positions: FloatArray) -> FloatArray:
        point = unflatten(base, self._like)
        start = self._first(point)
        with np.errstate(all="ignore"):
            found = [
                self._several(point, start, positions[first : first + self._together])
                for first in range(0, len(positions), self._together)
            ]
        return np.concatenate(found) + self._decays(point, positions)

    def _first(self, parameters: DenseParameters) -> Reals:
        """What the first layer receives from the inputs under given weights, (n, width)."""
        product: Reals = self._x @ parameters.weights[0].T.astype(self._dtype)
        bias = parameters.biases[0]
        return product if bias is None else product + bias.astype(self._dtype)

    def _several(self, point: DenseParameters, start: Reals, positions: FloatArray) -> FloatArray:
        """Data losses at several positions, each a slice of the stacks."""
        shares = positions[:, None, None].astype(self._dtype)
        values: Reals = self._step[None] * shares
        values += start[None]
        activate(self._network.layers[0], values)
        for index in range(1, self._network.n_layers):
            weight = (point.weights[index] + positions[:, None, None] * self._direction.weights[index]).astype(
                self._dtype
            )
            values = values @ weight.swapaxes(1, 2)
            bias, turn = point.biases[index], self._direction.biases[index]
            if bias is not None and turn is not None:
                values += (bias + positions[:, None] * turn).astype(self._dtype)[:, None, :]
            activate(self._network.layers[index], values)
        return mean_losses(self._loss, values, self._y)

    def _decays(self, point: DenseParameters, positions: FloatArray) -> FloatArray:
        """Decay terms along the row, a quadratic of the position."""
        network = self._network
        decays = [layer.weight_decay for layer in network.layers]
        decays += list(network.bias_weight_decays or (0.0,) * network.n_layers)
        constant = linear = square = 0.0
        parts = zip(
            decays,
            (*point.weights, *point.biases),
            (*self._direction.weights, *self._direction.biases),
            strict=True,
        )
        for decay, here, step in parts:
            if decay and here is not None and step is not None:
                constant += decay * float(np.sum(here * here))
                linear += 2.0 * decay * float(np.sum(here * step))
                square += decay * float(np.sum(step * step))
        total: FloatArray = constant + positions * (linear + positions * square)
        return total


def activate(layer: Layer, values: Reals) -> None:
    """Apply the activation of a layer in place."""
    kind = layer.activation
    if kind is Activation.RELU:
        np.maximum(values, 0.0, out=values)
    elif kind is Activation.LEAKY_RELU:
        np.multiply(values, layer.slope or 0.0, out=values, where=values < 0.0)
    elif kind is Activation.TANH:
        np.tanh(values, out=values)
    elif kind is Activation.SIGMOID:
        expit(values, out=values)
    elif kind is Activation.SOFTPLUS:
        np.logaddexp(0.0, values, out=values)
    elif kind is Activation.QUADRATIC:
        np.multiply(values, values, out=values)


def mean_losses(loss: Loss, outputs: Reals, y: FloatArray) -> FloatArray:
    """Mean loss over the samples (m,) for a stack of outputs (m, n, k); as `service.core.nonlinear.data_loss`."""
    n = len(y)
    if loss is Loss.SQUARED:
        errors = outputs - y
        squares: FloatArray = np.einsum("gnk,gnk->g", errors, errors) / n
        return squares
    if loss is Loss.LOGISTIC:
        return np.asarray(np.logaddexp(0.0, -y * outputs).sum(axis=(1, 2)) / n)
    if loss is Loss.EXPONENTIAL:
        return np.asarray(np.exp(-y * outputs).sum(axis=(1, 2)) / n)
    if loss is Loss.CROSS_ENTROPY:
        terms = [
            (logsumexp(outputs - outputs[:, :, [label]], axis=2) * y[:, label]).sum(axis=1)
            for label in range(outputs.shape[2])
        ]
        return np.asarray(np.sum(terms, axis=0) / n)
    raise ValueError(f"the loss {loss} needs weights, which are not known here")
