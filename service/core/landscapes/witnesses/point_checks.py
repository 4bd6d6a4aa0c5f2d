"""Checks of points: gradients, curvature, random perturbations and gaps, from losses and gradients alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Fact
from service.core.landscapes.witnesses.claims import Construction
from service.core.landscapes.witnesses.objective import evaluated, loss_at
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import Evaluation
from service.vocabulary import PointClass

GRADIENT_TOLERANCE = 1e-9
CURVATURE_TOLERANCE = 1e-6
MOST_CURVED = 150
"""Weights up to which the whole Hessian is formed from differences of gradients."""

STEP = 1e-5
PROBES = 200
FEWEST_PROBES = 10
PROBE_WORK = 100_000_000
"""Multiplications that the perturbations of one point may take, about."""

RADIUS = 1e-4
LANCZOS_WORK = 200_000


@dataclass(frozen=True, slots=True)
class Verified:
    """The numbers that were found, and whether they support the claim."""

    holds: bool
    numbers: Mapping[str, Fact]


def spurious_minimum(problem: Problem, samples: Samples, construction: Construction, seed: int) -> Verified:
    """No gradient, no negative curvature, no perturbation that falls, and a better point."""
    found, still, numbers = _stationary(problem, samples, construction.point)
    scale = max(1.0, abs(found.loss))
    least = _least_curvature(problem, samples, construction.point)
    if least is not None:
        numbers["least_hessian_eigenvalue"] = least
    probes, fall = largest_fall(problem, samples, construction.point, found.loss, seed)
    better = construction.better
    gap = 0.0 if better is None else found.loss - loss_at(problem, samples, better)
    numbers |= {
        "largest_fall_of_perturbations": fall,
        "gap_to_better_point": gap,
        "seed": seed,
        "perturbations": probes,
    }
    curved = least is None or least >= -CURVATURE_TOLERANCE * scale
    return Verified(still and curved and fall <= 1e-12 * scale and gap > 1e-9 * scale, numbers)


def non_strict_saddle(problem: Problem, samples: Samples, construction: Construction, _seed: int) -> Verified:
    """No gradient, no curvature, and a way down."""
    least, holds, numbers = _saddle(problem, samples, construction)
    flat = least is None or abs(least) <= CURVATURE_TOLERANCE * _scale(numbers)
    return Verified(holds and flat, numbers)


def strict_saddle(problem: Problem, samples: Samples, construction: Construction, _seed: int) -> Verified:
    """No gradient, negative curvature, and a way down."""
    least, holds, numbers = _saddle(problem, samples, construction)
    curved = least is None or least < -CURVATURE_TOLERANCE * _scale(numbers)
    return Verified(holds and curved, numbers)


def classified_points(problem: Problem, samples: Samples, construction: Construction, seed: int) -> Verified:
    """Of every point the gradient and the sign of the least curvature; for a minimum perturbations as well."""
    agreeing, steepest, losses = 0, 0.0, []
    for point, kind in zip(construction.path, construction.classes, strict=True):
        found, still, _ = _stationary(problem, samples, point)
        steepest = max(steepest, float(np.linalg.norm(flatten(found.gradient))))
        losses.append(found.loss)
        scale = max(1.0, abs(found.loss))
        if kind is PointClass.STRICT_SADDLE:
            least = _least_curvature(problem, samples, point, always=True)
            agreeing += still and least is not None and least < -CURVATURE_TOLERANCE * scale
            continue
        least = _least_curvature(problem, samples, point)
        _, fall = largest_fall(problem, samples, point, found.loss, seed)
        curved = least is None or least >= -CURVATURE_TOLERANCE * scale
        agreeing += still and curved and fall <= 1e-12 * scale
    minima = [
        loss for loss, kind in zip(losses, construction.classes, strict=True) if kind is not PointClass.STRICT_SADDLE
    ]
    numbers: dict[str, Fact] = {
        "points": len(losses),
        "agreeing": int(agreeing),
        "local_minima": len(minima),
        "gradient_norm": steepest,
        "least_loss": min(losses),
        "gap_of_worst_minimum": max(minima) - min(minima),
        "seed": seed,
    }
    return Verified(agreeing == len(losses), numbers)


def largest_fall(
    problem: Problem, samples: Samples, point: DenseParameters, loss: float, seed: int
) -> tuple[int, float]:
    """Number of random perturbations, and by how much the loss falls along the best of them."""
    rng = np.random.default_rng(seed)
    start = flatten(point)
    probes = int(np.clip(PROBE_WORK // (start.size * len(samples.x)), FEWEST_PROBES, PROBES))
    trained = trained_mask(problem, point)
    fall = 0.0
    for _ in range(probes):
        direction = rng.normal(size=start.size) * trained
        radius = RADIUS * rng.uniform() / float(np.linalg.norm(direction))
        moved = unflatten(start + radius * direction, point)
        fall = max(fall, loss - loss_at(problem, samples, moved))
    return probes, fall


def trained_mask(problem: Problem, point: DenseParameters) -> FloatArray:
    """One for every entry of the flattened parameters (P,) that is trained, zero for frozen ones."""
    weights = [
        np.full(weight.shape, 0.0 if layer.frozen_weights is not None else 1.0)
        for layer, weight in zip(problem.network.layers, point.weights, strict=True)
    ]
    mask: FloatArray = flatten(
        DenseParameters(tuple(weights), tuple(None if bias is None else np.ones(bias.shape) for bias in point.biases))
    )
    return mask


def _stationary(problem: Problem, samples: Samples, point: DenseParameters) -> tuple[Evaluation, bool, dict[str, Fact]]:
    found = evaluated(problem, samples, point)
    gradient = float(np.linalg.norm(flatten(found.gradient)))
    numbers: dict[str, Fact] = {"loss": found.loss, "gradient_norm": gradient}
    if np.isfinite(found.margin):
        numbers["distance_from_kinks"] = found.margin
    return found, gradient <= GRADIENT_TOLERANCE * max(1.0, abs(found.loss)), numbers


def _scale(numbers: Mapping[str, Fact]) -> float:
    return max(1.0, abs(float(numbers["loss"])))


def _saddle(
    problem: Problem, samples: Samples, construction: Construction
) -> tuple[float | None, bool, dict[str, Fact]]:
    found, still, numbers = _stationary(problem, samples, construction.point)
    least = _least_curvature(problem, samples, construction.point)
    if least is not None:
        numbers["least_hessian_eigenvalue"] = least
    losses = [loss_at(problem, samples, corner) for corner in construction.path]
    falling = all(after < before for before, after in zip([found.loss, *losses], losses, strict=False))
    numbers |= {"loss_at_the_end": losses[-1], "strictly_decreasing": falling}
    return least, still and falling, numbers


def _least_curvature(
    problem: Problem, samples: Samples, point: DenseParameters, *, always: bool = False
) -> float | None:
    """Least eigenvalue of the Hessian; above `MOST_CURVED` weights a Rayleigh quotient, so an upper bound, if asked."""
    start = flatten(point)

    def product(direction: FloatArray) -> FloatArray:
        ahead = evaluated(problem, samples, unflatten(start + STEP * direction, point)).gradient
        behind = evaluated(problem, samples, unflatten(start - STEP * direction, point)).gradient
        found: FloatArray = (flatten(ahead) - flatten(behind)) / (2.0 * STEP)
        return found

    if start.size <= MOST_CURVED:
        hessian = np.array([product(direction) for direction in np.eye(start.size)])
        return float(np.linalg.eigvalsh(0.5 * (hessian + hessian.T))[0])
    if not always:
        return None
    operator = LinearOperator((start.size, start.size), matvec=product, dtype=np.float64)
    steps = max(20, LANCZOS_WORK // start.size)
    try:
        vector = eigsh(
            operator, k=1, which="SA", tol=1e-3, maxiter=steps, v0=np.random.default_rng(0).normal(size=start.size)
        )[1][:, 0]
    except ArpackError:
        return None
    return float(vector @ product(vector))
