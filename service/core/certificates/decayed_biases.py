"""Bounds of a network whose biases decay, on data that are not centred: those of the plain network it amounts to.

Proof: ``docs/theory/decayed-biases.md``.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from service.core.bounds.deep import decay_bound
from service.core.bounds.duality import two_layer_bound
from service.core.bounds.linear_checks import certificate
from service.core.bounds.norm_below import LowerBound, lower_bound
from service.core.bounds.quadratic_below import Below, problem_below
from service.core.bounds.separable import undecayed_bound
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, GlobalMinimum, Solution
from service.core.several_outputs.decayed_biases import (
    constant_is_free,
    with_free_biases,
    without_biases,
)

AMOUNTS: Final = "that of the plain network that the biases amount to, less what rounding did to its data"
DROPPED: Final = "the decay of the biases is dropped, which lowers the loss: the bound of free ones"
CLOSED: Final = 1e-9


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a network with decayed biases, from its weights; from the map where there are none."""
    if constant_is_free(problem.network):
        return certificate(with_free_biases(problem), solution, _best, DROPPED, quick=False)
    seen = without_biases(problem)
    if not seen.complete:
        return certificate(problem, solution, _best, DROPPED, quick=False)
    minimum = solution.minimum
    inner = seen.plain_map(minimum)
    values = np.asarray(np.linalg.svd(inner, compute_uv=False), dtype=np.float64)
    claimed = replace(minimum, end_to_end_map=inner, singular_values=values)
    if not minimum.attained:
        plain = certificate(
            seen.plain, replace(solution, minimum=replace(claimed, parameters=None)), _best, AMOUNTS, quick=False
        )
        limit = seen.limit(minimum, plain.upper_bound)
        lost = seen.lost(plain.upper_bound, limit)
        lower, upper = max(plain.lower_bound - lost, 0.0), plain.upper_bound + lost
        gap = (upper - lower) / problem.unit(upper)
        return replace(plain, lower_bound=lower, upper_bound=upper, relative_gap=gap, norm_limit=limit, terms=None)

    def bound(below: Below) -> LowerBound:
        # the unit is no smaller than the enclosed loss of the weights
        upper = (1.0 + 1e-9) * below.unit
        limit = seen.limit(minimum, upper)
        best = -np.inf
        for precise in (False, True):
            best = max(best, _plain_bound(seen.plain, claimed, upper, below.unit, precise))
            if below.claimed.loss - best <= CLOSED * below.unit:
                break
        lost = seen.lost(upper, limit)
        return LowerBound(best - lost, lost, limit)

    return certificate(problem, solution, bound, AMOUNTS, quick=False)


def _plain_bound(plain: Problem, claimed: GlobalMinimum, upper: float, unit: float, precise: bool) -> float:
    """Bound of a network without biases and noise on hidden layers, looked at from a map."""
    if plain.network.outputs == 1:
        return lower_bound(plain, claimed.end_to_end_map[0], upper, unit, precise).value
    return _best(problem_below(plain, claimed, upper, unit, precise))


def _best(below: Below) -> float:
    """The bound for the decays that there are."""
    decays = below.problem.network.weight_decays
    if decays.size == 1 and decays[0] > 0.0:
        return -np.inf if below.expansion is None else below.expansion.ridge_minimum(float(decays[0]))
    if not np.all(decays > 0.0):
        return undecayed_bound(below)
    if decays.size == 2:
        return two_layer_bound(below)
    return max(decay_bound(below, 0.0), undecayed_bound(below))
