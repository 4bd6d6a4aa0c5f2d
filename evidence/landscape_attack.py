"""Random networks attacked by restarts: whether a bad minimum contradicts a verdict, and how many are answered."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from evidence.landscape_rules import start_of
from service.core.asked.landscape import summarise
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem
from service.core.landscapes.witnesses.objective import evaluated, is_known
from service.core.landscapes.witnesses.point_checks import (
    CURVATURE_TOLERANCE,
    GRADIENT_TOLERANCE,
    largest_fall,
    trained_mask,
)
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import apply
from service.vocabulary import Activation, Property
from tests.support.specs import random_spec

SPECS = 5_000
RESTARTS = 9
SCALES = (0.3, 1.0, 2.0)
POLISHED = 4
"""Ends of a network, of different losses, that are examined as bad minima."""

LEAST_UNIT = 1e-6
GAP = 1e-4
"""Share of the loss of the zero network by which a bad minimum lies above the best end."""

FAR = 100.0
"""Size of weights from which an end may be a slope to infinity that levels off."""

STRICT = 1e-4
"""Least eigenvalue of a Hessian from which a minimum is called strict."""

SATURATING = frozenset({Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS})
SATURATED = 7.0
"""Pre-activation from which the slope of such a unit, or of its curvature, is too small to see."""

RETURNS = 4
NEARBY = 0.03
"""Descents from so close to a flat end, which must not end lower."""

WORKERS = 2
STEP = 1e-5


@dataclass(frozen=True, slots=True)
class Attacked:
    """What the attack of one network found.

    Attributes
    ----------
    seed : int
    bad : bool
        Whether a bad minimum was found.
    strict : bool
        Whether one with a positive definite Hessian was.
    verdicts : dict of Property to bool or None
    kind : str
        Activation, loss and biases in words.
    attacked : bool
        Whether its loss is known: no skips, and no noise but on linear layers.
    """

    seed: int
    bad: bool
    strict: bool
    verdicts: dict[Property, bool | None]
    kind: str
    attacked: bool = True


def _start(problem: Problem, seed: int) -> DenseParameters:
    start = start_of(problem, seed)
    scale = SCALES[seed % len(SCALES)]
    weights = tuple(
        scale * weight if layer.frozen_weights is None else layer.frozen_weights
        for layer, weight in zip(problem.network.layers, start.weights, strict=True)
    )
    return DenseParameters(weights, start.biases)


def _descend(problem: Problem, start: DenseParameters) -> tuple[float, FloatArray]:
    assert problem.samples is not None
    samples, mask = problem.samples, trained_mask(problem, start)

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        found = evaluated(problem, samples, unflatten(flat, start))
        gradient = mask * flatten(found.gradient)
        finite = np.isfinite(found.loss) and np.isfinite(gradient).all()
        return (found.loss, gradient) if finite else (1e300, np.zeros_like(gradient))

    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize(
            objective,
            flatten(start),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 300, "maxfun": 400, "ftol": 1e-16, "gtol": 1e-10},
        )
        return float(found.fun), np.asarray(found.x, dtype=np.float64)


def _polished(problem: Problem, like: DenseParameters, point: FloatArray, mask: FloatArray) -> FloatArray:
    """A few Newton steps on what is trained, as long as the gradient shrinks."""
    assert problem.samples is not None
    samples, free = problem.samples, np.flatnonzero(mask)

    def gradient_at(flat: FloatArray) -> FloatArray:
        found: FloatArray = flatten(evaluated(problem, samples, unflatten(flat, like)).gradient)[free]
        return found

    gradient = gradient_at(point)
    for _ in range(6):
        if not np.isfinite(gradient).all() or not 1e-11 < np.linalg.norm(gradient) < 1e-2:
            break
        curvature = _hessian(gradient_at, point, free)
        if not np.isfinite(curvature).all():
            break
        values, vectors = np.linalg.eigh(curvature)
        kept = np.abs(values) > 1e-7 * max(float(np.abs(values).max()), 1e-300)
        moved = point.copy()
        moved[free] -= vectors[:, kept] @ ((vectors[:, kept].T @ gradient) / np.abs(values[kept]))
        after = gradient_at(moved)
        if not np.isfinite(after).all() or np.linalg.norm(after) >= np.linalg.norm(gradient):
            break
        point, gradient = moved, after
    return point


def _hessian(gradient_at: Callable[[FloatArray], FloatArray], point: FloatArray, free: IntArray) -> FloatArray:
    columns = []
    for place in free:
        ahead, behind = point.copy(), point.copy()
        ahead[place] += STEP
        behind[place] -= STEP
        columns.append((gradient_at(ahead) - gradient_at(behind)) / (2.0 * STEP))
    found = np.array(columns)
    symmetric: FloatArray = 0.5 * (found + found.T)
    return symmetric


def _least_curvature_of_minimum(problem: Problem, like: DenseParameters, point: FloatArray, seed: int) -> float | None:
    """Least eigenvalue of the Hessian of what is trained, where an end looks like a local minimum; else ``None``."""
    assert problem.samples is not None
    samples, free = problem.samples, np.flatnonzero(trained_mask(problem, like))

    def gradient_at(flat: FloatArray) -> FloatArray:
        found: FloatArray = flatten(evaluated(problem, samples, unflatten(flat, like)).gradient)[free]
        return found

    loss = evaluated(problem, samples, unflatten(point, like)).loss
    scale = max(1.0, abs(loss))
    if not np.isfinite(loss) or np.linalg.norm(gradient_at(point)) > GRADIENT_TOLERANCE * scale:
        return None
    least = float(np.linalg.eigvalsh(_hessian(gradient_at, point, free))[0])
    if least < -CURVATURE_TOLERANCE * scale:
        return None
    fall = largest_fall(problem, samples, unflatten(point, like), loss, seed)[1]
    if fall > 1e-12 * scale:
        return None
    return least if least > STRICT or _comes_back(problem, like, point, loss, seed) else None


def _levels_off(problem: Problem, point: DenseParameters) -> bool:
    """Whether a unit is so far out that its slope is lost: an end may then be a slope to infinity."""
    assert problem.samples is not None
    values = problem.samples.x
    for layer, weight, bias in zip(problem.network.layers, point.weights, point.biases, strict=True):
        before = values @ weight.T + (0.0 if bias is None else bias)
        if layer.activation in SATURATING and bool((np.abs(before) > SATURATED).any()):
            return True
        values = apply(layer, before)
    return False


def _comes_back(problem: Problem, like: DenseParameters, point: FloatArray, loss: float, seed: int) -> bool:
    """Whether descents from close by end no lower: a saddle that is flat to high order, or a slope, lets them fall."""
    if _levels_off(problem, unflatten(point, like)):
        return False
    rng = np.random.default_rng(seed)
    mask = trained_mask(problem, like)
    for _ in range(RETURNS):
        moved = unflatten(point + NEARBY * mask * rng.normal(size=point.size), like)
        if _descend(problem, moved)[0] < loss - 1e-6 * max(1e-3, abs(loss)):
            return False
    return True


def _kind(problem: Problem) -> str:
    network = problem.network
    kinds = sorted({layer.activation.value for layer in network.layers[:-1]}) or [Activation.LINEAR.value]
    decayed = bool(network.weight_decays.any())
    depth = f"{network.n_hidden} hidden"
    decay = "decay" if decayed else "no decay"
    return f"{'/'.join(kinds)}, {problem.loss.value}, bias {network.bias.value}, {decay}, {depth}"


def attack(seed: int) -> Attacked | None:
    """Attack one random network; ``None`` without samples."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _attack(seed)


