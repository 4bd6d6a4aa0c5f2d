"""The frame bound, one rank at a time where it does not close for all ranks at once.

Where maps of two ranks cost nearly the same, one matrix would have to be tight for both; apart, each has its own.
Proof: ``docs/theory/deep-bounds.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.several_outputs.concave_penalty.frame import exact_rank_bound, frame_bound
from service.core.several_outputs.concave_penalty.guided import guided
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.reweighted import stationary


def branched_bound(objective: Penalised, end_map: FloatArray, slack: float, goal: float) -> float:
    """Lower bound of the objective at every map.

    Parameters
    ----------
    objective : Penalised
    end_map : (k, rho) array
        The best map that is known.
    slack : float
        What each bound may lose; positive.
    goal : float
        A bound that suffices.

    Notes
    -----
    The frame bound of all ranks; if that is below the goal, the least of: that of the ranks below the map's, and one
    for each rank from the map's on, from a stationary map of exactly that rank.  At most ``cap`` searches; none, and no
    bound, once the caller wants no more.
    """
    if should_stop():
        return -np.inf
    whole = frame_bound(objective, end_map, slack)
    if whole.value >= goal or whole.violated is None or objective.power == 1.0 or should_stop():
        return whole.value
    rank = int(np.linalg.matrix_rank(end_map, tol=1e-10 * float(np.linalg.norm(end_map)))) if np.any(end_map) else 0
    least = objective.quadratic.total
    for lanes in range(max(rank, 1), objective.cap + 1):
        if should_stop():
            return whole.value
        point = end_map if lanes == rank else stationary(objective, lanes)
        if point is None:
            return whole.value
        least = min(least, exact_rank_bound(objective, point, slack))
        if least <= whole.value:
            return whole.value
    if rank > 1:
        below = replace(objective, cap=rank - 1)
        best, _ = guided(below, objective.quadratic.target / objective.quadratic.scales)
        least = min(least, branched_bound(below, best, slack, goal))
    return max(whole.value, least)
