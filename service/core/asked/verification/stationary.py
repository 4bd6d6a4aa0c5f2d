"""Claimed stationary points and barrier of a one-output network, through the loss on spheres."""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import minimize_scalar

from service.core.asked.verification.comparison import MOST_HESSIAN, ClaimedAnswer, Comparison, close
from service.core.curvature.dense import hessian_of
from service.core.ground.problems import Problem, shapes_of
from service.core.losses.dense import DenseParameters
from service.core.one_output.reduced import ReducedProblem, reduced_of
from service.core.one_output.sphere import loss_on_spheres, multiplier
from service.vocabulary import PointClass, PointKind

SAME_NORM = 1e-13
"""Relative difference of norms that rounding makes."""


def stationary_points(claim: ClaimedAnswer, skipped: dict[str, str]) -> Iterator[Comparison]:
    """Losses, norms and classes of the points of a one-output network."""
    reduced = reduced_of(claim.problem)
    if reduced.n_hidden == 0 or reduced.log_kappa == -np.inf:
        skipped["stationary_points"] = "recomputed where every layer is decayed"
        return
    best = min([reduced.variance, *(point.loss for point in claim.solution.stationary_points)])
    for index, point in enumerate(claim.solution.stationary_points):
        at = f"stationary_points[{index}]"
        if point.kind is PointKind.ORIGIN:
            yield close(f"{at}.loss", point.loss, reduced.variance, 1e-9 * claim.unit, scales=True)
        if point.kind is not PointKind.BRANCH or not point.norm > 1e-100:
            continue
        norm = np.array([point.norm])
        if point.point_class is PointClass.GLOBAL_MINIMUM:
            found, slack = claim.fresh.upper_bound, 2e-9 * claim.unit + claim.rounding
        else:
            # what a formula puts below the loss of the weights is no less than it
            found = max(float(loss_on_spheres(reduced, norm)[0]), claim.fresh.upper_bound)
            slack = 2e-9 * claim.problem.unit(found)
        yield close(f"{at}.loss", point.loss, found, slack, scales=True)
        rho = float(multiplier(reduced, norm * np.exp(reduced.log_factor))[0])
        wanted = float(np.exp(reduced.log_kappa + (reduced.power - 2.0) * (np.log(point.norm) + reduced.log_factor)))
        reach, bends = _along_norm(reduced, wanted)
        balanced = bool(abs(rho - wanted) <= 3e-8 * abs(wanted) + 1e-13 * reach) or _has_norm(
            reduced, wanted, point.norm
        )
        share = abs(rho - wanted) / max(abs(wanted), 1e-300)
        yield Comparison(f"{at}.norm", f"fit and decay balance there to {share:.1e}", balanced)
        minimum = point.point_class in (PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM)
        is_best = point.loss <= best + 1e-12 * claim.unit
        agrees = bends == minimum and (point.point_class is not PointClass.GLOBAL_MINIMUM or is_best)
        seen = "a minimum along the norm" if bends else "a maximum along the norm"
        yield Comparison(f"{at}.class", seen, agrees)


def origin(claim: ClaimedAnswer, skipped: dict[str, str]) -> Iterator[Comparison]:
    """The least curvature at the origin and the barrier around it, of a one-output network."""
    described, network = claim.solution.origin, claim.problem.network
    reduced = reduced_of(claim.problem)
    parameters = sum(width * before for width, before in shapes_of(network, claim.problem.data.inputs))
    if described.least_hessian_eigenvalue is not None and parameters <= MOST_HESSIAN and not network.bias_layers:
        zero = DenseParameters.without_biases(
            [np.zeros(shape) for shape in shapes_of(network, claim.problem.data.inputs)]
        )
        least = float(np.linalg.eigvalsh(hessian_of(network, claim.problem.data, zero))[0])
        scale = max(abs(least), claim.unit)
        yield close(
            "origin.least_hessian_eigenvalue", described.least_hessian_eigenvalue, least, 1e-8 * scale, scales=True
        )
    else:
        skipped["origin.least_hessian_eigenvalue"] = "recomputed for small networks without biases"
    if described.barrier_height is None or reduced.n_hidden == 0 or reduced.log_kappa == -np.inf:
        return
    top = float(claim.minimum.singular_values[0])
    height = 0.0 if top == 0.0 else _highest(claim.problem, top)
    slack = 1e-8 * height + 1e-13 * claim.problem.spread
    yield close("origin.barrier_height", described.barrier_height, height, slack, scales=True)


def _along_norm(reduced: ReducedProblem, ridge: float) -> tuple[float, bool]:
    """How far the multiplier moves as the norm grows by its own size, and whether the loss has a minimum there."""
    resolvent = 1.0 / (reduced.values + ridge)
    weights = reduced.squares * (resolvent / resolvent.max()) ** 2
    mean = float(np.sum(weights * resolvent) / np.sum(weights))
    return 1.0 / mean, ridge * mean < 0.5 * (reduced.n_hidden + 1.0) / reduced.n_hidden


def _has_norm(reduced: ReducedProblem, ridge: float, norm: float) -> bool:
    """Whether the map of a ridge has a norm to rounding; with inputs of very different sizes norms agree no better."""
    with np.errstate(over="ignore"):
        found = float(np.linalg.norm(np.sqrt(reduced.squares) / (reduced.values + ridge)))
    return bool(abs(found * np.exp(-reduced.log_factor) - norm) <= SAME_NORM * norm)


def _highest(problem: Problem, top: float) -> float:
    """Largest rise of the loss on spheres over that of zero, for norms up to ``top``."""
    reduced = reduced_of(problem)
    # a little decay turns the loss round at norms that are many orders below that of the minimum
    norms = np.concatenate(([0.0], np.geomspace(max(1e-30 * top, 1e-300), max(top, 1e-299), 8000)))
    losses = loss_on_spheres(reduced, norms)
    at = int(np.argmax(losses))
    if at in (0, norms.size - 1):
        return max(0.0, float(losses[at]) - reduced.variance)
    found = minimize_scalar(
        lambda norm: -float(loss_on_spheres(reduced, np.array([norm]))[0]),
        bounds=(float(norms[at - 1]), float(norms[at + 1])),
        method="bounded",
        options={"xatol": 1e-7 * float(norms[at])},
    )
    return max(0.0, float(-found.fun) - reduced.variance)
