"""Least squares with a nuclear norm: ``||V diag(s) - target||^2 + 2 mu ||V||_*``, convex.

Two layers with decays g_1, g_2 and enough hidden units amount to it with ``mu = sqrt(g_1 g_2)``.  For few outputs
Newton's method on a metric of the outputs solves it, however ill-conditioned the inputs are; for many, accelerated
proximal steps find the rank and a Newton method on the factors of that rank closes the duality gap.  See
``docs/theory/nuclear-norm.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.exceeding import exceeds
from service.core.ground.stopping import should_stop
from service.core.several_outputs.nuclear_norm.metric import MetricProblem, gap_of, least
from service.core.several_outputs.nuclear_norm.newton import Factors, newton_step
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.weights.layers import product_svd

FEW = 20
"""Outputs for which the metric is tried first: a step costs no more than the proximal ones that it replaces."""
SOME = 40
"""Outputs up to which it is tried after first-order steps left a gap; one step is then a Cholesky of order 820."""
NEGLIGIBLE = 1e-10
"""Size of a lane in white coordinates, relative to the map's, below which it is rounding."""
SKEW = 1e-10
MOMENTUM_STEPS = 60
ROUNDS = 12
NEWTON_STEPS = 30


@dataclass(frozen=True, slots=True)
class NuclearSolution:
    """A point with its duality gap.

    Attributes
    ----------
    left, values, right : (k, r), (r,), (rho, r) arrays
        Singular value decomposition of the map in the basis of the inputs.
    gap : float
        Upper minus lower bound of the objective.
    """

    left: FloatArray
    values: FloatArray
    right: FloatArray
    gap: float


def spectral_norm_by_gram(matrix: FloatArray) -> float:
    """Largest singular value of a matrix (m, n) through its smaller Gram matrix, right to a few roundings."""
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return float(np.sqrt(max(float(np.linalg.eigvalsh(gram)[-1]), 0.0))) if gram.size else 0.0


def duality_gap(quadratic: Quadratic, mu: float, end_map: FloatArray, norm: float) -> float:
    """Gap between the objective at ``end_map`` (k, rho), of nuclear norm ``norm``, and the scaled residual's bound."""
    error = quadratic.residual + float(np.sum((end_map * quadratic.scales - quadratic.target) ** 2))
    overlap = quadratic.total - float(np.sum(end_map * quadratic.correlation))
    steepest = spectral_norm_by_gram(quadratic.correlation - end_map * quadratic.scales**2)
    return gap_of(error, overlap, steepest, mu, norm)


def _shrink(matrix: FloatArray, amount: float) -> FloatArray:
    """Soft threshold of the singular values through the smaller Gram matrix."""
    wide = matrix.shape[0] <= matrix.shape[1]
    gram = matrix @ matrix.T if wide else matrix.T @ matrix
    squares, vectors = np.linalg.eigh(gram)
    values = np.sqrt(np.maximum(squares, 0.0))
    kept = values > amount
    vectors = vectors[:, kept]
    factor = 1.0 - amount / values[kept]
    if wide:
        shrunk: FloatArray = (vectors * factor) @ (vectors.T @ matrix)
    else:
        shrunk = ((matrix @ vectors) * factor) @ vectors.T
    return shrunk


def _proximal_steps(quadratic: Quadratic, mu: float, start: FloatArray, steps: int) -> FloatArray:
    """Accelerated proximal gradient with restart where the step opposes the momentum."""
    squares = quadratic.scales**2
    step = 1.0 / float(squares[0])
    current, ahead, momentum = start, start, 1.0
    for _ in range(steps):
        following = _shrink(ahead - step * (ahead * squares - quadratic.correlation), step * mu)
        change = following - current
        if float(np.sum((ahead - following) * change)) > 0.0:
            momentum, ahead = 1.0, following
        else:
            grown = 0.5 * (1.0 + float(np.sqrt(1.0 + 4.0 * momentum**2)))
            ahead = following + (momentum - 1.0) / grown * change
            momentum = grown
        current = following
    return current


def _factors_of(end_map: FloatArray) -> Factors:
    left, values, right = np.linalg.svd(end_map, full_matrices=False)
    kept = values > 1e-12 * max(float(values[0]), 1e-300) if values.size else values > 0.0
    root = np.sqrt(values[kept])
    return Factors.of(left[:, kept] * root, right[kept].T * root)