def _attack(seed: int) -> Attacked | None:
    problem = random_spec(seed)
    if problem.samples is None:
        return None
    summary = summarise(problem)
    verdicts = {about: ruling.value for about, ruling in summary.verdicts.items()}
    if problem.network.skips or not is_known(problem):
        return Attacked(seed, bad=False, strict=False, verdicts=verdicts, kind=_kind(problem), attacked=False)
    like = _start(problem, 0)
    ends = [_descend(problem, _start(problem, restart)) for restart in range(RESTARTS)]
    zero = DenseParameters(
        tuple(np.zeros_like(weight) for weight in like.weights),
        tuple(None if bias is None else np.zeros_like(bias) for bias in like.biases),
    )
    if all(layer.frozen_weights is None for layer in problem.network.layers):
        # close to where weights vanish, beside random starts
        near = unflatten(flatten(zero) + 1e-3 * np.random.default_rng(seed).normal(size=flatten(zero).size), like)
        ends.append(_descend(problem, near))
    floor = min(value for value, _ in ends)
    # ends that are still on their way lie above the best one by little of what there is to gain
    # where there is nothing to gain, because targets are zero, all ends are the minimum but for rounding
    at_zero = max(abs(floor), abs(evaluated(problem, problem.samples, zero).loss), LEAST_UNIT)
    levels: list[float] = []
    bad = strict = False
    for value, end in sorted(ends, key=lambda one: one[0]):
        if (
            not np.isfinite(end).all()
            or value <= floor + GAP * at_zero
            or np.abs(end).max() > FAR
            or len(levels) >= POLISHED
        ):
            continue
        if any(abs(value - level) < 1e-7 for level in levels):
            continue
        levels.append(value)
        with np.errstate(over="ignore", invalid="ignore"):
            point = _polished(problem, like, end, trained_mask(problem, like))
        least = _least_curvature_of_minimum(problem, like, point, seed)
        if least is not None:
            bad = True
            strict |= least > STRICT
    return Attacked(seed, bad=bad, strict=strict, verdicts=verdicts, kind=_kind(problem))


