"""Samples as a network with one output sees them, in the coordinates of its quadratic form."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.vocabulary import Bias


@dataclass(frozen=True)
class Held:
    """Samples, and what decides how each enters the objective.

    Attributes
    ----------
    x : (n, d) array
    y : (n,) array
    bias : Bias
        None, of the output, or of all layers; not decayed.
    input_noise : float
        Variance of the noise on the inputs.
    summed : bool
        Whether errors are added over samples, so that the decay beside fewer samples stays what it is.
    """

    x: FloatArray
    y: FloatArray
    bias: Bias
    input_noise: float
    summed: bool


class Shown:
    """Samples in the coordinates of eigenvectors (d, d), about their means where a bias takes these off.

    Attributes
    ----------
    n : int
    weight, kept : float
        ``1/(n-1)`` and ``n/(n-1)``.
    free : bool
        Whether there is a bias of the output.
    y : (n,) array
    rows, noisy : (n, d) arrays
        What the mean prediction reads, and what the hidden noise multiplies.
    own, cross, last : (n, d) arrays
        Products of their entries.
    squares : (n, d) array
        Of the inputs as they are.
    target : (d,) array
        ``E[rows y]``.
    """

    def __init__(self, held: Held, vectors: FloatArray) -> None:
        self.held, self.vectors, self.n = held, vectors, len(held.y)
        self.weight, self.kept = 1.0 / (self.n - 1), self.n / (self.n - 1)
        self.free = held.bias is not Bias.NONE
        shift = held.x.mean(axis=0) if self.free else np.zeros(held.x.shape[1])
        self.y = held.y - held.y.mean() if self.free else held.y
        self.rows = (held.x - shift) @ vectors
        # hidden biases centre what the noise multiplies, a bias of the output alone does not
        self.noisy = held.x @ vectors if held.bias is Bias.OUTPUT else self.rows
        self.own, self.cross, self.last = self.rows**2, self.rows * self.noisy, self.noisy**2
        self.squares = held.x**2
        self.target = self.rows.T @ self.y / self.n

    def missed(self, maps: FloatArray) -> FloatArray:
        """What the mean predictions of maps (m, d) are off by; shape (m, n)."""
        found: FloatArray = maps @ self.rows.T
        found -= self.y
        return found

    def losses(self, maps: FloatArray, noise: FloatArray, missed: FloatArray) -> FloatArray:
        """Loss of each sample at maps (m, d) that are off by ``missed`` (m, n), with C - 1 (m,); shape (m, n)."""
        losses: FloatArray = missed * missed
        if noise.any():
            losses += noise[:, None] * (maps @ self.noisy.T) ** 2
        if self.held.input_noise:
            added = self.held.input_noise * (1.0 + noise)
            losses += added[:, None] * ((maps @ self.vectors.T) ** 2 @ self.squares.T)
        return losses
