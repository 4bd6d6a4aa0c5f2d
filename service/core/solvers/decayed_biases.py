"""Biases that decay, on data that are not centred: solved as the plain network that they amount to.

See ``docs/theory/decayed-biases.md``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of, squared_norm
from service.core.ground.problems import Network, Problem
from service.core.ground.results import THRESHOLDS, GlobalMinimum, Origin, Solution, Terms, Thresholds
from service.core.ground.roles import Solver
from service.core.ground.rules import conjunction, examine
from service.core.ground.stopping import should_stop
from service.core.losses.dense import DenseParameters, end_to_end
from service.core.losses.expected import fit_of, loss_of
from service.core.losses.settled import settled, widened
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.decayed_biases import (
    WithoutBiases,
    constant_is_free,
    with_free_biases,
    without_biases,
)
from service.core.several_outputs.weights.minimum import input_noise_variance
from service.core.solvers import deep_bounded, nuclear_norm, reduced_rank, scalar_output
from service.vocabulary import PointClass, PointKind, Status

NAME: Final = "decayed_biases"
PLAIN: Final = (scalar_output.SOLVER, reduced_rank.SOLVER, nuclear_norm.SOLVER, deep_bounded.SOLVER)
"""Who solves plain networks, in the order of the catalogue."""
STARTS: Final = (0.3, 1.0, 0.3, 1.0)
"""Sizes of the entries of further starts."""
SMALL: Final = 200
"""Weights of a network up to which further starts are tried."""
WHY: Final = "not known: a factor on all decays changes the data of the plain network, too"
OF_ORIGIN: Final = "belongs to the coordinates of the plain network, not to these weights"
ONE_NETWORK: Final = "of the plain network that the biases amount to: {}"
UNKNOWN: Final = "not known: the best point found; a closed gap would prove its loss, not its uniqueness"
FREE: Final = "no weights attain the infimum: a hidden bias carries any constant at a cost that tends to zero"


def solve(problem: Problem) -> Solution:
    """Global minimum, by that of a network without biases."""
    if constant_is_free(problem.network):
        return _free(problem)
    seen = without_biases(problem)
    found = _plain(seen.plain)
    minimum = _minimum(seen, found.minimum) if seen.complete else _settled(problem)
    points = [
        replace(point, loss=minimum.loss, norm=float(np.linalg.norm(minimum.singular_values)))
        for point in found.stationary_points
        if seen.complete and point.kind is not PointKind.ORIGIN and point.point_class is PointClass.GLOBAL_MINIMUM
    ][:1]
    return Solution(
        NAME,
        SOLVER.theorems,
        minimum,
        tuple(points),
        "not complete: the origin and the global minimum; saddles other than the origin are not listed",
        Thresholds.none(dict.fromkeys(THRESHOLDS, WHY)),
        _origin(found.origin),
    )


def _origin(found: Origin) -> Origin:
    reasons = dict.fromkeys(("least_hessian_eigenvalue", "barrier_height", "escape_norm"), OF_ORIGIN)
    return Origin(found.point_class, None, None, None, reasons)


def _plain(problem: Problem) -> Solution:
    """The solution of a network without biases."""
    solver = next(row for row in PLAIN if conjunction(examine(row.hypotheses, problem)) is True)
    return (solver.without_thresholds or solver.solve)(problem)


def _free(problem: Problem) -> Solution:
    """The infimum where hidden biases carry a constant at no cost: that of free biases, which no weights attain."""
    found = _plain(with_free_biases(problem))
    minimum = replace(found.minimum, attained=False, parameters=None, uniqueness=FREE)
    return replace(
        found,
        solver=NAME,
        theorems=SOLVER.theorems,
        minimum=minimum,
        stationary_points=(),
        completeness="not complete: the infimum is attained by no weights, and other points are not listed",
        thresholds=Thresholds.none(dict.fromkeys(THRESHOLDS, WHY)),
        origin=_origin(found.origin),
    )


def _minimum(seen: WithoutBiases, plain: GlobalMinimum) -> GlobalMinimum:
    """The minimum of the problem from that of the plain network."""
    problem = seen.problem
    inner = seen.map_of(plain.end_to_end_map)
    bias = seen.last_bias(plain.end_to_end_map)
    offset = bias + seen.carried(plain.end_to_end_map)
    parameters = None if plain.parameters is None else _parameters(seen, plain.parameters, bias)
    uniqueness = ONE_NETWORK.format(plain.uniqueness)
    return _with(problem, inner, offset, parameters, uniqueness, attained=plain.attained, loss=plain.loss)


def _with(
    problem: Problem,
    inner: FloatArray,
    offset: FloatArray,
    parameters: Parameters | None,
    uniqueness: str,
    *,
    attained: bool,
    loss: float = 0.0,
) -> GlobalMinimum:
    """The answer for a map (k, d) and an offset (k,); ``loss`` is that of the infimum where there are no weights."""
    values = np.asarray(np.linalg.svd(inner, compute_uv=False), dtype=np.float64)
    noise = input_noise_variance(problem, inner)
    fit = fit_of(problem.data, inner, offset)
    decay = max(loss - fit - noise, 0.0) if parameters is None else _decay(problem.network, parameters)
    terms = Terms(fit, noise, decay)
    rank = int(np.count_nonzero(values > 1e-10 * max(float(values[0]), 1e-300))) if inner.any() else 0
    return GlobalMinimum(
        loss=terms.loss,
        terms=terms,
        trivial=not inner.any(),
        attained=attained,
        rank=rank,
        end_to_end_map=inner,
        output_offset=offset,
        singular_values=values,
        parameters=parameters,
        prediction_variance=noise,
        uniqueness=uniqueness,
        evaluation_fit=None if problem.evaluation is None else fit_of(problem.evaluation, inner, offset),
    )


def _decay(network: Network, parameters: Parameters) -> float:
    """What weights and biases cost."""
    weights = zip(network.weight_decays.tolist(), parameters.weights, strict=True)
    biases = zip(network.bias_weight_decays, parameters.biases, strict=True)
    cost = [decay * squared_norm(own) for decay, own in weights]
    cost += [decay * squared_norm(own) for decay, own in biases if own is not None]
    return float(sum(cost))


def _settled(problem: Problem) -> GlobalMinimum:
    """The best found with biases between: downhill from the best without them, in layers as wide as the outputs.

    Notes
    -----
    What a layer carries to the outputs fills no more dimensions than these; neurons beyond them only cost.
    """
    network = problem.network
    *hidden, last = network.layers
    narrow = replace(network, layers=(*(replace(layer, width=min(layer.width, last.width)) for layer in hidden), last))
    small = replace(problem, network=narrow)
    seen = without_biases(small)
    start = _minimum(seen, _plain(seen.plain).minimum)
    if start.parameters is None:
        return start
    weights = tuple(weight.dense() for weight in start.parameters.weights)
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in start.parameters.biases)
    found = _best_of(small, DenseParameters(weights, biases))
    parameters = widened(network, found.weights, found.biases)
    inner, offset = end_to_end(found)
    return _with(problem, inner, offset, parameters, UNKNOWN, attained=True)


def _best_of(problem: Problem, start: DenseParameters) -> DenseParameters:
    """The lowest of where several starts lead: the one given, and small networks from random ones beside it."""
    found = [settled(problem, start)]
    size = sum(weight.size for weight in start.weights)
    rng = np.random.default_rng(0)
    for scale in STARTS if size <= SMALL else ():
        if should_stop():
            break
        weights = tuple(scale * rng.standard_normal(weight.shape) for weight in start.weights)
        biases = tuple(None if bias is None else scale * rng.standard_normal(bias.shape) for bias in start.biases)
        found.append(settled(problem, DenseParameters(weights, biases)))
    return min(found, key=lambda each: float(loss_of(problem.network, problem.data, each)))


def _parameters(seen: WithoutBiases, plain: Parameters, last: FloatArray) -> Parameters:
    """Weights with the first and the last bias; those between are zero."""
    network, d = seen.problem.network, seen.problem.data.inputs
    weights = plain.weights
    biases: list[FactoredMatrix | None] = [
        FactoredMatrix(np.zeros((layer.width, 1)), np.ones(1), np.ones((1, 1))) if network.has_bias(index) else None
        for index, layer in enumerate(network.layers)
    ]
    if seen.constant is not None:
        first = weights[0]
        right = columns_of(first.right)
        weights = (replace(first, right=right[:d]), *weights[1:])
        biases[0] = FactoredMatrix(first.left, first.values * seen.constant, right[d:])
    if network.has_bias(network.n_layers - 1):
        biases[-1] = FactoredMatrix(last[:, None], np.ones(1), np.ones((1, 1)))
    return Parameters(weights, tuple(biases))


def seconds(widths: Sequence[int]) -> float:
    """Those of the plain network, by the slower of its solvers; see `Solver`."""
    plain = (widths[0] + 1, *widths[1:])
    of_plain = nuclear_norm.seconds(plain) if len(widths) == 3 else deep_bounded.seconds(plain)
    return 2.0 * of_plain + 1e-7 * len(widths) * widths[0] ** 2 * widths[-1]


SOLVER: Final = Solver(
    name=NAME,
    theorems=("decayed-biases",),
    status=Status.CERTIFIED,
    hypotheses=(DATA, SQUARED_LOSS, LINEAR, ALL_TRAINED, NO_SKIPS, needs.NO_HIDDEN_NOISE, needs.BIAS_ON_MEANS),
    solve=solve,
    seconds=seconds,
)