def minimise(quadratic: Quadratic, mu: float, tolerance: float = 1e-12) -> NuclearSolution:
    """Minimise the nuclear-norm problem.

    Parameters
    ----------
    quadratic : Quadratic
    mu : float
        Positive.
    tolerance : float
        Gap, relative to the squared error of zero, at which to stop.

    Notes
    -----
    By the metric a step costs O(k^3 rho + k^6); by first-order steps O(k rho min(k, rho)), with Newton steps on rank
    r of some O(k rho r) products.  Both stop after a bounded number of steps; the gap shows how far they came.
    """
    outputs, inner = quadratic.target.shape
    if not exceeds(quadratic.correlation_norm, mu):
        return NuclearSolution(np.zeros((outputs, 0)), np.zeros(0), np.zeros((inner, 0)), 0.0)
    target = tolerance * quadratic.total
    lanes = min(outputs, inner)
    best = _by_metric(quadratic, mu) if lanes <= FEW else _first_order(quadratic, mu, target)
    if best.gap > target and lanes <= SOME and not should_stop():
        other = _first_order(quadratic, mu, target) if lanes <= FEW else _by_metric(quadratic, mu)
        best = min(best, other, key=lambda found: found.gap)
    return best


def _by_metric(quadratic: Quadratic, mu: float) -> NuclearSolution:
    """The minimiser by way of the metric.  At the minimum its lanes are the singular vectors of the map."""
    problem = MetricProblem(quadratic, mu)
    point = least(problem)
    rows = problem.map_of(point) * (problem.target_unit / problem.input_unit)
    seen = np.linalg.norm(rows * quadratic.scales, axis=1)
    kept = seen > NEGLIGIBLE * float(np.max(seen))
    if not kept.any():
        # scales whose squares are denormal leave no map; first-order steps do not divide by them
        outputs, inner = quadratic.target.shape
        return NuclearSolution(np.zeros((outputs, 0)), np.zeros(0), np.zeros((inner, 0)), np.inf)
    rows, left = rows[kept], problem.outer @ point.frame[:, kept]
    values = np.linalg.norm(rows, axis=1)
    order = np.argsort(values)[::-1]
    left, values, right = left[:, order], values[order], (rows[order] / values[order, None]).T
    if float(np.max(np.abs(right.T @ right - np.eye(values.size)))) > SKEW:
        left, values, right = product_svd(left * values, right)
    return NuclearSolution(left, values, right, problem.gap(point, quadratic.residual))


def _first_order(quadratic: Quadratic, mu: float, target: float) -> NuclearSolution:
    """Rounds of proximal steps and Newton's method on the factors, until the gap is at most ``target``."""
    outputs, inner = quadratic.target.shape
    current = _shrink(quadratic.target / quadratic.scales, mu / float(quadratic.scales[0] ** 2))
    best = NuclearSolution(np.zeros((outputs, 0)), np.zeros(0), np.zeros((inner, 0)), np.inf)
    for _ in range(ROUNDS):
        current = _proximal_steps(quadratic, mu, current, MOMENTUM_STEPS)
        found = _polish(quadratic, mu, _factors_of(current))
        if found.gap < best.gap:
            best = found
        if best.gap <= target or should_stop():
            break
        current = (found.left * found.values) @ found.right.T
    return best


def _polish(quadratic: Quadratic, mu: float, factors: Factors) -> NuclearSolution:
    """Newton steps on the factors until they no longer help."""
    best, least = factors, float("inf")
    for _ in range(NEWTON_STEPS):
        following, gradient = newton_step(quadratic, mu, factors)
        settled = gradient >= 0.5 * least and gradient <= 1e-9 * mu
        if gradient < least:
            best, least = factors, gradient
        # rounding ends the descent: the directions that remain are rotations of the hidden coordinates
        if settled or gradient <= 1e-14 * mu * float(np.sqrt(factors.dot(factors))) or should_stop():
            break
        factors = following
    factors = best
    left, values, right = product_svd(factors.left, factors.right)
    kept = values > 1e-10 * max(float(np.max(values, initial=0.0)), 1e-300)
    left, values, right = left[:, kept], values[kept], right[:, kept]
    gap = duality_gap(quadratic, mu, (left * values) @ right.T, float(np.sum(values)))
    return NuclearSolution(left, values, right, gap)
