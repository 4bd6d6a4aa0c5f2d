"""The first layer along an evenly spaced row of points, where what it receives is affine in the position.

At position ``p`` that is ``s + p v``: the inputs are multiplied once a row and once a direction, not once a point.  A
logistic activation needs no exponential at every point either: ``exp(s + (p + d) v) = exp(s + p v) exp(d v)``, and the
second factor is the same in all rows.
"""

from typing import Protocol

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer
from service.core.pictures.logistic import Logistic
from service.core.pictures.stacks import Reals, activate


class FirstLayer(Protocol):
    """Outputs of the layer for some samples, several positions at a time."""

    def begin(self, start: Reals, position: float) -> Reals:
        """State (width, n) at a position of the row on which the layer receives ``start`` (width, n) at zero."""

    def advance(self, state: Reals) -> None:
        """Move the state by as many positions as there are offsets, in place."""

    def write(self, state: Reals, into: Reals) -> None:
        """Outputs (t, width, n) at the position of the state plus each of the first ``t`` offsets."""


def first_layer(layer: Layer, form: Logistic | None, step: Reals, offsets: FloatArray, stride: float) -> FirstLayer:
    """The layer on some samples, with tables of what does not change from row to row.

    Parameters
    ----------
    layer : Layer
    form : Logistic or None
        With a form, outputs are those of the logistic function without scale and shift.
    step : (width, n) array
        What the layer receives more at position 1 than at position 0.
    offsets : (t,) array
        Evenly spaced, from zero.
    stride : float
        Distance from the first of the offsets to the one after the last.

    Notes
    -----
    ``(t + 2) n width`` numbers are kept.
    """
    return _Direct(layer, step, offsets, stride) if form is None else _Logistic(form, step, offsets, stride)


class _Direct(FirstLayer):
    def __init__(self, layer: Layer, step: Reals, offsets: FloatArray, stride: float) -> None:
        self._layer, self._step = layer, step
        self._offsets = _multiples(offsets, step)
        self._stride = stride * step

    def begin(self, start: Reals, position: float) -> Reals:
        return start + position * self._step

    def advance(self, state: Reals) -> None:
        state += self._stride

    def write(self, state: Reals, into: Reals) -> None:
        np.add(self._offsets[: len(into)], state, out=into)
        activate(self._layer, into)


class _Logistic(FirstLayer):
    def __init__(self, form: Logistic, step: Reals, offsets: FloatArray, stride: float) -> None:
        self._rate, self._step = form.rate, step
        self._factors = _multiples(form.rate * offsets, step)
        np.exp(self._factors, out=self._factors)
        self._stride = np.exp(-form.rate * stride * step)

    def begin(self, start: Reals, position: float) -> Reals:
        state: Reals = position * self._step
        state += start
        state *= -self._rate
        np.exp(state, out=state)
        return state

    def advance(self, state: Reals) -> None:
        state *= self._stride

    def write(self, state: Reals, into: Reals) -> None:
        factors = self._factors[: len(into)]
        np.add(factors, state, out=into)
        np.divide(factors, into, out=into)


def _multiples(factors: FloatArray, step: Reals) -> Reals:
    multiples: Reals = factors[:, None, None].astype(step.dtype) * step
    return multiples
