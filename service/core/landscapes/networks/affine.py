"""The least loss of affine maps on the samples, where it is attained."""

import numpy as np
from scipy.optimize import minimize

from service.core.data_facts.separation import separation_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.losses.nonlinear import data_loss
from service.vocabulary import Loss

STILL = 1e-7
"""Largest entry of the gradient, relative to the loss, at what counts as the best map."""

MOST_ENTRIES = 200_000


def best_affine_loss(problem: Problem) -> float | None:
    """Loss of the best affine map; ``None`` where none is best or none was found."""
    return problem.once("landscapes.affine", lambda: _least(problem))


def _least(problem: Problem) -> float | None:
    samples = problem.samples
    if samples is None or samples.x.size * samples.y.shape[1] > MOST_ENTRIES:
        return None
    if problem.loss is Loss.WEIGHTED_SQUARED and samples.weights is None:
        return None
    inputs = np.hstack([samples.x, np.ones((len(samples.x), 1))])
    if problem.loss in (Loss.SQUARED, Loss.WEIGHTED_SQUARED):
        return _squares(samples, inputs)
    found = separation_of(problem, offset=True)
    # a margin that is not decided may leave the infimum unattained
    return None if found is None or found.margin > 0.0 else _descended(problem, samples, inputs)


def _squares(samples: Samples, inputs: FloatArray) -> float:
    weights = np.ones(samples.y.shape) if samples.weights is None else samples.weights
    total = 0.0
    for output in range(samples.y.shape[1]):
        roots = np.sqrt(weights[:, output])
        rows, targets = roots[:, None] * inputs, roots * samples.y[:, output]
        errors = targets - rows @ np.linalg.lstsq(rows, targets, rcond=None)[0]
        total += float(errors @ errors)
    return total / len(inputs)


def _descended(problem: Problem, samples: Samples, inputs: FloatArray) -> float | None:
    outputs = samples.y.shape[1]

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        value, slope = data_loss(problem.loss, inputs @ flat.reshape(-1, outputs), samples.y)
        return value, (inputs.T @ slope).ravel()

    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize(
            objective,
            np.zeros(inputs.shape[1] * outputs),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 2_000, "maxfun": 4_000, "ftol": 0.0, "gtol": 1e-10},
        )
    still = float(np.abs(found.jac).max()) <= STILL * max(float(found.fun), 1e-300)
    return float(found.fun) if still else None
