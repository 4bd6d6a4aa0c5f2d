"""The gradient of a network on samples, what rounding can have done to it, and which units sit on a kink.

Beside every number goes a bound on its error, forwards and backwards (running error analysis, Higham 2002, section
3.3), by the greatest slope and bend of each activation.  See ``docs/theory/diagnosis.md``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import softmax

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Layer, Network, Samples
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.nonlinear import apply, data_loss, decay_of, derivative
from service.core.points.gradient_bound import UNIT
from service.vocabulary import RELU_LOSSES, Activation, Loss

LIBRARY: Final = 16.0
"""Roundings that a function of numpy or scipy counts as: they are right to a few units in the last place."""
SLACK: Final = 1.0 + 1e-6
"""By which bounds are larger than they were computed, for their own rounding."""
STEEPEST: Final = {Activation.SIGMOID: 0.25}
"""Greatest slope of an activation; 1 where it is not named."""
BENDS: Final = {Activation.TANH: 0.7699, Activation.SIGMOID: 0.0963, Activation.SOFTPLUS: 0.25, Activation.QUADRATIC: 2}
"""Greatest modulus of the second derivative; 0 where it is not named."""
EXACT: Final = (Activation.LINEAR, Activation.RELU)
KINKED: Final = (Loss.ABSOLUTE, Loss.QUANTILE)
"""Losses that have a kink where the prediction is the target."""


@dataclass(frozen=True, slots=True)
class SampleGradient:
    """Loss and gradient at one point, with what is certain about them.

    Attributes
    ----------
    fit, decay : float
        The two terms of the loss.
    loss_rounding : float
        Bound on the error of the loss.
    gradient, rounding : (P,) array
        Derivatives, of the left side at a kink, and bounds on their errors.
    kinks : int
        Pre-activations that are zero within their rounding and move with the weights, and errors that are at a kink of
        the loss: there is no gradient there.
    """

    fit: float
    decay: float
    loss_rounding: float
    gradient: FloatArray
    rounding: FloatArray
    kinks: int


@dataclass(frozen=True, slots=True)
class _Pass:
    """One layer on its way forwards: what enters, the slope of its activation, and the error of each."""

    inputs: FloatArray
    inputs_error: FloatArray
    slope: FloatArray
    slope_error: FloatArray


def gradient_on_samples(network: Network, loss: Loss, parameters: DenseParameters, samples: Samples) -> SampleGradient:
    """Loss and gradient with bounds on their rounding.  O(n times the number of weights), some four gradients.

    Parameters
    ----------
    network : Network
        Without noise and skips.
    loss : Loss
    parameters : DenseParameters
    samples : Samples
    """
    passes, outputs, error, kinks = _forwards(network, parameters, samples.x)
    fit, slope = data_loss(loss, outputs, samples.y, samples.weights, samples.loss_parameter)
    slope_error = SLACK * _loss_slope_error(loss, outputs, error, slope, samples)
    if loss in KINKED:
        kinks += int(np.count_nonzero(_at_loss_kink(outputs, error, samples)))
    # the mean value theorem: between the computed outputs and the exact ones no slope is greater
    moved = float(np.sum((np.abs(slope) + slope_error) * error))
    gradient, rounding = _backwards(network, parameters, passes, slope, slope_error)
    decay = decay_of(network, parameters)
    terms = outputs.size + flatten(parameters).size + LIBRARY
    return SampleGradient(fit, decay, moved + _gamma(terms) * (abs(fit) + decay), gradient, SLACK * rounding, kinks)


def _gamma(roundings: float) -> float:
    return roundings * UNIT / (1.0 - roundings * UNIT)


def _forwards(
    network: Network, parameters: DenseParameters, x: FloatArray
) -> tuple[list[_Pass], FloatArray, FloatArray, int]:
    """Every layer, the outputs (n, k) with their error, and how many pre-activations are at a kink."""
    values, error, moving, kinks = x, np.zeros_like(x), np.zeros(x.shape, dtype=bool), 0
    passes: list[_Pass] = []
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        offset = 0.0 if bias is None else bias
        before = values @ weight.T + offset
        sizes = np.abs(values) @ np.abs(weight).T + np.abs(offset)
        carried = error @ np.abs(weight).T
        off = carried + _gamma(weight.shape[1] + 2.0) * (sizes + carried)
        # a pre-activation of nothing but zeros, which no weight can move, is at no kink
        own = layer.frozen_weights is None
        alive = np.full((len(x), 1), bias is not None) | np.any(moving | (own & (values != 0.0)), axis=1, keepdims=True)
        at_kink = _at_kink(layer, before, off) & alive
        kinks += int(np.count_nonzero(at_kink))
        passes.append(_Pass(values, error, derivative(layer, before), _slope_error(layer, before, off, at_kink)))
        dead = (before < -off) if layer.activation is Activation.RELU else np.zeros(before.shape, dtype=bool)
        values, moving = apply(layer, before), alive & ~dead
        error = off * _steepest(layer, before, off)
        if layer.activation not in EXACT:
            error = error + LIBRARY * UNIT * np.abs(values)
    return passes, values, error, kinks


def _at_kink(layer: Layer, before: FloatArray, off: FloatArray) -> BoolArray:
    bent = layer.activation in (Activation.RELU, Activation.LEAKY_RELU)
    found: BoolArray = (np.abs(before) <= off) if bent else np.zeros(before.shape, dtype=bool)
    return found


def _steepest(layer: Layer, before: FloatArray, off: FloatArray) -> FloatArray | float:
    if layer.activation is Activation.QUADRATIC:
        steep: FloatArray = 2.0 * (np.abs(before) + off)
        return steep
    if layer.activation is Activation.LEAKY_RELU:
        return max(1.0, abs(layer.slope or 0.0))
    return STEEPEST.get(layer.activation, 1.0)


def _slope_error(layer: Layer, before: FloatArray, off: FloatArray, at_kink: BoolArray) -> FloatArray:
    """Error of the slope: by its bend, by the jump at a kink, and by the function that computes it."""
    jump = abs(1.0 - (layer.slope or 0.0))
    found = BENDS.get(layer.activation, 0.0) * off + np.where(at_kink, jump, 0.0)
    if layer.activation is Activation.QUADRATIC:
        return np.asarray(found + 2.0 * UNIT * np.abs(before))
    return np.asarray(found + (LIBRARY * UNIT if layer.activation in BENDS else 0.0))


def _loss_slope_error(
    loss: Loss, outputs: FloatArray, error: FloatArray, slope: FloatArray, samples: Samples
) -> FloatArray:
    """Error of the derivative of the data term by the outputs (n, k), whose own errors are given."""
    n, y = len(outputs), samples.y
    computed: FloatArray = LIBRARY * UNIT * np.abs(slope)
    if loss is Loss.LOGISTIC:
        return 0.25 * y * y * error / n + computed
    if loss is Loss.EXPONENTIAL:
        return np.asarray(np.abs(slope) * np.expm1(np.abs(y) * error)) + computed
    if loss is Loss.CROSS_ENTROPY:
        below = outputs.max(axis=1, keepdims=True) - outputs
        moved = np.expm1(2.0 * error.max(axis=1, keepdims=True))
        total = y.sum(axis=1, keepdims=True)
        shares = softmax(outputs, axis=1) * (moved + UNIT * (LIBRARY + outputs.shape[1] + below))
        return np.asarray(total * shares + 4.0 * UNIT * (total + np.abs(y))) / n
    if loss in RELU_LOSSES:
        return _scalar_slope_error(loss, outputs, error, samples) / n + computed
    weights = 1.0 if samples.weights is None else samples.weights
    return 2.0 * weights * error / n + computed


def _scalar_slope_error(loss: Loss, outputs: FloatArray, error: FloatArray, samples: Samples) -> FloatArray:
    """The same (n, k) for the losses that `service.core.convex_losses` alone has, of a sum over samples."""
    if loss in KINKED:
        return np.where(_at_loss_kink(outputs, error, samples), 2.0 if loss is Loss.ABSOLUTE else 1.0, 0.0)
    if loss is Loss.POISSON:
        return np.asarray(np.exp(outputs) * (np.expm1(error) + LIBRARY * UNIT) + UNIT * np.abs(samples.y))
    # a slope of modulus one, of a difference
    return np.asarray(error + UNIT * (np.abs(outputs) + np.abs(samples.y) + 1.0))


def _at_loss_kink(outputs: FloatArray, error: FloatArray, samples: Samples) -> BoolArray:
    """Predictions (n, k) that may be their targets, where absolute and quantile errors have a kink."""
    off = np.abs(outputs - samples.y)
    return np.asarray(off <= error + UNIT * (np.abs(outputs) + np.abs(samples.y)))


def _backwards(
    network: Network, parameters: DenseParameters, passes: list[_Pass], slope: FloatArray, slope_error: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The gradient (P,), decay included, and bounds on its errors."""
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    n, layers = len(slope), network.n_layers
    weights: list[tuple[FloatArray, FloatArray]] = []
    biases: list[tuple[FloatArray | None, FloatArray | None]] = []
    for index in range(layers - 1, -1, -1):
        way, weight, bias = passes[index], parameters.weights[index], parameters.biases[index]
        arriving = slope * way.slope
        size = np.abs(arriving)
        off = slope_error * (np.abs(way.slope) + way.slope_error) + np.abs(slope) * way.slope_error + 2.0 * UNIT * size
        decay = 2.0 * network.layers[index].weight_decay * weight
        entry = arriving.T @ way.inputs + decay
        products = size.T @ np.abs(way.inputs)
        wrong = off.T @ (np.abs(way.inputs) + way.inputs_error) + size.T @ way.inputs_error
        weights.append((entry, wrong + _gamma(n + 3.0) * (products + wrong) + 4.0 * UNIT * np.abs(decay)))
        if bias is None:
            biases.append((None, None))
        else:
            pull = 2.0 * decays[index] * bias
            summed = _gamma(n + 3.0) * (size + off).sum(axis=0) + 4.0 * UNIT * np.abs(pull)
            biases.append((arriving.sum(axis=0) + pull, off.sum(axis=0) + summed))
        back = off @ np.abs(weight)
        slope_error = back + _gamma(weight.shape[0] + 2.0) * (size @ np.abs(weight) + back)
        slope = arriving @ weight
    found, rounding = (
        flatten(DenseParameters(tuple(pair[at] for pair in weights[::-1]), tuple(pair[at] for pair in biases[::-1])))
        for at in (0, 1)
    )
    return found, rounding
