"""Noise on hidden layers where no closed form is known: best weights found, with an honest bound.

Covers several noisy layers whose solution has a rank above one, and noise together with decay on inputs that are not
white or in deeper networks.  See ``docs/theory/dropout.md``.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from service.core.ground.data.changes import with_input_noise
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Layer, Network, Problem, shapes_of
from service.core.ground.results import GlobalMinimum, Solution, Thresholds
from service.core.ground.roles import Solver, numbers_of_factors
from service.core.ground.rules import Hypothesis, Judgement
from service.core.losses.expected import DenseParameters, terms_of
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.answer import UNIQUE, global_minimum, minimum_point
from service.core.several_outputs.first_layer import BestFirstLayer, descend
from service.core.several_outputs.lane_starts import balanced_starts
from service.core.several_outputs.layers import biases_of
from service.core.several_outputs.noisy_layers import noisy_parameters
from service.core.several_outputs.origin import origin_of, origin_points
from service.core.several_outputs.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.ranks import rank_bound
from service.core.several_outputs.water_filling import effective_noise, fill, noisy_layers
from service.vocabulary import Bias, Evidence, Status

RESTARTS = 7
"""The bound's own map and random weights, beside the balanced ones."""
FEWER_RESTARTS = 5
"""The same in problems of at most `FEW` weights above the first."""
FEW = 30
AGREEING = 3
"""Descents that end at the lowest value before the search does."""
STEPS = 120
SAME = 1e-10
"""Difference of values, relative to the squared error of zero, that counts as none."""
CONTINUED = 3
"""Descents that go on in problems of more than `NEWTON_LIMIT` weights above the first."""
SETTLING = 8
UNREACHED = 1e30
COPIES = 50
"""Starts, and what a quasi-Newton descent remembers."""
NEWTON_LIMIT = 250
POLISH_LIMIT = 700
"""Beyond the first, quasi-Newton steps come before a few of Newton's; beyond this they are the last."""


def solve(problem: Problem) -> Solution:
    """Best stationary point found under noise, with the origin."""
    quadratic = quadratic_of(problem)
    minimum = _minimum(problem, quadratic, _search(problem, quadratic))
    reason = "the barrier is not known under noise"
    origin = origin_of(problem, quadratic, minimum.trivial, None, reason)
    points = origin_points(quadratic, origin)
    if not minimum.trivial:
        points.append(minimum_point(minimum, Evidence.OBSERVED))
    why = "not known under noise for several outputs: only bounds are"
    names = (
        "critical_decay_scale",
        "metastable_up_to_decay_scale",
        "critical_noise_variance",
        "critical_noise_scale",
        "transition_order",
        "transitions",
    )
    return Solution(
        "noisy_bounded",
        SOLVER.theorems,
        minimum,
        tuple(points),
        "not complete: the origin and the best stationary point that was found; the certificate bounds its "
        "distance from the minimum",
        Thresholds(None, None, None, None, None, (), dict.fromkeys(names, why)),
        origin,
    )


def _as_seen(task: Problem, quadratic: Quadratic) -> Problem:
    """The problem without biases and input noise, on the moments that both leave of the inputs.

    Biases take the means off; input noise of variance v adds ``v diag(E[x x^T])`` of the inputs as they come.
    """
    network, moments = task.network, task.data
    if not network.bias_layers and not network.input_noise_variance:
        return task
    centre = quadratic.x_mean is not None and quadratic.y_mean is not None
    moments = with_input_noise(moments, network.input_noise_variance, centre=centre)
    network = replace(network, bias=Bias.NONE, bias_weight_decays=(), input_noise_variance=0.0)
    return replace(task, network=network, moments=moments)


def _search(task: Problem, quadratic: Quadratic) -> list[FloatArray]:
    """Descents from balanced weights of each rank, the bound's own map and random weights; the best to the end."""
    seen = _as_seen(task, quadratic)
    inside = quadratic_of(seen)
    nothing = [np.zeros(shape) for shape in shapes_of(seen.network, seen.data.inputs)]
    if inside.correlation_norm == 0.0:
        return nothing
    reduced = BestFirstLayer(inside, seen.network)
    starts = [*_balanced(seen, inside), *_starts(task, quadratic)]
    rough = sorted((_quasi_newton(reduced, start, 25, 1e-10) for start in starts), key=_value)
    value, best = _small(reduced, rough) if starts[0].size <= NEWTON_LIMIT else _large(reduced, rough)
    if value >= (1.0 - 1e-12) * inside.total:
        return nothing
    upper = reduced.split(best)
    return [inside.expand(reduced.first(upper).T).T, *upper]


