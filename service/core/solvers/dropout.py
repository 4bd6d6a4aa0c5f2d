"""Multiplicative noise on hidden layers: water filling of the singular values, attained by equalised factors.

Without decay on some layer any inputs and depths are covered as long as one layer is noisy or the solution has rank
one; with decay two layers and white inputs.  See ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.results import THRESHOLDS, GlobalMinimum, Solution, Thresholds, Transition
from service.core.ground.roles import Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.noise.water_filling import (
    Level,
    decay_level,
    effective_noise,
    fill,
    transition_scales,
    water_level,
)
from service.core.several_outputs.noise.weights import noisy_parameters
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.core.several_outputs.weights.layers import product_svd
from service.core.several_outputs.weights.minimum import global_minimum
from service.core.several_outputs.weights.origin import origin_and_minimum, origin_of
from service.vocabulary import Evidence, Status


def solve(problem: Problem) -> Solution:
    """Global minimum under noise on hidden layers, with the origin and the thresholds."""
    quadratic = quadratic_of(problem)
    level = water_level(problem, quadratic)
    decays = problem.network.weight_decays
    attained = not np.any(decays) or bool(np.all(decays > 0.0)) or level.kept == 0
    minimum = _minimum(problem, quadratic, level, attained)
    reason = "the barrier is not known in closed form"
    origin = origin_of(problem, quadratic, level.kept == 0, None, reason)
    points = origin_and_minimum(quadratic, origin, minimum, Evidence.PROVED)
    completeness = "not complete: the origin and the global minimum; the landscape under noise is not classified"
    thresholds = _thresholds(problem, quadratic)
    return Solution("dropout", SOLVER.theorems, minimum, points, completeness, thresholds, origin)


def _minimum(problem: Problem, quadratic: Quadratic, level: Level, attained: bool) -> GlobalMinimum:
    left, values, right = quadratic.svd
    left, right = left[:, : level.kept], right[:, : level.kept]
    shrunk = values[: level.kept] - level.amount
    hidden_noise = effective_noise(problem.network) * level.total**2
    fit = quadratic.residual + level.kept * level.amount**2 + float(np.sum(values[level.kept :] ** 2))
    gam = decay_level(problem, quadratic)
    inner = quadratic.expand(right / quadratic.scales[:, None])
    svd = product_svd(left * shrunk, inner)
    parameters = noisy_parameters(problem, quadratic, left, shrunk, inner) if attained else None
    return global_minimum(
        problem,
        quadratic,
        svd,
        parameters,
        _uniqueness(problem, quadratic, level, attained),
        decay=2.0 * gam * level.total,
        hidden_noise=hidden_noise,
        fit=fit,
        attained=attained,
    )


def _uniqueness(problem: Problem, quadratic: Quadratic, level: Level, attained: bool) -> str:
    values = quadratic.svd[1]
    if not attained:
        return "the infimum is approached as the layers without decay grow and the others shrink; no weights attain it"
    if level.kept == 0:
        return "the end-to-end map is zero"
    cut = level.kept == rank_bound(problem, quadratic) and level.kept < values.size
    if cut and values[level.kept - 1] - values[level.kept] <= 1e-10 * values[0]:
        return "not unique: singular values tie at the bottleneck, a continuum of end-to-end maps is optimal"
    return "the end-to-end map is unique; the hidden units are free up to rotations that keep their loads equal"


def _thresholds(problem: Problem, quadratic: Quadratic) -> Thresholds:
    gam = decay_level(problem, quadratic)
    if gam == 0.0:
        why = "a layer has no weight decay: noise shrinks the map but does not make it vanish"
        return Thresholds.none(dict.fromkeys(THRESHOLDS, why))
    reasons = dict.fromkeys(
        ("critical_noise_variance", "critical_noise_scale"),
        "never: with one hidden layer noise does not move the threshold",
    )
    reasons["metastable_up_to_decay_scale"] = "two layers: no minimum but the origin outlives the transition"
    values = quadratic.svd[1]
    mu = effective_noise(problem.network)
    cap = rank_bound(problem, quadratic)
    scale = float(np.sqrt(quadratic.mean_square))
    transitions: list[Transition] = []
    for factor in transition_scales([float(value) for value in values], mu, gam, cap):
        there = fill(values, mu, gam * factor * (1.0 + 1e-15), cap)
        norm = float(np.linalg.norm(values[: there.kept] - there.amount)) / scale
        transitions.append(Transition(factor, 2, norm, norm))
    if not transitions:
        reasons["critical_decay_scale"] = (
            "the targets do not correlate with the inputs: the zero map is always the minimum"
        )
        reasons["transition_order"] = reasons["critical_decay_scale"]
        return Thresholds.none(reasons)
    return Thresholds(transitions[-1].decay_scale, None, None, None, 2, tuple(transitions), reasons)


SOLVER = Solver(
    name="dropout",
    theorems=("noise-water-filling",),
    status=Status.EXACT,
    hypotheses=(*needs.COMMON, needs.NOISE_PRESENT, needs.SEPARABLE, needs.BOUND_ATTAINED),
    solve=solve,
)
