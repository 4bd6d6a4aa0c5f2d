"""Best weights of a network with noisy hidden layers, by descents from many starts.

The first layer is always at its best, so that descents are in the others; see ``docs/theory/dropout.md``.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from service.core.ground.data.changes import with_input_noise
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, shapes_of
from service.core.ground.stopping import should_stop
from service.core.several_outputs.noise.first_layer import BestFirstLayer, descend
from service.core.several_outputs.noise.starts import balanced_starts
from service.core.several_outputs.noise.water_filling import effective_noise, fill, noisy_layers
from service.core.several_outputs.noise.weights import noisy_parameters
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.vocabulary import Bias

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
NEWTON_LIMIT = 250
POLISH_LIMIT = 700
"""Beyond the first, quasi-Newton steps come before a few of Newton's; beyond this they are the last."""


def as_seen(problem: Problem, quadratic: Quadratic) -> Problem:
    """The problem without biases and input noise, on the moments that both leave of the inputs.

    Biases take the means off; input noise of variance v adds ``v diag(E[x x^T])`` of the inputs as they come.
    """
    network, moments = problem.network, problem.data
    if not network.bias_layers and not network.input_noise_variance:
        return problem
    centre = quadratic.x_mean is not None and quadratic.y_mean is not None
    moments = with_input_noise(moments, network.input_noise_variance, centre=centre)
    network = replace(network, bias=Bias.NONE, bias_weight_decays=(), input_noise_variance=0.0)
    return replace(problem, network=network, moments=moments)


def best_weights(problem: Problem, quadratic: Quadratic) -> list[FloatArray]:
    """All layers (width, inputs) as `as_seen` sees them; zero where nothing better is found.

    Descents from balanced weights of each rank, the bound's own map and random weights; the best goes on to the end.
    """
    seen = as_seen(problem, quadratic)
    inside = quadratic_of(seen)
    nothing = [np.zeros(shape) for shape in shapes_of(seen.network, seen.data.inputs)]
    if inside.correlation_norm == 0.0:
        return nothing
    reduced = BestFirstLayer(inside, seen.network)
    starts = [*_balanced(seen, inside), *_starts(problem, quadratic)]
    rough = sorted(_begun(reduced, starts), key=_value)
    value, best = _small(reduced, rough) if starts[0].size <= NEWTON_LIMIT else _large(reduced, rough)
    if value >= (1.0 - 1e-12) * inside.total:
        return nothing
    upper = reduced.split(best)
    return [inside.expand(reduced.first(upper).T).T, *upper]


def _begun(reduced: BestFirstLayer, starts: list[FloatArray]) -> Iterator[tuple[float, FloatArray]]:
    """The first steps from each start, or from as many as there is time for: from one at least."""
    for index, start in enumerate(starts):
        if index and should_stop():
            return
        yield _quasi_newton(reduced, start, 25, 1e-10)


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
        if met >= AGREEING or should_stop():
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

    def ended(xk: FloatArray) -> None:  # noqa: ARG001 - scipy tells the forms of a callback apart by this name
        if should_stop():
            raise StopIteration

    found = minimize(
        scaled,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=ended,
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


def _starts(problem: Problem, quadratic: Quadratic) -> list[FloatArray]:
    left, values, right = quadratic.svd
    level = fill(values, effective_noise(problem.network), 0.0, rank_bound(problem, quadratic))
    shrunk = values[: level.kept] - level.amount
    inner = quadratic.expand(right[:, : level.kept] / quadratic.scales[:, None])
    # several noisy layers: equal loads in the first only, the search does the rest
    single = replace(problem, network=_first_noise_only(problem.network))
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
