"""Two-layer linear autoencoder with weight decay: every principal component is shrunk or dropped on its own.

See ``docs/theory/autoencoders.md``.
"""

import numpy as np

from service.core.ground.numbers.exceeding import exceeding
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Solution, StationaryPoint, Thresholds, Transition
from service.core.ground.roles import Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.singular_values.subsets import best_subsets, count_subsets
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.core.several_outputs.weights.layers import aligned_layers
from service.core.several_outputs.weights.minimum import UNIQUE, ZERO_UNIQUE, global_minimum
from service.core.several_outputs.weights.origin import origin_of, origin_points
from service.vocabulary import Evidence, PointClass, PointKind, Status


def solve(problem: Problem) -> Solution:
    """Global minimum, stationary points and thresholds of a decayed two-layer autoencoder."""
    quadratic = quadratic_of(problem)
    mu = common_decay(problem.network.weight_decays)
    bound = rank_bound(problem, quadratic)
    kept = int(np.count_nonzero(exceeding(quadratic.scales[:bound] ** 2, mu)))
    minimum = _minimum(problem, quadratic, mu, bound, kept)
    origin = origin_of(problem, quadratic, kept == 0, 0.0)
    points, completeness = _points(problem, quadratic, mu, bound)
    return Solution(
        "autoencoder",
        SOLVER.theorems,
        minimum,
        (*origin_points(quadratic, origin), *points),
        completeness,
        _thresholds(quadratic, mu, bound),
        origin,
    )


def _minimum(problem: Problem, quadratic: Quadratic, mu: float, bound: int, kept: int) -> GlobalMinimum:
    squares = quadratic.scales**2
    frame = quadratic.expand(np.eye(quadratic.rank, kept))
    values = 1.0 - mu / squares[:kept]
    shares = np.sqrt(mu * values)
    layers = [shares / np.sqrt(decay) for decay in problem.network.weight_decays]
    parameters = aligned_layers(problem.network, frame, layers, frame, quadratic.offset((frame * values) @ frame.T))
    fit = quadratic.residual + mu * float(np.sum(mu / squares[:kept])) + float(np.sum(squares[kept:]))
    uniqueness = UNIQUE if kept else ZERO_UNIQUE
    if kept == bound < squares.size and squares[kept - 1] - squares[kept] <= 1e-10 * squares[0]:
        uniqueness = "not unique: eigenvalues tie at the bottleneck, a continuum of end-to-end maps is optimal"
    decay = 2.0 * mu * float(np.sum(values))
    return global_minimum(problem, quadratic, (frame, values, frame), parameters, uniqueness, decay=decay, fit=fit)


def _points(problem: Problem, quadratic: Quadratic, mu: float, bound: int) -> tuple[list[StationaryPoint], str]:
    squares = quadratic.scales**2
    active = squares[exceeding(squares, mu)]
    gains = [float(gain) for gain in (active - mu) ** 2 / active]
    best = min(bound, active.size)
    top = sum(gains[:best])
    inverse = float(np.sum(1.0 / problem.network.weight_decays))
    points: list[StationaryPoint] = []
    for subset in best_subsets(gains, best):
        if not subset:
            continue
        gain = sum(gains[index] for index in subset)
        values = 1.0 - mu / active[list(subset)]
        lowest = gain >= top - 1e-12 * quadratic.total
        points.append(
            StationaryPoint(
                PointKind.SINGULAR_SUBSET,
                quadratic.total - gain,
                PointClass.GLOBAL_MINIMUM if lowest else PointClass.STRICT_SADDLE,
                Evidence.PROVED,
                float(np.linalg.norm(values)),
                float(np.sqrt(mu * np.sum(values) * inverse)),
                {"subset": list(subset)},
            )
        )
    total = count_subsets(active.size, best) - 1
    which = "all" if len(points) == total else f"the {len(points)} lowest"
    return points, f"proved: {total} stationary values other than that of the origin; {which} are listed"


def _thresholds(quadratic: Quadratic, mu: float, bound: int) -> Thresholds:
    reasons = {
        "metastable_up_to_decay_scale": "two layers: no minimum but the origin outlives the transition",
        "critical_noise_variance": "never: with one hidden layer noise does not move the threshold",
        "critical_noise_scale": "no noise on hidden layers",
    }
    squares = quadratic.scales[:bound] ** 2
    if squares.size == 0:
        reasons["critical_decay_scale"] = reasons["transition_order"] = "the inputs are zero"
        return Thresholds.none(reasons)
    transitions: list[Transition] = []
    for square in np.unique(squares):
        norm = float(np.linalg.norm(1.0 - square / squares[squares > square]))
        transitions.append(Transition(float(square) / mu, 2, norm, norm))
    return Thresholds(transitions[-1].decay_scale, None, None, None, 2, tuple(transitions), reasons)


SOLVER = Solver(
    name="autoencoder",
    theorems=("decayed-autoencoder",),
    status=Status.EXACT,
    hypotheses=(
        *needs.COMMON,
        needs.layers_exactly(2),
        needs.NO_HIDDEN_NOISE,
        needs.ALL_DECAYED,
        needs.AUTOENCODER,
    ),
    solve=solve,
)
