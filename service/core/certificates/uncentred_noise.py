"""Lower bound under hidden noise and a free output bias, where error and noise see different second moments.

Proof: ``docs/theory/dropout.md``, with the rounding of ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.bounds.duality import cut_to_ball, sign_point
from service.core.bounds.linear_checks import GAP_TOLERANCE, certificate
from service.core.bounds.norm_below import FAR, NEARER, LowerBound
from service.core.bounds.quadratic_below import Below
from service.core.bounds.separable import undecayed_bound
from service.core.ground.as_sent import LEAST, prediction_source, without_targets
from service.core.ground.enclosures.combined import Combined, Part
from service.core.ground.enclosures.directions import curvature_along
from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.enclosures.rows import on_each_input
from service.core.ground.enclosures.sources import UNIT, Source, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.several_outputs.noise.uncentred import NoiseCoordinates, noise_coordinates
from service.core.several_outputs.squared_error.quadratic import seen_spectrum

TANGENT_DUAL = "the squared nuclear norm bounded by its tangent, then signs of the map as a dual point"
FLAT = 1e-10
"""Size, relative to the largest scale, above which a direction that the error does not see is one of the inputs."""


@dataclass(frozen=True)
class Floor:
    """What is certain of the second moments of the inputs about zero.

    Attributes
    ----------
    share : float
        Factor of the scales along the directions that are seen, with which they hold.
    least : float
        Least certain second moment; 0 where some directions are weak.
    weak : int
        Number of weak directions: inputs do not vary along them but for rounding.
    slack : float
        Largest root mean square along weak directions.
    leak : float
        What a matrix on the seen directions may have across to the others by rounding, relative to its norm.
    """

    share: float
    least: float
    weak: int
    slack: float
    leak: float


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate under hidden noise and an output bias; the squared norm is bounded by its tangent at the map."""
    return certificate(problem, solution, _bound, TANGENT_DUAL, quick=False)


def _bound(below: Below) -> LowerBound:
    """The larger bound: of least squares without the noise, or by duality with it."""
    bounds = [LowerBound(undecayed_bound(below), 0.0, below.norm_limit)]
    floor = _floor(below.problem)
    # the zero map has no noise to bound, and no norm to measure a limit by
    if below.expansion is not None and floor is not None and below.claimed.end_to_end_map.any():
        bounds.append(_dual_bound(below, below.expansion, floor))
    return max(bounds, key=lambda each: each.value)


def _dual_bound(below: Below, expansion: ExpandedError, floor: Floor) -> LowerBound:
    """Convex duality: the slope at the map, cut to the ball that is dual to the nuclear norm where inputs are white.

    Notes
    -----
    With ``Z Z' = E[x x']`` about zero the noise costs ``nu ||W Z||_*^2 >= 2 nu t <W, M> - nu t^2`` for all t and every
    M with ``||M Z'^-1||_2 <= 1``.  What is left is a quadratic.  A map whose noise alone costs more than ``most``
    cannot be better than that.  Where inputs are dependent the noise does not bound maps, and a limit on their norm has
    to; the nuclear norm of what they have along the weak directions is taken off.
    """
    coordinates, claimed = noise_coordinates(below.problem), below.claimed
    inside = coordinates.of_map(claimed.end_to_end_map)
    length = float(np.sum(np.linalg.svd(inside, compute_uv=False)))
    tangent = coordinates.mu * length**2 * (1.0 + 16.0 * UNIT)
    duals = _duals(coordinates, expansion, inside, coordinates.mu * length * floor.share)

    def up_to(norm: float) -> float:
        """Lower bound of all maps of Frobenius norm at most ``norm``."""
        weak = coordinates.mu * length * floor.slack * float(np.sqrt(min(floor.weak, len(inside))))
        charges = [weak + floor.leak * float(np.linalg.norm(dual)) for dual in duals]
        found = [expansion.dual_minimum(dual, norm) for dual in duals]
        return max(value - 2.02 * norm * charge for value, charge in zip(found, charges, strict=True)) - tangent

    if floor.least > 0.0:
        most = 2.0 * claimed.loss
        return LowerBound(min(most, up_to(_longest(most, coordinates.mu, floor))), 0.0)
    norm = float(np.linalg.norm(claimed.end_to_end_map))
    limits = [FAR * norm, *(nearer * norm for nearer in NEARER)]
    values = [up_to(limit) for limit in limits]
    enough = values[-1] - 0.3 * GAP_TOLERANCE * below.unit
    return next(LowerBound(value, 0.0, limit) for value, limit in zip(values, limits, strict=True) if value >= enough)


