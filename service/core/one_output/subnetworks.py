"""Stationary points of narrower networks that sit inside a network with noise.

Silencing neurons of a noisy layer leaves a stationary point with the larger C of the narrower network; it is
a strict saddle, because an active neuron can be split with a silent one at second-order profit.  Proof:
``docs/theory/subnetworks.md``.
"""

from collections.abc import Iterator
from itertools import product
from math import comb, log10

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.results import StationaryPoint
from service.core.one_output.branches import Branches, parameter_norm
from service.core.one_output.reduced import reduce
from service.vocabulary import Evidence, PointClass, PointKind


def subnetwork_points(problem: Problem, most_levels: int) -> tuple[StationaryPoint, ...]:
    """Sub-network stationary points by level, the widest sub-networks first.

    Parameters
    ----------
    problem : Problem
        One output; without positive decays there are continua, and nothing is listed.
    most_levels : int
        Levels (choices of active widths) to list at most.

    Returns
    -------
    tuple of StationaryPoint
        Each stands for ``copies`` choices of neurons; its label gives the active widths.
    """
    points: list[StationaryPoint] = []
    if not problem.network.n_hidden or not all(layer.weight_decay for layer in problem.network.layers):
        return ()
    for count, active in enumerate(_levels(problem)):
        if count == most_levels:
            break
        points.extend(_points_of(problem, active))
    return tuple(points)


def _choices(problem: Problem) -> list[range]:
    """Active widths of each hidden layer; silent neurons of a noiseless layer change nothing."""
    layers = problem.network.layers[:-1]
    return [range(layer.width, 0 if layer.noise_variance > 0.0 else layer.width - 1, -1) for layer in layers]


def _levels(problem: Problem) -> Iterator[tuple[int, ...]]:
    levels = product(*_choices(problem))
    next(levels)
    return levels


def _points_of(problem: Problem, active: tuple[int, ...]) -> Iterator[StationaryPoint]:
    network = problem.network
    widths = np.array(active, dtype=float)
    reduced = reduce(network, problem.data, float(np.sum(np.log1p(network.noise_variances / widths))))
    log_copies = sum(log10(comb(layer.width, m)) for layer, m in zip(network.layers, active, strict=False))
    label = {"active_widths": list(active), "log10_copies": log_copies}
    for branch in Branches(reduced).all:
        yield StationaryPoint(
            kind=PointKind.SUBNETWORK,
            loss=reduced.variance - branch.gain,
            point_class=PointClass.STRICT_SADDLE,
            evidence=Evidence.PROVED,
            norm=float(np.exp(branch.log_norm)),
            parameter_norm=parameter_norm(branch.log_norm, reduced.log_decay, network.weight_decays, reduced.power),
            label=label,
        )
