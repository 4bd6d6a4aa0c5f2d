"""Multiplicative noise on hidden layers: water filling of the singular values, attained by equalised factors.

Without decay on some layer any inputs and depths are covered as long as one layer is noisy or the solution has rank
one; with decay two layers and white inputs.  See ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.linear import hypotheses as needs
from service.core.linear.answer import global_minimum
from service.core.linear.layers import product_svd
from service.core.linear.noisy_layers import noisy_parameters
from service.core.linear.origin import origin_of, origin_points
from service.core.linear.quadratic import WHITE_TOLERANCE, Quadratic, quadratic_of
from service.core.linear.water_filling import (
    Level,
    effective_noise,
    equality_holds,
    fill,
    noisy_layers,
    transition_scales,
)
from service.core.problems import Problem
from service.core.results import GlobalMinimum, Solution, Thresholds, Transition
from service.core.rules import Hypothesis, Verdict
from service.core.solver import Solver
from service.core.solvers.nuclear_norm import minimum_point
from service.vocabulary import Evidence, Status

ROUNDING_RANK = 1e-13


def decay_level(problem: Problem, quadratic: Quadratic) -> float:
    """``gam``: geometric mean of the two decays in white coordinates, 0 where some layer has none."""
    decays = problem.network.weight_decays
    if not np.all(decays > 0.0):
        return 0.0
    return float(np.sqrt(decays[0] * decays[1] / quadratic.mean_square))


def water_level(problem: Problem, quadratic: Quadratic) -> Level:
    """The water filling that a problem amounts to."""
    values = quadratic.svd[1]
    rank = int(np.count_nonzero(values > ROUNDING_RANK * values[0])) if values.size else 0
    cap = min(needs.rank_bound(problem, quadratic), rank)
    return fill(values, effective_noise(problem.network), decay_level(problem, quadratic), cap)


def solve(problem: Problem) -> Solution:
    """Global minimum under noise on hidden layers, with the origin and the thresholds."""
    quadratic = quadratic_of(problem)
    level = water_level(problem, quadratic)
    decays = problem.network.weight_decays
    attained = not np.any(decays) or bool(np.all(decays > 0.0)) or level.kept == 0
    minimum = _minimum(problem, quadratic, level, attained)
    reason = "the barrier is not known in closed form"
    origin = origin_of(problem, quadratic, level.kept == 0, None, reason)
    points = origin_points(quadratic, origin)
    if not minimum.trivial and attained:
        points.append(minimum_point(minimum, Evidence.PROVED))
    completeness = "not complete: the origin and the global minimum; the landscape under noise is not classified"
    thresholds = _thresholds(problem, quadratic)
    return Solution("dropout", SOLVER.theorems, minimum, tuple(points), completeness, thresholds, origin)


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
    cut = level.kept == needs.rank_bound(problem, quadratic) and level.kept < values.size
    if cut and values[level.kept - 1] - values[level.kept] <= 1e-10 * values[0]:
        return "not unique: singular values tie at the bottleneck, a continuum of end-to-end maps is optimal"
    return "the end-to-end map is unique; the hidden units are free up to rotations that keep their loads equal"


def _thresholds(problem: Problem, quadratic: Quadratic) -> Thresholds:
    gam = decay_level(problem, quadratic)
    if gam == 0.0:
        why = "a layer has no weight decay: noise shrinks the map but does not make it vanish"
        names = (
            "critical_decay_scale",
            "metastable_up_to_decay_scale",
            "critical_noise_variance",
            "critical_noise_scale",
            "transition_order",
        )
        return Thresholds(None, None, None, None, None, (), dict.fromkeys(names, why))
    reasons = dict.fromkeys(
        ("critical_noise_variance", "critical_noise_scale"),
        "never: with one hidden layer noise does not move the threshold",
    )
    reasons["metastable_up_to_decay_scale"] = "two layers: no minimum but zero outlives the transition"
    values = quadratic.svd[1]
    mu = effective_noise(problem.network)
    cap = needs.rank_bound(problem, quadratic)
    scale = float(np.sqrt(quadratic.mean_square))
    transitions: list[Transition] = []
    for factor in transition_scales([float(value) for value in values], mu, gam, cap):
        there = fill(values, mu, gam * factor * (1.0 + 1e-15), cap)
        norm = float(np.linalg.norm(values[: there.kept] - there.amount)) / scale
        transitions.append(Transition(factor, 2, norm, norm))
    if not transitions:
        reasons["critical_decay_scale"] = "inputs and targets are uncorrelated: zero is optimal at every decay"
        reasons["transition_order"] = reasons["critical_decay_scale"]
        return Thresholds(None, None, None, None, None, (), reasons)
    return Thresholds(transitions[-1].decay_scale, None, None, None, 2, tuple(transitions), reasons)


def _noise_present(problem: Problem) -> Verdict:
    count = len(noisy_layers(problem.network))
    return Verdict(count > 0, {"noisy_layers": count}, "" if count else "no hidden layer has noise")


def _separable(problem: Problem) -> Verdict:
    if problem.moments is None:
        return Verdict(None, {}, "no data are given")
    decays = problem.network.weight_decays
    if not np.all(decays > 0.0):
        return Verdict(True, {"least_decay": float(np.min(decays))})
    spread = quadratic_of(problem).spread
    holds = problem.network.n_layers == 2 and spread <= WHITE_TOLERANCE
    evidence = {"layers": problem.network.n_layers, "spread": spread}
    return Verdict(holds, evidence, "" if holds else "decay on every layer needs two layers and white inputs")


def _bound_attained(problem: Problem) -> Verdict:
    noisy = len(noisy_layers(problem.network))
    if problem.moments is None:
        return Verdict(None, {"noisy_layers": noisy}, "no data are given")
    if noisy <= 1:
        return Verdict(True, {"noisy_layers": noisy})
    kept = water_level(problem, quadratic_of(problem)).kept
    holds = equality_holds(problem.network, kept)
    reason = "several noisy layers and a solution of higher rank: the bound is strict"
    return Verdict(holds, {"noisy_layers": noisy, "rank": kept}, "" if holds else reason)


NOISE_PRESENT = Hypothesis("noise on a hidden layer", _noise_present)
SEPARABLE = Hypothesis("a layer without decay, or two layers on white inputs", _separable)
BOUND_ATTAINED = Hypothesis("one noisy layer, or a solution of rank one", _bound_attained)

SOLVER = Solver(
    name="dropout",
    theorems=("cavazza-2018", "mianjy-arora-vidal-2018", "mianjy-arora-2019"),
    status=Status.EXACT,
    hypotheses=(*needs.COMMON, needs.layers_at_least(2), NOISE_PRESENT, SEPARABLE, BOUND_ATTAINED),
    solve=solve,
)
