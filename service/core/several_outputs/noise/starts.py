"""Weights to descend from under noise: one balanced network for each number of lanes.

Under decay on three or more layers, and under noise in any, networks of different rank are local minima of their own;
a search that starts from random weights alone reaches those that attract most.  See ``docs/theory/dropout.md``.
"""

from collections.abc import Iterator

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, Problem
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.reweighted import stationary
from service.core.several_outputs.noise.water_filling import effective_noise, fill, noisy_layers
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.core.several_outputs.weights.equalised import equal_loads
from service.core.several_outputs.weights.layers import lanes

MOST_RANKS = 6


def balanced_starts(problem: Problem, quadratic: Quadratic) -> Iterator[list[FloatArray]]:
    """All layers (width, inputs), the first in the basis of the inputs, with equal loads in every noisy layer.

    Parameters
    ----------
    problem : Problem
        With noise, and decay on all layers or on none.
    quadratic : Quadratic

    Notes
    -----
    One network for each of at most `MOST_RANKS` ranks, from the least to the largest that the widths allow.  Its map is
    stationary for the loss in which noise is replaced by its tangent; where there are fewer lanes to have, none is
    given.
    """
    cap = rank_bound(problem, quadratic)
    for rank in np.unique(np.linspace(1, cap, min(cap, MOST_RANKS)).astype(int)):
        end_map = _map_of_rank(problem, quadratic, int(rank))
        if end_map is not None:
            yield _balanced(problem.network, end_map, int(rank))


def _map_of_rank(problem: Problem, quadratic: Quadratic, rank: int) -> FloatArray | None:
    decays, noise = problem.network.weight_decays, effective_noise(problem.network)
    left, values, right = quadratic.svd
    level = fill(values, noise, 0.0, rank)
    if np.all(decays > 0.0):
        tangent = 2.0 * noise * level.total * quadratic.least_scale
        return stationary(Penalised.of(quadratic, decays, rank, tangent), rank)
    if level.kept < rank:
        return None
    end_map: FloatArray = (left[:, :rank] * (values[:rank] - level.amount)) @ (
        right[:, :rank] / quadratic.scales[:, None]
    ).T
    return end_map


def _balanced(network: Network, end_map: FloatArray, rank: int) -> list[FloatArray]:
    """Layers of a map (k, rho) of the given rank that decay weighs equally, one lane a singular value."""
    left, values, right = (part[..., :rank] for part in _svd(end_map))
    decays, layers = network.weight_decays, network.n_layers
    shares = values ** (1.0 / layers)
    factors = np.ones(layers)
    if np.all(decays > 0.0):
        factors = np.exp(0.5 * (np.mean(np.log(decays)) - np.log(decays)))
    noisy = noisy_layers(network)
    hidden = [
        equal_loads(values, width).T if index in noisy else lanes(width, rank)
        for index, width in enumerate(network.hidden_widths)
    ]
    sides = [right, *hidden, left]
    return [
        (after * (factor * shares)) @ before.T for before, after, factor in zip(sides, sides[1:], factors, strict=False)
    ]


def _svd(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left, values, right.T
