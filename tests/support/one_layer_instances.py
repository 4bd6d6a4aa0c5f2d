"""Single layers under convex losses on drawn samples, with what a search and exact arithmetic say of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import minimize

from service.core.convex_losses.class_shares import ClassShares
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.ground.results import Minima
from service.core.one_layer.parts import LayerPart, least_unit, parts_of
from service.core.one_layer.predicted import LayerWeights
from service.vocabulary import Bias, Loss

SMOOTH: Final = (Loss.LOGISTIC, Loss.CROSS_ENTROPY, Loss.SQUARED_HINGE, Loss.HUBER, Loss.POISSON)
KINKED: Final = (Loss.ABSOLUTE, Loss.QUANTILE)
LOSSES: Final = (*SMOOTH, *KINKED)
SEVERAL: Final = (Loss.HUBER, Loss.ABSOLUTE, Loss.QUANTILE, Loss.POISSON)
"""Losses that are added over outputs."""
PARAMETERS: Final[Mapping[Loss, float]] = {Loss.HUBER: 0.7, Loss.QUANTILE: 0.3}
BIASES: Final[Mapping[str, tuple[Bias, float]]] = {
    "none": (Bias.NONE, 0.0),
    "free": (Bias.OUTPUT, 0.0),
    "decayed": (Bias.OUTPUT, 0.05),
}


def drawn(loss: Loss, n: int, d: int, seed: int, outputs: int = 1) -> Samples:
    """Gaussian inputs and noisy targets of a kind that the loss is for; classes overlap."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    k = 3 if loss is Loss.CROSS_ENTROPY else outputs
    f = x @ rng.normal(size=(d, k)) / np.sqrt(d) + rng.normal(size=(n, k)) + 0.3
    if loss in (Loss.LOGISTIC, Loss.SQUARED_HINGE):
        y = np.where(f > 0.0, 1.0, -1.0)
    elif loss is Loss.CROSS_ENTROPY:
        y = np.eye(k)[f.argmax(axis=1)]
    elif loss is Loss.POISSON:
        y = rng.poisson(np.exp(np.clip(f, -3.0, 2.0))).astype(float)
    else:
        y = f
    return Samples(x, y)


def layer(samples: Samples, loss: Loss, decay: float, bias: str = "free") -> Problem:
    """The problem of one layer on samples."""
    kind, bias_decay = BIASES[bias]
    network = Network((Layer(samples.y.shape[1], weight_decay=decay),), bias=kind, bias_weight_decays=(bias_decay,))
    samples = replace(samples, loss_parameter=PARAMETERS.get(loss))
    problem = Problem(network, moments_of(samples.x, samples.y), samples, loss)
    floor = least_unit(problem)
    return problem if floor is None else replace(problem, gap_floor=floor)


def solved(problem: Problem) -> Minima:
    """The answer, whatever overflows on the way."""
    with np.errstate(all="ignore"):
        return solve(problem)


def value_at(part: LayerPart, weights: LayerWeights) -> float:
    """P of a part, in double precision and by nothing but its definition."""
    predictions = part.x @ weights.matrix.T + weights.biases
    loss = part.loss
    fit = loss.value(predictions) if isinstance(loss, ClassShares) else loss.value(predictions[:, 0])
    return float(fit + part.decays @ np.square(weights.coefficients(part)).sum(axis=1))


def searched(problem: Problem, starts: int, seed: int) -> float:
    """The least objective that L-BFGS finds from several starts, part by part."""
    rng = np.random.default_rng(seed)
    total = 0.0
    for part in parts_of(problem):
        rank = part.loss.y.shape[1] if isinstance(part.loss, ClassShares) else 1
        begin = [scale * rng.normal(size=rank * (part.x.shape[1] + 1)) for scale in np.linspace(0.0, 1.0, starts)]
        with np.errstate(all="ignore"):
            total += min(float(minimize(_objective(part, rank), at, jac=True, method="L-BFGS-B").fun) for at in begin)
    return total / len(problem.samples.x) if problem.samples is not None else total


def _objective(part: LayerPart, rank: int) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    loss = part.loss

    def value(at: FloatArray) -> tuple[float, FloatArray]:
        rows = at.reshape(rank, -1)
        biases = rows[:, -1] if part.bias_decay is not None else np.zeros(rank)
        weights = LayerWeights(rows[:, :-1], biases)
        found = value_at(part, weights)
        predictions = part.x @ weights.matrix.T + biases
        if isinstance(loss, ClassShares):
            slope = -loss.errors(loss.shares(predictions))
        else:
            slope = loss.slope(predictions[:, 0])[:, None]
        pull = np.zeros_like(rows)
        pull[:, :-1] = slope.T @ part.x + 2.0 * part.decay * weights.matrix
        if part.bias_decay is not None:
            pull[:, -1] = slope.sum(axis=0) + 2.0 * part.bias_decay * biases
        return (found, pull.ravel()) if np.isfinite(found) else (1e300, np.zeros(pull.size))

    return value
