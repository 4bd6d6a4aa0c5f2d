"""Checks of paths: losses sampled along them, their rises, and where they lead."""

from itertools import pairwise

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Fact
from service.core.landscapes.kernel import kernel_of
from service.core.landscapes.witnesses.claims import Construction
from service.core.landscapes.witnesses.point_checks import Verified, spurious_minimum
from service.core.losses.dense import AnyArray, DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import apply, evaluate, loss_of, outputs_of

PIECES = 25
SHIFTS = np.linspace(0.0, 12.0, 13)
"""Biases of the added neuron along its way to infinity."""

PENALTY = 1.0
"""Factor of the squared output weight of the added neuron."""

DIFFERENCE = 1e-6
MOST_STEPS = 200
FEWEST_STEPS = 10
STEP_WORK = 100_000_000
MOST_FEATURES = 800


def non_increasing(problem: Problem, samples: Samples, construction: Construction, _seed: int) -> Verified:
    """No rise between sampled points, a bound on rises between them, and the infimum at the end; squared loss."""
    network, loss = problem.network, problem.loss
    corners = construction.path
    values = [loss_of(network, loss, corners[0], samples)]
    bounds: list[float] = []
    for start, end in pairwise(corners):
        shares = np.linspace(0.0, 1.0, PIECES)
        piece = [loss_of(network, loss, _between(start, end, share), samples) for share in shares[1:]]
        bounds.append(_rise_bound(start, end, [values[-1], *piece]))
        values += piece
    rise = float(np.diff(values).max(initial=0.0))
    scale = max(1.0, values[0])
    infimum = _unavoidable(problem, samples)
    if values[-1] - infimum > 1e-9 * scale:
        infimum = max(infimum, _least_of_features(problem, samples))
    numbers: dict[str, Fact] = {
        "loss_at_the_start": values[0],
        "loss_at_the_end": values[-1],
        "infimum": infimum,
        "largest_rise": rise,
        "points": len(values),
    }
    bounded = bool(np.isfinite(bounds).all())
    if bounded:
        numbers["bound_on_rises"] = max(bounds)
    reached = values[-1] - infimum <= 1e-9 * scale
    return Verified(bounded and max(rise, *bounds) <= 1e-9 * scale and reached, numbers)