def _longest(most: float, mu: float, floor: Floor) -> float:
    """Frobenius norm beyond which the noise alone costs a map more than ``most``; inputs are not dependent."""
    return 1.01 * float(np.sqrt(most / (mu * floor.least)))


def _duals(
    coordinates: NoiseCoordinates, expansion: ExpandedError, inside: FloatArray, radius: float
) -> list[FloatArray]:
    """Dual points (k, d) in the basis of the expansion, of spectral norm at most ``radius`` where inputs are white.

    Parameters
    ----------
    coordinates : NoiseCoordinates
    expansion : ExpandedError
    inside : (k, rho) array
        The claimed map where inputs are white.
    radius : float
    """
    white = (expansion.slope @ expansion.basis.T @ coordinates.basis) / coordinates.scales
    cut = radius * (1.0 - 32.0 * sum(white.shape) * UNIT)
    # a bias makes up for what does not vary, such as the sum of a one-hot code: the slope has nothing along it
    flat = coordinates.scales[:, None] * (coordinates.basis.T @ expansion.basis[:, ~expansion.known])
    left, sizes, _ = np.linalg.svd(flat, full_matrices=False)
    free = left[:, sizes > FLAT * np.max(coordinates.scales)]
    points = (cut_to_ball(white, cut), sign_point(inside, white, cut))
    kept = [point - (point @ free) @ free.T for point in points]
    return [(point * coordinates.scales) @ coordinates.basis.T @ expansion.basis for point in kept]


def _floor(problem: Problem) -> Floor | None:
    """Second moments about zero with the rounding of the coordinates; None where what is seen is not certain."""
    data, variance = problem.data, problem.network.input_noise_variance
    spectrum = seen_spectrum(data, variance, centre=False)
    basis, seen = spectrum.vectors, spectrum.active
    squares, dependent = spectrum.values[seen], spectrum.rank < data.inputs
    if not seen.any():
        return None
    source = _about_zero(problem)
    values = curvature_along(source, basis, spectrum.values, precise=dependent)[0].values
    if not np.all(values[seen] > 0.0):
        return None
    departure: FloatArray = np.abs(basis.T @ basis - np.eye(data.inputs)) + gamma(data.inputs + 4.0)
    roots = np.sqrt(squares)
    # what the vectors lack of being orthonormal, between the scales of the inputs
    off = float(np.linalg.norm(departure[seen][:, seen] * roots[:, None] / roots)) + 64.0 * data.inputs * UNIT
    if off >= 0.1:
        return None
    share = float(np.sqrt(np.min(values[seen] / squares))) / (1.0 + 2.0 * off)
    if not dependent:
        return Floor(share, float(np.min(values)), 0, 0.0, 0.0)
    unseen = basis[:, ~seen]
    gram, error = source.second(unseen, np.ones(unseen.shape[1]), precise=True)
    slack = float(np.sqrt(1.01 * np.linalg.norm(np.abs(gram) + error)))
    leak = float(np.linalg.norm(departure[seen][:, ~seen])) + 2.0 * data.inputs * gamma(2.0 * data.inputs + 6.0)
    return Floor(share, 0.0, unseen.shape[1], slack, leak)


def _about_zero(problem: Problem) -> Source:
    """Second moments of the inputs about zero, with the noise on them."""
    data, variance = problem.data, problem.network.input_noise_variance
    base = without_targets(prediction_source(problem, centre=False))
    if variance == 0.0:
        return base
    return Combined([Part(base, 1.0), Part(on_each_input(variance * data.xx.diagonal(), data.outputs), LEAST)])
