"""Weight decay on every layer, any depth, widths and inputs, without hidden noise: best found, with an honest bound.

No closed form is known here.  The search works on the end-to-end map, where decay is a concave penalty of the singular
values; it ends where a lower bound meets the value, and goes on from several starts otherwise.  See
``docs/theory/deep-bounds.md``.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Solution, Thresholds
from service.core.ground.roles import Search, Solver
from service.core.ground.stopping import should_stop
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.concave_penalty.guided import guided
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.reweighted import settle
from service.core.several_outputs.nuclear_norm.solution import minimise as minimise_nuclear
from service.core.several_outputs.rank_one.objective import RankOneObjective
from service.core.several_outputs.rank_one.search import minimise as minimise_rank_one
from service.core.several_outputs.rank_one.thresholds import collapse_thresholds
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.core.several_outputs.weights.layers import aligned_layers
from service.core.several_outputs.weights.minimum import global_minimum
from service.core.several_outputs.weights.origin import origin_and_minimum, origin_of
from service.vocabulary import Evidence, Status

PERTURBED_STARTS = 3
NOTICEABLE = 1e-12
SHARES = (0.3, 1e-2, 1e-4, 1e-6)
"""Levels of convex relaxations, relative to the one at which their map vanishes."""


def solve(problem: Problem) -> Solution:
    """Best stationary point found, with the origin."""
    quadratic = quadratic_of(problem)
    decays = problem.network.weight_decays
    objective = Penalised.of(quadratic, decays, rank_bound(problem, quadratic))
    end_map = np.zeros_like(quadratic.target)
    if quadratic.correlation_norm > 0.0:
        end_map = _search(problem, objective)
    minimum = _minimum(problem, quadratic, end_map)
    reason = "the barrier of the reduced problem is not known for these inputs"
    origin = origin_of(problem, quadratic, minimum.trivial, None, reason)
    points = origin_and_minimum(quadratic, origin, minimum, Evidence.OBSERVED)
    return Solution(
        "deep_bounded",
        SOLVER.theorems,
        minimum,
        points,
        "not complete: the origin and the best stationary point that was found; the certificate bounds its "
        "distance from the minimum",
        _thresholds(quadratic, decays),
        origin,
    )


def _starts(problem: Problem, objective: Penalised) -> Iterator[FloatArray]:
    """Maps to descend from: least squares, the best of rank one, for two layers the convex problem, perturbations.

    On inputs of very different scales convex relaxations come first: decay forbids what least squares does with
    inputs that hardly vary, and beside that the rest of its map is rounding.
    """
    quadratic, decays = objective.quadratic, problem.network.weight_decays
    if objective.graded:
        levels = [share * quadratic.correlation_norm for share in SHARES]
        relaxed = sorted((_relaxed(quadratic, level) for level in levels), key=objective.value)
        yield from relaxed
    least_squares = quadratic.target / quadratic.scales
    yield least_squares
    found = minimise_rank_one(RankOneObjective(quadratic, Shrinkage.of(decays)), 1e-9)
    yield np.outer(found.left, found.right)
    if decays.size == 2:
        yield _relaxed(quadratic, common_decay(decays))
    rng = np.random.default_rng(0)
    spread = float(np.linalg.norm(least_squares)) / np.sqrt(least_squares.size)
    for _ in range(PERTURBED_STARTS):
        yield least_squares + spread * rng.standard_normal(least_squares.shape)


def _relaxed(quadratic: Quadratic, level: float) -> FloatArray:
    """The map (k, rho) that is best with the nuclear norm as its penalty."""
    found = minimise_nuclear(quadratic, level)
    result: FloatArray = (found.left * found.values) @ found.right.T
    return result


def _search(problem: Problem, objective: Penalised) -> FloatArray:
    """Best map over all starts; one alone where a lower bound proves that it leads to the least."""
    starts = _starts(problem, objective)
    best, proved = guided(objective, next(starts))
    if proved:
        return best
    tried = takewhile(lambda _: not should_stop(), starts)
    other = min((settle(objective, start) for start in tried), key=objective.value, default=best)
    if objective.value(other) < objective.value(best) - NOTICEABLE * objective.quadratic.total:
        return guided(objective, other)[0]
    return best


def _minimum(problem: Problem, quadratic: Quadratic, end_map: FloatArray) -> GlobalMinimum:
    network = problem.network
    left, values, right = np.linalg.svd(end_map, full_matrices=False)
    kept = values > 1e-10 * max(float(values[0]), 1e-300)
    left, values, inner = left[:, kept], values[kept], quadratic.expand(right[kept].T)
    layers, decays = network.n_layers, network.weight_decays
    shares = np.exp(float(np.sum(np.log(decays))) / (2 * layers)) * values ** (1.0 / layers)
    offset = quadratic.offset((left * values) @ inner.T)
    parameters = aligned_layers(network, left, [shares / np.sqrt(decay) for decay in decays], inner, offset)
    decay = layers * float(np.sum(shares**2))
    uniqueness = "not known: the best point found; a closed gap would prove its loss, not its uniqueness"
    return global_minimum(problem, quadratic, (left, values, inner), parameters, uniqueness, decay=decay)


def _thresholds(quadratic: Quadratic, decays: FloatArray) -> Thresholds:
    if decays.size == 2:
        return collapse_thresholds(quadratic, common_decay(decays))
    why = "not known: no closed form for three or more layers on inputs that are not white"
    names = (
        "critical_decay_scale",
        "metastable_up_to_decay_scale",
        "critical_noise_variance",
        "transition_order",
        "transitions",
    )
    return Thresholds(
        None,
        None,
        None,
        None,
        None,
        (),
        {**dict.fromkeys(names, why), "critical_noise_scale": "no noise on hidden layers"},
    )


def seconds(widths: Sequence[int]) -> float:
    """Measured on one core; see `Solver`."""
    size = min(widths[0], widths[-1])
    return 3e-3 + 6e-5 * size**2 + 1.2e-8 * size**4


SOLVER = Solver(
    name="deep_bounded",
    theorems=("frame-bound", "envelope-bound"),
    status=Status.CERTIFIED,
    hypotheses=(*needs.COMMON, needs.layers_at_least(2), needs.NO_HIDDEN_NOISE, needs.ALL_DECAYED),
    solve=solve,
    seconds=seconds,
    searches=Search.WITH_DECAY,
)
