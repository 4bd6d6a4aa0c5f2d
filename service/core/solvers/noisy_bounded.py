"""Noise on hidden layers where no closed form is known: best weights found, with an honest bound.

Covers several noisy layers whose solution has a rank above one, and noise together with decay on inputs that are not
white or in deeper networks.  See ``docs/theory/dropout.md``.
"""

import math
from collections.abc import Sequence

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Problem, shapes_of
from service.core.ground.results import THRESHOLDS, GlobalMinimum, Solution, Thresholds
from service.core.ground.roles import Search, Solver, numbers_of_factors
from service.core.ground.rules import Hypothesis, Judgement
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import terms_of
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.noise.search import as_seen, best_weights
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.weights.layers import biases_of
from service.core.several_outputs.weights.minimum import UNIQUE, global_minimum
from service.core.several_outputs.weights.origin import origin_and_minimum, origin_of
from service.vocabulary import Evidence, Status

COPIES = 50
"""Of the weights above the first layer: starts, and what a quasi-Newton descent remembers."""


def solve(problem: Problem) -> Solution:
    """Best stationary point found under noise, with the origin."""
    quadratic = quadratic_of(problem)
    minimum = _minimum(problem, quadratic, best_weights(problem, quadratic))
    reason = "the barrier is not known under noise"
    origin = origin_of(problem, quadratic, minimum.trivial, None, reason)
    points = origin_and_minimum(quadratic, origin, minimum, Evidence.OBSERVED)
    why = "not known under noise for several outputs: only bounds are"
    return Solution(
        "noisy_bounded",
        SOLVER.theorems,
        minimum,
        points,
        "not complete: the origin and the best stationary point that was found; the certificate bounds its "
        "distance from the minimum",
        Thresholds.none(dict.fromkeys((*THRESHOLDS, "transitions"), why)),
        origin,
    )


def _minimum(problem: Problem, quadratic: Quadratic, weights: list[FloatArray]) -> GlobalMinimum:
    seen = as_seen(problem, quadratic)
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    left, values, right = np.linalg.svd(product, full_matrices=False)
    kept = values > 1e-9 * max(float(values[0]), 1e-300)
    svd = (left[:, kept], values[kept], right[kept].T)
    terms = terms_of(seen.network, seen.data, DenseParameters.without_biases(weights))
    parameters = _factored(problem, quadratic, weights, product)
    uniqueness = "not known: the best point found"
    if not np.any(product):
        uniqueness = UNIQUE
    return global_minimum(
        problem,
        quadratic,
        svd,
        parameters,
        uniqueness,
        decay=terms.decay,
        hidden_noise=terms.noise,
    )


def _factored(problem: Problem, quadratic: Quadratic, weights: list[FloatArray], product: FloatArray) -> Parameters:
    network = problem.network
    factored = tuple(FactoredMatrix(weight, np.ones(weight.shape[1]), np.eye(weight.shape[1])) for weight in weights)
    biases = list(biases_of(network, quadratic.offset(product)))
    if quadratic.x_mean is not None and quadratic.y_mean is not None and network.has_bias(0):
        biases[0] = FactoredMatrix(-(weights[0] @ quadratic.x_mean)[:, None], np.ones(1), np.ones((1, 1)))
        biases[-1] = FactoredMatrix(quadratic.y_mean[:, None], np.ones(1), np.ones((1, 1)))
    return Parameters(factored, tuple(biases))


def _all_or_none(problem: Problem) -> Judgement:
    decayed = int(np.count_nonzero(problem.network.weight_decays))
    holds = decayed in (0, problem.network.n_layers)
    reason = "only some layers are decayed: the infimum is that without any decay, and is not attained"
    return Judgement(holds, {"decayed_layers": decayed}, "" if holds else reason)


def numbers(problem: Problem) -> int:
    """Every layer but the first as it is in each start and step, and the square of each width; see `Solver`."""
    widths = problem.network.hidden_widths
    above = sum(rows * columns for rows, columns in shapes_of(problem.network, problem.data.inputs)[1:])
    return numbers_of_factors(problem) + COPIES * above + 3 * sum(width * width for width in widths)


def seconds(widths: Sequence[int]) -> float:
    """Measured on one core; see `Solver`."""
    above = sum(rows * columns for rows, columns in zip(widths[2:], widths[1:], strict=False))
    return 0.03 + 7e-3 * math.sqrt(widths[0]) * widths[0] + 2e-4 * above


SOLVER = Solver(
    name="noisy_bounded",
    theorems=("noise-water-filling", "frame-bound", "envelope-bound"),
    status=Status.CERTIFIED,
    hypotheses=(
        *needs.COMMON,
        needs.NOISE_PRESENT,
        Hypothesis("weight decay on every layer or on none", _all_or_none),
    ),
    solve=solve,
    numbers=numbers,
    seconds=seconds,
    searches=Search.WITH_NOISE,
)
