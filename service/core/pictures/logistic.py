"""Activations as logistic functions, where that costs no precision: an exponential, a sum and a quotient.

``tanh z = 2 / (1 + exp(-2 z)) - 1`` takes two thirds of the time of numpy's tanh: rate, scale and shift go into the
weights of the layer and of the next one.  Along a row of points, the first layer does not even need the exponential.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer
from service.core.pictures.stacks import Reals
from service.vocabulary import Activation

SMALL: Final = 1.0 / 32.0
"""Size of what a unit receives below which its tanh is not computed as a logistic function."""


class Logistic(NamedTuple):
    """The activation ``scale / (1 + exp(-rate z)) + shift``."""

    rate: float
    scale: float
    shift: float


FORMS: Final = {Activation.TANH: Logistic(2.0, 2.0, -1.0), Activation.SIGMOID: Logistic(1.0, 1.0, 0.0)}


def forms_on(
    layers: Sequence[Layer],
    received: tuple[Reals, Reals],
    weights: Sequence[tuple[FloatArray, FloatArray]],
    positions: FloatArray,
) -> list[Logistic | None]:
    """The form of each layer on a row; none for the last layer, and where precision or range would be lost.

    Parameters
    ----------
    layers : sequence of Layer
    received : pair of (width, n) arrays
        What the first layer receives at position 0, and what it receives more at position 1.
    weights : sequence of pairs of (width, inputs + 1) arrays
        Weights and bias of each layer at position 0, and what is added to them at position 1.
    positions : (m,) array

    Notes
    -----
    Of tanh, the form has the error of a rounding of one, and tanh itself that of a rounding of its own value.  What a
    unit receives carries roundings of the terms that it is the sum of, so that the former is not felt unless these are
    small: the terms of the first layer are measured by the root mean square of what it receives, those of the next ones
    by the norm of their weights.
    """
    forms: list[Logistic | None] = []
    size = np.inf
    for index, layer in enumerate(layers[:-1]):
        form = FORMS.get(layer.activation)
        if index == 0:
            size = (_least_square(*received, positions) / received[0].shape[1]) ** 0.5
            if form is not None and not _in_range(form, *received, positions):
                form = None
        else:
            size = min(size, 1.0) * _least_square(*weights[index], positions) ** 0.5
        if layer.activation is not Activation.SIGMOID and not size >= SMALL:
            form = None
        if layer.activation is not Activation.TANH:
            # nothing is known of the sizes behind other activations
            size = 0.0
        forms.append(form)
    return [*forms, None]


def folded(joined: FloatArray, before: Logistic | None, form: Logistic | None) -> FloatArray:
    """Weights and bias (width, inputs + 1), without scale and shift of the form, as `logistic` takes them."""
    turned = joined.copy()
    if before is not None:
        turned[:, -1] += before.shift * turned[:, :-1].sum(axis=1)
        turned[:, :-1] *= before.scale
    if form is not None:
        turned *= -form.rate * np.log2(np.e)
    return turned


def logistic(values: Reals) -> None:
    """``1 / (1 + 2^values)`` in place; numpy's powers of two are faster than those of e."""
    np.exp2(values, out=values)
    values += 1.0
    np.divide(1.0, values, out=values)


def _least_square(constant: Reals, linear: Reals, positions: FloatArray) -> float:
    """Least of the squared lengths of the rows of ``constant + position * linear``."""
    square, cross, flat = np.vecdot(linear, linear), np.vecdot(constant, linear), np.vecdot(constant, constant)
    return max(float(np.min(flat + positions[:, None] * (2.0 * cross + positions[:, None] * square))), 0.0)


def _in_range(form: Logistic, start: Reals, step: Reals, positions: FloatArray) -> bool:
    """Whether all exponentials that a row is computed with, and their products, are finite and not zero."""
    reach = max(np.abs(positions).max(), np.ptp(positions)) * max(step.max(), -step.min())
    largest = form.rate * (max(start.max(), -start.min()) + 2.0 * reach)
    return bool(largest <= 0.9 * np.log(np.finfo(step.dtype).max))
