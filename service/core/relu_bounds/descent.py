"""Networks of the width that was asked for, trained from several starts: what a bound is held against."""

from typing import Final

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples, shapes_of
from service.core.ground.stopping import should_stop
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import evaluate, loss_of
from service.vocabulary import Activation

_STEPS: Final = 600
_MEMORY: Final = 20


def numbers_held(problem: Problem) -> int:
    """About how many numbers a run holds: steps and gradients that L-BFGS remembers, and outputs of every layer."""
    samples = _samples(problem)
    weights = sum(rows * columns for rows, columns in shapes_of(problem.network, samples.x.shape[1]))
    return 2 * (_MEMORY + 4) * weights + 4 * len(samples.x) * sum(problem.network.hidden_widths)


def nothing(problem: Problem, steps: int = _STEPS) -> DenseParameters:
    """The network whose weights are zero, trained: only its output bias can be of use."""
    shapes = shapes_of(problem.network, _samples(problem).x.shape[1])
    weights = tuple(np.zeros(shape) for shape in shapes)
    biases = tuple(
        np.zeros(shape[0]) if problem.network.has_bias(index) else None for index, shape in enumerate(shapes)
    )
    start = DenseParameters(weights, biases)
    return descended(problem, start, steps) if steps else start


def started(problem: Problem, seed: int) -> DenseParameters:
    """Random weights, such that outputs are about as large as the inputs."""
    rng = np.random.default_rng(seed)
    samples = _samples(problem)
    shapes = shapes_of(problem.network, samples.x.shape[1])
    size = 1.0 / max(float(np.sqrt(np.square(samples.x).mean())), 1e-100)
    weights = []
    for index, shape in enumerate(shapes):
        scale = np.sqrt(2.0 / shape[1]) * (size if index == 0 else 1.0)
        weights.append(scale * rng.standard_normal(shape))
    biases = [
        0.3 * rng.standard_normal(shape[0]) if problem.network.has_bias(index) else None
        for index, shape in enumerate(shapes)
    ]
    return DenseParameters(tuple(weights), tuple(biases))


def descended(problem: Problem, start: DenseParameters, steps: int = _STEPS) -> DenseParameters:
    """The best point of a run of L-BFGS on the objective itself, which is never worse than its start."""
    samples = _samples(problem)
    best, least = start, loss_of(problem.network, problem.loss, start, samples)

    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best, least
        at = unflatten(vector, start)
        with np.errstate(over="ignore", invalid="ignore"):
            found = evaluate(problem.network, problem.loss, at, samples)
        if found.loss < least:
            best, least = unflatten(vector.copy(), start), found.loss
        gradient = np.asarray(flatten(found.gradient))
        if not np.isfinite(found.loss) or not np.isfinite(gradient).all():
            return 1e300, np.zeros_like(gradient)
        return found.loss, gradient

    def watch(intermediate_result: OptimizeResult) -> None:
        if should_stop() or not np.isfinite(intermediate_result.fun):
            raise StopIteration

    minimize(
        objective,
        np.asarray(flatten(start), dtype=np.float64),
        jac=True,
        method="L-BFGS-B",
        callback=watch,
        options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-15, "gtol": 1e-12, "maxcor": _MEMORY},
    )
    return best


def interpolating(problem: Problem, targets: FloatArray) -> DenseParameters | None:
    """A network of hinges along one direction that takes given values (n, k), equal for equal inputs.

    None where hidden biases or width are not enough for this construction; widths of later layers pass hinges on.
    """
    network, samples = problem.network, _samples(problem)
    distinct, places = np.unique(samples.x + 0.0, axis=0, return_index=True)
    count = len(distinct)
    rectified = all(layer.activation is Activation.RELU for layer in network.layers[:-1])
    if not network.has_bias(0) or not rectified or min(network.hidden_widths) < count:
        return None
    rng = np.random.default_rng(0)
    directions = np.concatenate([np.eye(samples.x.shape[1]), rng.standard_normal((16, samples.x.shape[1]))])
    along = distinct @ directions.T
    spread = np.diff(np.sort(along, axis=0), axis=0).min(axis=0, initial=np.inf) / np.maximum(
        np.ptp(along, axis=0), 1e-300
    )
    direction = directions[int(np.argmax(np.where(np.isfinite(spread), spread, 1.0)))]
    order = np.argsort(distinct @ direction)
    values = (distinct @ direction)[order]
    wanted = targets[places][order]
    kinks = np.concatenate([values[:1] - max(float(np.ptp(values)), 1.0), values[:-1]])
    hinges = np.maximum(values[:, None] - kinks[None, :], 0.0)
    coefficients = np.linalg.solve(hinges, wanted)
    weights, biases = [], []
    for index, shape in enumerate(shapes_of(network, samples.x.shape[1])):
        weight, bias = np.zeros(shape), np.zeros(shape[0])
        if index == 0:
            weight[:count], bias[:count] = direction, -kinks
        elif index < network.n_layers - 1:
            weight[:count, :count] = np.eye(count)
        else:
            weight[:, :count] = coefficients.T
        weights.append(weight)
        biases.append(bias if network.has_bias(index) else None)
    return DenseParameters(tuple(weights), tuple(biases))


def _samples(problem: Problem) -> Samples:
    if problem.samples is None:
        raise ValueError("a ReLU network needs samples")
    return problem.samples
