"""Second moments of wide noisy layers as a root and a diagonal: no array of a width times a width.

The covariance of a layer is ``R' R + diag(v)``: R has as many rows as inputs and neurons of narrower layers, v is what
noise on this layer adds.  What the loss says of it, going backwards, has the same form.  See
``docs/theory/second-moments.md``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network
from service.core.losses.dense import DenseParameters

WIDE: Final = 256
"""Width of a hidden layer from which moments are kept in this form."""


@dataclass(frozen=True, slots=True)
class Rooted:
    """The matrix ``root' root + diag(beside)`` for a root (m, width) and a diagonal (width,) that is not negative."""

    root: FloatArray
    beside: FloatArray

    @property
    def diagonal(self) -> FloatArray:
        """The diagonal (width,)."""
        squares: FloatArray = np.einsum("ij,ij->j", self.root, self.root)
        return squares + self.beside

    def with_noise(self, squares: FloatArray, variance: float) -> "Rooted":
        """With ``variance`` times squares (width,) on the diagonal."""
        return self if variance == 0.0 else Rooted(self.root, self.beside + variance * squares)

    def through(self, weight: FloatArray) -> "Rooted":
        """``W M W'`` for a weight (p, width)."""
        rows = [self.root @ weight.T]
        if self.beside.any():
            rows.append((weight * np.sqrt(self.beside)).T)
        root = np.concatenate(rows)
        if len(root) > root.shape[1]:
            root = np.asarray(np.linalg.qr(root, mode="r"), dtype=np.float64)
        return Rooted(root, np.zeros(len(weight)))

    def times(self, rows: FloatArray) -> FloatArray:
        """``rows M`` for rows (p, width)."""
        product: FloatArray = (rows @ self.root.T) @ self.root + rows * self.beside
        return product


def is_wide(network: Network, parameters: DenseParameters) -> bool:
    """Whether moments of hidden layers would be large arrays; complex parameters keep the plain recursion."""
    if max((len(weight) for weight in parameters.weights[:-1]), default=0) < WIDE:
        return False
    return bool(np.any(network.noise_variances)) and not any(np.iscomplexobj(each) for each in parameters.weights)


def wide_states(
    network: Network, root: FloatArray, mean: FloatArray, parameters: DenseParameters
) -> list[tuple[Rooted, FloatArray]]:
    """Covariance and mean of what enters each layer and leaves the last, from a root (m, d) and a mean (d,)."""
    seen = Rooted(root, np.zeros(len(mean)))
    states = [(seen.with_noise(seen.diagonal + mean * mean, network.input_noise_variance), mean)]
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        before, mean = states[-1]
        after = before.through(weight)
        mean = weight @ mean + (0.0 if bias is None else bias)
        states.append((after.with_noise(after.diagonal + mean * mean, layer.noise_variance), mean))
    return states


def wide_gradient(
    network: Network,
    root: FloatArray,
    target: FloatArray,
    mean: FloatArray,
    target_mean: FloatArray,
    parameters: DenseParameters,
) -> DenseParameters:
    """Gradient of the exact expected loss.

    Parameters
    ----------
    network : Network
    root : (m, d) array
        Its product with itself is the covariance of the inputs.
    target : (d, k) array
    mean, target_mean : (d,) and (k,) arrays
    parameters : DenseParameters

    Notes
    -----
    O(sum_l d_l d_{l-1} min(d_l, d_{l-1})) operations.
    """
    states = wide_states(network, root, mean, parameters)
    outputs = len(target_mean)
    targets = [target]
    for weight in parameters.weights:
        targets.append(weight @ targets[-1])
    above = Rooted(np.eye(outputs), np.zeros(outputs))
    back, pushed = -2.0 * np.eye(outputs), 2.0 * (states[-1][1] - target_mean)
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    weights: list[FloatArray] = []
    biases: list[FloatArray | None] = []
    for index in range(network.n_layers - 1, -1, -1):
        layer, weight, bias = network.layers[index], parameters.weights[index], parameters.biases[index]
        squares = above.diagonal
        inner = above.with_noise(squares, layer.noise_variance)
        pushed = pushed + 2.0 * layer.noise_variance * squares * states[index + 1][1]
        before, centre = states[index]
        carried = inner.root.T @ (inner.root @ weight) + inner.beside[:, None] * weight
        slope = 2.0 * before.times(carried) + back @ targets[index].T + np.outer(pushed, centre)
        weights.append(slope + 2.0 * layer.weight_decay * weight)
        biases.append(None if bias is None else pushed + 2.0 * decays[index] * bias)
        above, back, pushed = inner.through(weight.T), weight.T @ back, weight.T @ pushed
    return DenseParameters(tuple(reversed(weights)), tuple(reversed(biases)))


def wide_noise(network: Network, root: FloatArray, mean: FloatArray, parameters: DenseParameters) -> float:
    """Variance that noise gives the prediction: rows (m, d) of the data and those of noise are carried apart.

    Notes
    -----
    A sum of squares, so that nothing cancels.
    """
    rows, variance = root, network.input_noise_variance
    noise = Rooted(np.zeros((0, len(mean))), variance * (np.einsum("ij,ij->j", rows, rows) + mean * mean))
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        rows, mean = rows @ weight.T, weight @ mean + (0.0 if bias is None else bias)
        noise = noise.through(weight)
        squares = np.einsum("ij,ij->j", rows, rows) + mean * mean + noise.diagonal
        noise = noise.with_noise(squares, layer.noise_variance)
    return float(np.sum(noise.diagonal))
