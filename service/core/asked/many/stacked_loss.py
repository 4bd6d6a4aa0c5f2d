"""Exact losses of balanced weights for many one-output problems at once, by the second-moment recursion.

As `service.core.losses.chain`, without biases: hidden layers of equal entries act like one neuron with noise
``s/d``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.asked.many.stack import Stack
from service.core.ground.numbers.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class StackedLosses:
    """Losses of explicit weights, split, each of shape (m,); ``parameter_norm`` is that of all weights."""

    fit: FloatArray
    noise: FloatArray
    decay: FloatArray
    norm: FloatArray
    parameter_norm: FloatArray

    @property
    def loss(self) -> FloatArray:
        """Sum of the three terms, shape (m,)."""
        return self.fit + self.noise + self.decay


def balanced_losses(stack: Stack, maps: FloatArray) -> StackedLosses:
    """Losses of rank-one layers of norms ``sqrt(G ||w||^q / g_l)`` with product ``maps`` (m, d).

    Notes
    -----
    O(m (d^2 + D)).
    """
    norm = np.sqrt(np.vecdot(maps, maps))
    decayed = np.log(stack.decays)
    with np.errstate(divide="ignore"):
        share = np.log(norm) / (stack.n_hidden + 1)
    sizes = np.exp(share[:, None] + 0.5 * (decayed.mean(axis=1, keepdims=True) - decayed))
    # the product of many rounded norms is off by a little: the first layer takes it up, and pays for it
    sizes[:, 0] = np.divide(norm, np.prod(sizes[:, 1:], axis=1), out=np.zeros_like(norm), where=norm > 0.0)
    unit = np.divide(maps, norm[:, None], out=np.zeros_like(maps), where=norm[:, None] > 0.0)
    first = unit * sizes[:, :1]
    mean_square = np.vecdot((stack.xx @ first[:, :, None])[:, :, 0], first)
    target, added = np.vecdot(first, stack.xy), np.zeros_like(norm)
    for layer in range(stack.n_hidden):
        added = added + stack.noise[:, layer] * (mean_square + added)
        square = sizes[:, layer + 1] ** 2
        mean_square, added, target = square * mean_square, square * added, sizes[:, layer + 1] * target
    squares = sizes * sizes
    return StackedLosses(
        fit=mean_square - 2.0 * target + stack.variance,
        noise=added,
        decay=np.vecdot(stack.decays, squares),
        norm=norm,
        parameter_norm=np.sqrt(squares.sum(axis=1)),
    )
