"""Random two-layer ReLU objectives, and a search for better networks that shares nothing with ours."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from service.core.convex_losses.differences import HalfSquaredLoss, HuberLoss, QuantileLoss
from service.core.convex_losses.labelled import LogisticLoss, PoissonLoss, SquaredHingeLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import Objective

LOSSES: Final = ("squared", "logistic", "squared_hinge", "huber", "absolute", "quantile", "poisson")
SLOPES: Final = (0.0, 0.0, 0.1, -1.0)
BIASES: Final = ("none", "output", "hidden", "decayed", "skip")


@dataclass(frozen=True, slots=True)
class Instance:
    """An objective with what it is made of."""

    objective: Objective
    loss: str
    bias: str
    slope: float


def instance(seed: int, *, most: int = 60) -> Instance:
    """The random objective of a seed: up to four inputs and ``most`` samples, any loss, bias and slope."""
    rng = np.random.default_rng([2026, seed])
    count, inputs = int(rng.integers(4, most + 1)), int(rng.integers(1, 5))
    loss, bias = LOSSES[seed % len(LOSSES)], BIASES[seed // len(LOSSES) % len(BIASES)]
    slope = SLOPES[int(rng.integers(len(SLOPES)))]
    x = rng.standard_normal((count, inputs))
    if rng.random() < 0.2:
        x = np.round(x)
    teacher = np.maximum(x @ rng.standard_normal((inputs, 3)), 0.0) @ rng.standard_normal(3)
    noise = 10.0 ** rng.uniform(-2, 0.5) * rng.standard_normal(count)
    y = teacher + noise
    free, ridge = np.zeros((count, 0)), 0.0
    if bias == "hidden" and inputs < 4:
        x = np.column_stack([x, np.ones(count)])
    if bias in ("output", "decayed"):
        free, ridge = np.ones((count, 1)), (0.1 * count if bias == "decayed" else 0.0)
    if bias == "skip":
        free = x.copy()
    beta = count * 10.0 ** rng.uniform(-2.5, -0.5)
    return Instance(Objective(x, _loss(loss, y), beta, slope, free, ridge), loss, bias, slope)


def _loss(name: str, y: FloatArray) -> ScalarLoss:
    signs = np.where(y >= np.median(y), 1.0, -1.0)
    counts: FloatArray = np.round(np.exp(np.clip(y, -3.0, 3.0))).astype(np.float64)
    losses: dict[str, ScalarLoss] = {
        "squared": HalfSquaredLoss(y),
        "logistic": LogisticLoss(signs),
        "squared_hinge": SquaredHingeLoss(signs),
        "huber": HuberLoss(y, 0.5),
        "absolute": QuantileLoss(y, 0.5, 2.0),
        "quantile": QuantileLoss(y, 0.8),
        "poisson": PoissonLoss(counts),
    }
    return losses[name]


def best_of_searches(made: Instance, restarts: int, seed: int) -> float:
    """The lowest objective that L-BFGS reaches from random weights of both layers, evaluated without smoothing."""
    problem = made.objective
    count, inputs = problem.x.shape
    rng = np.random.default_rng([7, seed])
    width = min(count, 20) + 2
    rounded = problem.loss.smoothed(1e-6)
    sizes = (width * inputs, width, problem.free.shape[1])

    def split(theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        first, second, free = np.split(theta, np.cumsum(sizes)[:2])
        return first.reshape(width, inputs), second, free

    def value(theta: FloatArray, loss: ScalarLoss) -> tuple[float, FloatArray]:
        first, second, free = split(theta)
        products = problem.x @ first.T
        hidden = np.maximum(products, problem.slope * products)
        f = hidden @ second + problem.free @ free
        decay = 0.5 * problem.beta * (np.square(first).sum() + np.square(second).sum())
        with np.errstate(over="ignore"):
            total = loss.rounded_value(f) + decay + problem.ridge * free @ free
            slopes = loss.slope(f)
        inner = np.where(products > 0.0, 1.0, problem.slope) * second * slopes[:, None]
        gradient = np.concatenate(
            [
                (inner.T @ problem.x + problem.beta * first).ravel(),
                hidden.T @ slopes + problem.beta * second,
                problem.free.T @ slopes + 2.0 * problem.ridge * free,
            ]
        )
        return (float(total), gradient) if np.isfinite(total) else (1e300, np.zeros_like(gradient))

    best = np.inf
    for _ in range(restarts):
        start = rng.standard_normal(sum(sizes)) / np.sqrt(inputs)
        end = minimize(value, start, args=(rounded,), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
        first, second, free = split(end)
        f = problem.features(first) @ second + problem.free @ free
        decay = 0.5 * problem.beta * (np.square(first).sum() + np.square(second).sum())
        best = min(best, problem.loss.value(f) + float(decay) + problem.ridge * float(free @ free))
    return best
