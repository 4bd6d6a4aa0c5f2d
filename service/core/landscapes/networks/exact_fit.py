"""A network that fits all samples exactly, proved to exist close to one that fits them but for rounding.

Weights with small errors are found by Gauss-Newton steps of least norm.  With R a right inverse of the Jacobian of the
outputs, ``u -> u - (f(theta + R u) - y)`` is a contraction on a small cube if its derivative, enclosed over the cube in
midpoint-radius arithmetic, has a norm below one; then a zero lies in the cube.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.landscapes.networks.trained import start_of
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import apply, derivative
from service.vocabulary import Activation

MOST_OUTPUTS = 300
MOST_ENTRIES = 1_000_000
"""Outputs of all samples, and entries of their Jacobian, up to which a fit is searched for."""

STARTS = 4
STEPS = 60
SMALL = 1e-9
"""Errors, relative to the targets, from which a fit is worth proving."""

ULP = 2.3e-16
KINKED = (Activation.RELU, Activation.LEAKY_RELU)
THIRD = {Activation.TANH: (1.0, 0.77), Activation.SIGMOID: (0.25, 0.0963), Activation.SOFTPLUS: (1.0, 0.25)}
"""Largest slopes of an activation and of its derivative."""


@dataclass(frozen=True, slots=True)
class ExactFit:
    """Weights next to an exact fit, within ``radius`` of it in each coordinate of the proof.

    Attributes
    ----------
    point : DenseParameters
    radius : float
    contraction : float
        Bound on the derivative, below one.
    error : float
        Largest error of the outputs at the point.
    """

    point: DenseParameters
    radius: float
    contraction: float
    error: float


@dataclass(frozen=True, slots=True)
class _Box:
    """Numbers that lie within ``radius`` of ``middle``, arrays of one shape."""

    middle: FloatArray
    radius: FloatArray


def exact_fit_of(problem: Problem) -> ExactFit | None:
    """A proved exact fit; ``None`` if none was found, which proves nothing.

    For dense networks without skips and noise, linear at the output, all layers trained.
    """
    return problem.once("landscapes.networks.exact_fit", lambda: _search(problem))


def _search(problem: Problem) -> ExactFit | None:
    samples, network = problem.samples, problem.network
    if samples is None or network.n_hidden == 0:
        return None
    like = start_of(problem, 0)
    count, size = samples.y.size, flatten(like).size
    if count > MOST_OUTPUTS or count > size or count * size > MOST_ENTRIES:
        return None
    scale = max(1.0, float(np.abs(samples.y).max()))
    for seed in range(STARTS):
        with np.errstate(over="ignore", invalid="ignore"):
            point = _gauss_newton(network, samples, start_of(problem, seed), scale)
        found = None if point is None else _proved(network, samples, point)
        if found is not None:
            return found
    return None


def _gauss_newton(network: Network, samples: Samples, start: DenseParameters, scale: float) -> DenseParameters | None:
    """Steps of least norm with a damping that follows their success."""
    y = samples.y
    flat, damping = flatten(start), 1e-2
    outputs, jacobian = _linearised(network, samples, start)
    error = (outputs - y).ravel()
    for _ in range(STEPS):
        if float(np.abs(error).max()) <= 1e-14 * scale:
            break
        gram = jacobian @ jacobian.T
        level = float(np.trace(gram)) / len(gram)
        if not np.isfinite(level) or level <= 0.0:
            return None
        step = jacobian.T @ np.linalg.solve(gram + damping * level * np.eye(len(gram)), error)
        moved, slopes = _linearised(network, samples, unflatten(flat - step, start))
        after = (moved - y).ravel()
        if np.isfinite(after).all() and float(after @ after) < float(error @ error):
            flat, error, jacobian, damping = flat - step, after, slopes, max(0.1 * damping, 1e-15)
        elif damping > 1e3 or float(np.abs(error).max()) <= 1e-12 * scale:
            break
        else:
            damping *= 10.0
    return unflatten(flat, start) if float(np.abs(error).max()) <= SMALL * scale else None


def _linearised(network: Network, samples: Samples, point: DenseParameters) -> tuple[FloatArray, FloatArray]:
    """Outputs (n, k) and their Jacobian (n k, P)."""
    boxes = [_Box(part, np.zeros_like(part)) for part in point.weights]
    biases = [None if part is None else _Box(part, np.zeros_like(part)) for part in point.biases]
    found = _enclosed(network, samples, boxes, biases)
    # without kinks in the way there always is one
    return (found[0].middle, found[1].middle) if found else (samples.y, np.zeros((samples.y.size, 0)))


def _proved(network: Network, samples: Samples, point: DenseParameters) -> ExactFit | None:
    outputs, jacobian = _linearised(network, samples, point)
    gram = jacobian @ jacobian.T
    values = np.linalg.eigvalsh(gram)
    if values[0] <= 1e-13 * values[-1]:
        return None
    inverse = np.linalg.solve(gram, jacobian).T
    at_point = _enclosed(network, samples, *_boxes(point, np.zeros(len(inverse)), like=point))
    if at_point is None or not np.isfinite(at_point[0].radius).all():
        return None
    error = float((np.abs(outputs - samples.y) * (1.0 + 4.0 * ULP) + at_point[0].radius).max())
    spread = np.abs(inverse).sum(axis=1) * (1.0 + inverse.shape[1] * ULP)
    for factor in (2.0, 10.0, 1e3):
        radius = factor * error
        inside = _enclosed(network, samples, *_boxes(point, spread * radius, like=point), kinks=True)
        if inside is None:
            return None
        slopes = inside[1]
        away = np.abs(np.eye(len(gram)) - slopes.middle @ inverse)
        rounding = (inverse.shape[0] + 8) * ULP * (np.abs(slopes.middle) @ np.abs(inverse))
        contraction = float((away + rounding + slopes.radius @ np.abs(inverse)).sum(axis=1).max()) * (1.0 + 1e-9)
        if contraction < 0.9 and error + contraction * radius <= radius * (1.0 - 1e-9):
            return ExactFit(point, radius, contraction, error)
    return None


def _boxes(
    point: DenseParameters, radius: FloatArray, *, like: DenseParameters
) -> tuple[list[_Box], list[_Box | None]]:
    radii = unflatten(radius, like)
    weights = [_Box(part, width) for part, width in zip(point.weights, radii.weights, strict=True)]
    biases: list[_Box | None] = [
        None if part is None or width is None else _Box(part, width)
        for part, width in zip(point.biases, radii.biases, strict=True)
    ]
    return weights, biases


def _enclosed(
    network: Network, samples: Samples, weights: list[_Box], biases: list[_Box | None], *, kinks: bool = False
) -> tuple[_Box, _Box] | None:
    """Outputs (n, k) and Jacobian (n k, P) for all parameters in boxes; ``None`` where a kink may lie inside."""
    layers = network.layers
    values = [_Box(samples.x, np.zeros_like(samples.x))]
    slopes: list[_Box] = []
    for layer, weight, bias in zip(layers, weights, biases, strict=True):
        before = _product(values[-1], _transposed(weight))
        if bias is not None:
            before = _sum(before, bias)
        if kinks and layer.activation in KINKED and bool((np.abs(before.middle) <= before.radius).any()):
            return None
        values.append(_activated(layer, before))
        slopes.append(_slope(layer, before))
    n, outputs = values[-1].middle.shape
    rows = []
    for output in range(outputs):
        back = np.zeros((n, outputs))
        back[:, output] = 1.0
        rows.append(_backwards(weights, biases, values, slopes, _Box(back, np.zeros_like(back))))
    middle = np.stack([row.middle for row in rows], axis=1).reshape(n * outputs, -1)
    radius = np.stack([row.radius for row in rows], axis=1).reshape(n * outputs, -1)
    return values[-1], _Box(middle, radius)


def _backwards(
    weights: list[_Box], biases: list[_Box | None], values: list[_Box], slopes: list[_Box], back: _Box
) -> _Box:
    """Rows (n, P) of the Jacobian of one output."""
    n = len(back.middle)
    of_weights: list[_Box] = []
    of_biases: list[_Box] = []
    for index in range(len(weights) - 1, -1, -1):
        back = _times(back, slopes[index])
        inputs = values[index]
        outer = _times(
            _Box(back.middle[:, :, None], back.radius[:, :, None]),
            _Box(inputs.middle[:, None, :], inputs.radius[:, None, :]),
        )
        of_weights.append(_Box(outer.middle.reshape(n, -1), outer.radius.reshape(n, -1)))
        if biases[index] is not None:
            of_biases.append(back)
        if index > 0:
            back = _product(back, weights[index])
    parts = [*reversed(of_weights), *reversed(of_biases)]
    return _Box(
        np.concatenate([part.middle for part in parts], axis=1),
        np.concatenate([part.radius for part in parts], axis=1),
    )


def _transposed(box: _Box) -> _Box:
    return _Box(box.middle.T, box.radius.T)


def _product(left: _Box, right: _Box) -> _Box:
    """Matrix product, what rounding adds included."""
    middle = left.middle @ right.middle
    share = (left.middle.shape[1] + 8) * ULP
    sizes, others = np.abs(left.middle), np.abs(right.middle)
    radius = sizes @ right.radius + left.radius @ (others + right.radius) + share * (sizes @ others)
    return _Box(middle, radius * (1.0 + share))


def _sum(left: _Box, right: _Box) -> _Box:
    middle = left.middle + right.middle
    return _Box(middle, (left.radius + right.radius) * (1.0 + 4.0 * ULP) + ULP * np.abs(middle))


def _times(left: _Box, right: _Box) -> _Box:
    """Product entry by entry."""
    middle = left.middle * right.middle
    radius = np.abs(left.middle) * right.radius + left.radius * (np.abs(right.middle) + right.radius)
    return _Box(middle, (radius + ULP * np.abs(middle)) * (1.0 + 8.0 * ULP))


def _activated(layer: Layer, before: _Box) -> _Box:
    middle = apply(layer, before.middle)
    slope = THIRD[layer.activation][0] if layer.activation in THIRD else max(1.0, abs(layer.slope or 0.0))
    if layer.activation is Activation.QUADRATIC:
        radius = (2.0 * np.abs(before.middle) + before.radius) * before.radius
    else:
        radius = slope * before.radius
    return _Box(middle, radius * (1.0 + 8.0 * ULP) + 8.0 * ULP * np.abs(middle))


def _slope(layer: Layer, before: _Box) -> _Box:
    """Of kinked activations exact, as long as no kink lies in the box."""
    middle = derivative(layer, before.middle)
    curved = 2.0 if layer.activation is Activation.QUADRATIC else THIRD.get(layer.activation, (0.0, 0.0))[1]
    rounding = 8.0 * ULP if layer.activation in THIRD else 0.0
    return _Box(middle, curved * before.radius * (1.0 + 8.0 * ULP) + rounding)
