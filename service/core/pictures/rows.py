"""Losses along straight rows of points, many points at a time: what slices, interpolations and sharpness are made of.

Samples go through the network in blocks that stay in the cache, each at several points in one batched product, in
arrays that are allocated once a direction.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.losses.batched import BatchedLoss, Stack
from service.core.losses.dense import DenseParameters, unflatten
from service.core.pictures.first_layer import FirstLayer, first_layer
from service.core.pictures.logistic import Logistic, folded, forms_on, logistic
from service.core.pictures.objective import shape_of, uses_moments
from service.core.pictures.stacks import Reals, activate, total_losses
from service.vocabulary import Precision

BLOCK_NUMBERS: Final = 12_800
"""Numbers of the widest layer at one point that are computed together."""

NARROW: Final = 200
"""Widest layer whose products are fastest in such blocks."""

WIDE_SAMPLES: Final = 256
"""Samples of a block where a layer is wider: its weights are arranged anew for every product."""

STACK_NUMBERS: Final = 2**17
"""Numbers of the widest layer at several points that are computed together."""

TABLE_NUMBERS: Final = 2**22
"""Numbers that are kept of a direction."""

WEIGHT_NUMBERS: Final = 2**21
"""Weights of the points of a row that are computed together."""

ADVANCES: Final = 8
"""Times that the first layer is moved on before it is computed anew, so that roundings do not add up."""

UNEVEN: Final = 1e-9
"""Share of the length of a row by which its gaps may differ."""


class RowLosses(Protocol):
    """Losses along rows of one direction."""

    def losses(self, base: FloatArray) -> FloatArray:
        """Losses (m,) at ``base + position * direction``; not finite where they leave double precision."""


def rows_of(
    problem: Problem, direction: FloatArray, positions: FloatArray, precision: Precision = Precision.DOUBLE
) -> RowLosses:
    """What evaluates rows along a flat direction.

    Parameters
    ----------
    problem : Problem
        Feedforward with data, without skips and frozen layers; samples unless linear with squared loss.
    direction : (P,) array
    positions : (m,) array
        Evenly spaced.
    precision : Precision
        Of the products; sums are in double precision.  Moments are always computed in double precision.

    Raises
    ------
    ValueError
        If samples are needed and the problem has none, or positions are not evenly spaced.
    """
    gaps = np.diff(positions)
    # differences of numbers that are not normal have no relative precision
    allowed = UNEVEN * abs(positions[-1] - positions[0]) + np.finfo(np.float64).tiny
    if gaps.size and not np.ptp(gaps) <= allowed:
        raise ValueError("the positions of a row must be evenly spaced")
    if uses_moments(problem):
        return _MomentRows(problem, direction, positions)
    if problem.samples is None:
        raise ValueError("this loss needs samples")
    return _SampleRows(problem, problem.samples, direction, positions, precision)


class _MomentRows:
    def __init__(self, problem: Problem, direction: FloatArray, positions: FloatArray) -> None:
        self._loss, self._like = BatchedLoss(problem), shape_of(problem)
        self._direction = direction
        together = max(1, STACK_NUMBERS // max(direction.size, problem.data.inputs**2))
        self._parts = np.split(positions, range(together, len(positions), together))

    def losses(self, base: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = [self._loss.of(_stack(base + part[:, None] * self._direction, self._like)) for part in self._parts]
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
    def __init__(
        self, problem: Problem, samples: Samples, direction: FloatArray, positions: FloatArray, precision: Precision
    ) -> None:
        self._dtype: type[np.floating[Any]] = np.float32 if precision is Precision.SINGLE else np.float64
        self._network, self._loss = problem.network, problem.loss
        self._like = shape_of(problem)
        self._positions = positions
        self._direction = unflatten(direction, self._like)
        self._along = _joined(self._direction)
        # a last row of ones meets the biases, here and in the room
        self._x: Reals = np.vstack((samples.x.T, np.ones(len(samples.x)))).astype(self._dtype)
        self._y = np.ascontiguousarray(samples.y.T)
        self._step = self._received(self._along)
        self._start = np.empty_like(self._step)
        self._lay_out(direction.size)
        self._first: dict[Logistic | None, list[FirstLayer]] = {}

    def _lay_out(self, weights: int) -> None:
        """Blocks of samples, how many points go together, and room for their weights and outputs."""
        n, m = self._x.shape[1], len(self._positions)
        widths = [layer.width for layer in self._network.layers]
        blocks = -(-n // (BLOCK_NUMBERS // max(widths) if max(widths) <= NARROW else WIDE_SAMPLES))
        # whole lines of the cache
        size = min(n, -(-n // (16 * blocks)) * 16)
        self._blocks = [slice(first, first + size) for first in range(0, n, size)]
        fitting = min(STACK_NUMBERS // (size * max(widths)), TABLE_NUMBERS // (n * widths[0]))
        self._together = max(1, min(fitting, m))
        self._stretch = min(m, self._together * max(1, min(ADVANCES, WEIGHT_NUMBERS // (weights * self._together))))
        self._room = [np.ones((self._together, width + 1, size), self._dtype) for width in widths]
        self._weights = [np.empty((self._stretch, *one.shape), self._dtype) for one in self._along[1:]]

    def losses(self, base: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            point = unflatten(base, self._like)
            here = _joined(point)
            start = self._received(here, self._start)
            totals = [
                self._totals(here, start, self._positions[first : first + self._stretch])
                for first in range(0, len(self._positions), self._stretch)
            ]
            mean: FloatArray = np.concatenate(totals) / start.shape[1]
            return mean + self._decays(point)

    def _received(self, joined: Sequence[FloatArray], into: Reals | None = None) -> Reals:
        """What the first layer receives from the inputs, (width, n)."""
        return np.matmul(joined[0].astype(self._dtype), self._x, out=into)

    def _totals(self, here: Sequence[FloatArray], start: Reals, positions: FloatArray) -> FloatArray:
        """Losses without decay, summed over the samples, at the positions of one stretch."""
        pairs = list(zip(here, self._along, strict=True))
        forms = forms_on(self._network.layers, (start, self._step), pairs, positions)
        weights = []
        for room, pair, before, form in zip(self._weights, pairs[1:], forms, forms[1:], strict=False):
            constant, linear = (folded(one, before, form).astype(self._dtype) for one in pair)
            stack = np.multiply(positions[:, None, None], linear, out=room[: len(positions)], casting="same_kind")
            stack += constant
            weights.append(stack)
        totals = np.zeros(len(positions))
        for first, samples in zip(self._first_layers(forms[0]), self._blocks, strict=True):
            outputs = self._outputs(first, start[:, samples], weights, forms, positions)
            totals += total_losses(self._loss, outputs, self._y[:, samples])
        return totals

    def _first_layers(self, form: Logistic | None) -> list[FirstLayer]:
        """The first layer on each block of samples, with its tables."""
        if form not in self._first:
            positions, layer = self._positions, self._network.layers[0]
            stride = float(positions[-1] - positions[0]) / max(1, len(positions) - 1) * self._together
            offsets = positions[: self._together] - positions[0]
            self._first[form] = [
                first_layer(layer, form, self._step[:, samples], offsets, stride) for samples in self._blocks
            ]
        return self._first[form]

    def _outputs(
        self,
        first: FirstLayer,
        start: Reals,
        weights: Sequence[Reals],
        forms: Sequence[Logistic | None],
        positions: FloatArray,
    ) -> Reals:
        """Outputs of the network (m, k, n) for a block of samples."""
        layers, n = self._network.layers, start.shape[1]
        outputs = np.empty((len(positions), layers[-1].width, n), self._dtype)
        state = first.begin(start, float(positions[0]))
        for begin in range(0, len(positions), self._together):
            if begin:
                first.advance(state)
            some = slice(begin, begin + self._together)
            room = [values[: len(positions[some]), :, :n] for values in self._room]
            first.write(state, room[0][:, :-1])
            for index, stack in enumerate(weights, 1):
                into = room[index][:, :-1]
                np.matmul(stack[some], room[index - 1], out=into)
                if forms[index] is None:
                    activate(layers[index], into)
                else:
                    logistic(into)
            outputs[some] = room[-1][:, :-1]
        return outputs

    def _decays(self, point: DenseParameters) -> FloatArray:
        """Decay terms along the row, a quadratic of the position."""
        network, positions = self._network, self._positions
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


def _joined(parameters: DenseParameters) -> list[FloatArray]:
    """Weights and bias of each layer side by side, (width, inputs + 1)."""
    return [
        np.column_stack((weight, np.zeros(len(weight)) if bias is None else bias))
        for weight, bias in zip(parameters.weights, parameters.biases, strict=True)
    ]
