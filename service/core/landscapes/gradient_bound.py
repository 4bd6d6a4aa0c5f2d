"""What rounding can have done to the gradient of a linear network at a point.

Gradient entries are polynomials in weights and moments.  A sum of products whose longest path has m roundings is off
by at most ``gamma_m = m u / (1 - m u)`` times the same sum of absolute values (Higham 2002, section 3.1), whatever the
order of the operations, so the recursion is run once more on absolute values.  See ``docs/theory/diagnosis.md``.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from service.core.arrays import BoolArray, FloatArray
from service.core.linalg import EPSILON
from service.core.losses import DenseParameters, decay_of, flatten, unflatten
from service.core.problems import Network, Problem

UNIT = EPSILON / 2.0
"""Unit roundoff of double precision."""

POWER_STEPS = 12

State: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""Second moment, moment with the target and mean of what enters a layer, all of absolute values."""


@dataclass(frozen=True, slots=True)
class GradientBound:
    """The moment recursion of `service.core.losses` with every sign positive.

    Attributes
    ----------
    network : Network
    xx, xy : (d, d) and (d, k) arrays
        At least the sums of absolute values behind the moments.
    x_mean, y_mean : (d,) and (k,) arrays
    yy : float
    roundings : int
        Most roundings on a path from data and weights to an entry of the gradient.

    Notes
    -----
    All sizes that methods take are not negative.  As polynomials without negative coefficients the results are convex
    and increasing in them, so that difference quotients bound derivatives from above.
    """

    network: Network
    xx: FloatArray
    xy: FloatArray
    x_mean: FloatArray
    y_mean: FloatArray
    yy: float
    roundings: int

    @classmethod
    def of(cls, problem: Problem) -> "GradientBound":
        """Of given moments the entries count; of samples what bounds their sums, by Cauchy and Schwarz.

        Notes
        -----
        A layer costs two products of its matrix forwards, two backwards, and no more than ten roundings by noise,
        biases and decay.  Sums over n samples cost n more.
        """
        moments, network = problem.data, problem.network
        widths = moments.inputs + sum(layer.width for layer in network.layers)
        roundings = 2 * widths + 10 * (network.n_layers + 1)
        if problem.samples is not None:
            x = np.sqrt(np.mean(problem.samples.x**2, axis=0))
            y = np.sqrt(np.mean(problem.samples.y**2, axis=0))
            counted = roundings + len(problem.samples.x) + 3
            return cls(network, np.outer(x, x), np.outer(x, y), x, y, moments.yy, counted)
        x_mean = np.zeros(moments.inputs) if moments.x_mean is None else np.abs(moments.x_mean)
        y_mean = np.zeros(moments.outputs) if moments.y_mean is None else np.abs(moments.y_mean)
        return cls(network, np.abs(moments.xx), np.abs(moments.xy), x_mean, y_mean, abs(moments.yy), roundings)

    @property
    def share(self) -> float:
        """``gamma_m``: what rounding can change, as a share of the absolute values."""
        return self.roundings * UNIT / (1.0 - self.roundings * UNIT)

    def loss(self, sizes: DenseParameters) -> float:
        """Sum of the absolute values of all terms of the loss."""
        second, target, _ = self._states(sizes)[-1]
        return float(np.trace(second)) + 2.0 * float(np.trace(target)) + self.yy + float(decay_of(self.network, sizes))

    def gradient(self, sizes: DenseParameters) -> FloatArray:
        """Sum of the absolute values of all terms of every entry of the gradient, shape (P,)."""
        network, states = self.network, self._states(sizes)
        outputs = network.outputs
        by_second, by_target, by_mean = np.eye(outputs), 2.0 * np.eye(outputs), np.zeros(outputs)
        weights: list[FloatArray] = []
        biases: list[FloatArray | None] = []
        for index in range(network.n_layers - 1, -1, -1):
            layer, weight, bias = network.layers[index], sizes.weights[index], sizes.biases[index]
            second, target, mean = states[index]
            inner = _noisy(by_second, layer.noise_variance)
            pushed = by_mean if bias is None else by_mean + 2.0 * inner @ bias
            own = 2.0 * inner @ weight @ second + by_target @ target.T + np.outer(pushed, mean)
            weights.append(own + 2.0 * layer.weight_decay * weight)
            biases.append(None)
            if bias is not None:
                decay = network.bias_weight_decays[index] if network.bias_weight_decays else 0.0
                biases[-1] = 2.0 * inner @ (weight @ mean) + pushed + by_target @ self.y_mean + 2.0 * decay * bias
            by_second, by_target, by_mean = weight.T @ inner @ weight, weight.T @ by_target, weight.T @ pushed
        found: FloatArray = flatten(DenseParameters(tuple(reversed(weights)), tuple(reversed(biases))))
        return found

    def spread(self, sizes: DenseParameters, moves: DenseParameters, scale: float = 1.0) -> FloatArray:
        """Bound on what moving every weight by up to ``moves`` changes in each entry of the gradient, shape (P,).

        Parameters
        ----------
        sizes, moves : DenseParameters
        scale : float
            A larger step of which the share is taken, so that the difference is not lost in rounding.
        """
        before = self.gradient(sizes)
        after = self.gradient(unflatten(flatten(sizes) + scale * flatten(moves), sizes))
        spread: FloatArray = (np.maximum(after - before, 0.0) + self.share * (after + before)) / scale
        return spread

    def hessian(self, sizes: DenseParameters, trained: BoolArray) -> float:
        """Upper bound on the norm of the Hessian of what is trained, all its terms taken positive.

        Notes
        -----
        By Collatz and Wielandt the largest eigenvalue of a symmetric matrix ``B >= 0`` is at most ``max (B v)_i / v_i``
        for every ``v > 0``; power steps bring v near the eigenvector.
        """
        largest = float(flatten(sizes).max(initial=0.0))
        step = 1e-6 * largest if largest > 0.0 else 1e-30
        vector = np.where(trained, 1.0, 0.0)
        best = np.inf
        for _ in range(POWER_STEPS):
            moved = np.where(trained, self.spread(sizes, unflatten(step * vector, sizes)) / step, 0.0)
            size = float(moved.max(initial=0.0))
            if size == 0.0:
                return 0.0
            best = min(best, float(np.max(moved[trained] / vector[trained])))
            # a share of the old vector keeps every entry positive
            vector = np.where(trained, moved / size + 1e-3 * vector, 0.0)
        return best

    def _states(self, sizes: DenseParameters) -> list[State]:
        second, target, mean = _noisy(self.xx, self.network.input_noise_variance), self.xy, self.x_mean
        states = [(second, target, mean)]
        for layer, weight, bias in zip(self.network.layers, sizes.weights, sizes.biases, strict=True):
            second, target, mean = weight @ second @ weight.T, weight @ target, weight @ mean
            if bias is not None:
                cross = np.outer(mean, bias)
                second = second + cross + cross.T + np.outer(bias, bias)
                target = target + np.outer(bias, self.y_mean)
                mean = mean + bias
            second = _noisy(second, layer.noise_variance)
            states.append((second, target, mean))
        return states


def sizes_of(parameters: DenseParameters) -> DenseParameters:
    """Absolute values of all weights and biases."""
    return DenseParameters(
        tuple(np.abs(weight) for weight in parameters.weights),
        tuple(None if bias is None else np.abs(bias) for bias in parameters.biases),
    )


def _noisy(second: FloatArray, variance: float) -> FloatArray:
    return second + variance * np.diag(second.diagonal()) if variance else second
