"""Speeds of gradient flow: in plain time on the objective, or in log-norm time on the log of the loss.

Both follow the same path where nothing is decayed.  In log-norm time ``d theta / d tau = ||theta|| g / ||g||``
with ``g = -grad log L``, so that losses far below the smallest double are reached in a few units of time.
See ``docs/theory/gradient-flow.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.data_facts.labels import CLASSIFICATION_LOSSES, Labelled
from service.core.dynamics.linear_chain import LinearChain
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import gradient_of, loss_of
from service.core.losses.logarithms import curvatures, log_loss_gradient
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, backward, flatten, forward, unflatten
from service.vocabulary import Bias, FlowTime, Loss


def time_of(setting: Setting) -> FlowTime:
    """Log-norm time for classification without decay that can go on for ever, else plain time."""
    endless = setting.problem.loss in CLASSIFICATION_LOSSES and not setting.is_decayed
    is_hopeless = setting.graph.is_linear and setting.separability.separable is False
    return FlowTime.LOG_NORM if endless and not is_hopeless else FlowTime.PLAIN


@dataclass(frozen=True)
class Rates:
    """Value and speed of the flow of a setting whose weights have the shapes of ``like``."""

    setting: Setting
    like: Snapshot

    @cached_property
    def time(self) -> FlowTime:
        """The time in which the flow is followed; see `time_of`."""
        return time_of(self.setting)

    @cached_property
    def is_chain(self) -> bool:
        """Whether the value depends on the weights through their product alone, and all of them are trained."""
        graph, network = self.setting.graph, self.setting.problem.network
        plain = graph.is_linear and not graph.skips() and network.bias is Bias.NONE
        noisy = network.input_noise_variance > 0.0 or any(layer.noise_variance > 0.0 for layer in network.layers)
        return plain and not noisy and all(layer.frozen_weights is None for layer in network.layers)

    def log_loss(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Log of the loss summed over the labelled samples, and its gradient (P,), at parameters (P,)."""
        labelled, loss = self._labelled, self.setting.problem.loss
        snapshot = unflatten(theta, self.like)
        if self.is_chain:
            chain = LinearChain(snapshot.weights)
            value, slope = log_loss_gradient(loss, labelled.x @ chain.end_to_end.T, labelled.classes)
            return value, chain.gradient(slope.T @ labelled.x)
        found = forward(self.setting.graph, snapshot, labelled.x)
        value, slope = log_loss_gradient(loss, found.prediction, labelled.classes)
        return value, flatten(backward(self.setting.graph, snapshot, found, slope))

    def objective(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Mean loss plus decay, in the core's convention, and its gradient (P,), at parameters (P,)."""
        problem, graph = self.setting.problem, self.setting.graph
        snapshot = unflatten(theta, self.like)
        if problem.loss in CLASSIFICATION_LOSSES:
            value, gradient = self.log_loss(theta)
            mean = float(np.exp(value)) / len(self._labelled.x)
            return self._with_decay(mean, mean * gradient, snapshot)
        if graph.is_linear and not graph.skips():
            parameters = DenseParameters(snapshot.weights, snapshot.biases)
            slopes = gradient_of(problem.network, problem.data, parameters)
            frozen = [row.frozen_weights is not None for row in problem.network.layers]
            weights = tuple(
                np.zeros_like(weight) if fixed else np.asarray(weight, dtype=np.float64)
                for weight, fixed in zip(slopes.weights, frozen, strict=True)
            )
            exact = Snapshot(weights, slopes.biases, self.like.skips)
            # a mean of squares, though it is computed as a difference
            return max(float(loss_of(problem.network, problem.data, parameters)), 0.0), flatten(exact)
        if problem.samples is None:
            raise ValueError("a network that is not linear needs samples")
        found = forward(graph, snapshot, problem.samples.x)
        residual = found.prediction - problem.samples.y
        n = len(residual)
        gradient = flatten(backward(graph, snapshot, found, 2.0 * residual / n))
        return self._with_decay(float(np.sum(residual * residual)) / n, gradient, snapshot)

    def log_norm_speed(self, theta: FloatArray) -> FloatArray:
        """``||theta|| g / ||g||`` (P,) with g the negative gradient of the log loss; zero where g is."""
        return self.turned(theta, self.log_loss(theta)[1])

    def turned(self, theta: FloatArray, gradient: FloatArray) -> FloatArray:
        """That speed (P,) from the gradient (P,) of the log loss."""
        length = float(np.linalg.norm(gradient))
        if length == 0.0:
            return np.zeros_like(theta)
        speed: FloatArray = (-float(np.linalg.norm(theta)) / length) * gradient
        return speed

    def log_norm_jacobian(self, theta: FloatArray) -> FloatArray:
        """Derivative (P, P) of `log_norm_speed` for a chain of matrices."""
        chain, _value, slope, curvature = self._log_loss_curvature(theta)
        hessian = chain.hessian(slope, curvature - np.outer(slope.ravel(), slope.ravel()))
        gradient = chain.gradient(slope)
        size, length = float(np.linalg.norm(theta)), float(np.linalg.norm(gradient))
        if length == 0.0 or size == 0.0:
            return np.zeros_like(hessian)
        unit = gradient / length
        turned = hessian - np.outer(unit, unit @ hessian)
        jacobian: FloatArray = (-size / length) * turned - np.outer(unit, theta / size)
        return jacobian

    def plain_jacobian(self, theta: FloatArray) -> FloatArray:
        """Derivative (P, P) of `plain_speed` for a chain of matrices."""
        problem = self.setting.problem
        if problem.loss in CLASSIFICATION_LOSSES:
            chain, value, slope, curvature = self._log_loss_curvature(theta)
            mean = float(np.exp(value)) / len(self._labelled.x)
            hessian = mean * chain.hessian(slope, curvature)
        else:
            chain, data = LinearChain(unflatten(theta, self.like).weights), problem.data
            slope = 2.0 * (chain.end_to_end @ data.xx - data.xy.T)
            hessian = chain.hessian(slope, np.kron(np.eye(data.outputs), 2.0 * data.xx).astype(np.float64))
        decays = problem.network.weight_decays
        hessian[np.diag_indices_from(hessian)] += np.concatenate(
            [np.full(weight.size, 2.0 * decay) for weight, decay in zip(self.like.weights, decays, strict=True)]
        )
        return -hessian

    def plain_speed(self, theta: FloatArray) -> FloatArray:
        """The negative gradient (P,) of the objective."""
        return -self.objective(theta)[1]

    def value(self, theta: FloatArray) -> float:
        """Log of the summed loss in log-norm time, the objective in plain time, at parameters (P,)."""
        return self.log_loss(theta)[0] if self.time is FlowTime.LOG_NORM else self.objective(theta)[0]

    @property
    def _labelled(self) -> Labelled:
        if self.setting.labelled is None:
            raise ValueError("a classification loss needs labelled samples")
        return self.setting.labelled

    def _log_loss_curvature(self, theta: FloatArray) -> tuple[LinearChain, float, FloatArray, FloatArray]:
        """A chain, log L, its slope G (k, d), and the second derivatives (k d, k d) of L over L, both by the map."""
        labelled, loss = self._labelled, self.setting.problem.loss
        chain = LinearChain(unflatten(theta, self.like).weights)
        prediction = labelled.x @ chain.end_to_end.T
        value, slope = log_loss_gradient(loss, prediction, labelled.classes)
        blocks = np.abs(slope)[:, :, np.newaxis] if loss is Loss.EXPONENTIAL else curvatures(loss, prediction, value)
        k, d = chain.end_to_end.shape
        found = np.empty((k, d, k, d))
        for row, column in np.ndindex(k, k):
            found[row, :, column] = (labelled.x * blocks[:, row, column, np.newaxis]).T @ labelled.x
        return chain, value, slope.T @ labelled.x, found.reshape(k * d, k * d)

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
        skips: list[FloatArray | None] = []
        for edge, skip in zip(network.skips, snapshot.skips, strict=True):
            value += 0.0 if skip is None else edge.weight_decay * float(np.sum(skip * skip))
            skips.append(None if skip is None else 2.0 * edge.weight_decay * skip)
        return value, gradient + flatten(Snapshot(tuple(weights), tuple(biases), tuple(skips)))