CONTRADICTIONS = (
    ("bad", Property.SPURIOUS_MINIMA_EXIST, False),
    ("bad", Property.NO_SPURIOUS_LOCAL_MINIMA, True),
    ("strict", Property.NO_BAD_STRICT_MINIMA, True),
    ("strict", Property.NO_BAD_BASINS, True),
    ("strict", Property.NO_SPURIOUS_VALLEYS, True),
    ("strict", Property.SUBLEVEL_SETS_CONNECTED, True),
)
"""What an attack may find that a verdict excludes."""


def report(specs: int = SPECS) -> str:
    """Counts; a contradiction stops it."""
    with ProcessPoolExecutor(WORKERS) as pool:
        found = [one for one in pool.map(attack, range(specs), chunksize=20) if one is not None]
    against = [
        f"seed {one.seed}: {about} is {value}, and the attack finds a {what} minimum"
        for one in found
        for what, about, value in CONTRADICTIONS
        if getattr(one, what) and one.verdicts[about] is value
    ]
    if against:
        raise AssertionError("; ".join(against))
    attacked = [one for one in found if one.attacked]
    bad = [one for one in attacked if one.bad]
    answered = [one for one in bad if one.verdicts[Property.SPURIOUS_MINIMA_EXIST] is True]
    strict = [one for one in bad if one.strict]
    told = [one for one in strict if one.verdicts[Property.NO_BAD_STRICT_MINIMA] is False]
    open_kinds = Counter(one.kind for one in bad if one.verdicts[Property.SPURIOUS_MINIMA_EXIST] is None)
    share = len(answered) / max(1, len(bad))
    lines = [
        f"{specs} random networks (seeds 0 to {specs - 1}), {len(found)} with samples, {len(attacked)} of which have a",
        "loss that can be evaluated (no skips, noise on linear layers only). Each is attacked by",
        f"{RESTARTS} descents from random starts of three sizes and one from near zero; ends above the best one are",
        "sharpened by Newton's method. Such an end is a bad minimum if there is no gradient, no negative curvature, no",
        "random perturbation that falls, and descents from close by end no lower; flat ends with a saturated unit are",
        "slopes that level off towards infinity and not counted.",
        "",
        "No attack contradicts a verdict; one would have stopped this report.",
        "",
        "| networks | number |",
        "|---|---|",
        f"| attacked | {len(attacked)} |",
        f"| with a bad minimum found | {len(bad)} |",
        f"| of these: `spurious_minima_exist` is true | {len(answered)} ({share:.0%}) |",
        f"| of these: null | {len(bad) - len(answered)} |",
        f"| with a strict bad minimum found | {len(strict)} |",
        f"| of these: `no_bad_strict_minima` is false | {len(told)} |",
        "",
        "Bad minima found where the verdict is null, by kind, the most frequent:",
        "",
        "| network | number |",
        "|---|---|",
        *(f"| {kind} | {count} |" for kind, count in open_kinds.most_common(25)),
    ]
    return "\n".join(lines) + "\n"
