"""All kinds of critical points of a decayed deep linear network on whitened inputs, each with its class.

With ``E[x x'] = c I``, ``lam_l = g_l / c`` and ``y_i`` the singular values of ``E[y x'] / c``, a critical point has
``W_l = diag(s) / sqrt(lam_l)`` in singular directions, each ``s_i`` zero or a root of
``s^(2L-1) - sqrt(lam) y_i s^(L-1) + lam s = 0``: the lanes of `Shrinkage`.
"""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.losses.dense import DenseParameters
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.vocabulary import PointClass

_MOST_POINTS = 12
_NEAR = 1e-6
"""Relative distance of a singular value from the threshold, or from another one, below which no class is claimed."""


def enumerated(problem: Problem) -> Construction | None:
    """Leading directions at the larger root, one at the smaller root, and one direction left out."""
    moments, network = problem.data, problem.network
    scale = float(np.trace(moments.xx)) / moments.inputs
    left, values, right = np.linalg.svd(moments.xy.T / scale, full_matrices=False)
    rates = network.weight_decays / scale
    layers, shrinkage = network.n_layers, Shrinkage.of(rates)
    through = min(moments.inputs, *(layer.width for layer in network.layers))
    roots = [tuple(root.lane for root in shrinkage.roots(float(value))) for value in values]
    active = sum(1 for pair in roots if pair)
    used = min(active, through)
    gaps = np.abs(np.diff(values[: used + 1])) if used else np.array([np.inf])
    if used == 0 or gaps.min(initial=np.inf) < _NEAR * values[0] or _at_threshold(values, shrinkage):
        return None
    several = layers >= 3
    chosen: list[tuple[list[float], PointClass]] = []
    for count in range(used + 1):
        kept = [pair[-1] for pair in roots[:count]]
        is_minimum = several or count == used
        chosen.append((kept, PointClass.LOCAL_MINIMUM if is_minimum else PointClass.STRICT_SADDLE))
    for count in range(used if several else 0):
        kept = [pair[-1] for pair in roots[:count]]
        chosen.append(([*kept, roots[count][0]], PointClass.STRICT_SADDLE))
    if active >= 2:
        # the second direction instead of the first; its place in the layers does not matter
        chosen.append(([0.0, roots[1][-1]], PointClass.STRICT_SADDLE))
    chosen = chosen[:_MOST_POINTS]
    points = tuple(_point(problem, left, right, rates, sizes) for sizes, _ in chosen)
    title = "critical points of the whitened problem, with their classes"
    classes = tuple(kind for _, kind in chosen)
    return Construction("W10", title, "R15", WitnessClaim.CLASSIFIED_POINTS, points[0], None, points, classes)


def _at_threshold(values: FloatArray, shrinkage: Shrinkage) -> bool:
    start = shrinkage.existence_threshold
    return bool(np.any(np.abs(values - start) < _NEAR * start))


def _point(
    problem: Problem, left: FloatArray, right: FloatArray, rates: FloatArray, sizes: list[float]
) -> DenseParameters:
    """``W_l = diag(s) / sqrt(lam_l)``, the first and the last turned into the singular directions."""
    weights = [np.zeros(shape) for shape in shapes_of(problem.network, problem.data.inputs)]
    nonzero = [(direction, size) for direction, size in enumerate(sizes) if size > 0.0]
    for slot, (direction, size) in enumerate(nonzero):
        for weight, rate in zip(weights[1:-1], rates[1:-1], strict=True):
            weight[slot, slot] = size / np.sqrt(rate)
        weights[0][slot] = size / np.sqrt(rates[0]) * right[direction]
        weights[-1][:, slot] = size / np.sqrt(rates[-1]) * left[:, direction]
    return DenseParameters.without_biases(weights)
