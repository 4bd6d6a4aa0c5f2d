"""The loss that witnesses are about: over samples, or the exact expectation under noise where all layers are linear."""

import numpy as np

from service.core.ground.problems import Network, Problem, Samples
from service.core.losses import dense, expected, nonlinear
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import Evaluation
from service.vocabulary import Activation, Loss


def is_noisy(network: Network) -> bool:
    """Whether anything is multiplied by noise."""
    return network.input_noise_variance > 0.0 or bool(np.any(network.noise_variances))


def is_known(problem: Problem) -> bool:
    """Whether the loss at given weights is known exactly: under noise for linear layers and squared loss only."""
    linear = all(layer.activation is Activation.LINEAR for layer in problem.network.layers)
    return not is_noisy(problem.network) or (linear and problem.loss is Loss.SQUARED)


def loss_at(problem: Problem, samples: Samples, point: DenseParameters) -> float:
    """Loss of a point; the moments of a problem with noise are those of ``samples``."""
    if is_noisy(problem.network):
        return float(expected.loss_of(problem.network, problem.data, point))
    return nonlinear.loss_of(problem.network, problem.loss, point, samples)


def evaluated(problem: Problem, samples: Samples, point: DenseParameters) -> Evaluation:
    """Loss and gradient of a point, with the mean outputs."""
    if not is_noisy(problem.network):
        return nonlinear.evaluate(problem.network, problem.loss, point, samples)
    loss, gradient = expected.loss_and_gradient(problem.network, problem.data, point)
    product, offset = dense.end_to_end(point)
    return Evaluation(loss, gradient, samples.x @ product.T + offset, np.inf)
