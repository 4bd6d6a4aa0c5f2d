"""Verification of witnesses from losses and gradients alone; imports no construction."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from service.core.arrays import FloatArray
from service.core.landscapes.data_facts import data_facts_of
from service.core.landscapes.witnesses.claims import Claim, Construction
from service.core.losses import DenseParameters
from service.core.nonlinear import evaluate, loss_of
from service.core.problems import Problem, Samples
from service.core.rules import Fact

GRADIENT_TOLERANCE = 1e-9
CURVATURE_TOLERANCE = 1e-6
MOST_CURVED = 150
"""Weights up to which the whole Hessian is formed from differences of gradients."""

STEP = 1e-5
PROBES = 200
RADIUS = 1e-4
PIECES = 25


@dataclass(frozen=True, slots=True)
class Verified:
    """The numbers that were found, and whether they support the claim."""

    holds: bool
    numbers: Mapping[str, Fact]


def verify(problem: Problem, construction: Construction, seed: int = 0) -> Verified:
    """Check a witness on the problem's own samples.

    Parameters
    ----------
    problem : Problem
        With samples; no noise and no skips.
    construction : Construction
    seed : int
        Of the random perturbations.
    """
    assert problem.samples is not None  # noqa: S101  # constructions exist with samples only
    if construction.claim is Claim.NON_INCREASING_PATH:
        return _path(problem, problem.samples, construction.path)
    if construction.claim is Claim.DESCENT_TO_INFINITY:
        return _to_infinity(problem, problem.samples, construction.path)
    found = evaluate(problem.network, problem.loss, construction.point, problem.samples)
    scale = max(1.0, abs(found.loss))
    gradient = float(np.linalg.norm(_flat(found.gradient)))
    numbers: dict[str, Fact] = {"loss": found.loss, "gradient_norm": gradient}
    if np.isfinite(found.margin):
        numbers["distance_from_kinks"] = found.margin
    holds = gradient <= GRADIENT_TOLERANCE * scale
    least = _least_curvature(problem, problem.samples, construction.point)
    if least is not None:
        numbers["least_hessian_eigenvalue"] = least
    if construction.claim is Claim.SPURIOUS_MINIMUM:
        fall = _largest_fall(problem, problem.samples, construction.point, found.loss, seed)
        better = construction.better
        gap = 0.0 if better is None else found.loss - loss_of(problem.network, problem.loss, better, problem.samples)
        numbers |= {"largest_fall_of_perturbations": fall, "gap_to_better_point": gap, "seed": seed}
        numbers["perturbations"] = PROBES
        curved = least is None or least >= -CURVATURE_TOLERANCE * scale
        return Verified(holds and curved and fall <= 1e-12 * scale and gap > 1e-9 * scale, numbers)
    losses = [loss_of(problem.network, problem.loss, corner, problem.samples) for corner in construction.path]
    falling = all(after < before for before, after in zip([found.loss, *losses], losses, strict=False))
    numbers |= {"loss_at_the_end": losses[-1], "strictly_decreasing": falling}
    if construction.claim is Claim.NON_STRICT_SADDLE:
        return Verified(holds and falling and (least is None or abs(least) <= CURVATURE_TOLERANCE * scale), numbers)
    return Verified(holds and falling and (least is None or least < -CURVATURE_TOLERANCE * scale), numbers)


def _path(problem: Problem, samples: Samples, corners: tuple[DenseParameters, ...]) -> Verified:
    network, loss = problem.network, problem.loss
    values = [loss_of(network, loss, corners[0], samples)]
    for start, end in pairwise(corners):
        values += [
            loss_of(network, loss, _between(start, end, share), samples) for share in np.linspace(0.0, 1.0, PIECES)[1:]
        ]
    steps = np.diff(values)
    scale = max(1.0, values[0])
    infimum = _unavoidable(problem)
    numbers: dict[str, Fact] = {
        "loss_at_the_start": values[0],
        "loss_at_the_end": values[-1],
        "infimum": infimum,
        "largest_rise": float(steps.max(initial=0.0)),
        "points": len(values),
    }
    reached = values[-1] - infimum <= 1e-9 * scale
    return Verified(bool(steps.max(initial=0.0) <= 1e-9 * scale) and reached, numbers)


def _to_infinity(problem: Problem, samples: Samples, corners: tuple[DenseParameters, ...]) -> Verified:
    losses = [loss_of(problem.network, problem.loss, corner, samples) for corner in corners]
    norms = [float(np.linalg.norm(_flat(corner))) for corner in corners]
    numbers: dict[str, Fact] = {
        "loss_at_the_start": losses[0],
        "loss_at_the_end": losses[-1],
        "growth_of_norm": norms[-1] / norms[0],
        "points": len(losses),
    }
    falling = all(after < before for before, after in pairwise(losses))
    growing = all(after > before for before, after in pairwise(norms))
    return Verified(falling and growing and losses[-1] < 1e-6 * losses[0], numbers)


def _unavoidable(problem: Problem) -> float:
    """Squared error of the conditional means: no function of the inputs does better."""
    facts = data_facts_of(problem)
    if facts.groups is None or problem.samples is None:
        return 0.0
    y = problem.samples.y
    shares = facts.groups.counts / facts.groups.counts.sum()
    return float(np.mean(np.sum(y * y, axis=1)) - np.sum(shares[:, None] * facts.groups.y**2))


def _least_curvature(problem: Problem, samples: Samples, point: DenseParameters) -> float | None:
    start = _flat(point)
    if start.size > MOST_CURVED:
        return None
    columns = []
    for direction in np.eye(start.size):
        ahead = evaluate(problem.network, problem.loss, _shaped(start + STEP * direction, point), samples).gradient
        behind = evaluate(problem.network, problem.loss, _shaped(start - STEP * direction, point), samples).gradient
        columns.append((_flat(ahead) - _flat(behind)) / (2.0 * STEP))
    hessian = np.array(columns)
    return float(np.linalg.eigvalsh(0.5 * (hessian + hessian.T))[0])


def _largest_fall(problem: Problem, samples: Samples, point: DenseParameters, loss: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    start = _flat(point)
    falls = []
    for _ in range(PROBES):
        direction = rng.normal(size=start.size)
        radius = RADIUS * rng.uniform() / float(np.linalg.norm(direction))
        moved = _shaped(start + radius * direction, point)
        falls.append(loss - loss_of(problem.network, problem.loss, moved, samples))
    return max(0.0, *falls)


def _flat(parameters: DenseParameters) -> FloatArray:
    parts = [*parameters.weights, *(bias for bias in parameters.biases if bias is not None)]
    return np.concatenate([np.ravel(part) for part in parts])


def _shaped(flat: FloatArray, like: DenseParameters) -> DenseParameters:
    position = 0
    shaped: list[FloatArray | None] = []
    for part in (*like.weights, *like.biases):
        if part is None:
            shaped.append(None)
            continue
        shaped.append(flat[position : position + part.size].reshape(part.shape))
        position += part.size
    count = len(like.weights)
    weights = tuple(part for part in shaped[:count] if part is not None)
    return DenseParameters(weights, tuple(shaped[count:]))


def _between(start: DenseParameters, end: DenseParameters, share: float) -> DenseParameters:
    return _shaped((1.0 - share) * _flat(start) + share * _flat(end), start)
