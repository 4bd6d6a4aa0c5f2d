"""Which samples each fold leaves out, and the problem that is left."""

from dataclasses import dataclass, replace

import numpy as np

from service.core.asked.sweeps.axes import Axis
from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.factor import factor_of_samples
from service.core.ground.problems import Network, Problem
from service.vocabulary import SweepParameter


@dataclass(frozen=True, slots=True)
class Split:
    """What one fold trains on, and what it leaves out.

    Attributes
    ----------
    train, held_out : Moments
    """

    train: Moments
    held_out: Moments


def split_of_samples(x: FloatArray, y: FloatArray, out: IntArray) -> Split:
    """Moments without the samples ``out`` (m,) of x (n, d) and y (n, k), and of these alone; nothing is subtracted.

    Each from its own rows, O(n (d + k)^2).
    """
    left = np.ones(len(x), dtype=np.bool_)
    left[out] = False
    train, held_out = factor_of_samples(x[left], y[left]), factor_of_samples(x[out], y[out])
    return Split(moments_of_factor(train), moments_of_factor(held_out))


def trained_on(problem: Problem, axis: Axis, split: Split, *, summed: bool) -> tuple[Problem, Axis]:
    """The problem of a fold, whose held-out samples are what each solution is evaluated on, and its axis.

    Where errors are added over samples (``summed``), the same decay weighs more per sample beside fewer of them.
    """
    left, out = split.train.n or 0, split.held_out.n or 0
    factor = (left + out) / left if summed and left else 1.0
    if axis.parameter is SweepParameter.WEIGHT_DECAY:
        axis = replace(axis, values=axis.values * factor)
    problem = replace(
        problem,
        network=_decayed(problem.network, factor),
        moments=split.train,
        samples=None,
        evaluation=split.held_out,
    )
    return problem, axis


def _decayed(network: Network, factor: float) -> Network:
    if factor == 1.0:
        return network
    return replace(
        network,
        layers=tuple(replace(layer, weight_decay=layer.weight_decay * factor) for layer in network.layers),
        bias_weight_decays=tuple(decay * factor for decay in network.bias_weight_decays),
    )
