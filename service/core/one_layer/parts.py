"""One linear layer as convex problems that know nothing of each other: one for each output, or one for all classes.

In sums over samples, ``P = sum_i l_i(W x_i + b) + decay |W|^2 + bias_decay |b|^2``; the core's objective is P over the
number of samples.  An output whose targets are missing in some samples sees the others only.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.differences import WeightedSquaredLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import two_sum
from service.core.ground.problems import Problem, Samples
from service.vocabulary import Loss

SQUARED: Final = frozenset({Loss.SQUARED, Loss.WEIGHTED_SQUARED})
KNOWN: Final = frozenset({*LOSSES, Loss.WEIGHTED_SQUARED, Loss.CROSS_ENTROPY})
"""Losses of one linear layer."""


@dataclass(frozen=True)
class LayerPart:
    """Some outputs of the layer, and the samples that they see.

    Attributes
    ----------
    x : (m, d) array
    loss : ScalarLoss or ClassShares
        Of one output, or of all.
    outputs : tuple of int
    decay : float
        Of squares of weights; 0 where they are free.
    bias_decay : float or None
        Of squares of biases; 0 where they are free, None where there are none.
    """

    x: FloatArray
    loss: ScalarLoss | ClassShares
    outputs: tuple[int, ...]
    decay: float
    bias_decay: float | None

    @property
    def has_free_bias(self) -> bool:
        """Whether the mean of the inputs does not matter."""
        return self.bias_decay == 0.0

    @cached_property
    def centre(self) -> FloatArray:
        """What is taken off the inputs (d,): about their means where a bias is free, else zero.

        Of a column that does not vary exactly its value, so that nothing is left of it.
        """
        if not self.has_free_bias:
            return np.zeros(self.x.shape[1])
        first: FloatArray = self.x[0]
        still = np.all(self.x == first, axis=0)
        return np.where(still, first, self.x.mean(axis=0))

    @cached_property
    def columns(self) -> FloatArray:
        """Inputs less that centre, and ones for a bias: (m, q)."""
        centred: FloatArray = self.x - self.centre
        if self.bias_decay is None:
            return centred
        return np.column_stack([centred, np.ones(len(self.x))])

    @cached_property
    def rests(self) -> FloatArray | None:
        """What rounding took off `columns`, exactly, (m, q); None where nothing was taken off the inputs."""
        if not self.centre.any():
            return None
        lows = two_sum(self.x, np.broadcast_to(-self.centre, self.x.shape)).low
        if not lows.any():
            return None
        return lows if self.bias_decay is None else np.column_stack([lows, np.zeros(len(self.x))])

    @cached_property
    def decays(self) -> FloatArray:
        """What the square of each coefficient costs, (q,)."""
        own = np.full(self.x.shape[1], self.decay)
        return own if self.bias_decay is None else np.append(own, self.bias_decay)


def parts_of(problem: Problem) -> tuple[LayerPart, ...]:
    """The convex problems that the outputs of a single layer fall into; the problem has samples."""
    samples = samples_of(problem)
    count, network = float(len(samples.x)), problem.network
    bias_decay = None
    if network.has_bias(0):
        bias_decay = count * (network.bias_weight_decays[0] if network.bias_weight_decays else 0.0)
    decay = count * network.layers[0].weight_decay
    if problem.loss is Loss.CROSS_ENTROPY:
        every = tuple(range(network.outputs))
        return (LayerPart(samples.x, ClassShares(samples.y), every, decay, bias_decay),)
    found = []
    for output in range(network.outputs):
        y = np.ascontiguousarray(samples.y[:, output])
        x, loss = samples.x, _loss_of(problem, y)
        if problem.loss is Loss.WEIGHTED_SQUARED and samples.weights is not None:
            seen = samples.weights[:, output] > 0.0
            x, loss = x[seen], WeightedSquaredLoss(y[seen], 2.0 * samples.weights[seen, output])
        found.append(LayerPart(x, loss, (output,), decay, bias_decay))
    return tuple(found)


def least_unit(problem: Problem) -> float | None:
    """Loss below which gaps are not relative to it: 1e-6 of that of the best constant, about; None for squared errors.

    Where a bias is free, an offset of the targets does not enter.
    """
    if problem.samples is None or problem.loss in SQUARED or problem.loss not in KNOWN:
        return None
    total, zero = 0.0, 0.0
    for part in parts_of(problem):
        loss = part.loss
        if isinstance(loss, ClassShares):
            total += loss.value(np.zeros(loss.y.shape))
            continue
        moved = part.has_free_bias and loss.centred() is not None
        middle = float(np.median(loss.y)) if moved else 0.0
        total += float(np.abs(loss.each(np.full(len(loss.y), middle))).sum())
        zero += float(np.abs(loss.each(np.zeros(len(loss.y)))).sum())
    # where all targets are equal, what rounding leaves of their own size
    return max(1e-6 * total, 1e-18 * zero) / len(problem.samples.x)


def samples_of(problem: Problem) -> Samples:
    """The samples of a problem that is known to have them."""
    if problem.samples is None:
        raise ValueError("a loss other than the squared one needs the samples")
    return problem.samples


def _loss_of(problem: Problem, y: FloatArray) -> ScalarLoss:
    if problem.loss in SQUARED:
        return WeightedSquaredLoss(y, np.full(len(y), 2.0))
    return LOSSES[problem.loss](y, samples_of(problem).loss_parameter)
