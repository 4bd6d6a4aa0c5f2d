"""Lower bound under hidden noise and a free output bias, where error and noise see different second moments.

Proof: ``docs/theory/dropout.md``, with the rounding of ``docs/theory/enclosures.md``.
"""

import numpy as np

from service.core.bounds.duality import cut_to_ball, sign_point
from service.core.bounds.linear_checks import certificate
from service.core.bounds.quadratic_below import Below
from service.core.bounds.separable import undecayed_bound
from service.core.ground.as_sent import LEAST, prediction_source, without_targets
from service.core.ground.enclosures.combined import Combined, Part
from service.core.ground.enclosures.directions import curvature_along
from service.core.ground.enclosures.rows import on_each_input
from service.core.ground.enclosures.sources import UNIT, Source, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.several_outputs.noise.uncentred import noise_coordinates
from service.core.several_outputs.squared_error.quadratic import seen_spectrum

TANGENT_DUAL = "the squared nuclear norm bounded by its tangent, then signs of the map as a dual point"


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate under hidden noise and an output bias; the squared norm is bounded by its tangent at the map."""
    return certificate(problem, solution, _bound, TANGENT_DUAL, quick=False)


def _bound(below: Below) -> float:
    """Convex duality: the slope at the map, cut to the ball that is dual to the nuclear norm where inputs are white.

    Notes
    -----
    With ``Z Z' = E[x x']`` about zero the noise costs ``nu ||W Z||_*^2 >= 2 nu t <W, M> - nu t^2`` for all t and every
    M with ``||M Z'^-1||_2 <= 1``.  What is left is a quadratic.
    """
    coordinates, expansion = noise_coordinates(below.problem), below.expansion
    values = np.linalg.svd(coordinates.of_map(below.claimed.end_to_end_map), compute_uv=False)
    length = float(np.sum(values))
    feasible = _feasible_share(below.problem)
    if feasible <= 0.0 or expansion is None or not expansion.known.all():
        return undecayed_bound(below)
    white = (expansion.slope @ expansion.basis.T @ coordinates.basis) / coordinates.scales
    cut = coordinates.mu * length * feasible * (1.0 - 16.0 * sum(white.shape) * UNIT)
    tangent = coordinates.mu * length**2 * (1.0 + 16.0 * UNIT)
    inside = coordinates.of_map(below.claimed.end_to_end_map)
    points = (cut_to_ball(white, cut), sign_point(inside, white, cut))
    duals = [(point * coordinates.scales) @ coordinates.basis.T @ expansion.basis for point in points]
    return max(*(expansion.dual_minimum(dual, 0.0) - tangent for dual in duals), undecayed_bound(below))


def _feasible_share(problem: Problem) -> float:
    """Factor that makes the dual point feasible whatever rounding did to the coordinates; 0 where it may not exist."""
    data, variance = problem.data, problem.network.input_noise_variance
    spectrum = seen_spectrum(data, variance, centre=False)
    if spectrum.rank < data.inputs:
        return 0.0
    values = curvature_along(_about_zero(problem), spectrum.vectors, spectrum.values, precise=False)[0].values
    if not np.all(values > 0.0):
        return 0.0
    roots = np.sqrt(spectrum.values)
    departure: FloatArray = np.abs(spectrum.vectors.T @ spectrum.vectors - np.eye(data.inputs))
    departure += gamma(data.inputs + 4.0)
    # what the vectors lack of being orthonormal, between the scales of the inputs
    off = float(np.linalg.norm(departure * roots[:, None] / roots)) + 64.0 * data.inputs * UNIT
    share = float(np.sqrt(np.min(values / spectrum.values))) / (1.0 + 2.0 * off)
    return share if off < 0.1 else 0.0


def _about_zero(problem: Problem) -> Source:
    """Second moments of the inputs about zero, with the noise on them."""
    data, variance = problem.data, problem.network.input_noise_variance
    base = without_targets(prediction_source(problem, centre=False))
    if variance == 0.0:
        return base
    return Combined([Part(base, 1.0), Part(on_each_input(variance * data.xx.diagonal(), data.outputs), LEAST)])