def _rise_bound(start: DenseParameters, end: DenseParameters, values: list[float]) -> float:
    """How much the loss can rise within a segment, also between the sampled values; infinite where nothing is known.

    If only the output layer moves the squared loss is a quadratic of the share, which three values determine.  If only
    neurons move whose output weights are zero, nothing changes at all.
    """
    if _same(start.weights[:-1], end.weights[:-1]) and _same(start.biases[:-1], end.biases[:-1]):
        first, middle, last = values[0], values[len(values) // 2], values[-1]
        curvature = max(2.0 * (last - 2.0 * middle + first), 0.0)
        slope = last - first - curvature
        lowest = float(np.clip(-slope / (2.0 * curvature), 0.0, 1.0)) if curvature > 0.0 else float(slope < 0.0)
        return max(0.0, last - (first + slope * lowest + curvature * lowest * lowest))
    moved = np.any(start.weights[0] != end.weights[0], axis=1)
    for before, after in zip(start.biases[:1], end.biases[:1], strict=True):
        if before is not None and after is not None:
            moved |= before != after
    outputs_kept = _same(start.weights[1:], end.weights[1:]) and _same(start.biases[1:], end.biases[1:])
    silent = len(start.weights) == 2 and not np.any(start.weights[1][:, moved])
    return 0.0 if outputs_kept and silent else float("inf")


def _same(before: tuple[AnyArray | None, ...], after: tuple[AnyArray | None, ...]) -> bool:
    return all(
        one is other or (one is not None and other is not None and np.array_equal(one, other))
        for one, other in zip(before, after, strict=True)
    )


def to_infinity(problem: Problem, samples: Samples, construction: Construction, _seed: int) -> Verified:
    """Strictly falling losses and growing norms, down to a millionth."""
    corners = construction.path
    losses = [loss_of(problem.network, problem.loss, corner, samples) for corner in corners]
    norms = [float(np.linalg.norm(flatten(corner))) for corner in corners]
    numbers: dict[str, Fact] = {
        "loss_at_the_start": losses[0],
        "loss_at_the_end": losses[-1],
        "growth_of_norm": norms[-1] / norms[0],
        "points": len(losses),
    }
    falling = all(after < before for before, after in pairwise(losses))
    growing = all(after > before for before, after in pairwise(norms))
    return Verified(falling and growing and losses[-1] < 1e-6 * losses[0], numbers)


def moved_away(problem: Problem, samples: Samples, construction: Construction, seed: int) -> Verified:
    """A bad minimum, a derivative by the added weight, and a strict descent as the bias of the neuron grows."""
    base = spurious_minimum(problem, samples, construction, seed)
    assert construction.exponent is not None  # noqa: S101  # the claim is made with one only
    outputs = outputs_of(problem.network, construction.point, samples.x)
    neuron = np.exp(samples.x @ construction.exponent)
    errors = outputs - samples.y
    at = int(np.argmax(np.abs(errors.T @ neuron)))

    def augmented(factor: float, shift: float) -> float:
        moved = errors.copy()
        moved[:, at] += factor * neuron * np.exp(shift)
        return float(np.mean(np.sum(moved * moved, axis=1))) + PENALTY * factor * factor

    slope = (augmented(DIFFERENCE, 0.0) - augmented(-DIFFERENCE, 0.0)) / (2.0 * DIFFERENCE)
    best = -float(errors[:, at] @ neuron) / float(neuron @ neuron)
    losses = [augmented(best * float(np.exp(-shift)), float(shift)) for shift in SHIFTS]
    limit = augmented(0.0, 0.0) - best * best * float(neuron @ neuron) / len(neuron)
    falling = all(after < before for before, after in pairwise(losses))
    loss = float(base.numbers["loss"])
    numbers = {
        **base.numbers,
        "derivative_by_the_added_weight": slope,
        "augmented_loss_at_the_end": losses[-1],
        "limit_of_the_augmented_loss": limit,
        "largest_bias": float(SHIFTS[-1]),
        "strictly_decreasing": falling,
    }
    scale = max(1.0, loss)
    return Verified(base.holds and falling and abs(slope) > 1e-7 * scale and losses[-1] < loss, numbers)


def contracting(problem: Problem, samples: Samples, construction: Construction, _seed: int) -> Verified:
    """Every step of gradient descent shrinks the squared error at least at half the rate of the limit kernel."""
    least, step, point = kernel_of(problem), construction.step, construction.point
    assert least is not None  # noqa: S101  # the claim is made with both only
    assert step is not None  # noqa: S101
    strength = float(np.mean(point.weights[1] ** 2)) * point.weights[0].shape[0]
    rate = 1.0 - step * strength * least / len(samples.x)
    work = point.weights[0].size * len(samples.x)
    steps = int(np.clip(STEP_WORK // work, FEWEST_STEPS, MOST_STEPS))
    losses = []
    for _ in range(steps + 1):
        found = evaluate(problem.network, problem.loss, point, samples)
        losses.append(found.loss)
        moved = (point.weights[0] - step * found.gradient.weights[0], point.weights[1])
        point = DenseParameters(moved, point.biases)
    ratios = [after / before for before, after in pairwise(losses)]
    kept = sum(after <= rate ** (index + 1) * losses[0] for index, after in enumerate(losses[1:]))
    start = construction.point.weights[0]
    numbers: dict[str, Fact] = {
        "kernel_least_eigenvalue": least,
        "kernel_least_eigenvalue_at_the_start": _start_eigenvalue(samples.x, start),
        "step": step,
        "rate": rate,
        "slowest_ratio": max(ratios),
        "steps": steps,
        "steps_within_the_rate": kept,
        "largest_move_of_a_neuron": float(np.linalg.norm(point.weights[0] - start, axis=1).max()),
        "loss_at_the_start": losses[0],
        "loss_at_the_end": losses[-1],
    }
    return Verified(kept == steps and 0.0 < rate < 1.0, numbers)


def _start_eigenvalue(x: FloatArray, weight: FloatArray) -> float:
    active = np.where(x @ weight.T > 0.0, 1.0, 0.0)
    return float(np.linalg.eigvalsh((x @ x.T) * (active @ active.T) / len(weight))[0])


def _unavoidable(problem: Problem, samples: Samples) -> float:
    """Squared error of the conditional means: no function of the inputs does better."""
    groups = data_facts_of(problem).groups
    if groups is None:
        return 0.0
    y = samples.y
    shares = groups.counts / groups.counts.sum()
    return float(np.mean(np.sum(y * y, axis=1)) - np.sum(shares[:, None] * groups.y**2))


def _least_of_features(problem: Problem, samples: Samples) -> float:
    """Squared error of the best combination of many random neurons: all functions of the layer on these inputs."""
    network, (n, inputs) = problem.network, samples.x.shape
    rng = np.random.default_rng(1)
    count = min(4 * n, MOST_FEATURES)
    spread = max(float(np.sqrt(np.mean(samples.x**2) * inputs)), 1e-300)
    values = samples.x @ (2.0 * rng.normal(size=(inputs, count)) / spread)
    features = apply(network.layers[0], values + rng.normal(size=count) if network.has_bias(0) else values)
    if network.has_bias(1):
        features = np.hstack([features, np.ones((n, 1))])
    errors = samples.y - features @ np.linalg.lstsq(features, samples.y, rcond=1e-12)[0]
    return float(np.mean(np.sum(errors * errors, axis=1)))


def _between(start: DenseParameters, end: DenseParameters, share: float) -> DenseParameters:
    return unflatten((1.0 - share) * flatten(start) + share * flatten(end), start)
