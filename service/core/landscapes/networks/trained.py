"""Networks found by a short descent: one below a loss, or one that classifies every sample."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.landscapes.witnesses.objective import is_noisy
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import Evaluation, evaluate
from service.vocabulary import Loss

WORK = 300_000_000
"""Multiplications that all descents for one question may take, about."""

STARTS = 9
SCALES = (1.0, 3.0, 0.5)
"""Sizes of the first layer at a start, one after the other."""
BIASES = (0.1, 1.0)
"""Sizes of biases, one after the other when all of those have had their turn."""

MOST_STEPS = 300
GAIN = 1e-6
"""Share of a loss by which a network must lie below it."""

MARGIN = 1e-9
"""Least margin, over the largest output, that is not rounding."""


OVERFLOWN = 1e300


class _FoundError(Exception):
    """Ends a descent at the point that was wanted."""

    def __init__(self, point: DenseParameters, value: float) -> None:
        super().__init__("found")
        self.point = point
        self.value = value


def below(
    problem: Problem, loss: float, also: Callable[[DenseParameters], bool] | None = None, starts: int = STARTS
) -> tuple[DenseParameters, float] | None:
    """A network of smaller loss, with its loss; ``None`` if no short descent meets one, which proves nothing.

    The gain exceeds a share ``GAIN`` of the loss and what the sums of the loss can round.  ``also`` is what else must
    hold of the network.
    """
    target = loss - GAIN * max(abs(loss), 1e-12)

    def wanted(point: DenseParameters, found: Evaluation) -> float | None:
        return found.loss if found.loss < target and (also is None or also(point)) else None

    return problem.once(f"landscapes.below.{loss!r}.{also is None}", lambda: _search(problem, wanted, starts))


def separating(problem: Problem) -> tuple[DenseParameters, float] | None:
    """A network that gives every sample the right sign or class, with its least margin; ``None`` proves nothing."""
    samples = problem.samples
    if samples is None:
        return None
    y = samples.y

    def wanted(_point: DenseParameters, found: Evaluation) -> float | None:
        return _margin(problem.loss, found, y)

    return problem.once("landscapes.separating", lambda: _search(problem, wanted))


def _margin(loss: Loss, found: Evaluation, y: FloatArray) -> float | None:
    margin = margin_of(loss, found.outputs, y)
    return margin if margin > MARGIN * max(1.0, float(np.abs(found.outputs).max())) else None


def margin_of(loss: Loss, outputs: FloatArray, y: FloatArray) -> float:
    """Least margin of outputs and targets (n, k): of the sign of an output, or of the right class over the others."""
    if loss is not Loss.CROSS_ENTROPY:
        return float((y * outputs).min())
    right = np.argmax(y, axis=1)
    rows = np.arange(len(y))
    others = outputs.copy()
    others[rows, right] = -np.inf
    return float((outputs[rows, right] - others.max(axis=1)).min())


def _search(
    problem: Problem, wanted: Callable[[DenseParameters, Evaluation], float | None], starts: int = STARTS
) -> tuple[DenseParameters, float] | None:
    samples, network = problem.samples, problem.network
    unweighted = samples is not None and problem.loss is Loss.WEIGHTED_SQUARED and samples.weights is None
    unusual = unweighted or network.skips or is_noisy(network) or any(layer.convolution for layer in network.layers)
    if samples is None or unusual:
        return None
    frozen = any(layer.frozen_weights is not None for layer in network.layers)
    size = sum(rows * columns for rows, columns in shapes_of(network, samples.x.shape[1]))
    steps = min(MOST_STEPS, WORK // max(1, starts * size * len(samples.x)))
    if frozen or steps < 2:
        return None

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        point = unflatten(flat, like)
        found = evaluate(network, problem.loss, point, samples)
        value = wanted(point, found)
        if value is not None:
            raise _FoundError(point, value)
        gradient = flatten(found.gradient)
        # an overflow of an exponential loss: the line search steps back
        finite = bool(np.isfinite(found.loss) and np.isfinite(gradient).all())
        return (found.loss, gradient) if finite else (OVERFLOWN, np.zeros_like(gradient))

    for seed in range(starts):
        like = start_of(problem, seed)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                minimize(
                    objective,
                    flatten(like),
                    jac=True,
                    method="L-BFGS-B",
                    options={"maxiter": steps, "maxfun": steps, "ftol": 0.0, "gtol": 0.0},
                )
        except _FoundError as found:
            return found.point, found.value
    return None


def start_of(problem: Problem, seed: int) -> DenseParameters:
    """Gaussian weights that keep the size of the inputs, or are larger or smaller, balanced against their decays."""
    rng = np.random.default_rng(seed)
    network = problem.network
    assert problem.samples is not None  # noqa: S101  # callers have samples
    size = float(np.sqrt(np.mean(np.square(problem.samples.x)))) or 1.0
    shapes = shapes_of(network, problem.samples.x.shape[1])
    decays = network.weight_decays
    positive = decays[decays > 0.0]
    # layers of large decay are small, and the others make up for it
    level = float(np.exp(np.log(positive).mean())) if len(positive) else 1.0
    shares = np.sqrt(level / np.where(decays > 0.0, decays, level))
    size /= SCALES[seed % len(SCALES)]
    scales = [float(share) / size if at == 0 else float(share) for at, share in enumerate(shares)]
    weights = tuple(
        scale * np.sqrt(2.0 / shape[1]) * rng.normal(size=shape) for scale, shape in zip(scales, shapes, strict=True)
    )
    biases = tuple(0.1 * rng.normal(size=shape[0]) if network.has_bias(at) else None for at, shape in enumerate(shapes))
    return DenseParameters(weights, biases)
