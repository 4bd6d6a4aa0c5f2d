"""The network whose weights are all zero and whose output is the best constant under its decay."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples, shapes_of
from service.core.landscapes.networks.silent_networks import silent_output
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import data_loss
from service.vocabulary import Loss

SILENT_BIAS = -1.0
"""Bias of the hidden units of a silent network; any negative number is as good."""


@dataclass(frozen=True, slots=True)
class Collapsed:
    """The best constant output, and the loss there.

    Attributes
    ----------
    constant : (k,) array
    loss : float
        Of the data and of the decay of the output bias.
    bias_decay : float
        Of the output bias.
    slope : (k,) array
        Derivative of the mean loss by the constant.
    """

    constant: FloatArray
    loss: float
    bias_decay: float
    slope: FloatArray

    def point(self, problem: Problem, hidden_bias: float) -> DenseParameters:
        """Weights of zero, hidden biases of one value, and the constant as output bias."""
        network = problem.network
        shapes = shapes_of(network, problem.data.inputs)
        biases = [np.full(shape[0], hidden_bias) if network.has_bias(at) else None for at, shape in enumerate(shapes)]
        if biases[-1] is not None:
            biases[-1] = self.constant.copy()
        return DenseParameters(tuple(np.zeros(shape) for shape in shapes), tuple(biases))


def collapsed_of(problem: Problem) -> Collapsed | None:
    """The best constant of a problem with samples; zero without an output bias, ``None`` where none is best."""
    return problem.once("landscapes.networks.collapsed", lambda: _collapsed(problem))


def _collapsed(problem: Problem) -> Collapsed | None:
    samples = problem.samples
    if samples is None or (problem.loss is Loss.WEIGHTED_SQUARED and samples.weights is None):
        return None
    network = problem.network
    decays = network.bias_weight_decays
    decay = decays[-1] if decays and network.has_bias(network.n_layers - 1) else 0.0
    constant = silent_output(problem, samples) if decay == 0.0 else _decayed(problem, samples, decay)
    if constant is None:
        return None
    value, slope = _loss(problem, samples, constant)
    return Collapsed(constant, value + decay * float(constant @ constant), decay, slope)


def _loss(problem: Problem, samples: Samples, constant: FloatArray) -> tuple[float, FloatArray]:
    outputs = np.broadcast_to(constant, samples.y.shape)
    value, slope = data_loss(problem.loss, outputs, samples.y, samples.weights, samples.loss_parameter)
    return value, slope.sum(axis=0)


def _decayed(problem: Problem, samples: Samples, decay: float) -> FloatArray:
    """The minimum of a strongly convex function of a few numbers."""
    if problem.loss is Loss.SQUARED:
        shrunk: FloatArray = samples.y.mean(axis=0) / (1.0 + decay)
        return shrunk

    def objective(constant: FloatArray) -> tuple[float, FloatArray]:
        value, slope = _loss(problem, samples, constant)
        return value + decay * float(constant @ constant), slope + 2.0 * decay * constant

    start = np.zeros(samples.y.shape[1])
    found = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-12})
    return np.asarray(found.x, dtype=np.float64)
