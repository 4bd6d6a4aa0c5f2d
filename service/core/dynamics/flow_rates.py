"""Speeds of gradient flow: in plain time on the objective, or in log-norm time on the log of the loss.

Both follow the same path where nothing is decayed.  In log-norm time ``d theta / d tau = ||theta|| g / ||g||``
with ``g = -grad log L``, so that losses far below the smallest double are reached in a few units of time.
See ``docs/theory/gradient-flow.md``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.core.arrays import FloatArray
from service.core.data_facts.labels import CLASSIFICATION_LOSSES
from service.core.losses import DenseParameters, gradient_of, loss_of
from service.core.ranks.losses import log_loss_gradient
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, backward, flatten, forward, unflatten
from service.vocabulary import FlowTime, Loss


@dataclass(frozen=True)
class Rates:
    """Value and speed of the flow of a setting whose weights have the shapes of ``like``."""

    setting: Setting
    like: Snapshot

    @cached_property
    def time(self) -> FlowTime:
        """Log-norm time for classification without decay that can go on for ever, else plain time."""
        setting = self.setting
        endless = setting.problem.loss in CLASSIFICATION_LOSSES and not setting.is_decayed
        is_hopeless = setting.graph.is_linear and setting.separability.separable is False
        return FlowTime.LOG_NORM if endless and not is_hopeless else FlowTime.PLAIN

    def log_loss(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Log of the loss summed over the labelled samples, and its gradient."""
        labelled = self.setting.labelled
        if labelled is None:
            raise ValueError("a classification loss needs labelled samples")
        snapshot = unflatten(theta, self.like)
        found = forward(self.setting.graph, snapshot, labelled.x)
        value, slope = log_loss_gradient(self.setting.problem.loss, found.prediction, labelled.classes)
        return value, flatten(backward(self.setting.graph, snapshot, found, slope))

    def objective(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Mean loss plus decay, in the core's convention, and its gradient."""
        problem, graph = self.setting.problem, self.setting.graph
        snapshot = unflatten(theta, self.like)
        if problem.loss in CLASSIFICATION_LOSSES:
            value, gradient = self.log_loss(theta)
            mean = float(np.exp(value)) / len(theta_samples(self.setting))
            return self._with_decay(mean, mean * gradient, snapshot)
        if graph.is_linear and not graph.skips() and problem.loss is Loss.SQUARED:
            parameters = DenseParameters(snapshot.weights, snapshot.biases)
            slopes = gradient_of(problem.network, problem.data, parameters)
            frozen = [row.frozen_weights is not None for row in problem.network.layers]
            weights = tuple(
                np.zeros_like(weight) if fixed else np.asarray(weight, dtype=np.float64)
                for weight, fixed in zip(slopes.weights, frozen, strict=True)
            )
            exact = Snapshot(weights, slopes.biases, self.like.skips)
            return float(loss_of(problem.network, problem.data, parameters)), flatten(exact)
        if problem.samples is None:
            raise ValueError("a network that is not linear needs samples")
        found = forward(graph, snapshot, problem.samples.x)
        residual = found.prediction - problem.samples.y
        n = len(residual)
        gradient = flatten(backward(graph, snapshot, found, 2.0 * residual / n))
        return self._with_decay(float(np.sum(residual * residual)) / n, gradient, snapshot)

    def log_norm_speed(self, theta: FloatArray) -> FloatArray:
        """``||theta|| g / ||g||`` with g the negative gradient of the log loss; zero where g is."""
        _, gradient = self.log_loss(theta)
        length = float(np.linalg.norm(gradient))
        if length == 0.0:
            return np.zeros_like(theta)
        speed: FloatArray = (-float(np.linalg.norm(theta)) / length) * gradient
        return speed

    def plain_speed(self, theta: FloatArray) -> FloatArray:
        """The negative gradient of the objective."""
        return -self.objective(theta)[1]

    def value(self, theta: FloatArray) -> float:
        """Log of the summed loss in log-norm time, the objective in plain time."""
        return self.log_loss(theta)[0] if self.time is FlowTime.LOG_NORM else self.objective(theta)[0]

    def _with_decay(self, value: float, gradient: FloatArray, snapshot: Snapshot) -> tuple[float, FloatArray]:
        network = self.setting.problem.network
        weights, biases = [], []
        for index, (weight, bias) in enumerate(zip(snapshot.weights, snapshot.biases, strict=True)):
            decay = network.layers[index].weight_decay
            fixed = network.layers[index].frozen_weights is not None
            value += decay * float(np.sum(weight * weight))
            weights.append(np.zeros_like(weight) if fixed else 2.0 * decay * weight)
            bias_decay = network.bias_weight_decays[index] if network.bias_weight_decays else 0.0
            value += 0.0 if bias is None else bias_decay * float(bias @ bias)
            biases.append(None if bias is None else 2.0 * bias_decay * bias)
        skips = tuple(None if skip is None else np.zeros_like(skip) for skip in snapshot.skips)
        return value, gradient + flatten(Snapshot(tuple(weights), tuple(biases), skips))


def theta_samples(setting: Setting) -> FloatArray:
    """Inputs of the samples that the flow runs on."""
    if setting.problem.samples is None:
        raise ValueError("the flow needs samples")
    return setting.problem.samples.x