def _small(reduced: BestFirstLayer, rough: list[tuple[float, FloatArray]]) -> tuple[float, FloatArray]:
    """Newton descents to the end, best begun first, until several have met at the lowest value.

    Notes
    -----
    Minima that lie 1e-5 apart are distinguished only at the end of a descent.  Where all meet these are three; at most
    there are as many as starts, of `STEPS` Hessians each.
    """
    slack = SAME * reduced.quadratic.total
    best, met = _evaluated(reduced, descend(reduced, rough[0][1], STEPS)), 1
    for _, point in rough[1:]:
        found = _evaluated(reduced, descend(reduced, point, STEPS))
        if found[0] < best[0] - slack:
            met = 1
        elif found[0] <= best[0] + slack:
            met += 1
        best = min(best, found, key=_value)
        if met >= AGREEING:
            break
    return min(_evaluated(reduced, descend(reduced, best[1])), best, key=_value)


def _evaluated(reduced: BestFirstLayer, found: tuple[float, FloatArray]) -> tuple[float, FloatArray]:
    """A point with the value that no rounding has made too low."""
    return reduced.evaluated(found[1]), found[1]


def _large(reduced: BestFirstLayer, rough: list[tuple[float, FloatArray]]) -> tuple[float, FloatArray]:
    """Quasi-Newton descents of a few, the best of them to the end."""
    further = min((_quasi_newton(reduced, point, 150, 1e-12) for _, point in rough[:CONTINUED]), key=_value)[1]
    value, best = _quasi_newton(reduced, further, 2000, 1e-15)
    return descend(reduced, best, SETTLING) if best.size <= POLISH_LIMIT else (value, best)


def _value(found: tuple[float, FloatArray]) -> float:
    return found[0]


def _quasi_newton(
    reduced: BestFirstLayer, start: FloatArray, iterations: int, tolerance: float
) -> tuple[float, FloatArray]:
    total = reduced.quadratic.total

    def scaled(point: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = reduced.value_and_gradient(point)
        # the line search interpolates, which it cannot do with infinity
        return min(value / total, UNREACHED), gradient / total

    found = minimize(
        scaled,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "ftol": tolerance, "gtol": 1e-11, "maxcor": 20},
    )
    return float(found.fun) * total, np.asarray(found.x)


def _balanced(seen: Problem, inside: Quadratic) -> list[FloatArray]:
    """Balanced weights of each rank, moved a little: exact symmetry would keep the descent among such weights."""
    rng = np.random.default_rng(1)
    starts: list[FloatArray] = []
    for layers in balanced_starts(seen, inside):
        point = np.concatenate([weight.ravel() for weight in layers[1:]])
        starts.append(point + 0.05 * float(np.sqrt(np.mean(point**2))) * rng.standard_normal(point.size))
    return starts


def _starts(task: Problem, quadratic: Quadratic) -> list[FloatArray]:
    left, values, right = quadratic.svd
    level = fill(values, effective_noise(task.network), 0.0, rank_bound(task, quadratic))
    shrunk = values[: level.kept] - level.amount
    inner = quadratic.expand(right[:, : level.kept] / quadratic.scales[:, None])
    # several noisy layers: equal loads in the first only, the search does the rest
    single = replace(task, network=_first_noise_only(task.network))
    parameters = noisy_parameters(single, quadratic, left[:, : level.kept], shrunk, inner)
    rng = np.random.default_rng(0)
    begin = np.concatenate([weight.dense().ravel() for weight in parameters.weights[1:]])
    size = begin.size
    spread = float(np.sqrt(np.mean(begin**2))) + 1e-3
    starts = [begin + 0.05 * spread * rng.standard_normal(size)]
    count = RESTARTS if size > FEW else FEWER_RESTARTS
    starts += [spread * factor * rng.standard_normal(size) for factor in np.geomspace(0.5, 2.0, count - 1)]
    return starts


def _first_noise_only(network: Network) -> Network:
    first = noisy_layers(network)[0]
    layers: list[Layer] = [
        replace(layer, weight_decay=0.0, noise_variance=layer.noise_variance if index == first else 0.0)
        for index, layer in enumerate(network.layers)
    ]
    return replace(network, layers=tuple(layers), bias=Bias.NONE, bias_weight_decays=())


def _minimum(problem: Problem, quadratic: Quadratic, weights: list[FloatArray]) -> GlobalMinimum:
    seen = _as_seen(problem, quadratic)
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
    return 0.03 + 1e-3 * above * max(1.0, widths[0] / 40.0)


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
)
