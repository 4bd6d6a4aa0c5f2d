"""Iterative refinement of a one-output map on hard data: slopes in twice the working precision, steps in double."""

from collections.abc import Callable
from math import exp
from typing import Final

import numpy as np

from service.core.ground.as_sent import expected_source
from service.core.ground.enclosures.sources import Source
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.problems import Problem
from service.core.one_output.reduced import ReducedProblem, centres_the_mean, noise_changes_form

STEPS: Final = 6
LEAST_DEFINITE: Final = 1e-3
"""Share of the curvature along the map that the change of the ridge must leave."""
SMALL_STEP: Final = 0.5
"""A step longer than this share of the map is not a refinement: the map is kept."""


def beats_zero(problem: Problem, reduced: ReducedProblem, end_to_end_map: FloatArray, decay: float) -> bool:
    """Whether a map (d,) with its decay costs less than the zero map, by the data themselves where these are hard.

    Moments to which rounding has left no data may say of a map that it fits while it does not.
    """
    if reduced.spectrum.residual is None:
        return True
    source, row, low = _source(problem, reduced), end_to_end_map[None, :], np.zeros((1, end_to_end_map.size))
    local = source.near(row, low, precise=False)
    if local.value + local.value_error + decay < reduced.variance:
        return True
    local = source.near(row, low, precise=True)
    return local.value + decay <= reduced.variance + local.value_error


def _source(problem: Problem, reduced: ReducedProblem) -> Source:
    """Squared error with what noise adds to it."""
    centre = centres_the_mean(problem.network, problem.data)
    hidden = float(np.expm1(reduced.log_noise_factor))
    of_covariance = centre and not noise_changes_form(problem.network, problem.data)
    return expected_source(problem, centre, hidden, of_covariance)


def refined(
    problem: Problem, reduced: ReducedProblem, end_to_end_map: FloatArray, ridge_of: Callable[[float], float]
) -> FloatArray:
    """A map (d,) nearer to where ``slope = ridge w``, where eigenpairs of the data alone leave digits to gain.

    Parameters
    ----------
    problem : Problem
    reduced : ReducedProblem
    end_to_end_map : (d,) array
    ridge_of : callable
        Effective ridge at a norm of the map.

    Notes
    -----
    Only for data whose eigenpairs come from a root; others are returned as they are.  Newton's method: the ridge
    ``G ||w||^(q-2)`` changes along the map itself.  O(d^2) and a pass over the data a step.
    """
    spectrum = reduced.spectrum
    if spectrum.plain:
        return end_to_end_map
    source = _source(problem, reduced)
    values = spectrum.values * exp(reduced.log_factor)
    found, last = end_to_end_map, np.inf
    for _ in range(STEPS):
        ridge = ridge_of(length_of(found))
        curvature = values + ridge
        local = source.near(found[None, :], np.zeros((1, found.size)), precise=True)
        left = (local.slope[0] - ridge * found) @ spectrum.vectors
        moved = _newton(left, curvature, found @ spectrum.vectors, (reduced.power - 2.0) * ridge)
        size = float(np.sqrt(np.sum(moved * moved * curvature)))
        step = spectrum.vectors @ moved
        if size >= 0.5 * last or length_of(step) > SMALL_STEP * max(length_of(found), 1e-300):
            break
        found, last = found + step, size
    return found


def _newton(left: FloatArray, curvature: FloatArray, along: FloatArray, bend: float) -> FloatArray:
    """Solution z (d,) of ``(diag(curvature) + bend a a' / ||a||^2) z = left``; bend is zero where there is none.

    Notes
    -----
    Sherman-Morrison; ``bend`` is negative, and the matrix positive definite near a minimum.
    """
    moved = np.divide(left, curvature, out=np.zeros_like(left), where=curvature > 0.0)
    size = length_of(along)
    if bend == 0.0 or size == 0.0:
        return moved
    unit = along / size
    pulled = np.divide(unit, curvature, out=np.zeros_like(unit), where=curvature > 0.0)
    definite = 1.0 + bend * float(unit @ pulled)
    if definite <= LEAST_DEFINITE:
        return moved
    return moved - pulled * (bend * float(unit @ moved) / definite)
